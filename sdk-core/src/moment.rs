//! The moment of an input: the host's clocks and its chance. The core has none of its own.

/// When an input happened, and the chance that it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, ms since 1970 (UTC). May jump, may be wrong by years: only for timestamps.
    pub unix_ms: i64,
    /// A clock that never runs backwards, ms from any start: for every delay.
    pub monotonic_ms: u64,
    /// 32 bytes of the host's randomness, fresh for each input.
    pub entropy: [u8; 32],
}
