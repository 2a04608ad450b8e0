//! Whether an identity token proves who somebody is (protocol.md, section 4; RFC 7519): text and keys in, what is
//! proven out. Knows no events, and keeps nothing.
//!
//! The key says how its tokens are signed. A token's `alg` only chooses among the keys: `none` chooses none, and a
//! public key is never taken for a secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use selvedge_core::identifier;
use selvedge_core::json::{self, Kind};

use super::parts::{self, member};
use crate::event::UnixMillis;
use crate::identity_key::{IdentityKeys, SigningAlgorithm, StoredIdentityKey};

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proven {
    /// `sub`, as a `userId` is read.
    pub(super) user_id: Box<str>,
    /// `email`, if the site has verified it.
    pub(super) email: Option<Box<str>>,
    /// `phone_number`, if the site has verified it.
    pub(super) phone: Option<Box<str>>,
    /// Of which times events are proven by it.
    pub(super) from: UnixMillis,
    /// See `from`.
    pub(super) until: UnixMillis,
}

impl Proven {
    /// What the site has verified, in clear.
    pub(super) fn verified(&self) -> impl Iterator<Item = (identifier::Kind, &str)> {
        let stated = [(identifier::Kind::EMAIL, &self.email), (identifier::Kind::PHONE, &self.phone)];
        stated.into_iter().filter_map(|(kind, value)| Some((kind, value.as_deref()?)))
    }

    /// Whether it speaks for an event of this time. Events wait, offline too: the token has to be valid when the event
    /// happened, not when it arrives. An event is never after its receipt, so that no token is of use before its time.
    pub(super) fn covers(&self, time: UnixMillis) -> bool {
        let from = self.from.0.saturating_sub(LEEWAY_MS);
        (from..=self.until.0.saturating_add(LEEWAY_MS)).contains(&time.0)
    }
}

/// Why a token proves nothing. Tells only what its sender could know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum NotProven {
    #[error("it has more than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    #[error("it is no signed JWT, header.claims.signature")]
    Malformed,
    #[error("its header marks parts as critical (`crit`), and none is known here")]
    Critical,
    #[error("its `alg` is not HS256, EdDSA or ES256")]
    Algorithm,
    #[error("no identity key that counts has its `alg` and `kid`")]
    NoKey,
    #[error("its signature is not that of an identity key")]
    Signature,
    #[error("its `aud` is not this workspace")]
    Audience,
    #[error("its `sub` is no text or number")]
    Subject,
    #[error("it lacks `iat` or `exp`, or they are no numbers of seconds")]
    Times,
    #[error("its `exp` is before its `iat`, or more than an hour behind it")]
    Lifetime,
    #[error("it was not valid at the time of the event")]
    OtherTime,
    #[error("the request carries more than {MAX_TOKENS} different ones")]
    TooMany,
}

/// What the token `text` proves to the workspace of these keys.
pub(super) fn verify(text: &str, keys: &IdentityKeys) -> Result<Proven, NotProven> {
    if text.len() > MAX_TOKEN_BYTES {
        return Err(NotProven::TooLong);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(NotProven::Malformed)?;
    let parts = signed.split_once('.').filter(|(_, claims)| !claims.contains('.'));
    let (header, claims) = parts.ok_or(NotProven::Malformed)?;
    let header = object(header)?;
    // RFC 7515, section 4.1.11: what is marked as critical has to be understood, and we understand none of it.
    if member(&header, "crit").is_some() {
        return Err(NotProven::Critical);
    }
    let algorithm = string(&header, "alg").and_then(|name| SigningAlgorithm::parse(&name));
    let algorithm = algorithm.ok_or(NotProven::Algorithm)?;
    let kid = member(&header, "kid").map(|_| string(&header, "kid").unwrap_or_default());
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotProven::Malformed)?;
    let mut chosen = keys
        .keys
        .iter()
        .filter(|key| key.algorithm == algorithm && kid.as_deref().is_none_or(|kid| *kid == *key.kid))
        .peekable();
    chosen.peek().ok_or(NotProven::NoKey)?;
    if !chosen.any(|key| is_signed(key, signed.as_bytes(), &signature)) {
        return Err(NotProven::Signature);
    }
    read(&object(claims)?, &keys.workspace_name)
}

