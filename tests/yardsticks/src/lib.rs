//! What the collector's speed is measured against, and the load that measures it.
//!
//! `yardstick-hello` is a bare axum handler: what HTTP alone costs. `yardstick-durable` is the smallest collector that
//! keeps its word: parse, dedupe, identity map, profile upsert, SQLite with `synchronous=FULL`, group commit, answer.
//! `yardstick-load` sends them, and the real collector, the same [`traffic`] over keep-alive connections; `cargo xtask
//! bench` runs them in turns. The tests that kill and starve a real collector send the same traffic.

pub mod connection;
pub mod listen;
pub mod load;
pub mod traffic;
