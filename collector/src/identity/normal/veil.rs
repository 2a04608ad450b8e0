//! Keyed digests in the place of clear values, for a ledger that keeps no others (identity.md, section 2). Knows the key
//! and no ledger.
//!
//! A clear value becomes `keyed.HEX`. A digest that its sender made is found by guessing, so it is keyed as well, and
//! stays a digest of its algorithm: `sha256.HEX`, with as many digits. By which of those a name may be said is known as
//! long as its clear value is, and must be handed along: nobody can compute it from `keyed.HEX`.

use std::fmt;

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use selvedge_core::identifier::{Identifier, Kind};
use sha2::Sha256;

use super::digest::{Digest, digest_of, digests, is_hashable};
use crate::identity::Rules;

/// What makes keyed digests.
#[derive(Clone)]
pub struct Veil(Hmac<Sha256>);

/// What stands in the ledger for a name, and by what else it may be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Veiled {
    /// The name as the ledger has it.
    pub identifier: Identifier,
    /// Every digest by which it may be said, as the ledger has them. Empty for a digest, and for a kind whose values are
    /// not known by digests.
    pub digests: Vec<Digest>,
}

impl Veil {
    /// With this key.
    pub fn of(key: &[u8; KEY_BYTES]) -> Self {
        // A key that is shorter than a block is filled up with zeros: RFC 2104, section 2.
        let mut block = Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(key).for_each(|(byte, of_key)| *byte = *of_key);
        Self(Hmac::new(&block))
    }

    /// What stands for an identifier in its normal form, and by what else it may be said.
    pub fn cover(&self, identifier: &Identifier, rules: &Rules) -> Veiled {
        let keyed = |digest: &Digest| self.digest(&identifier.kind, digest);
        let digests = digests(identifier, rules).iter().map(keyed).collect();
        Veiled { identifier: self.stand_in(identifier), digests }
    }

    /// What stands for it. One of a kind that is not known by digests stands for itself.
    pub fn stand_in(&self, identifier: &Identifier) -> Identifier {
        let Identifier { kind, value } = identifier;
        if !is_hashable(kind) {
            return identifier.clone();
        }
        let value = match digest_of(identifier) {
            Some(digest) => self.digest(kind, &digest).to_string(),
            None => format!("{KEYED}{}", self.hex(kind, value)),
        };
        Identifier::new(kind.clone(), value)
    }

    /// What stands for a digest: one of the same algorithm, and as long.
    pub(super) fn digest(&self, kind: &Kind, digest: &Digest) -> Digest {
        let hex = self.hex(kind, &digest.to_string());
        Digest { algorithm: digest.algorithm, hex: hex.chars().take(digest.hex.len()).collect::<String>().into() }
    }

    /// What stands for a text of which only this must be known: that it is the same as another. Shorter than what stands
    /// for a value, since a messageId may not be long.
    pub fn word(&self, about: &str, text: &str) -> String {
        let hex: String = hex(&self.mac(about, text)).chars().take(WORD_DIGITS).collect();
        format!("{KEYED}{hex}")
    }

    /// By which a ledger knows the key again. Tells nothing of it.
    pub fn check(&self) -> [u8; 32] {
        self.mac("", CHECK)
    }

    fn hex(&self, kind: &Kind, text: &str) -> String {
        hex(&self.mac(kind.as_str(), text))
    }

    fn mac(&self, about: &str, text: &str) -> [u8; 32] {
        let mac = self.0.clone().chain_update(about).chain_update([0]).chain_update(text);
        mac.finalize().into_bytes().into()
    }
}

/// Never the key.
impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Veil")
    }
}

/// Whether an identifier is what stands for a clear value.
pub fn is_veiled(identifier: &Identifier) -> bool {
    is_hashable(&identifier.kind) && read(&identifier.value).is_some_and(|value| value == *identifier.value)
}

