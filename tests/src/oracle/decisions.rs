//! The decisions that are in force, about identifiers by their canonical values.

use std::collections::BTreeSet;

use selvedge_core::identifier::Identifier;

use super::accounts::Accounts;
use super::digests::Hashed;
use super::rules::Rules;
use super::{Decision, Op};

/// Decisions that are not withdrawn. Those on a digest that is no identifier come to nothing.
#[derive(Debug, Default)]
pub(super) struct InForce {
    pub(super) ignored: BTreeSet<Identifier>,
    /// Pairs of names.
    pub(super) apart: Vec<(Identifier, Identifier)>,
    /// The device, and a name of the person who is not seen on it.
    pub(super) hidden: Vec<(Identifier, Identifier)>,
    /// The latest first.
    pub(super) links: Vec<Link>,
}

/// A decision that two names are one person.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) decision: Decision,
    pub(super) x: Identifier,
    pub(super) y: Identifier,
}

impl InForce {
    pub(super) fn of(decisions: &[Decision], hashed: &Hashed, rules: &Rules) -> Self {
        let mut found = Self::default();
        for decision in decisions.iter().filter(|decision| !decision.is_withdrawn) {
            match &decision.op {
                Op::Ignore(x) => found.ignored.extend(hashed.canonical(x)),
                Op::KeepApart(x, y) => {
                    let (Some(x), Some(y)) = (hashed.canonical(x), hashed.canonical(y)) else { continue };
                    match (rules.is_device(&x), rules.is_device(&y)) {
                        (false, false) => found.apart.push((x, y)),
                        (true, false) => found.hidden.push((x, y)),
                        (false, true) => found.hidden.push((y, x)),
                        (true, true) => {}
                    }
                }
                Op::Link(x, y) => {
                    let (Some(x), Some(y)) = (hashed.canonical(x), hashed.canonical(y)) else { continue };
                    if rules.is_name(&x) && rules.is_name(&y) {
                        found.links.push(Link { decision: decision.clone(), x, y });
                    }
                }
            }
        }
        found.apart.retain(|(x, y)| x != y);
        found.links.sort_by_key(|link| std::cmp::Reverse((link.decision.at, link.decision.number)));
        found
    }

    /// Lets an account stand for all its names.
    pub(super) fn name_accounts(&mut self, accounts: &Accounts) {
        let canonical = |name: &mut Identifier| *name = accounts.canonical(name);
        self.apart.iter_mut().for_each(|(x, y)| [x, y].into_iter().for_each(canonical));
        self.hidden.iter_mut().for_each(|(_, name)| canonical(name));
        self.links.iter_mut().for_each(|link| [&mut link.x, &mut link.y].into_iter().for_each(canonical));
    }
}
