//! Keeps the conflicts of the ledger as they are: the edges whose ends are two people. Looks at the edges of names that
//! moved, and of everyone whose person they joined or left: the reason speaks of the two people as they are in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::Settling;
use super::ground::Claims;
use crate::identity::incremental::{Ground, Tie};
use crate::identity::why_apart;
use crate::store::{ConflictRow, NameId, StoreError};

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
        let mut stored = BTreeMap::new();
        let mut found = BTreeMap::new();
        for name in names {
            stored.extend(self.transaction.conflicts_of(name)?.into_iter().map(|row| ((row.x, row.y), row)));
            let identifier = claims.identifier(name)?;
            let ties = claims.ties(&identifier)?;
            for tie in ties.iter() {
                let far_end = tie.far_end(&identifier);
                let is_said_with_trust =
                    |other: &&Tie| other.strength.is_trusted() && other.far_end(&identifier) == far_end;
                if tie.strength.is_trusted() || !ties.iter().any(|other| is_said_with_trust(&other)) {
                    found.extend(self.conflict(tie, claims)?.map(|row| ((row.x, row.y), row)));
                }
            }
        }
        for (ends, row) in found {
            if stored.remove(&ends).as_ref() != Some(&row) {
                self.transaction.put_conflict(self.workspace, &row)?;
            }
        }
        stored.into_keys().try_for_each(|(x, y)| self.transaction.delete_conflict(x, y))
    }

    /// The conflict that an edge is, if its ends are two people.
    fn conflict(&mut self, tie: &Tie, claims: &Claims<'_>) -> Result<Option<ConflictRow>, StoreError> {
        let (x, y) = (claims.row(&tie.anchor)?, claims.row(&tie.other)?);
        let one = self.memory.leader(self.transaction, x)?;
        let another = self.memory.leader(self.transaction, y)?;
        let (Some(one), Some(another)) = (one, another) else { return Ok(None) };
        if one == another {
            return Ok(None);
        }
        let held = |leader| -> Result<Vec<_>, StoreError> {
            self.transaction.members(leader)?.into_iter().map(|name| claims.identifier(name)).collect()
        };
        Ok(Some(ConflictRow {
            x,
            y,
            reason: why_apart(&held(one)?, &held(another)?, claims.decisions(), self.rules),
            order: tie.order.clone(),
            source: tie.source,
            strength: tie.strength,
        }))
    }
}
