//! Mail addresses: Unicode NFKC, trimmed, lower case, the domain as IDNA writes it. No folding of dots or pluses: which
//! of them a host ignores is its secret.

use unicode_normalization::UnicodeNormalization;

/// The normal form of a mail address.
pub(super) fn normal(value: &str) -> String {
    let lower = value.nfkc().collect::<String>().to_lowercase();
    // Lower case can undo a composition (U+0130), and IDNA maps again: the form must be its own normal form.
    let text: String = lower.nfkc().collect();
    let text = text.trim();
    let Some((local, domain)) = text.rsplit_once('@') else { return text.to_owned() };
    match idna::domain_to_ascii(domain) {
        Ok(ascii) => format!("{local}@{ascii}"),
        Err(_) => text.to_owned(),
    }
}
