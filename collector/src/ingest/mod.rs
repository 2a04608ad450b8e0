//! The way of events from a request's bytes into the ledger.

pub mod commit;
pub mod writer;
