//! What a host sets once. Values out of range are pulled to the nearest that works.

use crate::wire;

/// Settings of a [`crate::Client`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Public write key, `pk_…`.
    pub write_key: String,
    /// Where uploads go: scheme and authority, without a trailing slash (`https://collect.example`).
    pub host: String,
    /// The constant context (library, device, locale …) as the text of a JSON object; sent once per batch. Left out
    /// when it is not one.
    pub context: String,
    /// The longest that an event waits for company, in ms.
    pub flush_interval_ms: u64,
    /// Events that make a batch full. At most [`crate::wire::MAX_EVENTS_PER_BATCH`].
    pub flush_at_events: usize,
    /// Bytes of event text that make a batch full.
    pub flush_at_bytes: usize,
    /// Bytes of event text that the queue may hold; the oldest give way.
    pub queue_limit_bytes: usize,
}

impl Config {
    /// The same with every value in its range.
    pub(crate) fn in_range(mut self) -> Self {
        self.flush_interval_ms = self.flush_interval_ms.min(MAX_FLUSH_INTERVAL_MS);
        self.flush_at_events = self.flush_at_events.clamp(1, wire::MAX_EVENTS_PER_BATCH);
        self.flush_at_bytes = self.flush_at_bytes.clamp(wire::MAX_EVENT_BYTES, MAX_BATCH_BYTES);
        self.queue_limit_bytes = self.queue_limit_bytes.clamp(2 * wire::MAX_EVENT_BYTES, MAX_QUEUE_BYTES);
        self
    }
}

/// Bytes of event text in one upload, at most: below what a collector inflates (4 MiB; protocol.md, section 3).
pub(crate) const MAX_BATCH_BYTES: usize = 3 * 1_024 * 1_024;
/// A day: longer than that, a host means "never", and an event should not.
const MAX_FLUSH_INTERVAL_MS: u64 = 86_400_000;
/// What a phone can spare.
const MAX_QUEUE_BYTES: usize = 100 * 1_024 * 1_024;
