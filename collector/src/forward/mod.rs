//! Sends on what the ledger holds: to each destination from where it stands, in order, at least once.
//!
//! The outbox is the ledger itself: a destination is a position in it, moved only after an answer.
