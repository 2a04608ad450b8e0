//! What operators decided about names, as far as a placing needs it. Knows neither who decided, nor when, nor why.

use std::collections::BTreeSet;

use selvedge_core::identifier::Identifier;

/// What an operator can decide about names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionVerb {
    /// Two names are one person's.
    Link,
    /// Two names are not, or a person was not on a device.
    KeepApart,
    /// The name is nobody's.
    Ignore,
}

impl DecisionVerb {
    /// In the order of the API.
    pub const ALL: [Self; 3] = [Self::Link, Self::KeepApart, Self::Ignore];

    /// Its word in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::KeepApart => "keep_apart",
            Self::Ignore => "ignore",
        }
    }

    /// The verb of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == word)
    }
}

/// The decisions that stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decisions {
    /// Pairs of names that are one person's, the latest decision first.
    pub links: Vec<(Identifier, Identifier)>,
    /// Pairs of names that are not.
    pub apart: BTreeSet<(Identifier, Identifier)>,
}

impl Decisions {
    /// Whether any pair across these two sets of names is kept apart.
    pub fn keep_apart<'a>(
        &self,
        some: impl IntoIterator<Item = &'a Identifier>,
        others: impl IntoIterator<Item = &'a Identifier> + Clone,
    ) -> bool {
        if self.apart.is_empty() {
            return false;
        }
        let is_pair = |x: &Identifier, y: &Identifier| {
            let (first, second) = if x <= y { (x, y) } else { (y, x) };
            self.apart.contains(&(first.clone(), second.clone()))
        };
        some.into_iter().any(|x| others.clone().into_iter().any(|y| is_pair(x, y)))
    }

    /// Keeps two names apart.
    pub fn part(&mut self, x: Identifier, y: Identifier) {
        self.apart.insert(if x <= y { (x, y) } else { (y, x) });
    }
}
