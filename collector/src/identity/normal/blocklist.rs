//! What a workspace says names nobody: values, patterns, and the digests of the values. Knows nothing of what names
//! nobody anywhere (`selvedge_core::identifier::is_blocked`).
//!
//! A pattern is the whole value with `*` for any run of characters; there is no other sign. Digests of what a pattern
//! fits are not known: who hashes it has to be blocked by the value.

use std::collections::HashSet;

use selvedge_core::identifier::{Identifier, Kind};

use super::digest::{Algorithm, Digest, forms};
use super::identifier;
use super::veil::Veil;
use crate::identity::Rules;

/// Values and patterns that name nobody in a workspace, compared trimmed, without quotes and whatever their case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blocklist {
    values: Vec<Box<str>>,
    patterns: Vec<Box<str>>,
    digests: HashSet<Digest>,
    /// The values as names of the kinds that may be said by digests: one that is written in another way is blocked as its
    /// digests are.
    named: HashSet<Identifier>,
    /// The values and their digests as a ledger has them that keeps no clear ones.
    veiled: HashSet<Identifier>,
}

impl Blocklist {
    /// These values and patterns. What is given twice stands once; `rules` say how the values are written and hashed.
    ///
    /// # Errors
    /// When a pattern would block everything.
    pub fn new(values: &[String], patterns: &[String], rules: &Rules) -> Result<Self, NotAPattern> {
        if let Some(all) = patterns.iter().find(|pattern| bare(pattern).chars().all(|sign| sign == '*')) {
            return Err(NotAPattern { pattern: all.as_str().into() });
        }
        let values = distinct(values);
        let digests = values.iter().flat_map(|value| digests_of(value, rules)).collect();
        let named = values.iter().flat_map(|value| named_by(value, rules)).collect();
        Ok(Self { values, patterns: distinct(patterns), digests, named, veiled: HashSet::new() })
    }

    /// The same, for a ledger that keeps no clear values: there, the values and their digests are known by what stands
    /// for them. What a pattern fits is not.
    #[must_use]
    pub fn under(mut self, veil: &Veil, rules: &Rules) -> Self {
        let all_named = Rules { blocked: Self::default(), ..rules.clone() };
        for value in &self.values {
            // Who writes it between quotes says no other name.
            let quoted = QUOTES.map(|quote| format!("{quote}{value}{quote}"));
            for written in quoted.iter().map(String::as_str).chain([&**value]) {
                self.veiled.extend(named_by(written, &all_named).map(|named| veil.stand_in(&named)));
            }
        }
        for kind in HASHABLE {
            let digests = self.digests.iter().map(|digest| veil.digest(&kind, digest));
            self.veiled.extend(digests.map(|digest| Identifier::new(kind.clone(), digest.to_string())));
        }
        self
    }

    /// The patterns alone.
    #[must_use]
    pub fn without_values(&self) -> Self {
        Self { patterns: self.patterns.clone(), ..Self::default() }
    }

    /// The values, without quotes and in lower case, in order.
    pub fn values(&self) -> &[Box<str>] {
        &self.values
    }

    /// The patterns, without quotes and in lower case, in order.
    pub fn patterns(&self) -> &[Box<str>] {
        &self.patterns
    }

    /// Whether a value names nobody here.
    pub fn has(&self, value: &str) -> bool {
        if self.values.is_empty() && self.patterns.is_empty() {
            return false;
        }
        let value = bare(value);
        self.values.iter().any(|blocked| **blocked == *value)
            || self.patterns.iter().any(|pattern| fits(pattern, &value))
    }

    /// Whether it is the normal form of a value that names nobody here, however that is written.
    pub fn has_named(&self, identifier: &Identifier) -> bool {
        self.named.contains(identifier)
    }

    /// Whether it is what stands for a value that names nobody here, or for a digest of one.
    pub fn has_veiled(&self, identifier: &Identifier) -> bool {
        self.veiled.contains(identifier) || self.values.iter().any(|blocked| **blocked == *identifier.value)
    }

    /// Whether it is the digest of a value that names nobody here.
    pub fn has_digest(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }
}

/// The pattern fits every value: nobody could be named any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern \"{pattern}\" blocks everything: write what the values have in common, such as \"test-*\"")]
pub struct NotAPattern {
    /// As it was given.
    pub pattern: Box<str>,
}

fn distinct(texts: &[String]) -> Vec<Box<str>> {
    let mut seen: Vec<Box<str>> = texts.iter().map(|text| bare(text).into()).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

fn bare(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || QUOTES.contains(&c)).to_lowercase()
}

/// The names that a value is, of the kinds whose values may be said by digests.
fn named_by(value: &str, rules: &Rules) -> impl Iterator<Item = Identifier> {
    HASHABLE.into_iter().filter_map(|kind| identifier(kind, value, rules).ok())
}

