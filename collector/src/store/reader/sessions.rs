//! The sessions of a profile, newest first, in pages: folded from the events that it owns as they are asked for.

use super::{EventCursor, Lookup, Reader};
use crate::event::Order;
use crate::profile::{Session, Sessions};
use crate::store::{EventSlice, StoreError};

/// Some sessions of a profile, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions, each whole.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<EventCursor>,
}

impl Reader<'_> {
    /// The sessions of a profile that begin before a place; `None` when the ledger never saw what was asked for. Costs
    /// as much as the events that they are made of.
    pub fn profile_sessions(
        &self,
        lookup: &Lookup,
        cursor: Option<EventCursor>,
        limit: usize,
    ) -> Result<Option<SessionPage>, StoreError> {
        let Some(key) = self.find(lookup)? else { return Ok(None) };
        let owned = self.ownership().slices_of(key)?;
        let slices = || owned.iter().filter(|(shape, _)| !shape.is_snapshot).map(|(_, slice)| slice);
        let mut sessions = Sessions::new(self.rules.session_gap_ms, limit);
        let mut before = cursor.map(|cursor| cursor.0);
        loop {
            let orders = self.last_orders(slices(), before.as_ref())?;
            let is_all = orders.len() < SCANNED;
            for order in orders {
                if !sessions.take(order.time) {
                    let sessions = sessions.into_sessions();
                    return Ok(Some(SessionPage { sessions, next: before.map(EventCursor) }));
                }
                before = Some(order);
            }
            if is_all {
                return Ok(Some(SessionPage { sessions: sessions.into_sessions(), next: None }));
            }
        }
    }

    /// The newest orders of some slices that are before one, newest first: [`SCANNED`], or all that are left.
    fn last_orders<'s>(
        &self,
        slices: impl Iterator<Item = &'s EventSlice>,
        before: Option<&Order>,
    ) -> Result<Vec<Order>, StoreError> {
        let mut found = Vec::new();
        for slice in slices {
            let to = slice.to.iter().chain(before).min().cloned();
            let slice = EventSlice { shape: slice.shape, from: slice.from.clone(), to };
            found.extend(self.view.events_in(&slice, None, SCANNED)?.into_iter().map(|(order, _)| order));
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.truncate(SCANNED);
        Ok(found)
    }
}

/// Events that are looked at in one step.
const SCANNED: usize = 1_000;
