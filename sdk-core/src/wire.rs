//! The wire's names, limits and codes, spoken by both ends (protocol.md).

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

/// Stable codes of verdicts and errors.
pub mod code {}
