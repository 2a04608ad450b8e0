//! Section 4, "Edges", "Placing" and the links of "Decisions": from claims to people.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::{Order, Strength};
use selvedge_core::identifier::{Identifier, Kind};

use super::claims::{Claim, anchor};
use super::decisions::{InForce, Link};
use super::rules::Rules;

/// That the anchor of a claim and another of its names belong together.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) order: Order,
    pub(super) anchor: Identifier,
    pub(super) other: Identifier,
    /// The weaker of its two ends.
    pub(super) strength: Strength,
}

impl Edge {
    /// Which of two edges is first, ties decided.
    fn sequence(&self, rules: &Rules) -> (Order, Option<Rank>, Option<Rank>) {
        (self.order.clone(), rules.rank(&self.anchor), rules.rank(&self.other))
    }
}

type Rank = (usize, Kind, String);

/// Who is with whom.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Of every name: who leads its person.
    pub(super) leader: BTreeMap<Identifier, Identifier>,
    /// Of every leader of a unit that joined another: the messageId of the edge.
    pub(super) parent: BTreeMap<Identifier, String>,
    /// Of every link that joined two units: the one that no longer leads, and the number of the decision.
    pub(super) linked: BTreeMap<Identifier, u64>,
}

/// Every edge of every claim; of those of one pair, with trust and without, the first.
pub(super) fn edges(claims: &[Claim], rules: &Rules) -> Vec<Edge> {
    let mut all: Vec<Edge> = Vec::new();
    for claim in claims {
        let Some(anchor) = anchor(&claim.left, rules) else { continue };
        for other in claim.left.iter().filter(|other| rules.is_name(&other.identifier) && *other != anchor) {
            all.push(Edge {
                order: claim.event.order.clone(),
                anchor: anchor.identifier.clone(),
                other: other.identifier.clone(),
                strength: anchor.strength.min(other.strength),
            });
        }
    }
    all.sort_by_key(|edge| edge.sequence(rules));
    let mut first: Vec<Edge> = Vec::new();
    for edge in all {
        let same = |before: &Edge| {
            before.anchor == edge.anchor
                && before.other == edge.other
                && before.strength.is_trusted() == edge.strength.is_trusted()
        };
        if !first.iter().any(same) {
            first.push(edge);
        }
    }
    first
}

#[derive(Debug, Clone)]
struct Unit {
    leader: Identifier,
    members: BTreeSet<Identifier>,
}

/// Places everyone twice, after the links.
pub(super) fn placed_twice(claims: &[Claim], edges: &[Edge], decisions: &InForce, rules: &Rules) -> Placed {
    let mut placed = Placed::default();
    let units = linked(singles(claims, rules), decisions, rules, &mut placed.linked);
    let of_trust = |trusted: bool| edges.iter().filter(|edge| edge.strength.is_trusted() == trusted).cloned().collect();
    let mut placing = Placing { rules, apart: &decisions.apart, parent: &mut placed.parent };
    let trusted_people = placing.place(units, of_trust(true));
    let people = placing.place(trusted_people, of_trust(false));
    for person in people {
        for member in person.members {
            placed.leader.insert(member, person.leader.clone());
        }
    }
    placed
}

fn singles(claims: &[Claim], rules: &Rules) -> Vec<Unit> {
    let said = claims.iter().flat_map(|claim| &claim.left).map(|claimed| claimed.identifier.clone());
    let names: BTreeSet<Identifier> = said.filter(|name| rules.is_name(name)).collect();
    names.into_iter().map(|name| Unit { leader: name.clone(), members: [name].into() }).collect()
}

/// Joins units by links, the latest decision first.
fn linked(
    mut units: Vec<Unit>,
    decisions: &InForce,
    rules: &Rules,
    joined: &mut BTreeMap<Identifier, u64>,
) -> Vec<Unit> {
    for Link { decision, x, y } in &decisions.links {
        let unit_of = |name: &Identifier| units.iter().position(|unit| unit.members.contains(name));
        let (Some(a), Some(b)) = (unit_of(x), unit_of(y)) else { continue };
        let members: BTreeSet<Identifier> = units[a].members.union(&units[b].members).cloned().collect();
        if a == b || !is_one_person(&members, rules, &decisions.apart) {
            continue;
        }
        let leader = members.iter().min_by_key(|name| rules.rank(name)).expect("two at least").clone();
        let former = if units[a].leader == leader { &units[b].leader } else { &units[a].leader };
        joined.insert(former.clone(), decision.number);
        units.retain(|unit| unit.members.is_disjoint(&members));
        units.push(Unit { leader, members });
    }
    units
}

