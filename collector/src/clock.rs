//! The time of day and chance: the only two things that the collector takes from the world unasked. Everything
//! else gets them as values, so that a test can choose them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::event::UnixMillis;

/// Where the time comes from. Cheap to clone; clones of one set clock move together.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands where it was set: for tests.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until it is moved.
    pub fn set_to(now: UnixMillis) -> Self {
        Self::Set(Arc::new(AtomicI64::new(now.0)))
    }

    /// The time of day. A machine that believes itself before 1970 is taken to be at 1970.
    #[allow(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn now(&self) -> UnixMillis {
        match self {
            Self::System => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                UnixMillis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Set(at) => UnixMillis(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a set clock by `by_ms`; the machine's clock stays as it is.
    pub fn advance(&self, by_ms: i64) {
        if let Self::Set(at) = self {
            at.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}

/// Chance, from the operating system.
#[derive(Debug, Clone, Copy)]
pub struct Chance;

impl Chance {
    /// Bytes that nobody can guess: good enough for keys.
    pub fn bytes<const N: usize>() -> Result<[u8; N], NoChance> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(NoChance)?;
        Ok(bytes)
    }
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoChance(#[source] getrandom::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_clock_stands_until_it_is_moved() {
        let clock = Clock::set_to(UnixMillis(1_000));
        let same = clock.clone();
        assert_eq!(clock.now(), UnixMillis(1_000));
        clock.advance(500);
        assert_eq!(same.now(), UnixMillis(1_500));
    }

    #[test]
    fn chance_does_not_repeat_itself() {
        let (one, other): ([u8; 16], [u8; 16]) = (Chance::bytes().unwrap(), Chance::bytes().unwrap());
        assert_ne!(one, other);
    }
}
