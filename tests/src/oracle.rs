//! The naive replay: identity.md, sections 3 to 6, read aloud over a whole log of events.
//!
//! What the collector answers must equal it. Written apart from `selvedge_collector::identity`, sharing only the plain
//! types of events, so that the two can disagree; it knows no shapes, no neighbourhoods and no index, and takes its
//! time. Rules are the defaults, written out here again.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::{Claimed, Order, Strength};
use selvedge_core::identifier::Identifier;
use serde_json::Value;

/// One event of a log, as accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its corrected time and messageId.
    pub order: Order,
    /// What it names.
    pub claim: Vec<Claimed>,
    /// The traits that it sets, if it is an identify.
    pub traits: Vec<(String, Value)>,
}

/// Who owns an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The person of this leader.
    Person(Identifier),
    /// This device's own anonymous profile.
    Device(Identifier),
    /// No one.
    Unattributed,
}

/// A refused edge: its anchor, its other end, the reason, and the messageId and strength of the edge.
pub type Conflict = (Identifier, Identifier, &'static str, String, Strength);

/// Everything that follows from a log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct People {
    /// Of every account and contact identifier left: who leads its person.
    pub leader: BTreeMap<Identifier, Identifier>,
    /// Of every identifier that follows by an edge: the messageId of that edge. Leaders of trusted people that were
    /// attached by an observed edge have that one.
    pub parent: BTreeMap<Identifier, String>,
    /// The refused edges.
    pub conflicts: BTreeSet<Conflict>,
    /// Of every messageId: who owns the event.
    pub owner: BTreeMap<String, Whose>,
    /// The traits of everyone who has any.
    pub traits: BTreeMap<Whose, BTreeMap<String, Value>>,
    /// Of every device that was marked: the leaders of those who did.
    pub marked_by: BTreeMap<Identifier, BTreeSet<Identifier>>,
}

/// Replays a log in the order in which it arrived.
pub fn replay(arrived: &[Event]) -> People {
    let mut recorded: BTreeMap<String, Event> = BTreeMap::new();
    for event in arrived {
        // One message_id makes one claim: the first version that arrived.
        recorded.entry(event.order.message_id.to_string()).or_insert_with(|| event.clone());
    }
    let log: Vec<Event> = recorded.into_values().collect();
    let left = without_crowds(&log);
    let edges = edges(&log, &left);
    let mut people = placed_twice(&left, &edges);
    people.conflicts = conflicts(&edges, &people.leader);
    let marks = marks(&log, &left, &people.leader);
    for (device, of_device) in &marks {
        people.marked_by.insert(device.clone(), of_device.iter().map(|(_, person)| person.clone()).collect());
    }
    for (event, left) in log.iter().zip(&left) {
        let owner = owner(event, left, &marks, &people.leader);
        people.owner.insert(event.order.message_id.to_string(), owner);
    }
    people.traits = traits(&log, &left, &people.owner);
    people
}

/// Kinds by priority with their class: accounts, contacts, devices.
const KINDS: [(&str, char); 4] = [("user_id", 'a'), ("email", 'c'), ("phone", 'c'), ("anonymous_id", 'd')];

fn priority(identifier: &Identifier) -> (usize, String) {
    let place = KINDS.iter().position(|(kind, _)| *kind == identifier.kind.as_str());
    (place.expect("a kind of the default rules"), identifier.value.to_string())
}

fn class(identifier: &Identifier) -> char {
    KINDS[priority(identifier).0].1
}

fn is_device(identifier: &Identifier) -> bool {
    class(identifier) == 'd'
}

// Section 4, "Crowds".

fn without_crowds(log: &[Event]) -> Vec<Vec<Claimed>> {
    let mut left: Vec<Vec<Claimed>> = log.iter().map(|event| event.claim.clone()).collect();
    let trusted_parts: Vec<Vec<Claimed>> =
        left.iter().map(|claim| claim.iter().filter(|c| c.strength.is_trusted()).cloned().collect()).collect();
    let crowds = contacts_beside_more_than_20(&trusted_parts);
    for claim in &mut left {
        claim.retain(|claimed| !crowds.contains(&claimed.identifier));
    }
    let crowds = contacts_beside_more_than_20(&left);
    for claim in &mut left {
        claim.retain(|claimed| claimed.strength.is_trusted() || !crowds.contains(&claimed.identifier));
    }
    left
}

