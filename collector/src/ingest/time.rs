//! When an event happened: reads the times that clients write, and corrects them for a clock that is wrong.

use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, temporal::DateTimeParser};
use jiff::tz::TimeZone;
use selvedge_core::json::{self, Kind};

use crate::event::UnixMillis;

/// The times that an event states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) original_timestamp: Option<UnixMillis>,
    pub(super) timestamp: Option<UnixMillis>,
    /// The moment of this attempt, by the same clock.
    pub(super) sent_at: Option<UnixMillis>,
}

/// The time that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corrected {
    pub(super) time: UnixMillis,
    /// It was moved by more than the noise of a request because nobody may state such a time.
    pub(super) clamped: bool,
}

impl Stated {
    /// The event's time by the collector's clock (protocol.md, section 1).
    ///
    /// With `sent_at`, what the client's clock is ahead of ours is taken off; a difference that the way of the request
    /// explains is none. Never after `received_at`, never before `earliest`.
    pub(super) fn correct(self, received_at: UnixMillis, earliest: UnixMillis) -> Corrected {
        let stated = match self.sent_at {
            Some(sent_at) => self.original_timestamp.or(self.timestamp).map(|original| {
                let behind_ms = received_at.0.saturating_sub(sent_at.0);
                let correction_ms = if behind_ms.saturating_abs() > NOISE_MS { behind_ms } else { 0 };
                original.0.saturating_add(correction_ms)
            }),
            None => self.timestamp.or(self.original_timestamp).map(|time| time.0),
        };
        let stated = stated.unwrap_or(received_at.0);
        let time = stated.min(received_at.0).max(earliest.0);
        Corrected { time: UnixMillis(time), clamped: time.saturating_sub(stated).saturating_abs() > NOISE_MS }
    }
}

/// The time that a JSON value states: RFC 3339 and what comes near it, or a number since 1970.
pub(super) fn read(value: &[u8]) -> Option<UnixMillis> {
    match json::kind(value)? {
        Kind::String => parse(&json::string(value)?),
        Kind::Number => since_1970(core::str::from_utf8(value).ok()?.trim()),
        Kind::Object | Kind::Array | Kind::Bool | Kind::Null => None,
    }
}

/// The time that a text states: RFC 3339, without a zone (UTC), a date alone, RFC 2822, or a number since 1970.
pub fn parse(text: &str) -> Option<UnixMillis> {
    let text = text.trim();
    // Go and Ruby write ` UTC` after, or in place of, the offset.
    let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
    if let Ok(timestamp) = PARSER.parse_timestamp(text) {
        return Some(UnixMillis(timestamp.as_millisecond()));
    }
    if text.len() > LONGEST_DATE_IN_DIGITS
        && let Some(time) = since_1970(text)
    {
        return Some(time);
    }
    let in_utc = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok();
    let timestamp = match PARSER.parse_datetime(text) {
        Ok(time) => in_utc(time)?,
        Err(_) => match text.rsplit_once(' ').map(|(time, offset)| PARSER.parse_timestamp(format!("{time}{offset}"))) {
            Some(Ok(timestamp)) => timestamp,
            _ => rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?,
        },
    };
    Some(UnixMillis(timestamp.as_millisecond()))
}

/// A number since 1970 in s, ms, us or ns: the unit that brings it nearest to our days.
fn since_1970(number: &str) -> Option<UnixMillis> {
    let number: f64 = number.parse().ok()?;
    let millis = match number.abs() {
        size if size < 1e11 => number * 1e3,
        size if size < 1e14 => number,
        size if size < 1e17 => number / 1e3,
        size if size < 1e20 => number / 1e6,
        _ => return None,
    };
    // In range by the cases above.
    Some(UnixMillis(millis as i64))
}

static PARSER: DateTimeParser = DateTimeParser::new();

/// protocol.md, section 1: below it, the difference of two clocks is the way of the request.
const NOISE_MS: i64 = 2_000;

