//! What is taken out of an event before it is kept: the key and the token that it came with. All else stays as it
//! came.

use std::borrow::Cow;

use bytes::Bytes;
use selvedge_core::json::{self, RawKey};
use selvedge_core::wire::field;

/// An event without the key that came in it: keys are stored hashed or not at all.
pub(super) fn without_key(event: &[u8]) -> Bytes {
    rebuilt(event, |key, value| (!key.is(field::WRITE_KEY)).then_some(Cow::Borrowed(value))).into()
}

/// An event without the identity token in its context.
pub(super) fn without_token(event: &[u8]) -> Bytes {
    rebuilt(event, |key, value| {
        Some(if key.is(field::CONTEXT) { Cow::Owned(context_text(value)) } else { Cow::Borrowed(value) })
    })
    .into()
}

/// A batch's context without its identity token.
pub(super) fn context_without_token(context: &[u8]) -> Bytes {
    context_text(context).into()
}

/// A context that was given twice may be no object the first time.
fn context_text(context: &[u8]) -> Vec<u8> {
    if json::kind(context) != Some(json::Kind::Object) {
        return context.to_vec();
    }
    rebuilt(context, |key, value| (!key.is(field::IDENTITY_TOKEN)).then_some(Cow::Borrowed(value)))
}

/// An object with each member's value as `keep` gives it; `None` leaves the member out.
fn rebuilt<'a>(object: &'a [u8], keep: impl Fn(RawKey<'a>, &'a [u8]) -> Option<Cow<'a, [u8]>>) -> Vec<u8> {
    let mut text = Vec::with_capacity(object.len());
    for (key, value) in json::members(object).filter_map(Result::ok) {
        let Some(value) = keep(key, value) else { continue };
        text.extend_from_slice(if text.is_empty() { b"{\"" } else { b",\"" });
        text.extend_from_slice(key.as_bytes());
        text.extend_from_slice(b"\":");
        text.extend_from_slice(&value);
    }
    text.extend_from_slice(if text.is_empty() { b"{}" } else { b"}" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_and_all_else_stays_as_it_came() {
        let event = br#"{"writeKey":"sk_x" , "event":"Paid","properties":{"total":1.0,"writeKey":"mine"}}"#;
        assert_eq!(without_key(event), &br#"{"event":"Paid","properties":{"total":1.0,"writeKey":"mine"}}"#[..]);
        assert_eq!(without_key(br#"{"writeKey":"sk_x"}"#), &b"{}"[..]);
    }

    #[test]
    fn a_token_goes_from_the_context_however_it_is_written() {
        for (event, kept) in [
            (r#"{"a":1.0,"context":{"identityToken":"x","b":[1, 2]}}"#, r#"{"a":1.0,"context":{"b":[1, 2]}}"#),
            (r#"{"context":{"identity\u0054oken":"x"}}"#, r#"{"context":{}}"#),
            (r#"{"c\u006fntext":{"identityToken":"x"}}"#, r#"{"c\u006fntext":{}}"#),
            (r#"{"context":{"identityToken":"x"},"context":[]}"#, r#"{"context":{},"context":[]}"#),
            (r#"{"context":{"identityToken":{"a":"x"},"identityToken":null}}"#, r#"{"context":{}}"#),
        ] {
            assert_eq!(without_token(event.as_bytes()), kept.as_bytes(), "{event}");
        }
    }

    #[test]
    fn a_batch_loses_its_token_too() {
        assert_eq!(context_without_token(br#"{"a":1,"identityToken":"x"}"#), &br#"{"a":1}"#[..]);
    }
}
