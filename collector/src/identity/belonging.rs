//! Where an event belongs, by what is left of its claim: to a person, or to a device (identity.md, section 5).

use std::collections::BTreeMap;

use selvedge_core::identifier::{Class, Identifier};

use super::{Owner, Quarantine, Rules, Timeline, anchor, left};
use crate::event::{Claimed, Order};

/// What decides whose an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belonging<'a> {
    /// It names a person: that of this identifier, its anchor.
    Person(&'a Identifier),
    /// It belongs with its first device that anyone marked, or, where nobody did, with its first device.
    Device {
        /// By kind priority, then value. Never empty.
        devices: Vec<&'a Identifier>,
        /// Names that it gave and that were taken out. Only a person who holds them all gets it: what names one
        /// person never ends at another.
        taken_out: Vec<&'a Identifier>,
    },
    /// Nothing is left that it could go by. Stored, counted, owned by no one.
    Unattributed,
}

impl<'a> Belonging<'a> {
    /// Where an event with this claim belongs.
    pub fn of(claim: &'a [Claimed], quarantined: &BTreeMap<Identifier, Quarantine>, rules: &Rules) -> Self {
        if let Some(named) = anchor(left(claim, quarantined), rules) {
            return Self::Person(&named.identifier);
        }
        let mut devices = of_classes(claim, &[Class::Device], rules);
        devices.sort_unstable_by_key(|device| rules.rank(device));
        if devices.is_empty() {
            return Self::Unattributed;
        }
        Self::Device { devices, taken_out: of_classes(claim, &[Class::Account, Class::Contact], rules) }
    }
}

/// Whose an event of this order is that goes by the device of this timeline. `leader_of` tells whose a name is.
pub fn owner_by_device(
    timeline: &Timeline,
    order: &Order,
    taken_out: &[&Identifier],
    leader_of: impl Fn(&Identifier) -> Option<Identifier>,
) -> Owner {
    match timeline.owner_at(order) {
        Owner::Person(person) if taken_out.iter().all(|name| leader_of(name).as_ref() == Some(person)) => {
            Owner::Person(person.clone())
        }
        Owner::Person(_) | Owner::Anonymous => Owner::Anonymous,
    }
}

fn of_classes<'a>(claim: &'a [Claimed], classes: &[Class], rules: &Rules) -> Vec<&'a Identifier> {
    let names = claim.iter().map(|claimed| &claimed.identifier);
    names.filter(|name| classes.contains(&rules.class(&name.kind))).collect()
}
