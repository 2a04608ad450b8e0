//! Keeps the conflicts of the ledger as they are: the edges, aliases and links whose ends are two people. Looks at what
//! is said of names that moved, and of everyone whose person they joined or left: the reason speaks of the two people as
//! they are in the end.
//!
//! A pair of names is in conflict once: by its trusted edge, else by an alias, else by a link, else by what was only
//! observed, and of several such by the first.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::Settling;
use super::ground::Claims;
use crate::event::Order;
use crate::identity::incremental::Ground;
use crate::identity::why_apart;
use crate::store::{ConflictRow, NameId, SaidBy, StoreError};

/// That two names are one person's, as somebody says it.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) x: NameId,
    pub(super) y: NameId,
    pub(super) by: SaidBy,
    pub(super) order: Order,
}

impl Settling<'_> {
    /// Writes the conflicts of these names, and of all whose people now hold them.
    pub(super) fn settle_conflicts(
        &mut self,
        touched: BTreeSet<NameId>,
        people: BTreeSet<NameId>,
        claims: &Claims<'_>,
    ) -> Result<(), StoreError> {
        let mut names = touched;
        for leader in people {
            names.extend(self.transaction.members(leader)?);
        }
        let in_force = self.in_force(claims)?;
        let mut stored = BTreeMap::new();
        let mut first: BTreeMap<[NameId; 2], Said> = BTreeMap::new();
        for name in names {
            stored.extend(self.transaction.conflicts_of(name)?.into_iter().map(|row| ((row.x, row.y), row)));
            let mut said = self.said_by_edges(name, claims)?;
            said.extend(self.said_by_aliases(name, claims)?);
            said.extend(in_force.said.get(&name).into_iter().flatten().cloned());
            for said in said {
                match first.entry(said.pair()) {
                    Entry::Vacant(vacant) => drop(vacant.insert(said)),
                    Entry::Occupied(mut known) if said.sequence() < known.get().sequence() => {
                        known.insert(said);
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        for said in first.into_values() {
            let Some(row) = self.conflict(said, claims)? else { continue };
            if stored.remove(&(row.x, row.y)).as_ref() != Some(&row) {
                self.transaction.put_conflict(self.workspace, &row)?;
            }
        }
        stored.into_keys().try_for_each(|(x, y)| self.transaction.delete_conflict(x, y))
    }

    /// Of a name that is placed: its edges, of those that say the same the trusted one.
    fn said_by_edges(&self, name: NameId, claims: &Claims<'_>) -> Result<Vec<Said>, StoreError> {
        let ties = claims.ties(&claims.identifier(name)?)?;
        let said = ties.iter().map(|tie| {
            let by = SaidBy::Edge { source: tie.source, strength: tie.strength };
            Ok(Said { x: claims.row(&tie.anchor)?, y: claims.row(&tie.other)?, by, order: tie.order.clone() })
        });
        said.collect()
    }

    /// Of an account that is placed: the aliases that say so of it, by whichever of its names, and of another account.
    fn said_by_aliases(&mut self, name: NameId, claims: &Claims<'_>) -> Result<Vec<Said>, StoreError> {
        let mut said = Vec::new();
        if !self.memory.has_aliases(self.transaction)? || claims.identifier(name)?.kind.as_str() != "user_id" {
            return Ok(said);
        }
        for account in claims.names_of(name)? {
            for alias in self.transaction.aliases_of(account)? {
                let (one, another) = (claims.placed(alias.account)?, claims.placed(alias.older)?);
                if one != another {
                    let [x, y] = self.by_rank(one, another, claims)?;
                    said.push(Said { x, y, by: SaidBy::Alias { source: alias.source }, order: alias.order });
                }
            }
        }
        Ok(said)
    }

    pub(super) fn by_rank(&self, one: NameId, another: NameId, claims: &Claims<'_>) -> Result<[NameId; 2], StoreError> {
        let is_first = self.rules.rank(&claims.identifier(one)?) <= self.rules.rank(&claims.identifier(another)?);
        Ok(if is_first { [one, another] } else { [another, one] })
    }

    /// The conflict that it is, if the two names are two people's.
    fn conflict(&mut self, said: Said, claims: &Claims<'_>) -> Result<Option<ConflictRow>, StoreError> {
        let Said { x, y, by, order } = said;
        let one = self.memory.leader(self.transaction, x)?;
        let another = self.memory.leader(self.transaction, y)?;
        let (Some(one), Some(another)) = (one, another) else { return Ok(None) };
        if one == another {
            return Ok(None);
        }
        let held = |leader| -> Result<Vec<_>, StoreError> {
            self.transaction.members(leader)?.into_iter().map(|name| claims.identifier(name)).collect()
        };
        let reason = why_apart(&held(one)?, &held(another)?, &claims.in_force().decisions, self.rules);
        Ok(Some(ConflictRow { x, y, reason, said_by: by, order }))
    }
}

impl Said {
    /// The same for the same two names.
    fn pair(&self) -> [NameId; 2] {
        [self.x.min(self.y), self.x.max(self.y)]
    }

    /// Which is shown of several that say it of one pair: the least. Links decided at one moment go by their ids, not by
    /// their digits.
    fn sequence(&self) -> impl Ord {
        let (place, decision) = match self.by {
            SaidBy::Edge { strength, .. } if strength.is_trusted() => (0, None),
            SaidBy::Alias { .. } => (1, None),
            SaidBy::Link(decision) => (2, Some(decision)),
            SaidBy::Edge { .. } => (3, None),
        };
        (place, self.order.time, decision, self.order.message_id.clone())
    }
}
