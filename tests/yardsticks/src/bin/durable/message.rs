//! A request's messages, by borrowed parsing: properties are never built, the raw message is a slice of the body.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What the ledger keeps of one event.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) message_id: Box<str>,
    pub(crate) anonymous_id: Option<Box<str>>,
    pub(crate) user_id: Option<Box<str>>,
    pub(crate) kind: Box<str>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) time: Box<str>,
    /// Of an identify.
    pub(crate) traits: Option<Box<str>>,
    pub(crate) raw: Bytes,
}

#[derive(Deserialize)]
struct Batch<'body> {
    #[serde(borrow)]
    batch: Vec<&'body RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts<'body> {
    #[serde(borrow)]
    message_id: Cow<'body, str>,
    #[serde(borrow)]
    anonymous_id: Option<Cow<'body, str>>,
    #[serde(borrow)]
    user_id: Option<Cow<'body, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'body, str>,
    #[serde(borrow)]
    event: Option<Cow<'body, str>>,
    #[serde(borrow)]
    name: Option<Cow<'body, str>>,
    #[serde(borrow)]
    timestamp: Cow<'body, str>,
    #[serde(borrow)]
    traits: Option<&'body RawValue>,
}

/// A batch, or at any other path the single message that the body is.
pub(crate) fn parse(path: &str, body: &Bytes) -> serde_json::Result<Vec<Message>> {
    if path == "/v1/batch" {
        let batch: Batch<'_> = serde_json::from_slice(body)?;
        return batch.batch.into_iter().map(|raw| message(body.slice_ref(raw.get().as_bytes()))).collect();
    }
    Ok(vec![message(body.clone())?])
}

fn message(raw: Bytes) -> serde_json::Result<Message> {
    let parts: Parts<'_> = serde_json::from_slice(&raw)?;
    Ok(Message {
        message_id: parts.message_id.into(),
        anonymous_id: parts.anonymous_id.map(Into::into),
        user_id: parts.user_id.map(Into::into),
        kind: parts.kind.into(),
        name: parts.event.or(parts.name).map(Into::into),
        time: parts.timestamp.into(),
        traits: parts.traits.map(|traits| traits.get().into()),
        raw: raw.clone(),
    })
}
