//! What operators decided about names, as far as a placing needs it. Knows neither who decided, nor when, nor why.

use std::collections::BTreeSet;

use selvedge_core::identifier::Identifier;

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
