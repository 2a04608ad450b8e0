//! The accounts and contacts of a neighbourhood as numbers whose order is the rank: cheap to compare and to index.

use std::collections::HashMap;

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::{Rules, anchor::is_name};
use crate::event::Claimed;

/// The number of a name: its place among all names by (class, kind priority, value).
pub(super) type Name = usize;
/// The number of a kind among those that occur, by (class, kind priority).
pub(super) type KindNumber = usize;

/// Every account and contact identifier that is left of claims.
pub(super) struct Names<'a> {
    by_rank: Vec<(&'a Identifier, KindNumber)>,
    kinds: Vec<(Class, &'a Kind)>,
    numbers: HashMap<&'a Identifier, Name>,
}

impl<'a> Names<'a> {
    /// Those of `left`: what is left of the claims.
    pub(super) fn of(left: impl Iterator<Item = &'a Claimed>, rules: &Rules) -> Self {
        let mut found: Vec<&Identifier> =
            left.filter(|claimed| is_name(claimed, rules)).map(|claimed| &claimed.identifier).collect();
        found.sort_unstable_by_key(|name| rules.rank(name));
        found.dedup();
        let mut names = Self { by_rank: Vec::new(), kinds: Vec::new(), numbers: HashMap::new() };
        for identifier in found {
            if names.kinds.last().is_none_or(|(_, kind)| **kind != identifier.kind) {
                names.kinds.push((rules.class(&identifier.kind), &identifier.kind));
            }
            names.numbers.insert(identifier, names.by_rank.len());
            names.by_rank.push((identifier, names.kinds.len() - 1));
        }
        names
    }

    pub(super) fn len(&self) -> usize {
        self.by_rank.len()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = KindNumber> {
        0..self.kinds.len()
    }

    pub(super) fn identifier(&self, name: Name) -> &'a Identifier {
        self.by_rank[name].0
    }

    pub(super) fn kind(&self, name: Name) -> KindNumber {
        self.by_rank[name].1
    }

    pub(super) fn class(&self, kind: KindNumber) -> Class {
        self.kinds[kind].0
    }

    /// The number of an identifier; none for a device.
    pub(super) fn number(&self, identifier: &Identifier) -> Option<Name> {
        self.numbers.get(identifier).copied()
    }
}
