//! Edges that were said and could not hold: shown to the operator, never lost.

use std::collections::BTreeSet;

use selvedge_core::identifier::{Class, Identifier};

use super::edge::Edge;
use super::follow::{Bounds, limit};
use super::names::Name;
use super::{Decisions, Rules};
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
    /// A decision keeps two of their names apart.
    Decision,
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
            Reason::Decision => "decision",
            Reason::AccountConflict => "account_conflict",
            Reason::Limit => "limit",
            Reason::Nearest => "nearest",
        }
    }
}

/// The conflicts among sorted edges, in their order, when `head` tells of each name whose it is. A pair of names is in
/// conflict once, with its trusted edge if it has one.
pub(super) fn conflicts(edges: &[Edge<'_>], head: &[usize], bounds: Bounds<'_>) -> Vec<Conflict> {
    let names = bounds.names;
    let trusted = |edge: &&Edge<'_>| edge.strength.is_trusted();
    let said_with_trust: BTreeSet<(Name, Name)> = edges.iter().filter(trusted).map(Edge::pair).collect();
    let refused = |edge: &&Edge<'_>| head[edge.anchor] != head[edge.other];
    let strongest = |edge: &&Edge<'_>| trusted(edge) || !said_with_trust.contains(&edge.pair());
    let refused: Vec<&Edge<'_>> = edges.iter().filter(refused).filter(strongest).collect();
    if refused.is_empty() {
        return Vec::new();
    }
    let mut held: Vec<Vec<Identifier>> = vec![Vec::new(); names.len()];
    for (name, &head) in head.iter().enumerate() {
        held[head].push(names.identifier(name).clone());
    }
    let conflict = |edge: &Edge<'_>| Conflict {
        x: names.identifier(edge.anchor).clone(),
        y: names.identifier(edge.other).clone(),
        reason: why_apart(&held[head[edge.anchor]], &held[head[edge.other]], bounds.decisions, bounds.rules),
        order: edge.order.clone(),
        source: edge.source,
        strength: edge.strength,
    };
    refused.into_iter().map(conflict).collect()
}

/// Why two people, by the names that each holds, are not one: the first reason that fits.
pub fn why_apart(one: &[Identifier], another: &[Identifier], decisions: &Decisions, rules: &Rules) -> Reason {
    if decisions.keep_apart(one, another) {
        return Reason::Decision;
    }
    let values = |names: &[Identifier], name: &Identifier| names.iter().filter(|n| n.kind == name.kind).count();
    let too_many = |class: Class| {
        let of_class = one.iter().filter(|name| rules.class(&name.kind) == class);
        of_class.into_iter().any(|name| {
            let others = values(another, name);
            others > 0 && values(one, name) + others > limit(class, rules)
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
