//! Telephone numbers in E.164: a plus, the country code, the national number, 15 digits at most.

use unicode_normalization::UnicodeNormalization;

use super::{Blocked, Region};

/// The normal form of a telephone number. National forms are the default region's, or ambiguous without one.
pub(super) fn normal(value: &str, default_region: Option<Region>) -> Result<String, Blocked> {
    let written: String = value.nfkc().filter(|c| !is_separator(*c)).collect();
    let (international, digits) = match written.strip_prefix('+') {
        Some(digits) => (true, digits),
        None => (false, written.as_str()),
    };
    let digits = digits.replace("(0)", "").replace(['(', ')'], "");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Blocked::NamesNobody);
    }
    let number =
        if international { digits } else { default_region.ok_or(Blocked::AmbiguousPhone)?.international(&digits) };
    // No country code begins with 0; ITU-T E.164 ends at 15 digits, and nobody is called by fewer than 7.
    if number.starts_with('0') || !(7..=15).contains(&number.len()) {
        return Err(Blocked::NamesNobody);
    }
    Ok(format!("+{number}"))
}

/// What people and address books write between digits.
pub(super) fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}')
}
