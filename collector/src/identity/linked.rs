//! Joins names where a link says so (identity.md, section 4, "Decisions"): the latest decision first, as far as one
//! person may hold them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use selvedge_core::identifier::Identifier;

use super::follow::limit;
use super::{Decisions, Rules};

/// The units of more than one name, each by rank, that links, the latest first, make of these names, where no decision
/// keeps them apart. The first name leads.
pub fn linked_units<'l>(
    named: &BTreeSet<Identifier>,
    links: impl IntoIterator<Item = &'l (Identifier, Identifier)>,
    decisions: &Decisions,
    rules: &Rules,
) -> Vec<Rc<[Identifier]>> {
    let mut unit_of: BTreeMap<&Identifier, usize> = BTreeMap::new();
    let mut units: Vec<Vec<&Identifier>> = Vec::new();
    for (x, y) in links {
        let (Some(x), Some(y)) = (named.get(x), named.get(y)) else { continue };
        let mut place = |name| {
            *unit_of.entry(name).or_insert_with(|| {
                units.push(vec![name]);
                units.len() - 1
            })
        };
        let (one, another) = (place(x), place(y));
        if one == another || !may_join(&units[one], &units[another], decisions, rules) {
            continue;
        }
        let joined = std::mem::take(&mut units[another]);
        unit_of.extend(joined.iter().map(|name| (*name, one)));
        units[one].extend(joined);
    }
    let mut linked: Vec<Rc<[Identifier]>> = Vec::new();
    for mut unit in units.into_iter().filter(|unit| unit.len() > 1) {
        unit.sort_unstable_by_key(|name| rules.rank(name));
        linked.push(unit.into_iter().cloned().collect());
    }
    linked
}

fn may_join(one: &[&Identifier], another: &[&Identifier], decisions: &Decisions, rules: &Rules) -> bool {
    let of_kind = |names: &[&Identifier], like: &Identifier| names.iter().filter(|n| n.kind == like.kind).count();
    let fits =
        |name: &&Identifier| of_kind(one, name) + of_kind(another, name) <= limit(rules.class(&name.kind), rules);
    another.iter().all(fits) && !decisions.keep_apart(one.iter().copied(), another.iter().copied())
}