/// `20260131` is a day, not a second of 1970.
const LONGEST_DATE_IN_DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_clients_write_are_read() {
        let noon = 1_767_268_800_000;
        for (text, millis) in [
            ("2026-01-01T12:00:00Z", noon),
            ("2026-01-01T12:00:00.123Z", noon + 123),
            ("2026-01-01T12:00:00.123456789Z", noon + 123),
            ("2026-01-01t12:00:00z", noon),
            ("2026-01-01 12:00:00Z", noon),
            ("2026-01-01T14:00:00+02:00", noon),
            ("2026-01-01T14:00:00+0200", noon),
            ("2026-01-01T12:00:00.000000", noon),
            ("2026-01-01 12:00:00", noon),
            ("2026-01-01T12:00Z", noon),
            ("2026-01-01 12:00:00 UTC", noon),
            ("2026-01-01 12:00:00 +0000 UTC", noon),
            ("2026-01-01 14:00:00 +0200", noon),
            ("Thu, 01 Jan 2026 12:00:00 GMT", noon),
            ("2026-01-01", noon - 43_200_000),
            ("20260101", noon - 43_200_000),
            ("1767268800", noon),
            ("1767268800123", noon + 123),
            (" 2026-01-01T12:00:00Z ", noon),
        ] {
            assert_eq!(parse(text), Some(UnixMillis(millis)), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_in_the_unit_that_makes_sense() {
        for text in ["1767268800", "1767268800.0", "1767268800000", "1767268800000000", "1767268800000000000"] {
            assert_eq!(read(text.as_bytes()), Some(UnixMillis(1_767_268_800_000)), "{text}");
        }
        assert_eq!(read(b"1767268800.5"), Some(UnixMillis(1_767_268_800_500)));
    }

    #[test]
    fn what_states_no_time_is_none() {
        for value in ["null", "true", "{}", "[1]", r#""soon""#, r#""""#, "1e300", r#""2026-13-01T00:00:00Z""#] {
            assert_eq!(read(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn a_clock_that_is_an_hour_ahead_is_set_right() {
        let stated = Stated { timestamp: at(3_600_000), sent_at: at(3_605_000), ..Stated::default() };
        assert_eq!(correct(stated, 10_000), Corrected { time: UnixMillis(5_000), clamped: false });
    }

    #[test]
    fn a_clock_that_is_years_behind_is_set_right() {
        let stated = Stated { timestamp: at(-1_000_000_000_000), sent_at: at(-999_999_999_000), ..Stated::default() };
        assert_eq!(correct(stated, 10_000).time, UnixMillis(9_000));
    }

    #[test]
    fn the_way_of_a_request_is_no_wrong_clock() {
        let stated = Stated { timestamp: at(5_000), sent_at: at(8_000), ..Stated::default() };
        assert_eq!(correct(stated, 10_000).time, UnixMillis(5_000));
        assert_eq!(correct(stated, 10_001).time, UnixMillis(7_001));
    }

    #[test]
    fn with_sent_at_the_original_timestamp_counts_and_without_it_the_timestamp() {
        let both = Stated { original_timestamp: at(1_000), timestamp: at(2_000), sent_at: at(10_000) };
        assert_eq!(correct(both, 10_000).time, UnixMillis(1_000));
        assert_eq!(correct(Stated { sent_at: None, ..both }, 10_000).time, UnixMillis(2_000));
    }

    #[test]
    fn an_event_that_states_nothing_happened_when_it_was_received() {
        assert_eq!(correct(Stated::default(), 10_000), Corrected { time: UnixMillis(10_000), clamped: false });
        assert_eq!(correct(Stated { sent_at: at(5), ..Stated::default() }, 10_000).time, UnixMillis(10_000));
    }

    #[test]
    fn nothing_happens_after_it_was_received() {
        let ahead = Stated { timestamp: at(99_000), ..Stated::default() };
        assert_eq!(correct(ahead, 10_000), Corrected { time: UnixMillis(10_000), clamped: true });
        let within_noise = Stated { timestamp: at(11_000), ..Stated::default() };
        assert_eq!(correct(within_noise, 10_000), Corrected { time: UnixMillis(10_000), clamped: false });
    }

    #[test]
    fn nothing_is_dated_further_back_than_allowed() {
        let stated = Stated { timestamp: at(-50_000), ..Stated::default() };
        let corrected = stated.correct(UnixMillis(10_000), UnixMillis(-20_000));
        assert_eq!(corrected, Corrected { time: UnixMillis(-20_000), clamped: true });
    }

    #[test]
    fn absurd_clocks_do_not_overflow() {
        let stated = Stated { timestamp: at(i64::MAX), sent_at: at(i64::MIN), original_timestamp: None };
        assert_eq!(correct(stated, 10_000).time, UnixMillis(10_000));
        let stated = Stated { timestamp: at(i64::MIN), sent_at: at(i64::MAX), original_timestamp: None };
        assert_eq!(correct(stated, 10_000).time, UnixMillis(i64::MIN));
    }

    fn at(millis: i64) -> Option<UnixMillis> {
        Some(UnixMillis(millis))
    }

    fn correct(stated: Stated, received_at: i64) -> Corrected {
        stated.correct(UnixMillis(received_at), UnixMillis(i64::MIN))
    }
}
