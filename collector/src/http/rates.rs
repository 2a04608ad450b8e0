//! How fast a public key, and an address with public keys, may send (protocol.md, section 3).
//!
//! A bucket per sender, filled by time, emptied by events. A request is let in while its buckets hold anything, and
//! may leave them in debt: a page that comes back with a full queue sends it whole, and waits afterwards.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use super::Refusal;
use crate::event::{Source, UnixMillis};
use crate::ingest::Limits;
use crate::key::{Right, StoredKey};

/// The buckets of all senders.
#[derive(Debug)]
pub(super) struct Rates {
    keys: Buckets<Source>,
    addresses: Buckets<IpAddr>,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let capacity = limits.events_per_batch;
        Self {
            keys: Buckets::new(limits.key_events_per_s, capacity),
            addresses: Buckets::new(limits.ip_events_per_s, capacity),
        }
    }

    /// Lets this many events in, or says when to come again. Secret keys have no limit.
    pub(super) fn admit(
        &self,
        key: &StoredKey,
        address: Option<IpAddr>,
        events: usize,
        now: UnixMillis,
    ) -> Result<(), Refusal> {
        if key.right != Right::Public {
            return Ok(());
        }
        self.keys.take(key.id, events, now)?;
        address.map_or(Ok(()), |address| self.addresses.take(subscriber(address), events, now))
    }
}

#[derive(Debug)]
struct Buckets<K: std::hash::Hash + Eq> {
    events_per_s: i64,
    capacity: i64,
    /// The least recently used are forgotten, which forgives them: memory is bounded, and an attacker with that many
    /// addresses has no use for being forgiven.
    levels: Mutex<LruCache<K, Level>>,
}

/// Thousandths of events, so that a millisecond counts.
#[derive(Debug, Clone, Copy)]
struct Level {
    milli_events: i64,
    at: UnixMillis,
}

impl<K: std::hash::Hash + Eq> Buckets<K> {
    fn new(events_per_s: u32, capacity_events: usize) -> Self {
        let events_per_s = i64::from(events_per_s.max(1));
        let capacity = i64::try_from(capacity_events).unwrap_or(i64::MAX / 1_000).max(events_per_s);
        Self { events_per_s, capacity: capacity.saturating_mul(1_000), levels: Mutex::new(LruCache::new(SENDERS)) }
    }

    fn take(&self, sender: K, events: usize, now: UnixMillis) -> Result<(), Refusal> {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let level = levels.get_or_insert_mut(sender, || Level { milli_events: self.capacity, at: now });
        let passed_ms = now.0.saturating_sub(level.at.0).max(0);
        level.milli_events =
            level.milli_events.saturating_add(passed_ms.saturating_mul(self.events_per_s)).min(self.capacity);
        level.at = now;
        if level.milli_events <= 0 {
            let debt_s = (1 - level.milli_events) / (self.events_per_s * 1_000);
            return Err(Refusal::RateLimited { retry_after_s: u32::try_from(debt_s + 1).unwrap_or(u32::MAX) });
        }
        let events = i64::try_from(events.max(1)).unwrap_or(i64::MAX);
        level.milli_events = level.milli_events.saturating_sub(events.saturating_mul(1_000));
        Ok(())
    }
}

/// A subscriber holds an IPv4 address, or a /64 of IPv6 and every address in it.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Senders whose buckets are remembered: a few MB.
const SENDERS: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_lets_a_whole_batch_in_and_then_asks_to_wait_for_what_it_owes() {
        let buckets = Buckets::new(500, 2_500);
        assert!(buckets.take(1, 2_500, UnixMillis(0)).is_ok());
        assert!(matches!(buckets.take(1, 1, UnixMillis(0)), Err(Refusal::RateLimited { retry_after_s: 1 })));
        assert!(buckets.take(1, 2_500, UnixMillis(10)).is_ok());
        assert!(matches!(buckets.take(1, 1, UnixMillis(10)), Err(Refusal::RateLimited { retry_after_s: 5 })));
        assert!(buckets.take(1, 1, UnixMillis(5_100)).is_ok());
    }

    #[test]
    fn senders_do_not_pay_for_each_other() {
        let buckets = Buckets::new(1, 1);
        assert!(buckets.take(1, 100, UnixMillis(0)).is_ok());
        assert!(buckets.take(2, 1, UnixMillis(0)).is_ok());
    }

    #[test]
    fn a_clock_that_jumps_back_takes_nothing_away() {
        let buckets = Buckets::new(10, 10);
        assert!(buckets.take(1, 1, UnixMillis(1_000_000)).is_ok());
        assert!(buckets.take(1, 1, UnixMillis(0)).is_ok());
    }

    #[test]
    fn a_subscriber_of_ipv6_is_a_network() {
        let of = |text: &str| subscriber(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
