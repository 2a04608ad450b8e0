//! Contacts that stand beside too many names to be one person's: a call centre's phone, a till's address.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::identifier::{Class, Identifier};

use super::anchor::is_name;
use super::{Claim, Rules};
use crate::event::Claimed;

/// From which claims a crowd's contact is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quarantine {
    /// From those that observed it. What was said of it with trust still counts.
    Observed,
    /// From all: it names no one.
    Everywhere,
}

/// What is left of a claim when the crowds are taken out.
pub fn left<'a>(
    claim: &'a [Claimed],
    quarantined: &BTreeMap<Identifier, Quarantine>,
) -> impl Iterator<Item = &'a Claimed> + Clone {
    claim.iter().filter(|claimed| match quarantined.get(&claimed.identifier) {
        None => true,
        Some(Quarantine::Observed) => claimed.strength.is_trusted(),
        Some(Quarantine::Everywhere) => false,
    })
}

/// The crowds among claims (identity.md, section 4): first those that trusted claims show, then those that what is
/// left shows.
pub(super) fn quarantine(claims: &[Claim], rules: &Rules) -> BTreeMap<Identifier, Quarantine> {
    let no_one = BTreeMap::new();
    let trusted = |claimed: &&Claimed| claimed.strength.is_trusted();
    let shown_by_trust = claims.iter().map(|claim| left(&claim.identifiers, &no_one).filter(trusted));
    let mut quarantined: BTreeMap<Identifier, Quarantine> =
        crowds(shown_by_trust, rules).into_iter().map(|crowd| (crowd, Quarantine::Everywhere)).collect();
    let shown_by_the_rest = claims.iter().map(|claim| left(&claim.identifiers, &quarantined));
    let observed = crowds(shown_by_the_rest, rules);
    quarantined.extend(observed.into_iter().map(|crowd| (crowd, Quarantine::Observed)));
    quarantined
}

/// The contacts that stand beside more values of one account or contact kind than a crowd may.
fn crowds<'a, C>(claims: impl Iterator<Item = C>, rules: &Rules) -> BTreeSet<Identifier>
where
    C: Iterator<Item = &'a Claimed> + Clone,
{
    let mut beside: Vec<(&Identifier, &Identifier)> = Vec::new();
    for claim in claims {
        let names = claim.filter(|claimed| is_name(claimed, rules)).map(|claimed| &claimed.identifier);
        let contacts = names.clone().filter(|name| rules.class(&name.kind) == Class::Contact);
        for contact in contacts {
            beside.extend(names.clone().filter(|other| *other != contact).map(|other| (contact, other)));
        }
    }
    beside.sort_unstable();
    beside.dedup();
    let per_kind = beside.chunk_by(|(a, beside_a), (b, beside_b)| a == b && beside_a.kind == beside_b.kind);
    let too_many = per_kind.filter(|values| values.len() > rules.crowd_limit);
    too_many.filter_map(|values| values.first()).map(|(contact, _)| (*contact).clone()).collect()
}
