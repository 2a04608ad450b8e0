//! Section 4, "Aliases": which `user_id`s are names of one account.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::Order;
use selvedge_core::identifier::{Identifier, Kind};

use super::claims::Claim;

/// Accounts with more than one name.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Of every account: its names.
    names: Vec<BTreeSet<Identifier>>,
    /// The aliases that were refused, in order: the account that the event named, the older one.
    pub(super) refused: Vec<(Order, Identifier, Identifier)>,
}

impl Accounts {
    /// Unites accounts by asserted aliases in order, of claims from which what is ignored is gone.
    pub(super) fn of(claims: &[Claim], ignored: &BTreeSet<Identifier>, apart: &[(Identifier, Identifier)]) -> Self {
        let mut accounts = Self::default();
        for (order, account, older) in asserted(claims, ignored) {
            let (left, right) = (accounts.names_of(&account), accounts.names_of(&older));
            let together: BTreeSet<Identifier> = left.union(&right).cloned().collect();
            if apart.iter().any(|(x, y)| together.contains(x) && together.contains(y)) {
                accounts.refused.push((order, account, older));
                continue;
            }
            accounts.names.retain(|names| names.is_disjoint(&together));
            accounts.names.push(together);
        }
        accounts
    }

    /// Every name of the account of this name.
    pub(super) fn names_of(&self, name: &Identifier) -> BTreeSet<Identifier> {
        let known = self.names.iter().find(|names| names.contains(name));
        known.cloned().unwrap_or_else(|| BTreeSet::from([name.clone()]))
    }

    /// The first of its names in bytes. Of what is no account, itself.
    pub(super) fn canonical(&self, name: &Identifier) -> Identifier {
        self.names_of(name).first().expect("at least that name").clone()
    }

    /// Every name of an account of several, with the canonical one.
    pub(super) fn all(&self) -> BTreeMap<Identifier, Identifier> {
        let names = self.names.iter().flatten();
        names.map(|name| (name.clone(), self.canonical(name))).collect()
    }
}

/// Order, account and older account of every asserted alias whose ends are not ignored.
fn asserted(claims: &[Claim], ignored: &BTreeSet<Identifier>) -> Vec<(Order, Identifier, Identifier)> {
    let mut found = Vec::new();
    for claim in claims {
        let Some(alias) = claim.event.alias.as_ref().filter(|alias| alias.is_asserted) else { continue };
        let older = Identifier::new(Kind::USER_ID, alias.previous_id.as_str());
        let account = claim.left.iter().map(|claimed| &claimed.identifier).find(|name| name.kind == Kind::USER_ID);
        if let Some(account) = account.filter(|_| !ignored.contains(&older)) {
            found.push((claim.event.order.clone(), account.clone(), older));
        }
    }
    found.sort();
    found
}
