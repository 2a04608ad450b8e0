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
        let mut classes: BTreeMap<NameId, BTreeSet<NameId>> =
            known.iter().map(|name| (*name, BTreeSet::from([*name]))).collect();
        for AliasRow { account, older, .. } in aliases {
            let is_out = |name| claims.flags(name).map(|flags| flags.is_ignored);
            if is_out(account)? || is_out(older)? {
                continue;
            }
            let (one, another) = (classes[&account].clone(), classes[&older].clone());
            let are_apart = apart
                .iter()
                .any(|(x, y)| (one.contains(x) && another.contains(y)) || (one.contains(y) && another.contains(x)));
            if !are_apart {
                let joined: BTreeSet<NameId> = one.union(&another).copied().collect();
                joined.iter().for_each(|name| drop(classes.insert(*name, joined.clone())));
            }
        }
        let mut placed = BTreeMap::new();
        for (name, class) in classes {
            let mut names = class.into_iter().map(|name| Ok((claims.identifier(name)?.value, name)));
            let first = names.try_fold(None, |first, next: Result<_, StoreError>| {
                let next = next?;
                Ok::<_, StoreError>(Some(first.map_or(next.clone(), |first| std::cmp::min(first, next))))
            })?;
            placed.insert(name, first.map_or(name, |(_, name)| name));
        }
        Ok(placed)
    }
}
