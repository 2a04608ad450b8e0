//! What a host sets once. Values out of range are pulled to the nearest that works.

/// Settings of a [`crate::Client`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Public write key, `pk_…`.
    pub write_key: String,
    /// Where uploads go: scheme and authority, without a trailing slash (`https://collect.example`).
    pub host: String,
    /// The constant context (library, device, locale …) as the text of a JSON object; sent once per batch.
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
