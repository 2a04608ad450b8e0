//! Which visit an event belongs to. Rotates after half an hour of silence; knows no user.

use crate::digits::push_hex;
use crate::moment::Chance;

/// The current visit, shared by all tabs of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// 16 hex digits.
    pub(crate) id: String,
    /// The latest call in it, ms since 1970.
    pub(crate) active_unix_ms: i64,
}

impl Session {
    pub(crate) fn begin(unix_ms: i64, chance: &mut Chance) -> Self {
        let mut id = String::with_capacity(16);
        push_hex(&mut id, chance.draw(), 16);
        Self { id, active_unix_ms: unix_ms }
    }

    /// Takes note of a call made now; begins another session after [`IDLE_MS`] of silence. A clock that jumps by
    /// more than that, either way, is taken for silence: it must not freeze a session for years.
    pub(crate) fn touch(&mut self, unix_ms: i64, chance: &mut Chance) {
        if self.covers(unix_ms) {
            self.active_unix_ms = self.active_unix_ms.max(unix_ms);
        } else {
            *self = Self::begin(unix_ms, chance);
        }
    }

    /// Whether a call at that time belongs to this session.
    pub(crate) fn covers(&self, unix_ms: i64) -> bool {
        self.active_unix_ms.abs_diff(unix_ms) <= IDLE_MS
    }
}

/// The customary end of a visit (Google Analytics, Segment and Matomo count alike).
pub(crate) const IDLE_MS: u64 = 30 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;

    #[test]
    fn half_an_hour_of_silence_ends_a_session_and_not_a_ms_less() {
        let (mut session, mut chance) = begun_at(0);
        let first = session.id.clone();
        session.touch(IDLE_MS as i64, &mut chance);
        assert_eq!(session.id, first);
        session.touch(2 * IDLE_MS as i64 + 1, &mut chance);
        assert_ne!(session.id, first);
    }

    #[test]
    fn steady_calls_keep_a_session_for_hours() {
        let (mut session, mut chance) = begun_at(0);
        let first = session.id.clone();
        for minute in 0..600 {
            session.touch(minute * 60_000, &mut chance);
        }
        assert_eq!(session.id, first);
    }

    #[test]
    fn a_clock_set_back_by_years_begins_another_session() {
        let (mut session, mut chance) = begun_at(1_767_225_600_000);
        let first = session.id.clone();
        session.touch(0, &mut chance);
        assert_ne!(session.id, first);
        assert_eq!(session.active_unix_ms, 0);
    }

    fn begun_at(unix_ms: i64) -> (Session, Chance) {
        let mut chance = Chance::of(&Moment { unix_ms, monotonic_ms: 0, entropy: [1; 32] });
        (Session::begin(unix_ms, &mut chance), chance)
    }
}
