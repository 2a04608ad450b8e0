//! Gives a value its normal form, or says why it can be no identifier (identity.md, section 2). Knows no ledger: whether
//! a digest and a clear value are one is decided where both are known.

mod blocklist;
pub mod digest;
mod email;
mod hardware;
mod phone;
mod region;
mod veil;

pub use blocklist::{Blocklist, NotAPattern};
pub use digest::{Algorithm, Digest};
pub use region::{Region, UnknownRegion};
pub use veil::{KEY_BYTES, Veil, Veiled, is_veiled};

use std::borrow::Cow;

use selvedge_core::identifier::{Identifier, Kind, is_blocked};
use selvedge_core::wire::{MAX_IDENTIFIER_BYTES, code};

use super::Rules;

/// Why a value is no identifier. The event keeps it as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// It names nobody: `blocked_identifier`.
    #[error("the value is one that names nobody")]
    NamesNobody,
    /// A national telephone number, of which country no one said: `ambiguous_phone`.
    #[error("the number has no country code and the workspace no default region")]
    AmbiguousPhone,
}

impl Blocked {
    /// The stable code of the event's verdict.
    pub fn code(self) -> &'static str {
        match self {
            Blocked::NamesNobody => code::BLOCKED_IDENTIFIER,
            Blocked::AmbiguousPhone => code::AMBIGUOUS_PHONE,
        }
    }
}

/// The identifier that a value of a kind is. Absent values (null, `""`) are the caller's to leave out.
///
/// A mail address whose domain IDNA refuses, or without one, stands as it is in NFKC and lower case: it is still the
/// same for everyone who writes it so. Kinds without a rule of their own are trimmed, their case kept. What can only be
/// a digest is one, see [`Digest::read`]: an address that is 64 hex digits is a digest of SHA-256. What stands for a
/// clear value in a ledger that keeps none is its own normal form: no pattern is compared with it.
///
/// # Errors
/// When the value, or the digest of it, names nobody or could be anybody's.
pub fn identifier(kind: Kind, value: &str, rules: &Rules) -> Result<Identifier, Blocked> {
    let writing = Writing::of(&kind);
    if let Some(veiled) = veil::read(value).filter(|_| writing.is_hashable()) {
        let veiled = Identifier::new(kind, veiled);
        return if rules.blocked.has_veiled(&veiled) { Err(Blocked::NamesNobody) } else { Ok(veiled) };
    }
    if is_blocked(value) || rules.blocked.has(value) || [ERASED, CONCEALED].contains(&value.trim()) {
        return Err(Blocked::NamesNobody);
    }
    let text = match writing {
        Writing::Email => Cow::Owned(email::normal(value)),
        Writing::Phone | Writing::Imei | Writing::Mac | Writing::AdvertisingId | Writing::Oaid => {
            Cow::Borrowed(value.trim())
        }
        Writing::AsItIs => return bounded(kind, value.trim(), rules),
    };
    if let Some(digest) = Digest::read(writing, &text) {
        return digest_that_names(&digest, kind, rules);
    }
    let normal = match writing {
        Writing::Phone => Cow::Owned(phone::normal(value, rules.default_region)?),
        Writing::Imei => Cow::Owned(hardware::imei(value).ok_or(Blocked::NamesNobody)?),
        Writing::Mac => Cow::Owned(hardware::mac(value).ok_or(Blocked::NamesNobody)?),
        Writing::AdvertisingId | Writing::Oaid => Cow::Owned(text.to_ascii_lowercase()),
        Writing::Email | Writing::AsItIs => text,
    };
    bounded(kind, &normal, rules)
}

/// The identifier whose digest by `algorithm` a value of a kind is, as its sender says.
///
/// # Errors
/// When it is no such digest, values of this kind are not known by digests, or it is the digest of what names nobody.
pub fn hashed(kind: Kind, value: &str, algorithm: Algorithm, rules: &Rules) -> Result<Identifier, Blocked> {
    match Digest::stated(algorithm, value.trim()) {
        Some(digest) if Writing::of(&kind).is_hashable() && !is_blocked(value) => {
            digest_that_names(&digest, kind, rules)
        }
        _ => Err(Blocked::NamesNobody),
    }
}

/// Whether an identifier in its normal form may name somebody under these rules.
pub fn may_name(identifier: &Identifier, rules: &Rules) -> bool {
    if is_veiled(identifier) {
        return !rules.blocked.has_veiled(identifier);
    }
    let is_refused = |digest: digest::Digest| digest_that_names(&digest, identifier.kind.clone(), rules).is_err();
    !is_blocked(&identifier.value)
        && !rules.blocked.has(&identifier.value)
        && !rules.blocked.has_named(identifier)
        && !digest::digest_of(identifier).is_some_and(is_refused)
}

fn digest_that_names(digest: &Digest, kind: Kind, rules: &Rules) -> Result<Identifier, Blocked> {
    let identifier = digest.identifier(kind)?;
    let blocked = &rules.blocked;
    if blocked.has_digest(digest) || blocked.has(&identifier.value) || blocked.has_veiled(&identifier) {
        return Err(Blocked::NamesNobody);
    }
    Ok(identifier)
}

/// The normal form of what was written, if it names somebody.
fn bounded(kind: Kind, normal: &str, rules: &Rules) -> Result<Identifier, Blocked> {
    // NFKC makes one character of eighteen, and a blocked word of a full-width one.
    if is_blocked(normal) || rules.blocked.has(normal) || normal.len() > MAX_IDENTIFIER_BYTES {
        return Err(Blocked::NamesNobody);
    }
    let named = Identifier::new(kind, normal);
    if rules.blocked.has_named(&named) { Err(Blocked::NamesNobody) } else { Ok(named) }
}

/// What stands in a stored message where the name of somebody stood who was erased. It names nobody.
pub const ERASED: &str = "[erased]";
/// What stands in the messages of a ledger that keeps no clear values where one stood that is no identifier. It names
/// nobody.
pub const CONCEALED: &str = "[concealed]";

/// In which ways the values of a kind are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Email,
    Phone,
    Imei,
    Mac,
    /// IDFA and GAID: a UUID, in any case.
    AdvertisingId,
    /// In any case, and each maker's in its own form.
    Oaid,
    /// One way only.
    AsItIs,
}

impl Writing {
    fn of(kind: &Kind) -> Self {
        match kind {
            kind if *kind == Kind::EMAIL => Self::Email,
            kind if *kind == Kind::PHONE => Self::Phone,
            kind if *kind == Kind::IMEI => Self::Imei,
            kind if *kind == Kind::MAC => Self::Mac,
            kind if [Kind::IDFA, Kind::GAID].contains(kind) => Self::AdvertisingId,
            kind if *kind == Kind::OAID => Self::Oaid,
            _ => Self::AsItIs,
        }
    }

    /// Whether a value may be said by its digest.
    fn is_hashable(self) -> bool {
        self != Self::AsItIs
    }
}

#[cfg(test)]
mod tests;
