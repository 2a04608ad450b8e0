//! What other rules come to, for people and for programs.

use std::fmt;

use selvedge_core::identifier::Identifier;
use serde::Serialize;

/// What a rebuilt ledger changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Events that were read again.
    pub events: u64,
    /// People.
    pub people: Counted,
    /// Devices with a profile of their own.
    pub anonymous: Counted,
    /// Claims that could not hold.
    pub conflicts: Counted,
    /// People who are part of another now.
    pub merged: u64,
    /// People who were part of another.
    pub split: u64,
    /// People who stand, and nobody had what they have.
    pub created: u64,
    /// People who stand no more, and nobody has what they had.
    pub deleted: u64,
    /// People who stand as before and hold or own something else.
    pub changed: u64,
    /// Profiles of people and devices that are not as before, in any way.
    pub touched: u64,
    /// Some people of each fate.
    pub examples: Vec<Example>,
}

/// How many there were, and are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counted {
    /// By the rules before.
    pub before: u64,
    /// By the new ones.
    pub after: u64,
}

/// What became of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What.
    pub fate: Fate,
    /// The name that the profile's id is of.
    pub profile: Identifier,
    /// Whom it is part of now, or was.
    pub other: Option<Identifier>,
}

/// What became of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words of the change feed")]
pub enum Fate {
    Merged,
    Split,
    Created,
    Deleted,
    Changed,
}

impl Report {
    pub(super) fn count(&mut self, fate: Fate) {
        *match fate {
            Fate::Merged => &mut self.merged,
            Fate::Split => &mut self.split,
            Fate::Created => &mut self.created,
            Fate::Deleted => &mut self.deleted,
            Fate::Changed => &mut self.changed,
        } += 1;
    }

    pub(super) fn examples_of(&self, fate: Fate) -> usize {
        self.examples.iter().filter(|example| example.fate == fate).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "events     {:>10}", self.events)?;
        for (what, counted) in [("people", self.people), ("anonymous", self.anonymous), ("conflicts", self.conflicts)] {
            writeln!(f, "{what:<10} {:>10} -> {}", counted.before, counted.after)?;
        }
        for (what, count) in [
            ("merged", self.merged),
            ("split", self.split),
            ("created", self.created),
            ("deleted", self.deleted),
            ("changed", self.changed),
            ("touched", self.touched),
        ] {
            writeln!(f, "{what:<10} {count:>10}")?;
        }
        let mut examples: Vec<&Example> = self.examples.iter().collect();
        examples.sort_by_key(|example| example.fate);
        examples.into_iter().try_for_each(|example| writeln!(f, "  {example}"))
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fate, profile, other } = self;
        match (fate, other) {
            (Fate::Merged, Some(other)) => write!(f, "{profile} becomes part of {other}"),
            (Fate::Split, Some(other)) => write!(f, "{profile} stands apart from {other}"),
            (Fate::Created, _) => write!(f, "{profile} stands anew"),
            (Fate::Changed, _) => write!(f, "{profile} holds or owns something else"),
            (Fate::Merged | Fate::Split | Fate::Deleted, _) => write!(f, "{profile} stands no more"),
        }
    }
}
