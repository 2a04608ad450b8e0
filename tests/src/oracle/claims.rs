//! Sections 2 and 4, from what arrived to what is left of each claim: recorded, equal digests made one, cleaned up.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::{Claimed, Strength, Trust};
use selvedge_core::identifier::{Identifier, Kind};

use super::accounts::Accounts;
use super::digests::Hashed;
use super::rules::Rules;
use super::{Event, Quarantined};

/// What an event says of people.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) event: Event,
    /// The accounts and contacts that it gave.
    pub(super) gave: BTreeSet<Identifier>,
    /// What is left of it, devices too.
    pub(super) left: Vec<Claimed>,
    /// Whether a hold took something out.
    pub(super) lost_by_a_hold: bool,
}

/// Of each message_id the first version that arrived; of each subject of a snapshot the newest version.
pub(super) fn recorded(arrived: &[Event]) -> Vec<Event> {
    let mut newest: BTreeMap<String, Event> = BTreeMap::new();
    let mut first: BTreeMap<String, Event> = BTreeMap::new();
    for event in arrived {
        let Some(snapshot) = &event.snapshot else {
            first.entry(event.order.message_id.to_string()).or_insert_with(|| event.clone());
            continue;
        };
        let version = |event: &Event| event.snapshot.as_ref().map(|snapshot| snapshot.version);
        let known = newest.entry(snapshot.subject.to_string()).or_insert_with(|| event.clone());
        if version(event) > version(known) {
            *known = event.clone();
        }
    }
    let mut log: Vec<Event> = first.into_values().chain(newest.into_values()).collect();
    log.sort_by_key(|event| event.order.clone());
    log
}

/// The claims of recorded events, each identifier once: by its canonical value and its strongest saying, the older
/// name of an alias as the device that it also is.
pub(super) fn claims(log: &[Event], hashed: &Hashed, rules: &Rules) -> Vec<Claim> {
    let mut claims = Vec::new();
    for event in log {
        let mut strongest: BTreeMap<Identifier, Strength> = BTreeMap::new();
        let mut say = |name: &Identifier, strength: Strength| {
            if let Some(name) = hashed.canonical(name).filter(|name| rules.rank(name).is_some()) {
                let known = strongest.entry(name).or_insert(strength);
                *known = strength.max(*known);
            }
        };
        event.claim.iter().for_each(|claimed| say(&claimed.identifier, claimed.strength));
        if let Some(alias) = &event.alias {
            let strength = if alias.is_asserted { Strength::Asserted } else { Strength::Observed };
            say(&Identifier::new(Kind::ANONYMOUS_ID, alias.previous_id.as_str()), strength);
        }
        let left: Vec<Claimed> =
            strongest.into_iter().map(|(identifier, strength)| Claimed { identifier, strength }).collect();
        // A digest that could be two people's is no identifier, and was given all the same.
        let unclear =
            event.claim.iter().map(|claimed| &claimed.identifier).filter(|name| hashed.canonical(name).is_none());
        let gave = left.iter().map(|claimed| &claimed.identifier).chain(unclear).filter(|name| rules.is_name(name));
        let gave = gave.cloned().collect();
        claims.push(Claim { event: event.clone(), gave, left, lost_by_a_hold: false });
    }
    claims
}

/// Takes the identifiers that decisions ignore out of every claim.
pub(super) fn ignore(claims: &mut [Claim], ignored: &BTreeSet<Identifier>) {
    for claim in claims {
        claim.left.retain(|claimed| !ignored.contains(&claimed.identifier));
    }
}

/// Names every account by its canonical name.
pub(super) fn name_accounts(claims: &mut [Claim], accounts: &Accounts) {
    for claim in claims {
        claim.left.iter_mut().for_each(|claimed| claimed.identifier = accounts.canonical(&claimed.identifier));
        claim.gave = claim.gave.iter().map(|name| accounts.canonical(name)).collect();
    }
}

