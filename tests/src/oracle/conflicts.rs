//! Section 4, "Conflicts": what says of two people that they are one, and why they are not.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::{Order, Strength};
use selvedge_core::identifier::Identifier;

use super::Conflict;
use super::accounts::Accounts;
use super::decisions::InForce;
use super::placing::{Edge, exceeded};
use super::rules::Rules;

/// Something that says of two names that they are one person.
struct Said {
    x: Identifier,
    y: Identifier,
    /// Which is shown of several that say the same: trusted edges, aliases, links, observed edges.
    place: usize,
    /// And of several of one sort: the first.
    order: Order,
    /// The messageId, or `decision:{number}`.
    by: String,
    strength: Strength,
}

/// Every edge, link or asserted alias whose ends are two people in the end; each pair once.
pub(super) fn conflicts(
    edges: &[Edge],
    accounts: &Accounts,
    decisions: &InForce,
    leader: &BTreeMap<Identifier, Identifier>,
    rules: &Rules,
) -> BTreeSet<Conflict> {
    let said = edges.iter().map(by_edge).chain(by_aliases(accounts)).chain(by_links(decisions, rules));
    let mut all: Vec<Said> = said.collect();
    all.sort_by_key(|said| (said.place, said.order.clone(), rules.rank(&said.x), rules.rank(&said.y)));
    let mut seen: BTreeSet<BTreeSet<Identifier>> = BTreeSet::new();
    let mut found = BTreeSet::new();
    for Said { x, y, by, strength, .. } in all {
        let (Some(one), Some(two)) = (leader.get(&x), leader.get(&y)) else { continue };
        if one != two && seen.insert([x.clone(), y.clone()].into()) {
            found.insert((x, y, reason([one, two], decisions, leader, rules), by, strength));
        }
    }
    found
}

fn by_edge(edge: &Edge) -> Said {
    Said {
        x: edge.anchor.clone(),
        y: edge.other.clone(),
        place: if edge.strength.is_trusted() { 0 } else { 3 },
        order: edge.order.clone(),
        by: edge.order.message_id.to_string(),
        strength: edge.strength,
    }
}

/// Aliases that were refused: the two accounts by their canonical names.
fn by_aliases(accounts: &Accounts) -> impl Iterator<Item = Said> {
    accounts.refused.iter().map(|(order, account, older)| {
        let ends = BTreeSet::from([accounts.canonical(account), accounts.canonical(older)]);
        Said {
            x: ends.first().expect("two accounts").clone(),
            y: ends.last().expect("two accounts").clone(),
            place: 1,
            order: order.clone(),
            by: order.message_id.to_string(),
            strength: Strength::Asserted,
        }
    })
}

fn by_links(decisions: &InForce, rules: &Rules) -> impl Iterator<Item = Said> {
    decisions.links.iter().map(|link| {
        let mut ends = [link.x.clone(), link.y.clone()];
        ends.sort_by_key(|name| rules.rank(name));
        let [x, y] = ends;
        // By time, then by number: as wide as a number can be, so that text sorts as numbers do.
        let number = format!("{:020}", link.decision.number);
        let order = Order { time: link.decision.at, message_id: number.into() };
        let by = format!("decision:{}", link.decision.number);
        Said { x, y, place: 2, order, by, strength: Strength::Asserted }
    })
}

/// The first that fits the two people as they are in the end.
fn reason(
    both: [&Identifier; 2],
    decisions: &InForce,
    leader: &BTreeMap<Identifier, Identifier>,
    rules: &Rules,
) -> &'static str {
    let across = |(x, y): &(Identifier, Identifier)| {
        let people = [leader.get(x), leader.get(y)];
        people == [Some(both[0]), Some(both[1])] || people == [Some(both[1]), Some(both[0])]
    };
    if decisions.apart.iter().any(across) {
        return "decision";
    }
    let held = leader.iter().filter(|(_, leads)| both.contains(leads)).map(|(held, _)| held.clone()).collect();
    exceeded(&held, rules).unwrap_or("nearest")
}