/// A text that is what stands for a clear value, in its normal form.
pub(super) fn read(text: &str) -> Option<String> {
    let (head, hex) = text.trim().split_at_checked(KEYED.len())?;
    let is_keyed =
        head.eq_ignore_ascii_case(KEYED) && hex.len() == HEX_DIGITS && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_keyed.then(|| format!("{KEYED}{}", hex.to_ascii_lowercase()))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |four_bits: u8| char::from_digit(four_bits.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// As long as the digests that it makes: RFC 2104, section 3.
pub const KEY_BYTES: usize = 32;
/// What stands for a clear value begins so.
const KEYED: &str = "keyed.";
/// Of SHA-256.
const HEX_DIGITS: usize = 64;
/// 128 bits: no two texts of a ledger have one word.
const WORD_DIGITS: usize = 32;
/// No kind is empty: no value is keyed so.
const CHECK: &str = "the key of clear values";

#[cfg(test)]
mod tests {
    use super::super::Algorithm;
    use super::*;

    #[test]
    fn a_clear_value_becomes_the_keyed_digest_of_its_kind_and_normal_form() {
        // HMAC-SHA256 by another implementation (Python's hmac) of "email", a zero byte and the address.
        let veiled = veil().cover(&Identifier::new(Kind::EMAIL, "ada@shop.example"), &Rules::default());
        assert_eq!(&*veiled.identifier.value, EMAIL);
        assert!(is_veiled(&veiled.identifier));
    }

    #[test]
    fn a_digest_becomes_another_of_its_algorithm_and_is_among_those_of_the_clear_value() {
        let clear = veil().cover(&Identifier::new(Kind::EMAIL, "ada@shop.example"), &Rules::default());
        assert_eq!(clear.digests.len(), 3);
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, "ada@shop.example");
            let said = Identifier::new(Kind::EMAIL, digest.to_string());
            let veiled = veil().cover(&said, &Rules::default());
            let keyed = digest_of(&veiled.identifier).unwrap();
            assert_eq!((keyed.algorithm, keyed.hex.len()), (algorithm, digest.hex.len()));
            assert_ne!(keyed, digest);
            assert!(clear.digests.contains(&keyed) && veiled.digests.is_empty());
        }
    }

    #[test]
    fn a_value_is_another_for_each_kind_and_key_and_an_account_stays_as_it_is() {
        let cover = |veil: Veil, kind: Kind, value: &str| {
            veil.cover(&Identifier::new(kind, value), &Rules::default()).identifier.value.to_string()
        };
        let idfa = cover(veil(), Kind::IDFA, "6d92078a-8246-4ba4-ae5b-76104861e7dc");
        assert_ne!(idfa, cover(veil(), Kind::GAID, "6d92078a-8246-4ba4-ae5b-76104861e7dc"));
        assert_ne!(idfa, cover(Veil::of(&[8; 32]), Kind::IDFA, "6d92078a-8246-4ba4-ae5b-76104861e7dc"));
        assert_eq!(cover(veil(), Kind::USER_ID, "ada"), "ada");
        assert_ne!(veil().check(), Veil::of(&[8; 32]).check());
    }

    #[test]
    fn what_stands_for_a_value_is_read_in_any_case_and_nothing_else_is() {
        let upper = EMAIL.to_ascii_uppercase();
        assert_eq!(read(&upper).as_deref(), Some(EMAIL));
        for other in ["keyed.", "keyed.ab", "keyed.ada@shop.example", &EMAIL[..69], &format!("{EMAIL}0")] {
            assert_eq!(read(other), None, "{other}");
        }
        assert!(!is_veiled(&Identifier::new(Kind::EMAIL, upper)) && !is_veiled(&Identifier::new(Kind::USER_ID, EMAIL)));
    }

    fn veil() -> Veil {
        Veil::of(&[7; 32])
    }

    const EMAIL: &str = "keyed.8b6e3905c90c1b1d17575c576f0a99680e25017e6042dfa6c0cc1d6695114d18";
}