/// Every digest by which a value may be said: in lower case, in capitals, with a capital, and in the forms of each kind.
fn digests_of(value: &str, rules: &Rules) -> Vec<Digest> {
    let capitalised = value.chars().take(1).flat_map(char::to_uppercase).chain(value.chars().skip(1)).collect();
    let mut written = vec![value.to_owned(), value.to_uppercase(), capitalised];
    written.extend(named_by(value, rules).flat_map(|named| forms(&named, rules)));
    written.iter().flat_map(|form| Algorithm::ALL.map(|algorithm| Digest::of(algorithm, form))).collect()
}

/// Whether a pattern fits the whole of a value. The parts between stars are sought from the left, each at its first
/// place: if any choice of places fits, this one does.
fn fits(pattern: &str, value: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == value };
    let (middle, tail) = rest.rsplit_once('*').map_or((None, rest), |(middle, tail)| (Some(middle), tail));
    let Some(mut left) = value.strip_prefix(head).and_then(|left| left.strip_suffix(tail)) else { return false };
    for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
        match left.split_once(part) {
            Some((_, behind)) => left = behind,
            None => return false,
        }
    }
    true
}

/// What programs put around a value by mistake.
const QUOTES: [char; 3] = ['"', '\'', '`'];
/// The kinds whose values may be said by digests.
const HASHABLE: [Kind; 7] = [Kind::EMAIL, Kind::PHONE, Kind::IMEI, Kind::MAC, Kind::IDFA, Kind::GAID, Kind::OAID];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_blocked_whatever_its_case_its_quotes_and_the_spaces_around_it() {
        let blocked = list(&["Kiosk-1", "tester@example.com"], &[]);
        for value in ["kiosk-1", " KIOSK-1 ", "\"Kiosk-1\"", "Tester@Example.com"] {
            assert!(blocked.has(value), "{value}");
        }
        assert!(!blocked.has("kiosk-11") && !blocked.has("kiosk"));
    }

    #[test]
    fn a_value_that_is_written_in_another_way_is_blocked_as_its_digests_are() {
        let rules = Rules { blocked: list(&["+49 30 123456", "AA:BB:CC:DD:EE:FF"], &[]), ..Rules::default() };
        for (kind, written) in [
            (Kind::PHONE, "+4930123456"),
            (Kind::PHONE, "0049 30 123456"),
            (Kind::MAC, "aabbccddeeff"),
            (Kind::MAC, "AA-BB-CC-DD-EE-FF"),
        ] {
            assert!(identifier(kind, written, &rules).is_err(), "{written}");
        }
        assert!(identifier(Kind::PHONE, "+4930123457", &rules).is_ok());
    }

    #[test]
    fn a_pattern_fits_the_whole_value_and_a_star_any_run_of_characters() {
        for (pattern, fitting, other) in [
            ("test-*", "test-1", "a-test-1"),
            ("*@example.test", "x@example.test", "x@example.test.com"),
            ("a*b*c", "axxbyybzzc", "axxc"),
            ("a*a", "aa", "a"),
            ("qa*", "QA", "q"),
            ("*bot*", "a robot arm", "a rob ot"),
            ("plain", "PLAIN", "plainer"),
            ("ä*", "Äpfel", "apfel"),
            ("a.c", "a.c", "abc"),
        ] {
            let blocked = list(&[], &[pattern]);
            assert!(blocked.has(fitting), "{pattern} {fitting}");
            assert!(!blocked.has(other), "{pattern} {other}");
        }
    }

    #[test]
    fn a_pattern_that_fits_everything_is_refused() {
        for pattern in ["*", "", " ** ", "\"*\""] {
            let refused = Blocklist::new(&[], &[pattern.to_owned()], &Rules::default());
            assert!(matches!(refused, Err(NotAPattern { .. })), "{pattern}");
        }
    }

    #[test]
    fn the_digest_of_a_blocked_value_is_blocked_in_the_form_in_which_senders_hash_it() {
        let blocked = list(&["Shop@Example.com", "+49 30 123456"], &[]);
        for form in ["shop@example.com", "SHOP@EXAMPLE.COM", "+4930123456", "4930123456"] {
            assert!(blocked.has_digest(&Digest::of(Algorithm::Sha256, form)), "{form}");
        }
        assert!(!blocked.has_digest(&Digest::of(Algorithm::Sha256, "else@example.com")));
    }

    #[test]
    fn the_order_in_which_they_are_given_makes_no_other_list() {
        assert_eq!(list(&["b", "A", "a"], &["y*", "x*"]), list(&["a", "A", "b"], &["X*", "y*"]));
    }

    fn list(values: &[&str], patterns: &[&str]) -> Blocklist {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Blocklist::new(&owned(values), &owned(patterns), &Rules::default()).unwrap()
    }
}