fn is_signed(key: &StoredIdentityKey, signed: &[u8], signature: &[u8]) -> bool {
    let material = key.material.bytes();
    let verified = match key.algorithm {
        SigningAlgorithm::Hs256 => hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, material), signed, signature),
        SigningAlgorithm::EdDsa => {
            signature::UnparsedPublicKey::new(&signature::ED25519, material).verify(signed, signature)
        }
        SigningAlgorithm::Es256 => {
            signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, material).verify(signed, signature)
        }
    };
    verified.is_ok()
}

/// What the claims of a token whose signature is good say.
fn read(claims: &[u8], workspace_name: &str) -> Result<Proven, NotProven> {
    if !is_meant_for(claims, workspace_name) {
        return Err(NotProven::Audience);
    }
    let subject = member(claims, "sub").filter(|sub| matches!(json::kind(sub), Some(Kind::String | Kind::Number)));
    let user_id = subject.and_then(|sub| parts::name(sub).ok().flatten()).ok_or(NotProven::Subject)?;
    let issued_at = time(claims, "iat")?.ok_or(NotProven::Times)?;
    let until = time(claims, "exp")?.ok_or(NotProven::Times)?;
    let not_before = time(claims, "nbf")?.unwrap_or(issued_at);
    if !(0..=MAX_LIFETIME_MS).contains(&until.0.saturating_sub(issued_at.0)) {
        return Err(NotProven::Lifetime);
    }
    let verified = |value, verified| {
        let is_verified = member(claims, verified).is_some_and(|value| value.trim_ascii() == b"true");
        string(claims, value).filter(|_| is_verified).map(Into::into)
    };
    Ok(Proven {
        user_id: user_id.as_ref().into(),
        email: verified("email", "email_verified"),
        phone: verified("phone_number", "phone_number_verified"),
        from: issued_at.max(not_before),
        until,
    })
}

/// `aud` is one text or a list of them.
fn is_meant_for(claims: &[u8], workspace_name: &str) -> bool {
    let is_it = |value: &[u8]| json::string(value).is_some_and(|audience| audience == workspace_name);
    member(claims, "aud").is_some_and(|audience| match json::kind(audience) {
        Some(Kind::Array) => json::elements(audience).filter_map(Result::ok).any(is_it),
        _ => is_it(audience),
    })
}

/// A number of seconds since 1970, with or without a fraction; `None` when it is not there.
fn time(claims: &[u8], name: &str) -> Result<Option<UnixMillis>, NotProven> {
    let Some(value) = member(claims, name) else { return Ok(None) };
    let text = core::str::from_utf8(value).map_err(|_| NotProven::Times)?.trim();
    let seconds: f64 = text.parse().map_err(|_| NotProven::Times)?;
    // What is beyond all calendars is the end of them: a cast of that kind loses nothing that could be valid.
    #[allow(clippy::cast_possible_truncation, reason = "saturates")]
    Ok(Some(UnixMillis((seconds * 1_000.0) as i64)))
}

fn string(object: &[u8], name: &str) -> Option<String> {
    member(object, name).and_then(json::string).map(Into::into).filter(|text: &String| !text.is_empty())
}

/// The JSON object that a part of a token is.
fn object(part: &str) -> Result<Vec<u8>, NotProven> {
    let text = URL_SAFE_NO_PAD.decode(part).map_err(|_| NotProven::Malformed)?;
    let is_object = json::kind(&text) == Some(Kind::Object) && json::check(&text, &json::Limits::EVENT).is_ok();
    if is_object { Ok(text) } else { Err(NotProven::Malformed) }
}

/// What a proxy lets through in a header; a session's token has a tenth of it.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1_024;
/// A request carries one browser's events: a few people, and a token each per hour. Checking one costs up to 100 µs.
pub(super) const MAX_TOKENS: usize = 100;
/// identity.md, section 3: a token that leaked is worth little for long.
const MAX_LIFETIME_MS: i64 = 60 * 60 * 1_000;
/// identity.md, section 3: for clocks of backends and pages that disagree.
const LEEWAY_MS: i64 = 2 * 60 * 1_000;

#[cfg(test)]
pub(crate) mod tests;
