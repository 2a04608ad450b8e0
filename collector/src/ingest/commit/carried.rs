//! What a ledger that is built again gets beside its events: the decisions, the digests of devices and, in the end, what
//! became of the profiles in comparison with the ledger before.

use std::convert::Infallible;
use std::sync::Arc;

use super::{Committer, Settling};
use crate::event::Workspace;
use crate::store::{DecisionRow, NameId, Store, StoreError};

/// What became of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It stands, with what another had or with nothing but new.
    Begun(NameId, Option<NameId>),
    /// It stands no more; another has what it had, or none.
    Ended(NameId, Option<NameId>),
    /// It holds or owns something else.
    Other(NameId),
}

impl Committer {
    /// Takes over a decision as it stands in another ledger of the same names, with its consequences.
    pub fn carry_decision(
        &mut self,
        store: &dyn Store,
        workspace: Workspace,
        row: &DecisionRow,
    ) -> Result<(), StoreError> {
        self.certainly(store, workspace, |settling| {
            settling.transaction.restore_decision(settling.workspace, row)?;
            if row.withdrawn_at.is_none() { settling.unsettle_decided(row) } else { Ok(()) }
        })
    }

    /// Finds which of these devices are one with others, by a digest: where the names were known before the events,
    /// no event was the first to name one.
    pub fn settle_devices(
        &mut self,
        store: &dyn Store,
        workspace: Workspace,
        devices: impl IntoIterator<Item = NameId>,
    ) -> Result<(), StoreError> {
        self.certainly(store, workspace, |settling| {
            settling.new_devices.extend(devices);
            Ok(())
        })
    }

    /// Says what became of profiles to whoever listens.
    pub fn announce(
        &mut self,
        store: &dyn Store,
        workspace: Workspace,
        (became, because): (&[Became], &Arc<str>),
    ) -> Result<(), StoreError> {
        self.certainly(store, workspace, |settling| {
            for change in became {
                match *change {
                    Became::Begun(profile, from) => settling.changes.begin(profile, from, because),
                    Became::Ended(profile, into) => settling.changes.end(profile, into, because),
                    Became::Other(profile) => settling.changes.renew(profile, because),
                }
            }
            Ok(())
        })
    }

    fn certainly(
        &mut self,
        store: &dyn Store,
        workspace: Workspace,
        act: impl FnOnce(&mut Settling<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let done = self.in_transaction(store, workspace, |settling| act(settling).map(Ok::<(), Infallible>))?;
        done.unwrap_or_else(|never| match never {});
        Ok(())
    }
}
