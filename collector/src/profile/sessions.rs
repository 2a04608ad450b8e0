//! The visits of a profile: runs of its events without a long pause.

use serde::Serialize;

use super::read::rfc3339;
use crate::event::UnixMillis;

/// One visit. Follows from the times of the events that a profile owns, in whatever order they arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The time of its first event.
    #[serde(serialize_with = "moment")]
    pub start: UnixMillis,
    /// The time of its last event.
    #[serde(serialize_with = "moment")]
    pub end: UnixMillis,
    /// Its events.
    pub event_count: u64,
}

/// Gathers sessions out of events, the newest event first.
#[derive(Debug)]
pub struct Sessions {
    gap_ms: i64,
    limit: usize,
    found: Vec<Session>,
}

impl Sessions {
    /// At most so many; a pause longer than the gap (in ms) ends one.
    pub fn new(gap_ms: i64, limit: usize) -> Self {
        Self { gap_ms, limit, found: Vec::new() }
    }

    /// Takes the next older event. False when that begins one more than were asked for.
    pub fn take(&mut self, time: UnixMillis) -> bool {
        let is_full = self.found.len() == self.limit;
        match self.found.last_mut() {
            Some(session) if session.start.0.saturating_sub(time.0) <= self.gap_ms => {
                session.start = time;
                session.event_count += 1;
            }
            _ if is_full => return false,
            _ => self.found.push(Session { start: time, end: time, event_count: 1 }),
        }
        true
    }

    /// Newest first.
    pub fn into_sessions(self) -> Vec<Session> {
        self.found
    }
}

fn moment<S: serde::Serializer>(time: &UnixMillis, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339(&Some(*time), serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_longer_than_the_gap_ends_a_session_and_one_as_long_does_not() {
        let mut sessions = Sessions::new(30, 9);
        for time in [200, 170, 140, 109] {
            assert!(sessions.take(UnixMillis(time)));
        }
        let session = |start, end, event_count| Session { start: UnixMillis(start), end: UnixMillis(end), event_count };
        assert_eq!(sessions.into_sessions(), [session(140, 200, 3), session(109, 109, 1)]);
    }

    #[test]
    fn no_more_are_begun_than_were_asked_for_and_the_last_is_whole() {
        let mut sessions = Sessions::new(30, 1);
        assert!(sessions.take(UnixMillis(100)) && sessions.take(UnixMillis(100)) && sessions.take(UnixMillis(80)));
        assert!(!sessions.take(UnixMillis(20)));
        assert_eq!(sessions.into_sessions()[0].event_count, 3);
    }
}