/// Whether these may be one person: one value per account kind, five per contact kind, no two that are kept apart.
fn is_one_person(names: &BTreeSet<Identifier>, rules: &Rules, apart: &[(Identifier, Identifier)]) -> bool {
    exceeded(names, rules).is_none() && !apart.iter().any(|(x, y)| names.contains(x) && names.contains(y))
}

/// The limit that these break together, as the reason of a conflict.
pub(super) fn exceeded(names: &BTreeSet<Identifier>, rules: &Rules) -> Option<&'static str> {
    let values = |kind: &Kind| names.iter().filter(|name| name.kind == *kind).count();
    if rules.account_kinds.iter().any(|kind| values(kind) > 1) {
        return Some("account_conflict");
    }
    rules.contact_kinds.iter().any(|kind| values(kind) > rules.contacts_per_person).then_some("limit")
}

struct Placing<'a> {
    rules: &'a Rules,
    apart: &'a [(Identifier, Identifier)],
    parent: &'a mut BTreeMap<Identifier, String>,
}

impl Placing<'_> {
    /// Gives the groups that units come to over edges, and notes by which edge each unit joined another.
    fn place(&mut self, units: Vec<Unit>, edges: Vec<Edge>) -> Vec<Unit> {
        let unit_of =
            |name: &Identifier| units.iter().position(|unit| unit.members.contains(name)).expect("a unit each");
        // In the order of the edges. An edge within a unit has done its work.
        let mut ties: Vec<(usize, usize, &Edge)> =
            edges.iter().map(|edge| (unit_of(&edge.anchor), unit_of(&edge.other), edge)).collect();
        ties.retain(|(a, b, _)| a != b);
        ties.sort_by_key(|(.., edge)| edge.sequence(self.rules));
        let mut out: BTreeSet<usize> = BTreeSet::new();
        // The group that each unit is in, by its head, and what each group holds.
        let mut group: Vec<usize> = (0..units.len()).collect();
        let mut holds: Vec<BTreeSet<Identifier>> = units.iter().map(|unit| unit.members.clone()).collect();
        for kind in self.rules.account_kinds.iter().chain(&self.rules.contact_kinds) {
            let steps = steps_from_leaders(kind, &units, &ties, &out);
            for step in 1..=STEPS {
                for (edge, unit, nearer) in joining(step, &steps, &ties) {
                    let together: BTreeSet<Identifier> = holds[group[nearer]].union(&holds[unit]).cloned().collect();
                    if is_one_person(&together, self.rules, self.apart) {
                        holds[group[nearer]] = together;
                        group[unit] = group[nearer];
                        self.parent.insert(units[unit].leader.clone(), edge.order.message_id.to_string());
                    }
                }
            }
            out.extend(steps.into_keys());
        }
        let heads = (0..units.len()).filter(|&unit| group[unit] == unit);
        heads.map(|head| Unit { leader: units[head].leader.clone(), members: holds[head].clone() }).collect()
    }
}

/// The units so many steps from a leader, each with its first edge to one a step nearer and that one, in the order of
/// those edges.
fn joining<'a>(
    step: u32,
    steps: &BTreeMap<usize, u32>,
    ties: &[(usize, usize, &'a Edge)],
) -> Vec<(&'a Edge, usize, usize)> {
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut found = Vec::new();
    for &(a, b, edge) in ties {
        for (unit, nearer) in [(a, b), (b, a)] {
            if steps.get(&unit) == Some(&step) && steps.get(&nearer) == Some(&(step - 1)) && seen.insert(unit) {
                found.push((edge, unit, nearer));
            }
        }
    }
    found
}

/// The units left that are leaders by this kind, and those within three steps of one, each with its steps.
fn steps_from_leaders(
    kind: &Kind,
    units: &[Unit],
    ties: &[(usize, usize, &Edge)],
    out: &BTreeSet<usize>,
) -> BTreeMap<usize, u32> {
    let left = |unit: &usize| !out.contains(unit);
    let leads = |unit: &usize| units[*unit].leader.kind == *kind;
    let mut steps: BTreeMap<usize, u32> =
        (0..units.len()).filter(|unit| left(unit) && leads(unit)).map(|unit| (unit, 0)).collect();
    for step in 1..=STEPS {
        for &(a, b, _) in ties {
            for (near, far) in [(a, b), (b, a)] {
                if steps.get(&near) == Some(&(step - 1)) && left(&far) && !steps.contains_key(&far) {
                    steps.insert(far, step);
                }
            }
        }
    }
    steps
}

const STEPS: u32 = 3;
