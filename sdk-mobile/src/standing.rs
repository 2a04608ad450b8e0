//! How the tracker stands, for those who call it: counts, ids, and waiting for them. Holds its lock for no longer
//! than it takes to copy a few words, so that no caller waits for the disk or the network unless it asks to.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::records::{Ids, Stats};

/// What the driver says of itself, and what its callers asked of it.
#[derive(Debug)]
pub(crate) struct Standing {
    now: Mutex<Reading>,
    changed: Condvar,
}

/// One look at it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// Messages sent to the driver; the opening is the first.
    sent: u64,
    /// Messages that the core has handled.
    pub(crate) taken_in: u64,
    /// Messages whose effects are done.
    pub(crate) done: u64,
    /// Bytes of messages that the core has not handled.
    unread_bytes: usize,
    /// Those of them that are to become events.
    unread_events: u64,
    /// Calls that were refused here: the driver was too far behind, or has ended.
    pub(crate) refused: u64,
    /// Uploads that were not answered yet.
    pub(crate) under_way: usize,
    /// Counts without what was refused here.
    pub(crate) stats: Stats,
    pub(crate) ids: Ids,
    ended: bool,
}

impl Standing {
    pub(crate) fn new() -> Self {
        Self { now: Mutex::new(Reading { sent: 1, ..Reading::default() }), changed: Condvar::new() }
    }

    /// Admits a message; false if it must be dropped, and counted if it weighs something: what does not is no event.
    pub(crate) fn admit(&self, bytes: usize) -> bool {
        let mut now = self.lock();
        let is_event = u64::from(bytes > 0);
        let unread_bytes = now.unread_bytes.saturating_add(bytes);
        let admitted = !now.ended && unread_bytes <= MAX_UNREAD_BYTES;
        if admitted {
            now.sent += 1;
            now.unread_bytes = unread_bytes;
            now.unread_events += is_event;
        } else {
            now.refused += is_event;
        }
        admitted
    }

    /// The driver took a message of that size off the line.
    pub(crate) fn release(&self, bytes: usize) {
        let mut now = self.lock();
        now.unread_bytes -= bytes;
        now.unread_events -= u64::from(bytes > 0);
    }

    /// The driver says what has changed.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Reading) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// The driver has ended: nobody waits for it any more, and what it did not read is refused.
    pub(crate) fn end(&self) {
        self.update(|now| {
            now.ended = true;
            now.refused += std::mem::take(&mut now.unread_events);
        });
    }

    /// A look in which every call made before is taken in. Waits for the core alone, and only if it is behind.
    pub(crate) fn up_to_date(&self) -> Reading {
        let now = self.lock();
        let sent = now.sent;
        let behind = |now: &mut Reading| !now.ended && now.taken_in < sent;
        self.changed.wait_while(now, behind).unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every call made before is done and no upload is on its way, or the time is over; whether nothing
    /// is queued then.
    pub(crate) fn wait_until_settled(&self, timeout: Duration) -> bool {
        let now = self.lock();
        let sent = now.sent;
        let busy = |now: &mut Reading| !now.ended && (now.done < sent || now.under_way > 0);
        let (now, _) = self.changed.wait_timeout_while(now, timeout, busy).unwrap_or_else(PoisonError::into_inner);
        now.done >= sent && now.under_way == 0 && now.stats.queued == 0
    }

    /// Waits until the driver has ended, or the time is over; whether it has.
    pub(crate) fn wait_until_ended(&self, timeout: Duration) -> bool {
        let running = |now: &mut Reading| !now.ended;
        self.changed.wait_timeout_while(self.lock(), timeout, running).unwrap_or_else(PoisonError::into_inner).0.ended
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        // Words only: a thread that died holding them left nothing half done.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// Counts with what was refused here.
    pub(crate) fn all_stats(&self) -> Stats {
        Stats { dropped: self.stats.dropped.saturating_add(self.refused), ..self.stats }
    }
}

/// A disk that hangs must not fill the memory. As much as a queue holds: tens of thousands of calls.
const MAX_UNREAD_BYTES: usize = 20 * 1_024 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_beyond_the_bound_are_refused_and_counted() {
        let standing = Standing::new();
        assert!(standing.admit(MAX_UNREAD_BYTES));
        assert!(!standing.admit(1));
        standing.release(MAX_UNREAD_BYTES);
        assert!(standing.admit(1));
        assert_eq!(standing.update(|now| now.all_stats()).dropped, 1);
    }

    #[test]
    fn what_a_driver_leaves_unread_is_counted_once() {
        let standing = Standing::new();
        assert!(standing.admit(1) && standing.admit(0) && standing.admit(1));
        standing.release(1);
        standing.end();
        assert!(!standing.admit(0));
        assert_eq!(standing.up_to_date().all_stats().dropped, 1);
    }

    #[test]
    fn nobody_waits_for_a_driver_that_has_ended() {
        let standing = Standing::new();
        standing.end();
        assert_eq!(standing.up_to_date().ids, Ids::default());
        assert!(!standing.wait_until_settled(Duration::MAX));
        assert!(!standing.admit(1));
    }
}
