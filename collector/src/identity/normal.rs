//! Gives a value its normal form, or says why it can be no identifier (identity.md, section 2).

mod email;
mod phone;
mod region;

pub use region::{Region, UnknownRegion};

use std::borrow::Cow;

use selvedge_core::identifier::{Identifier, Kind, is_blocked};
use selvedge_core::wire::MAX_IDENTIFIER_BYTES;

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
            Blocked::NamesNobody => "blocked_identifier",
            Blocked::AmbiguousPhone => "ambiguous_phone",
        }
    }
}

/// The identifier that a value of a kind is. Absent values (null, `""`) are the caller's to leave out.
///
/// A mail address whose domain IDNA refuses, or without one, stands as it is in NFKC and lower case: it is still the
/// same for everyone who writes it so. Kinds without a rule of their own are trimmed, their case kept.
pub fn identifier(kind: Kind, value: &str, rules: &Rules) -> Result<Identifier, Blocked> {
    if is_blocked(value) {
        return Err(Blocked::NamesNobody);
    }
    let normal = if kind == Kind::EMAIL {
        Cow::Owned(email::normal(value))
    } else if kind == Kind::PHONE {
        Cow::Owned(phone::normal(value, rules.default_region)?)
    } else {
        Cow::Borrowed(value.trim())
    };
    // NFKC makes one character of eighteen, and a blocked word of a full-width one.
    if is_blocked(&normal) || normal.len() > MAX_IDENTIFIER_BYTES {
        return Err(Blocked::NamesNobody);
    }
    Ok(Identifier::new(kind, &*normal))
}

#[cfg(test)]
mod tests;
