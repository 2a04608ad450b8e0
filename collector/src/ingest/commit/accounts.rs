//! Asserted aliases: which accounts are one, and by which of their names it goes (identity.md, section 4).

use std::collections::{BTreeMap, BTreeSet};

use super::Settling;
use super::ground::Claims;
use crate::store::{AliasRow, NameId, StoreError};

impl Settling<'_> {
    /// Settles the accounts of all unsettled names that an alias speaks of.
    pub(super) fn settle_accounts(&mut self, claims: &Claims<'_>) -> Result<(), StoreError> {
        if !self.memory.has_aliases(self.transaction)? {
            return Ok(());
        }
        let apart = self.kept_apart_rows()?;
        let mut settled: BTreeSet<NameId> = BTreeSet::new();
        for (name, cause) in self.names.clone() {
            if settled.contains(&name) || claims.identifier(name)?.kind.as_str() != "user_id" {
                continue;
            }
            let accounts = self.accounts_around(name, &apart, claims)?;
            for (&account, &placed) in &accounts {
                let same_as = (placed != account).then_some(placed);
                self.change_flags(account, &cause, claims, |flags| flags.same_as = same_as)?;
            }
            settled.extend(accounts.into_keys());
        }
        Ok(())
    }

    /// All accounts that aliases tie to one, each with the name that it goes by.
    fn accounts_around(
        &self,
        name: NameId,
        apart: &[(NameId, NameId)],
        claims: &Claims<'_>,
    ) -> Result<BTreeMap<NameId, NameId>, StoreError> {
        let mut aliases: BTreeSet<AliasRow> = BTreeSet::new();
        let mut open = vec![name];
        let mut known = BTreeSet::from([name]);
        while let Some(account) = open.pop() {
            for alias in self.transaction.aliases_of(account)? {
                let ends = [alias.account, alias.older];
                open.extend(ends.into_iter().filter(|end| known.insert(*end)));
                aliases.insert(alias);
            }
        }
        let mut classes = Classes::of_each(known);
        for AliasRow { account, older, .. } in aliases {
            let is_out = |name| claims.flags(name).map(|flags| flags.is_ignored);
            if !is_out(account)? && !is_out(older)? {
                classes.join(account, older, apart);
            }
        }
        let mut placed = BTreeMap::new();
        for class in classes.members {
            let names = class.iter().map(|name| Ok((claims.identifier(*name)?.value, *name)));
            let first = names.collect::<Result<BTreeSet<_>, StoreError>>()?.pop_first();
            placed.extend(first.iter().flat_map(|(_, first)| class.iter().map(|name| (*name, *first))));
        }
        Ok(placed)
    }
}

/// Accounts by whom they are one with.
struct Classes {
    class_of: BTreeMap<NameId, usize>,
    /// Of each class; none of one that was joined to another.
    members: Vec<Vec<NameId>>,
}

impl Classes {
    fn of_each(names: BTreeSet<NameId>) -> Self {
        Self {
            class_of: names.iter().enumerate().map(|(class, name)| (*name, class)).collect(),
            members: names.into_iter().map(|name| vec![name]).collect(),
        }
    }

    /// Makes one of two accounts, unless that would unite two that a decision keeps apart.
    fn join(&mut self, one: NameId, other: NameId, apart: &[(NameId, NameId)]) {
        let class_of = |name: &NameId| self.class_of.get(name).copied();
        let (Some(one), Some(other)) = (class_of(&one), class_of(&other)) else { return };
        let are_apart = apart.iter().any(|(x, y)| {
            let ends = [class_of(x), class_of(y)];
            ends == [Some(one), Some(other)] || ends == [Some(other), Some(one)]
        });
        if one == other || are_apart {
            return;
        }
        // The smaller one moves: nobody does so often.
        let moves_one = self.members[one].len() < self.members[other].len();
        let (from, into) = if moves_one { (one, other) } else { (other, one) };
        let moved = std::mem::take(&mut self.members[from]);
        self.class_of.extend(moved.iter().map(|name| (*name, into)));
        self.members[into].extend(moved);
    }
}
