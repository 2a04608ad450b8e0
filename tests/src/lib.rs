//! The harness of the workspace's tests: the real collector as its own process, an upstream that answers as it is
//! told, a small HTTP client, and the oracle that identity is held to. Refuses to know what a test is about.
//!
//! The collector is the binary of `SELVEDGE_BIN`, else the `selvedge` that stands beside the test's own directory
//! (`target/debug/selvedge`). Cargo builds no binary of another package for a test: `cargo xtask test` does so
//! first; by hand it is `cargo build -p selvedge-collector`.
#![forbid(unsafe_code)]

pub mod backend;
pub mod collector;
pub mod http;
pub mod ledger;
pub mod oracle;
pub mod sender;
pub mod upstream;
mod wait;

pub use collector::Collector;
pub use http::Answer;
pub use upstream::{Reply, Upstream};
pub use wait::{TimedOut, wait_until};
