//! How a request carries its key, and what the key lets it do (protocol.md, sections 1 and 4).

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Refusal, State, query};
use crate::key::{Key, Right, StoredKey};

/// The key's text, from wherever outside the body the request carries it: Basic, `X-Write-Key`, Bearer, the query.
pub(super) fn carried(head: &Parts) -> Option<Box<str>> {
    basic(&head.headers)
        .or_else(|| text(head.headers.get("x-write-key")?).map(Into::into))
        .or_else(|| authorization(&head.headers, "bearer ").map(Into::into))
        .or_else(|| query::parameter(head.uri.query()?, query::WRITE_KEY).map(Into::into))
        .filter(|key| !key.is_empty())
}

/// The key behind a text, if the request may send events with it.
pub(super) fn for_intake(state: &State, text: Option<&str>, headers: &HeaderMap) -> Result<StoredKey, Refusal> {
    let key = stored(state, text)?;
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    if key.admits_origin(origin) { Ok(key) } else { Err(Refusal::OriginNotAllowed) }
}

/// The key behind a request that asks about people.
pub(super) fn for_reading(state: &State, head: &Parts) -> Result<StoredKey, Refusal> {
    let key = stored(state, carried(head).as_deref())?;
    if key.right.may_read() { Ok(key) } else { Err(Refusal::WrongRight) }
}

/// The key behind a request that decides about people.
pub(super) fn for_deciding(state: &State, head: &Parts) -> Result<StoredKey, Refusal> {
    let key = stored(state, carried(head).as_deref())?;
    if key.right == Right::Admin { Ok(key) } else { Err(Refusal::NotAdmin) }
}

/// The store finds keys by digest alone, and digests compare in constant time: neither tells how near a guess was.
fn stored(state: &State, text: Option<&str>) -> Result<StoredKey, Refusal> {
    let key = Key::parse(text.ok_or(Refusal::MissingKey)?).map_err(|_| Refusal::UnknownKey)?;
    let stored = state.inside.store.key(&key.digest())?.ok_or(Refusal::UnknownKey)?;
    if stored.revoked_at.is_some() { Err(Refusal::RevokedKey) } else { Ok(stored) }
}

/// The user name of HTTP Basic, if it comes without a password: with one, it is meant for a proxy before us.
fn basic(headers: &HeaderMap) -> Option<Box<str>> {
    let decoded = STANDARD.decode(authorization(headers, "basic ")?.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (key, password) = text.split_once(':').unwrap_or((&text, ""));
    password.is_empty().then(|| key.into())
}

/// What follows this scheme, in any case, in `Authorization`.
fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = text(headers.get(header::AUTHORIZATION)?)?;
    let (start, rest) = value.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn the_user_name_of_basic_is_the_key_with_or_without_the_colon() {
        for text in ["pk_a:", "pk_a"] {
            assert_eq!(
                carried_by(&[("authorization", &format!("Basic {}", STANDARD.encode(text)))], "/"),
                Some("pk_a".into())
            );
        }
    }

    #[test]
    fn basic_with_a_password_is_meant_for_somebody_else() {
        let basic = format!("Basic {}", STANDARD.encode("proxy:secret"));
        assert_eq!(carried_by(&[("authorization", &basic), ("x-write-key", "pk_b")], "/"), Some("pk_b".into()));
    }

    #[test]
    fn each_way_gives_way_to_the_one_before() {
        let basic = format!("bAsIc {}", STANDARD.encode("pk_a:"));
        let query = "/?x=1&writeKey=pk_d";
        assert_eq!(carried_by(&[("authorization", &basic), ("x-write-key", "pk_b")], query), Some("pk_a".into()));
        assert_eq!(
            carried_by(&[("authorization", "Bearer pk_c"), ("x-write-key", "pk_b")], query),
            Some("pk_b".into())
        );
        assert_eq!(carried_by(&[("authorization", "BEARER pk_c")], query), Some("pk_c".into()));
        assert_eq!(carried_by(&[], query), Some("pk_d".into()));
        assert_eq!(carried_by(&[], "/?writeKey="), None);
    }

    #[test]
    fn what_is_not_base64_or_not_text_is_no_key() {
        assert_eq!(carried_by(&[("authorization", "Basic %%%")], "/"), None);
        assert_eq!(carried_by(&[("authorization", "Basic")], "/"), None);
    }

    fn carried_by(headers: &[(&str, &str)], uri: &str) -> Option<Box<str>> {
        let request =
            headers.iter().fold(Request::builder().uri(uri), |request, (name, value)| request.header(*name, *value));
        carried(&request.body(()).unwrap().into_parts().0)
    }
}
