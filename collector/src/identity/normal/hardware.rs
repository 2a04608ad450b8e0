//! Numbers that are built into a device: IMEI in digits, MAC in twelve lower-case hex digits. Says nothing of a value
//! that has another length or other signs.

use unicode_normalization::UnicodeNormalization;

use super::phone::is_separator;

/// The digits of an IMEI: fourteen, with the check digit fifteen, with a software version sixteen (3GPP TS 23.003,
/// section 6.2). None of other values, such as the two of a telephone for two cards.
pub(super) fn imei(value: &str) -> Option<String> {
    let digits: String = value.nfkc().filter(|c| !is_separator(*c)).collect();
    let is_imei = (14..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_imei.then_some(digits)
}

/// The hex digits of a MAC address, in lower case and without what stands between them.
pub(super) fn mac(value: &str) -> Option<String> {
    let digits: String = value.nfkc().filter(|c| !is_separator(*c) && *c != ':').collect();
    let is_mac = digits.len() == MAC_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_mac.then(|| digits.to_ascii_lowercase())
}

/// A MAC address in pairs with colons between them. Of what has an odd length, the last digit is lost.
pub(super) fn with_colons(mac: &str) -> String {
    let (pairs, _) = mac.as_bytes().as_chunks::<2>();
    let pairs: Vec<_> = pairs.iter().map(|pair| String::from_utf8_lossy(pair)).collect();
    pairs.join(":")
}

/// EUI-48 of IEEE 802: six bytes.
const MAC_DIGITS: usize = 12;
