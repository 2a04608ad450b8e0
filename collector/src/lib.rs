//! The collector: events in, people out.
//!
//! The path of an event: `http::collect` (key) -> `ingest::decode` -> `ingest::normalise` -> the bounded inbox of
//! `ingest::writer`, which gathers what waits and runs `ingest::commit` in one transaction: drop known messageIds,
//! place people, write, say what changed. Commit with fsync; only then 200. `forward` reads the ledger from where
//! each destination stands. What decides (`identity`, `profile`) is pure; all SQL is in `store`.
#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod event;
pub mod forward;
pub mod http;
pub mod identity;
pub mod identity_key;
pub mod ingest;
pub mod key;
pub mod profile;
pub mod rebuild;
pub mod store;
