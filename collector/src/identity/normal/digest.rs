//! Digests of identifiers: how they are read, and which ones a clear value has. Knows no ledger: which clear value a
//! digest belongs to, or whether two share it, is decided where all values are known.
//!
//! What identity.md leaves open is decided here, once:
//!
//! - Without an encoding, `sha256.HEX`, `sha1.HEX` and `md5.HEX` are digests, and so is bare hex of the right length
//!   where it could be no clear value: for every hashable kind but `oaid` (some makers give 32 or 64 hex digits), and of
//!   `idfa` and `gaid` with 40 and 64 digits only (32 are a UUID without its dashes).
//! - A national number is written with the prefix that its region dials between towns, and without.
//! - The digests of blocked values are those of the words as they are and in capitals, bare and in quotes, and of the
//!   runs of zeros that stand for identifiers. Words made of zeros, dashes and spaces are endless; those are the customary.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use md5::Md5;
use selvedge_core::identifier::{BLOCKED_WORDS, Identifier, Kind};
use sha1::Sha1;
use sha2::Sha256;

use super::{Blocked, Writing, hardware, is_veiled};
use crate::identity::Rules;

/// How a value was hashed. The order is that of canonical values: where nobody said the clear one, SHA-256 goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the algorithms' own names")]
pub enum Algorithm {
    Sha256,
    Sha1,
    Md5,
}

impl Algorithm {
    /// In the order of canonical values.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha1, Self::Md5];

    /// Its name in canonical values and in the `encoding` of external ids.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
            Self::Md5 => "md5",
        }
    }

    /// The algorithm of that name, in any case and however it is divided: `SHA-256` is `sha256`.
    pub fn parse(name: &str) -> Option<Self> {
        let plain = name.trim().replace(['-', '_'], "");
        Self::ALL.into_iter().find(|algorithm| plain.eq_ignore_ascii_case(algorithm.as_str()))
    }

    fn hex_digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha1 => 40,
            Self::Md5 => 32,
        }
    }

    fn hex_of(self, text: &str) -> Box<str> {
        match self {
            Self::Sha256 => hex::<Sha256>(text),
            Self::Sha1 => hex::<Sha1>(text),
            Self::Md5 => hex::<Md5>(text),
        }
    }
}

/// A value that its sender hashed. Printed, it is the canonical value of an identifier that nobody said in clear:
/// `sha256.HEX` in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// By which algorithm.
    pub algorithm: Algorithm,
    /// All its digits, in lower case.
    pub hex: Box<str>,
}

impl Digest {
    /// The digest of a text by an algorithm.
    pub fn of(algorithm: Algorithm, text: &str) -> Self {
        Self { algorithm, hex: algorithm.hex_of(text) }
    }

    /// The identifier of this kind that only its digest is known of; what hashes a value that names nobody is none.
    pub(super) fn identifier(&self, kind: Kind) -> Result<Identifier, Blocked> {
        if DIGESTS_OF_BLOCKED_VALUES.contains(self) {
            return Err(Blocked::NamesNobody);
        }
        Ok(Identifier::new(kind, self.to_string()))
    }

    /// The digest that a text is, printed as the canonical value of an identifier.
    pub fn printed(text: &str) -> Option<Self> {
        let (name, hex) = text.split_once('.')?;
        let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)?;
        let is_hex =
            hex.len() == algorithm.hex_digits() && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Self { algorithm, hex: hex.into() })
    }

    /// The digest that a value is where its sender states the algorithm; with the algorithm's name before it too.
    pub(super) fn stated(algorithm: Algorithm, value: &str) -> Option<Self> {
        let hex = match value.split_once('.') {
            Some((name, hex)) if Algorithm::parse(name) == Some(algorithm) => hex,
            _ => value,
        };
        let is_hex = hex.len() == algorithm.hex_digits() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| Self { algorithm, hex: hex.to_ascii_lowercase().into() })
    }

    /// The digest that a value written so must be, though nobody states an algorithm.
    pub(super) fn read(writing: Writing, value: &str) -> Option<Self> {
        if let Some((name, _)) = value.split_once('.') {
            return Algorithm::parse(name).and_then(|algorithm| Self::stated(algorithm, value));
        }
        let could_be_clear = |digest: &Self| match writing {
            // No address is without @, no number has more than 16 digits, no MAC more than 12.
            Writing::Email | Writing::Phone | Writing::Imei | Writing::Mac => false,
            Writing::AdvertisingId => digest.algorithm == Algorithm::Md5,
            Writing::Oaid | Writing::AsItIs => true,
        };
        let read = Algorithm::ALL.into_iter().find_map(|algorithm| Self::stated(algorithm, value));
        read.filter(|digest| !could_be_clear(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.algorithm.as_str(), self.hex)
    }
}

