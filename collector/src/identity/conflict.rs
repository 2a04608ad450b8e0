//! Edges that were said and could not hold: shown to the operator, never lost.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::identifier::{Class, Identifier};

use super::Rules;
use super::edge::Edge;
use super::follow::limit;
use super::names::{KindNumber, Name, Names};
use crate::event::{Order, Source, Strength};

/// An edge whose ends are two people in the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The anchor of the claim that says so.
    pub x: Identifier,
    /// The name beside it.
    pub y: Identifier,
    /// Why they are two.
    pub reason: Reason,
    /// The first event that says so.
    pub order: Order,
    /// The write key that it came with.
    pub source: Source,
    /// That of its weaker end.
    pub strength: Strength,
}

/// Why the ends of an edge are two people: the first that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Together they would hold two values of an account kind.
    AccountConflict,
    /// Together they would hold more values of a contact kind than a person may.
    Limit,
    /// One of them has someone nearer, or its leader is too far away.
    Nearest,
}

impl Reason {
    /// The word of the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::AccountConflict => "account_conflict",
            Reason::Limit => "limit",
            Reason::Nearest => "nearest",
        }
    }
}

/// The conflicts among sorted edges, in their order, when `head` tells of each name whose it is. A pair of names is in
/// conflict once, with its trusted edge if it has one.
pub(super) fn conflicts(edges: &[Edge<'_>], head: &[usize], names: &Names<'_>, rules: &Rules) -> Vec<Conflict> {
    let trusted = |edge: &&Edge<'_>| edge.strength.is_trusted();
    let said_with_trust: BTreeSet<(Name, Name)> = edges.iter().filter(trusted).map(Edge::pair).collect();
    let refused = |edge: &&Edge<'_>| head[edge.anchor] != head[edge.other];
    let strongest = |edge: &&Edge<'_>| trusted(edge) || !said_with_trust.contains(&edge.pair());
    let refused: Vec<&Edge<'_>> = edges.iter().filter(refused).filter(strongest).collect();
    if refused.is_empty() {
        return Vec::new();
    }
    let mut holds: Vec<BTreeMap<KindNumber, usize>> = vec![BTreeMap::new(); names.len()];
    for (name, &head) in head.iter().enumerate() {
        *holds[head].entry(names.kind(name)).or_default() += 1;
    }
    let conflict = |edge: &Edge<'_>| Conflict {
        x: names.identifier(edge.anchor).clone(),
        y: names.identifier(edge.other).clone(),
        reason: reason(&holds[head[edge.anchor]], &holds[head[edge.other]], names, rules),
        order: edge.order.clone(),
        source: edge.source,
        strength: edge.strength,
    };
    refused.into_iter().map(conflict).collect()
}

/// Why two people, by how many values of each kind they hold, are not one.
fn reason(
    one: &BTreeMap<KindNumber, usize>,
    another: &BTreeMap<KindNumber, usize>,
    names: &Names<'_>,
    rules: &Rules,
) -> Reason {
    let too_many = |class: Class| {
        one.iter().filter(|(kind, _)| names.class(**kind) == class).any(|(kind, values)| {
            let others = another.get(kind).copied().unwrap_or_default();
            values + others > limit(class, rules)
        })
    };
    if too_many(Class::Account) {
        Reason::AccountConflict
    } else if too_many(Class::Contact) {
        Reason::Limit
    } else {
        Reason::Nearest
    }
}