/// Quarantines the contacts that stand beside too many names in trusted claims, and takes them out of all.
pub(super) fn take_out_trusted_crowds(claims: &mut [Claim], rules: &Rules) -> BTreeMap<Identifier, Quarantined> {
    let trusted = |claim: &Claim| claim.left.iter().filter(|claimed| claimed.strength.is_trusted()).cloned().collect();
    let crowds = crowds(&claims.iter().map(trusted).collect::<Vec<_>>(), rules);
    for claim in claims {
        claim.left.retain(|claimed| !crowds.contains(&claimed.identifier));
    }
    crowds.into_iter().map(|name| (name, Quarantined::Everywhere)).collect()
}

/// Section 8: takes what is observed and guarded out of claims.
pub(super) fn hold(claims: &mut [Claim], rules: &Rules) {
    let held = held(claims, rules);
    for claim in claims {
        let before = claim.left.len();
        let Claim { event, left, .. } = claim;
        left.retain(|Claimed { identifier, strength }| {
            if strength.is_trusted() || !rules.is_name(identifier) {
                return true;
            }
            match event.trust {
                Trust::Open => true,
                Trust::Guarded => !(is_guarded(event, rules) && held.contains(identifier)),
                Trust::Strict => false,
            }
        });
        claim.lost_by_a_hold = claim.left.len() < before;
    }
}

/// Every name that some claim trusts.
pub(super) fn held(claims: &[Claim], rules: &Rules) -> BTreeSet<Identifier> {
    let said = claims.iter().flat_map(|claim| &claim.left);
    let trusted = said.filter(|claimed| claimed.strength.is_trusted()).map(|claimed| claimed.identifier.clone());
    trusted.filter(|name| rules.is_name(name)).collect()
}

/// Whether what section 8 guards applies to what this event observes.
pub(super) fn is_guarded(event: &Event, rules: &Rules) -> bool {
    match event.trust {
        Trust::Open => false,
        Trust::Guarded => rules.guard_from.is_some_and(|from| event.order.time >= from),
        Trust::Strict => true,
    }
}

/// Quarantines, for observed claims only, the contacts that stand beside too many names in what is left.
pub(super) fn take_out_observed_crowds(claims: &mut [Claim], rules: &Rules) -> BTreeMap<Identifier, Quarantined> {
    let left: Vec<Vec<Claimed>> = claims.iter().map(|claim| claim.left.clone()).collect();
    let crowds = crowds(&left, rules);
    for claim in claims {
        claim.left.retain(|claimed| claimed.strength.is_trusted() || !crowds.contains(&claimed.identifier));
    }
    crowds.into_iter().map(|name| (name, Quarantined::Observed)).collect()
}

/// The contacts that stand beside more than 20 values of one account or contact kind.
fn crowds(claims: &[Vec<Claimed>], rules: &Rules) -> BTreeSet<Identifier> {
    let mut beside: BTreeMap<(Identifier, Kind), BTreeSet<Identifier>> = BTreeMap::new();
    for claim in claims {
        let names: Vec<&Identifier> =
            claim.iter().map(|claimed| &claimed.identifier).filter(|name| rules.is_name(name)).collect();
        for x in names.iter().filter(|x| rules.is_contact(x)) {
            for y in names.iter().filter(|y| y != &x) {
                beside.entry(((*x).clone(), y.kind.clone())).or_default().insert((*y).clone());
            }
        }
    }
    let too_many = |(_, values): &(_, BTreeSet<Identifier>)| values.len() > rules.beside_a_contact;
    beside.into_iter().filter(too_many).map(|((contact, _), _)| contact).collect()
}

/// Whose claim it is: `user_id` if it is left, else the first name by (class, kind priority, value).
pub(super) fn anchor<'a>(left: &'a [Claimed], rules: &Rules) -> Option<&'a Claimed> {
    let user_id = left.iter().find(|claimed| claimed.identifier.kind == Kind::USER_ID);
    let names = left.iter().filter(|claimed| rules.is_name(&claimed.identifier));
    user_id.or_else(|| names.min_by_key(|claimed| rules.rank(&claimed.identifier)))
}

/// The devices of a claim, by priority.
pub(super) fn devices<'a>(left: &'a [Claimed], rules: &Rules) -> Vec<&'a Claimed> {
    let mut devices: Vec<&Claimed> = left.iter().filter(|claimed| rules.is_device(&claimed.identifier)).collect();
    devices.sort_by_key(|claimed| rules.rank(&claimed.identifier));
    devices
}
