//! Places only what an event moved: the same people as [`super::place`] over the whole ledger, at the cost of a
//! neighbourhood (identity.md, section 7, laws 3 and 8).
//!
//! What makes it local: a unit's *reach* (which kind leads it, and in how many steps) is one more than its nearest
//! neighbour's, so that a change of reach spreads from neighbour to neighbour and stops where nothing changes; a parent
//! is a first edge; and a group is cut from one tree of parents, three steps deep, which no other tree can touch.
//! So [`replace`] asks again about the names that it was told of, then about the neighbours of those that changed, and
//! cuts the trees that lost or gained someone. First over single names and trusted edges, then over the trusted people
//! that came of it and observed edges.
//!
//! Pure: asks a [`Ground`] for edges and for where everyone stood, and returns where they stand now.

mod ground;
mod layer;
mod reach;
mod singles;
mod trusted;

pub use ground::{Ground, Standing, Stood, Tie};
pub use layer::{Reach, sequence};

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::identifier::Identifier;

use self::layer::{Layer, Outcome};
use self::singles::Singles;
use self::trusted::TrustedPeople;
use super::Rules;

/// Where every name stands that stands elsewhere than before, or by another edge; `None` for one that no claim names
/// any more.
pub type Replaced = BTreeMap<Identifier, Option<Standing>>;

/// Places anew what changed.
///
/// `dirty` are the names of which something changed: whether a claim names them, an edge of theirs (both ends), whom
/// links make one with them (all of those, before and now), or who may not be one person's with them.
pub fn replace<G: Ground>(ground: &G, rules: &Rules, dirty: &BTreeSet<Identifier>) -> Result<Replaced, G::Error> {
    let singles = Singles::new(ground, rules);
    let units = Layer::new(&singles, rules).replace(&singles.touched_by(dirty)?)?;
    let among_trusted = singles.by_name(dirty, &units)?;
    let people = TrustedPeople::new(ground, rules, &among_trusted);
    let moved = people.touched_by(dirty, &among_trusted)?;
    let among_all = Layer::new(&people, rules).replace(&moved)?;
    standings(ground, &among_trusted, &people, &among_all)
}

/// Puts both placings together: of each name that either moved.
fn standings<G: Ground>(
    ground: &G,
    among_trusted: &Outcome,
    people: &TrustedPeople<'_, G>,
    among_all: &Outcome,
) -> Result<Replaced, G::Error> {
    let mut names: BTreeSet<Identifier> = among_trusted.keys().cloned().collect();
    for person in among_all.keys() {
        names.extend(people.members_now_and_before(person)?);
    }
    let mut replaced = Replaced::new();
    for name in names {
        let before = ground.stood(&name)?;
        let after = standing(&name, before.as_ref(), ground, people, (among_trusted, among_all))?;
        if after != before {
            replaced.insert(name, after);
        }
    }
    Ok(replaced)
}

fn standing<G: Ground>(
    name: &Identifier,
    before: Option<&Standing>,
    ground: &G,
    people: &TrustedPeople<'_, G>,
    (among_trusted, among_all): (&Outcome, &Outcome),
) -> Result<Option<Standing>, G::Error> {
    let first = match among_trusted.get(name) {
        Some(now) => now.clone(),
        None => before.map(|before| before.among_trusted.clone()),
    };
    let Some(first) = first else { return Ok(None) };
    let second = match among_all.get(&first.head) {
        Some(now) => now.clone(),
        None => ground.stood(&first.head)?.and_then(|head| head.among_all),
    };
    // Every trusted person that stands was placed among all, now or before.
    let Some(second) = second else { return Ok(None) };
    let leads = people.is_headed_by(name, &first);
    Ok(Some(Standing { leader: second.head.clone(), among_trusted: first, among_all: leads.then_some(second) }))
}

#[cfg(test)]
mod tests;