fn contacts_beside_more_than_20(claims: &[Vec<Claimed>]) -> BTreeSet<Identifier> {
    let mut beside: BTreeMap<(Identifier, String), BTreeSet<Identifier>> = BTreeMap::new();
    for claim in claims {
        for x in claim.iter().map(|claimed| &claimed.identifier).filter(|x| class(x) == 'c') {
            for y in claim.iter().map(|claimed| &claimed.identifier).filter(|y| !is_device(y) && *y != x) {
                beside.entry((x.clone(), y.kind.to_string())).or_default().insert(y.clone());
            }
        }
    }
    beside.into_iter().filter(|(_, values)| values.len() > 20).map(|((contact, _), _)| contact).collect()
}

// Section 4, "Edges".

#[derive(Debug, Clone)]
struct Edge {
    order: Order,
    anchor: Identifier,
    other: Identifier,
    strength: Strength,
}

impl Edge {
    /// Which of two edges is first, ties decided.
    fn sequence(&self) -> (Order, (usize, String), (usize, String)) {
        (self.order.clone(), priority(&self.anchor), priority(&self.other))
    }
}

fn anchor(left: &[Claimed]) -> Option<&Claimed> {
    let user_id = left.iter().find(|claimed| claimed.identifier.kind.as_str() == "user_id");
    let others = left.iter().filter(|claimed| !is_device(&claimed.identifier));
    user_id.or_else(|| others.min_by_key(|claimed| priority(&claimed.identifier)))
}

