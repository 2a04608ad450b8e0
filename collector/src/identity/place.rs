//! The recipe from claims to people: crowds, edges, both placings, conflicts (identity.md, section 4).

use std::collections::BTreeMap;

use selvedge_core::identifier::Identifier;

use super::conflict::conflicts;
use super::crowd::quarantine;
use super::edge::{Edge, edges};
use super::follow::{Bounds, Groups, Unit, follow};
use super::names::{Name, Names};
use super::{Claim, Conflict, Decisions, Quarantine, Rules, left, linked_units};
use crate::event::Order;

/// Who is who among some claims.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placing {
    /// Whose each account and contact identifier is. One that was taken out of every claim is no one's.
    pub people: BTreeMap<Identifier, Place>,
    /// The edges that two people hold, in order.
    pub conflicts: Vec<Conflict>,
    /// The contacts that are crowds'.
    pub quarantined: BTreeMap<Identifier, Quarantine>,
}

/// Where an identifier was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The identifier that leads its person, itself perhaps.
    pub leader: Identifier,
    /// The edge by which it follows. For the leader of a trusted person that what was observed attached to another,
    /// it is the edge by which that whole person follows.
    pub parent: Option<ParentEdge>,
}

/// The first edge one step nearer to the leader: the evidence for a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParentEdge {
    /// The end on this side: the identifier itself, or one of the trusted person that it leads.
    pub from: Identifier,
    /// The end nearer to the leader.
    pub to: Identifier,
    /// The first event that says so.
    pub order: Order,
}

/// Places everyone whom `claims` name.
///
/// `claims` is a whole neighbourhood: closed over the account and contact identifiers that they share. Claims that
/// differ only in their order may be given once, at the first. O(claims log claims).
pub fn place(claims: &[Claim], decisions: &Decisions, rules: &Rules) -> Placing {
    let quarantined = quarantine(claims, rules);
    let names = Names::of(claims.iter().flat_map(|claim| left(&claim.identifiers, &quarantined)), rules);
    let edges = edges(claims, &names, &quarantined, rules);

    let bounds = Bounds { names: &names, rules, decisions };
    let singles = singles(bounds);
    let among_trusted = follow(&singles, &edges, |edge| edge.strength.is_trusted(), bounds);
    let trusted_people = people(&singles, &among_trusted);
    let among_all = follow(&trusted_people, &edges, |edge| !edge.strength.is_trusted(), bounds);

    let mut placed = Placed { leader: vec![0; names.len()], parent: vec![None; names.len()] };
    placed.take(&singles, &among_trusted, &edges, &names);
    placed.take(&trusted_people, &among_all, &edges, &names);
    let conflicts = conflicts(&edges, &placed.leader, bounds);
    Placing { people: placed.into_people(&names), conflicts, quarantined }
}

/// Single names, and those that links join.
fn singles(bounds: Bounds<'_>) -> Vec<Unit> {
    let names = bounds.names;
    let named = (0..names.len()).map(|name| names.identifier(name).clone()).collect();
    let mut units: Vec<Option<Unit>> =
        (0..names.len()).map(|name| Some(Unit { leader: name, members: vec![name] })).collect();
    for linked in linked_units(&named, &bounds.decisions.links, bounds.decisions, bounds.rules) {
        let members: Vec<Name> = linked.iter().filter_map(|name| names.number(name)).collect();
        members.iter().for_each(|&name| units[name] = None);
        if let Some(&leader) = members.first() {
            units[leader] = Some(Unit { leader, members });
        }
    }
    units.into_iter().flatten().collect()
}

/// By name: where the placings so far put it.
struct Placed {
    leader: Vec<Name>,
    parent: Vec<Option<ParentEdge>>,
}

impl Placed {
    fn take(&mut self, units: &[Unit], groups: &Groups, edges: &[Edge<'_>], names: &Names<'_>) {
        for (place, unit) in units.iter().enumerate() {
            let head = &units[groups.head[place]];
            unit.members.iter().for_each(|&member| self.leader[member] = head.leader);
            let Some(edge) = groups.parent_edge[place].map(|edge| &edges[edge]) else { continue };
            let from_anchor = unit.members.contains(&edge.anchor);
            let (from, to) = if from_anchor { (edge.anchor, edge.other) } else { (edge.other, edge.anchor) };
            self.parent[unit.leader] = Some(ParentEdge {
                from: names.identifier(from).clone(),
                to: names.identifier(to).clone(),
                order: edge.order.clone(),
            });
        }
    }

    fn into_people(self, names: &Names<'_>) -> BTreeMap<Identifier, Place> {
        let places = self.leader.into_iter().zip(self.parent);
        let identified = |(name, (leader, parent))| {
            (names.identifier(name).clone(), Place { leader: names.identifier(leader).clone(), parent })
        };
        places.enumerate().map(identified).collect()
    }
}

/// The groups of one placing as the units of the next.
fn people(units: &[Unit], groups: &Groups) -> Vec<Unit> {
    let mut people: BTreeMap<usize, Unit> = BTreeMap::new();
    for (unit, &head) in units.iter().zip(&groups.head) {
        let lead_by_head = || Unit { leader: units[head].leader, members: Vec::new() };
        people.entry(head).or_insert_with(lead_by_head).members.extend(&unit.members);
    }
    people.into_values().collect()
}
