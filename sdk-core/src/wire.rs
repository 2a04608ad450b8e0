//! The wire's names, limits and codes, spoken by both ends (protocol.md).
//!
//! The serde shapes serve the collector and native hosts. A page parses answers itself and links none of them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Answer, Refusal};

/// Events in one batch, at most.
pub const MAX_EVENTS_PER_BATCH: usize = 2_500;
/// Bytes of one event, at most.
pub const MAX_EVENT_BYTES: usize = 32 * 1_024;
/// Levels of nesting in one event.
pub const MAX_JSON_DEPTH: usize = 32;
/// Keys in one event, all levels together.
pub const MAX_KEYS_PER_EVENT: usize = 512;
/// Bytes of an event's name.
pub const MAX_NAME_BYTES: usize = 200;
/// Bytes of a messageId.
pub const MAX_MESSAGE_ID_BYTES: usize = 100;
/// Bytes of an identifier's value.
pub const MAX_IDENTIFIER_BYTES: usize = 256;
/// Identifiers of one event: ten times what an app knows of its device and user, and few enough that no event ties
/// thousands of names together.
pub const MAX_IDENTIFIERS_PER_EVENT: usize = 64;
/// Days that an event may wait in an SDK's queue.
pub const MAX_QUEUE_AGE_DAYS: u32 = 30;
/// The path that our SDKs post batches to.
pub const BATCH_PATH: &str = "/v1/batch";

/// Names of the parts of events and batches.
#[allow(missing_docs, reason = "each is the name that it holds")]
pub mod field {
    pub const ANONYMOUS_ID: &str = "anonymousId";
    pub const BATCH: &str = "batch";
    pub const BATCH_ID: &str = "batchId";
    pub const CATEGORY: &str = "category";
    pub const CHANNEL: &str = "channel";
    pub const CONTEXT: &str = "context";
    pub const EVENT: &str = "event";
    pub const GROUP_ID: &str = "groupId";
    pub const IDENTITY_TOKEN: &str = "identityToken";
    pub const INTEGRATIONS: &str = "integrations";
    pub const MESSAGE_ID: &str = "messageId";
    pub const NAME: &str = "name";
    pub const ORIGINAL_TIMESTAMP: &str = "originalTimestamp";
    pub const PREVIOUS_ID: &str = "previousId";
    pub const PROPERTIES: &str = "properties";
    pub const SENT_AT: &str = "sentAt";
    pub const SESSION_ID: &str = "sessionId";
    pub const TIMESTAMP: &str = "timestamp";
    pub const TRAITS: &str = "traits";
    pub const TYPE: &str = "type";
    pub const USER_ID: &str = "userId";
    pub const VERSION: &str = "version";
    pub const WRITE_KEY: &str = "writeKey";
}

/// Stable codes of verdicts and errors (protocol.md, section 2).
#[allow(missing_docs, reason = "each is the code that it holds; the protocol explains them")]
pub mod code {
    // A request is refused.
    pub const BAD_JSON: &str = "bad_json";
    pub const BAD_GZIP: &str = "bad_gzip";
    pub const NO_BATCH: &str = "no_batch";
    pub const MISSING_KEY: &str = "missing_key";
    pub const UNKNOWN_KEY: &str = "unknown_key";
    pub const REVOKED_KEY: &str = "revoked_key";
    pub const WRONG_RIGHT: &str = "wrong_right";
    pub const ORIGIN_NOT_ALLOWED: &str = "origin_not_allowed";
    pub const BODY_TOO_LARGE: &str = "body_too_large";
    pub const BATCH_TOO_LARGE: &str = "batch_too_large";
    pub const RATE_LIMITED: &str = "rate_limited";
    pub const OVERLOADED: &str = "overloaded";
    pub const DISK_LOW: &str = "disk_low";
    pub const DRAINING: &str = "draining";
    pub const NOT_FOUND: &str = "not_found";
    pub const METHOD_NOT_ALLOWED: &str = "method_not_allowed";

    // An event is refused.
    pub const NOT_AN_OBJECT: &str = "not_an_object";
    pub const BAD_VALUE: &str = "bad_value";
    pub const UNKNOWN_TYPE: &str = "unknown_type";
    pub const MISSING_EVENT_NAME: &str = "missing_event_name";
    pub const EVENT_TOO_LARGE: &str = "event_too_large";
    pub const TOO_DEEP: &str = "too_deep";
    pub const TOO_MANY_KEYS: &str = "too_many_keys";
    pub const NAME_TOO_LONG: &str = "name_too_long";
    pub const MESSAGE_ID_TOO_LONG: &str = "message_id_too_long";
    pub const RESERVED_MESSAGE_ID: &str = "reserved_message_id";
    pub const TOO_MANY_IDENTIFIERS: &str = "too_many_identifiers";
    pub const ERASED: &str = "erased";
    pub const SCHEMA_VIOLATION: &str = "schema_violation";

