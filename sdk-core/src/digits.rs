//! Numbers, dates and UUIDs as text, written digit by digit: `core::fmt` alone would weigh kilobytes in the Wasm.

use crate::moment::{Chance, GOLDEN, mix};

/// Appends `number` in decimal.
pub fn push_decimal(out: &mut String, number: u64) {
    if number >= 10 {
        push_decimal(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// Appends the last `digits` digits of `number` in decimal, with leading zeros.
fn push_padded(out: &mut String, number: u64, digits: u32) {
    if digits > 1 {
        push_padded(out, number / 10, digits - 1);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// Appends the last `digits` digits of `number` in lower hexadecimal, with leading zeros.
pub(crate) fn push_hex(out: &mut String, number: u64, digits: u32) {
    if digits > 1 {
        push_hex(out, number >> 4, digits - 1);
    }
    let digit = (number & 15) as u8;
    out.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
}

/// Appends a moment as RFC 3339 in UTC with milliseconds: `2026-01-31T23:59:59.999Z`. Years 0 to 9999; what lies
/// outside is pulled to the nearest end.
pub(crate) fn push_date(out: &mut String, unix_ms: i64) {
    let since_year_0 = unix_ms.clamp(-MS_BEFORE_1970, MS_TO_YEAR_10000 - 1) + MS_BEFORE_1970;
    let (days, ms) = (since_year_0 as u64 / MS_PER_DAY, since_year_0 as u64 % MS_PER_DAY);
    let (year, month, day) = civil(days);
    push_padded(out, year, 4);
    out.push('-');
    push_padded(out, month, 2);
    out.push('-');
    push_padded(out, day, 2);
    out.push('T');
    push_padded(out, ms / 3_600_000, 2);
    out.push(':');
    push_padded(out, ms / 60_000 % 60, 2);
    out.push(':');
    push_padded(out, ms / 1_000 % 60, 2);
    out.push('.');
    push_padded(out, ms % 1_000, 3);
    out.push('Z');
}

/// Year, month, day of a count of days since 0000-03-01, as Howard Hinnant's `civil_from_days` reckons it: years
/// begin in March, so that the leap day is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A random UUID, version 4.
pub(crate) fn random_uuid(chance: &mut Chance) -> String {
    uuid(chance.draw() & !0xf000 | 0x4000, chance.draw())
}

/// A UUID, version 7 (RFC 9562): the time, a sequence number of 12 bits for what falls into one ms, then chance.
pub(crate) fn timed_uuid(unix_ms: i64, sequence: u64, chance: u64) -> String {
    uuid((unix_ms.max(0) as u64) << 16 | 0x7000 | sequence & 0xfff, chance)
}

/// The time in a [`timed_uuid`], in ms since 1970.
pub(crate) fn uuid_unix_ms(uuid: &str) -> Option<i64> {
    let mut time = 0;
    for digits in [uuid.get(..8)?, uuid.get(9..13)?] {
        for byte in digits.bytes() {
            time = time << 4 | i64::from(char::from(byte).to_digit(16)?);
        }
    }
    Some(time)
}

fn uuid(high: u64, low: u64) -> String {
    let mut text = String::with_capacity(36);
    push_hex(&mut text, high >> 32, 8);
    text.push('-');
    push_hex(&mut text, high >> 16, 4);
    text.push('-');
    push_hex(&mut text, high, 4);
    text.push('-');
    push_hex(&mut text, low >> 48 & 0x3fff | 0x8000, 4);
    text.push('-');
    push_hex(&mut text, low, 12);
    text
}

/// 64 bits that depend on every byte of `text`: FNV-1a, then mixed. Not for secrets.
pub(crate) fn digest(text: &str) -> u64 {
    mix(text.bytes().fold(GOLDEN, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

const MS_PER_DAY: u64 = 86_400_000;
/// Days in 400 years, after which the calendar repeats.
const DAYS_PER_ERA: u64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const MS_BEFORE_1970: i64 = 719_468 * MS_PER_DAY as i64;
/// From 1970-01-01 to 10000-01-01.
const MS_TO_YEAR_10000: i64 = 253_402_300_800_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0000-03-01T00:00:00.000Z"),
        ] {
            let mut out = String::new();
            push_date(&mut out, unix_ms);
            assert_eq!(out, text, "{unix_ms}");
        }
    }

    #[test]
    fn a_timed_uuid_has_the_shape_of_version_7_and_tells_its_time() {
        let id = timed_uuid(1_767_225_600_123, 5, u64::MAX);
        assert_eq!(id, "019b76da-a87b-7005-bfff-ffffffffffff");
        assert_eq!(uuid_unix_ms(&id), Some(1_767_225_600_123));
    }

    #[test]
    fn timed_uuids_of_one_ms_rise_with_their_sequence() {
        assert!(timed_uuid(1, 1, u64::MAX) < timed_uuid(1, 2, 0));
        assert!(timed_uuid(1, 0xfff, u64::MAX) < timed_uuid(2, 0, 0));
    }

    #[test]
    fn numbers_are_written_as_core_would() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            let (mut decimal, mut hex) = (String::new(), String::new());
            push_decimal(&mut decimal, number);
            push_hex(&mut hex, number, 16);
            assert_eq!((decimal, hex), (format!("{number}"), format!("{number:016x}")));
        }
    }
}