/// Whether values of this kind may be said by their digests.
pub fn is_hashable(kind: &Kind) -> bool {
    Writing::of(kind).is_hashable()
}

/// The digest that an identifier in its normal form is, where nobody said the clear value yet.
pub fn digest_of(identifier: &Identifier) -> Option<Digest> {
    if is_hashable(&identifier.kind) { Digest::printed(&identifier.value) } else { None }
}

/// Whether an identifier in its normal form is known by a digest only.
pub fn is_digest(identifier: &Identifier) -> bool {
    digest_of(identifier).is_some()
}

/// The customary forms of an identifier in its normal form, which comes first: what senders hash. Empty for a digest,
/// for what stands for a clear value that is not known here, and for a kind whose values are not known by digests.
pub fn forms(identifier: &Identifier, rules: &Rules) -> Vec<String> {
    if is_digest(identifier) || is_veiled(identifier) {
        return Vec::new();
    }
    let normal = &*identifier.value;
    let mut forms = match Writing::of(&identifier.kind) {
        Writing::AsItIs => return Vec::new(),
        Writing::Email => vec![normal.to_owned()],
        Writing::Phone => {
            let digits = normal.strip_prefix('+').unwrap_or(normal);
            let region = rules.default_region.map(|region| region.national(digits)).unwrap_or_default();
            [vec![normal.to_owned(), digits.to_owned()], region].concat()
        }
        Writing::Imei | Writing::AdvertisingId | Writing::Oaid => vec![normal.to_owned(), normal.to_ascii_uppercase()],
        Writing::Mac => {
            let divided = hardware::with_colons(normal);
            let (upper, divided_upper) = (normal.to_ascii_uppercase(), divided.to_ascii_uppercase());
            vec![normal.to_owned(), upper, divided, divided_upper]
        }
    };
    let mut seen = HashSet::new();
    forms.retain(|form| seen.insert(form.clone()));
    forms
}

/// Every digest by which an identifier in its normal form may be said: each customary form by each algorithm. Empty where
/// [`forms`] is.
pub fn digests(identifier: &Identifier, rules: &Rules) -> Vec<Digest> {
    let of_form = |form: &String| Algorithm::ALL.map(|algorithm| Digest::of(algorithm, form));
    forms(identifier, rules).iter().flat_map(of_form).collect()
}

/// The digests of what names nobody: programs hash what they have, `null` too.
static DIGESTS_OF_BLOCKED_VALUES: LazyLock<HashSet<Digest>> = LazyLock::new(|| {
    let in_case = |word: &str| {
        let mut capitalised = word.to_owned();
        capitalised.get_mut(..1).map(str::make_ascii_uppercase);
        [word.to_owned(), word.to_ascii_uppercase(), capitalised]
    };
    let words = BLOCKED_WORDS.into_iter().chain(["[object Object]", "NaN", "anonymousId", "userId"]).flat_map(in_case);
    let nothing =
        ["", " ", "-", "--", "00:00:00:00:00:00", "00-00-00-00-00-00", "00000000-0000-0000-0000-000000000000"];
    let zeros = (1..=32).map(|length| "0".repeat(length));
    let values = words.chain(nothing.map(str::to_owned)).chain(zeros);
    let quoted = values.flat_map(|value| [format!("\"{value}\""), format!("'{value}'"), value]);
    quoted.flat_map(|value| Algorithm::ALL.map(|algorithm| Digest::of(algorithm, &value))).collect()
});

fn hex<D: sha2::Digest>(text: &str) -> Box<str> {
    let digit = |four_bits: u8| char::from_digit(four_bits.into(), 16).unwrap_or('0');
    let digest = D::digest(text);
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_value_prefers_the_stronger_algorithm() {
        assert!(Algorithm::ALL.is_sorted());
        assert!(Digest::of(Algorithm::Sha256, "x") < Digest::of(Algorithm::Sha1, "x"));
    }

    #[test]
    fn only_a_whole_digest_in_lower_case_of_a_hashable_kind_is_known_by_its_digest_only() {
        let digest = Digest::of(Algorithm::Sha1, "jane@example.com");
        let named = |kind: Kind, value: &str| Identifier::new(kind, value);
        assert_eq!(digest_of(&named(Kind::EMAIL, &digest.to_string())), Some(digest.clone()));
        for other in [
            named(Kind::USER_ID, &digest.to_string()),
            named(Kind::EMAIL, &digest.hex),
            named(Kind::EMAIL, "sha1.fan@example.com"),
            named(Kind::EMAIL, &format!("sha256.{}", digest.hex)),
        ] {
            assert!(!is_digest(&other), "{other}");
        }
    }
}