    // An event is stored with a warning (`schema_violation` too, where schemas only warn).
    pub const NO_IDENTIFIER: &str = "no_identifier";
    pub const BLOCKED_IDENTIFIER: &str = "blocked_identifier";
    pub const SECOND_ACCOUNT: &str = "second_account";
    pub const AMBIGUOUS_PHONE: &str = "ambiguous_phone";
    pub const CLOCK_CLAMPED: &str = "clock_clamped";
    pub const TOKEN_INVALID: &str = "token_invalid";
    pub const TOKEN_MISMATCH: &str = "token_mismatch";
    pub const UNTRUSTED_ALIAS: &str = "untrusted_alias";

    // An SDK dropped an event by itself; these never cross the wire.
    /// The queue was full and this event was the oldest.
    pub const QUEUE_FULL: &str = "queue_full";
    /// It waited longer than [`super::MAX_QUEUE_AGE_DAYS`].
    pub const TOO_OLD: &str = "too_old";
    /// The collector answers 400 to this event alone.
    pub const QUARANTINED: &str = "quarantined";
    /// The write key was withdrawn (410) while it waited.
    pub const KEY_WITHDRAWN: &str = "key_withdrawn";
    /// What was stored of it cannot be read any more.
    pub const DAMAGED: &str = "damaged";
}

/// The answer to a batch: everything in it is on disk or refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt<'a> {
    /// Always true; stock SDKs look at it.
    pub success: bool,
    /// Events that are now stored, new ones only.
    pub accepted: u32,
    /// Events that were stored before.
    #[serde(default)]
    pub duplicates: u32,
    /// Events refused for good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Judgement<'a>>,
    /// Events stored with a warning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Judgement<'a>>,
    /// The batch's `batchId`, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Cow<'a, str>>,
    /// RFC 3339, UTC.
    pub received_at: Cow<'a, str>,
}

/// One event's entry in `rejected` or `warnings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement<'a> {
    /// Place in the batch.
    pub index: u32,
    /// Its messageId, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Cow<'a, str>>,
    /// One of [`code`].
    pub code: Cow<'a, str>,
    /// JSON pointer to the part that is meant; empty for the event as a whole.
    #[serde(default)]
    pub pointer: Cow<'a, str>,
    /// A sentence that says what to change.
    #[serde(default)]
    pub reason: Cow<'a, str>,
}

/// The answer to a request that was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused<'a> {
    /// Always false; stock SDKs look at it.
    pub success: bool,
    /// One of [`code`].
    pub code: Cow<'a, str>,
    /// A sentence that says what to change.
    pub message: Cow<'a, str>,
}

impl From<Receipt<'_>> for Answer {
    fn from(receipt: Receipt<'_>) -> Self {
        Self {
            receipt: receipt.receipt.unwrap_or_default().into_owned(),
            rejected: receipt.rejected.into_iter().map(Refusal::from).collect(),
            warnings: receipt.warnings.into_iter().map(Refusal::from).collect(),
        }
    }
}

impl From<Judgement<'_>> for Refusal {
    fn from(judgement: Judgement<'_>) -> Self {
        Self { message_id: judgement.message_id.unwrap_or_default().into_owned(), code: judgement.code.into_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_the_protocol_reads_as_written() {
        let text = r#"{"success": true, "accepted": 98, "duplicates": 1,
            "rejected": [{"index": 3, "messageId": "m-4", "code": "event_too_large", "pointer": "/properties/html", "reason": "r"}],
            "receipt": "b-1", "receivedAt": "2026-01-01T00:00:00Z"}"#;
        let answer = Answer::from(serde_json::from_str::<Receipt<'_>>(text).unwrap());
        assert_eq!(answer.receipt, "b-1");
        assert_eq!(answer.rejected, [Refusal { message_id: "m-4".into(), code: code::EVENT_TOO_LARGE.into() }]);
    }

    #[test]
    fn an_answer_without_verdicts_is_short() {
        let receipt = Receipt {
            success: true,
            accepted: 1,
            duplicates: 0,
            rejected: Vec::new(),
            warnings: Vec::new(),
            receipt: None,
            received_at: "t".into(),
        };
        assert_eq!(
            serde_json::to_string(&receipt).unwrap(),
            r#"{"success":true,"accepted":1,"duplicates":0,"receivedAt":"t"}"#
        );
    }
}