/// Every edge of every claim; of those of one pair, with trust and without, the first.
fn edges(log: &[Event], left: &[Vec<Claimed>]) -> Vec<Edge> {
    let mut all: Vec<Edge> = Vec::new();
    for (event, claim) in log.iter().zip(left) {
        let Some(anchor) = anchor(claim) else { continue };
        for other in claim.iter().filter(|other| !is_device(&other.identifier) && *other != anchor) {
            all.push(Edge {
                order: event.order.clone(),
                anchor: anchor.identifier.clone(),
                other: other.identifier.clone(),
                strength: anchor.strength.min(other.strength),
            });
        }
    }
    all.sort_by_key(Edge::sequence);
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

// Section 4, "Placing".

#[derive(Debug, Clone)]
struct Unit {
    leader: Identifier,
    members: BTreeSet<Identifier>,
}

fn placed_twice(left: &[Vec<Claimed>], edges: &[Edge]) -> People {
    let names: BTreeSet<Identifier> =
        left.iter().flatten().map(|claimed| claimed.identifier.clone()).filter(|name| !is_device(name)).collect();
    let singles = names.iter().map(|name| Unit { leader: name.clone(), members: [name.clone()].into() }).collect();
    let of_trust = |trusted: bool| edges.iter().filter(|edge| edge.strength.is_trusted() == trusted).cloned().collect();
    let mut parent = BTreeMap::new();
    let trusted_people = placing(singles, of_trust(true), &mut parent);
    let people = placing(trusted_people, of_trust(false), &mut parent);
    let mut leader = BTreeMap::new();
    for person in people {
        for member in person.members {
            leader.insert(member, person.leader.clone());
        }
    }
    People { leader, parent, ..People::default() }
}

/// Gives the groups that units come to over edges, and notes by which edge each unit joined another.
fn placing(units: Vec<Unit>, edges: Vec<Edge>, parent: &mut BTreeMap<Identifier, String>) -> Vec<Unit> {
    let unit_of = |name: &Identifier| units.iter().position(|unit| unit.members.contains(name)).expect("a unit each");
    let ties: Vec<(usize, usize, &Edge)> =
        edges.iter().map(|edge| (unit_of(&edge.anchor), unit_of(&edge.other), edge)).collect();
    let mut out: BTreeSet<usize> = BTreeSet::new();
    // The group that each unit is in, by its head, and what each group holds.
    let mut group: Vec<usize> = (0..units.len()).collect();
    let mut holds: Vec<BTreeSet<Identifier>> = units.iter().map(|unit| unit.members.clone()).collect();
    for (kind, _) in KINDS {
        let steps = steps_from_leaders(kind, &units, &ties, &out);
        for step in 1..=3 {
            let mut joining: Vec<(&Edge, usize, usize)> = Vec::new();
            for unit in (0..units.len()).filter(|unit| steps.get(unit) == Some(&step)) {
                let towards = |(a, b, edge): &(usize, usize, &'_ Edge)| {
                    let far = if *a == unit { *b } else { *a };
                    ((*a == unit) != (*b == unit) && steps.get(&far) == Some(&(step - 1)))
                        .then(|| (edge.sequence(), far))
                };
                let (sequence, nearer) = ties.iter().filter_map(towards).min().expect("reached over an edge");
                let edge = edges.iter().find(|edge| edge.sequence() == sequence).expect("the same edge");
                joining.push((edge, unit, nearer));
            }
            joining.sort_by_key(|(edge, ..)| edge.sequence());
            for (edge, unit, nearer) in joining {
                let together: BTreeSet<Identifier> = holds[group[nearer]].union(&holds[unit]).cloned().collect();
                if is_one_person(&together) {
                    holds[group[nearer]] = together;
                    group[unit] = group[nearer];
                    parent.insert(units[unit].leader.clone(), edge.order.message_id.to_string());
                }
            }
        }
        out.extend(steps.into_keys());
    }
    let heads = (0..units.len()).filter(|&unit| group[unit] == unit);
    heads.map(|head| Unit { leader: units[head].leader.clone(), members: holds[head].clone() }).collect()
}

/// The units left that are leaders by this kind, and those within three steps of one, each with its steps.
fn steps_from_leaders(
    kind: &str,
    units: &[Unit],
    ties: &[(usize, usize, &Edge)],
    out: &BTreeSet<usize>,
) -> BTreeMap<usize, u32> {
    let left = |unit: &usize| !out.contains(unit);
    let leads = |unit: &usize| units[*unit].leader.kind.as_str() == kind;
    let mut steps: BTreeMap<usize, u32> =
        (0..units.len()).filter(|unit| left(unit) && leads(unit)).map(|unit| (unit, 0)).collect();
    for step in 1..=3 {
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

fn is_one_person(names: &BTreeSet<Identifier>) -> bool {
    let values = |kind: &str| names.iter().filter(|name| name.kind.as_str() == kind).count();
    KINDS.iter().all(|(kind, class)| values(kind) <= if *class == 'a' { 1 } else { 5 })
}

// Section 4, "Conflicts".

fn conflicts(edges: &[Edge], leader: &BTreeMap<Identifier, Identifier>) -> BTreeSet<Conflict> {
    let mut found = BTreeSet::new();
    for edge in edges.iter().filter(|edge| leader[&edge.anchor] != leader[&edge.other]) {
        let same_pair = |other: &&Edge| other.anchor == edge.anchor && other.other == edge.other;
        if !edge.strength.is_trusted() && edges.iter().filter(same_pair).any(|other| other.strength.is_trusted()) {
            continue;
        }
        let both = [&leader[&edge.anchor], &leader[&edge.other]];
        let held: Vec<&Identifier> =
            leader.iter().filter(|(_, leads)| both.contains(leads)).map(|(held, _)| held).collect();
        let values = |kind: &str| held.iter().filter(|held| held.kind.as_str() == kind).count();
        let reason = if values("user_id") > 1 {
            "account_conflict"
        } else if values("email") > 5 || values("phone") > 5 {
            "limit"
        } else {
            "nearest"
        };
        let message_id = edge.order.message_id.to_string();
        found.insert((edge.anchor.clone(), edge.other.clone(), reason, message_id, edge.strength));
    }
    found
}

// Section 5.

type Marks = BTreeMap<Identifier, Vec<(Order, Identifier)>>;

fn marks(log: &[Event], left: &[Vec<Claimed>], leader: &BTreeMap<Identifier, Identifier>) -> Marks {
    let mut marks = Marks::new();
    for (event, left) in log.iter().zip(left) {
        let Some(anchor) = anchor(left) else { continue };
        for device in event.claim.iter().map(|claimed| &claimed.identifier).filter(|device| is_device(device)) {
            let mark = (event.order.clone(), leader[&anchor.identifier].clone());
            marks.entry(device.clone()).or_default().push(mark);
        }
    }
    marks.values_mut().for_each(|of_device| of_device.sort());
    marks
}

fn owner(event: &Event, left: &[Claimed], marks: &Marks, leader: &BTreeMap<Identifier, Identifier>) -> Whose {
    if let Some(anchor) = anchor(left) {
        return Whose::Person(leader[&anchor.identifier].clone());
    }
    let mut devices: Vec<Identifier> =
        event.claim.iter().map(|claimed| claimed.identifier.clone()).filter(is_device).collect();
    devices.sort_by_key(priority);
    let Some(device) = devices.iter().find(|device| marks.contains_key(device)).or(devices.first()) else {
        return Whose::Unattributed;
    };
    let named: Vec<&Identifier> =
        event.claim.iter().map(|claimed| &claimed.identifier).filter(|name| !is_device(name)).collect();
    let of_device = marks.get(device).map_or(&[][..], Vec::as_slice);
    match person_at(of_device, &event.order) {
        // What names one person never ends at another.
        Some(person) if named.iter().all(|name| leader.get(name) == Some(&person)) => Whose::Person(person),
        _ => Whose::Device(device.clone()),
    }
}

fn person_at(marks: &[(Order, Identifier)], at: &Order) -> Option<Identifier> {
    const MINUTE_MS: i64 = 60_000;
    const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
    let people: BTreeSet<&Identifier> = marks.iter().map(|(_, person)| person).collect();
    if people.len() == 1 {
        return people.first().map(|person| (*person).clone());
    }
    if people.len() > 20 {
        return None;
    }
    let before = marks.iter().rev().find(|(order, _)| order < at);
    let after = marks.iter().find(|(order, _)| order > at);
    match (before, after) {
        (Some((order, person)), _) if at.time.0 - order.time.0 <= 30 * MINUTE_MS => Some(person.clone()),
        (Some((from, person)), Some((to, same))) if person == same && to.time.0 - from.time.0 <= 30 * DAY_MS => {
            Some(person.clone())
        }
        (None, Some((order, person))) if order.time.0 - at.time.0 <= 30 * DAY_MS => Some(person.clone()),
        _ => None,
    }
}

// Section 6, "Traits".

fn traits(
    log: &[Event],
    left: &[Vec<Claimed>],
    owner: &BTreeMap<String, Whose>,
) -> BTreeMap<Whose, BTreeMap<String, Value>> {
    let mut in_order: Vec<(&Event, Strength)> = Vec::new();
    for (event, left) in log.iter().zip(left) {
        let mut devices: Vec<&Claimed> = left.iter().filter(|claimed| is_device(&claimed.identifier)).collect();
        devices.sort_by_key(|device| priority(&device.identifier));
        if let Some(speaks) = anchor(left).or(devices.first().copied()) {
            in_order.push((event, speaks.strength));
        }
    }
    in_order.sort_by_key(|(event, _)| event.order.clone());
    let mut found: BTreeMap<Whose, BTreeMap<String, Value>> = BTreeMap::new();
    // From the weakest rank to the strongest, so that the strongest that has a value left is the last to write.
    for rank in [Strength::Observed, Strength::Proven, Strength::Asserted] {
        let mut of_rank: BTreeMap<(Whose, String), Value> = BTreeMap::new();
        for (event, _) in in_order.iter().filter(|(_, strength)| *strength == rank) {
            for (name, value) in &event.traits {
                let slot = (owner[&*event.order.message_id].clone(), name.clone());
                if value.is_null() {
                    of_rank.remove(&slot);
                } else {
                    of_rank.insert(slot, value.clone());
                }
            }
        }
        for ((whose, name), value) in of_rank {
            found.entry(whose).or_default().insert(name, value);
        }
    }
    found
}
