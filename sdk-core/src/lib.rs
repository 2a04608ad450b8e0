//! The tracking core: takes an input and the moment, returns effects.
//!
//! Sans-IO. It owns no clock, no randomness, no storage, no socket and no thread, so the same
//! decisions run in a page, on a phone, on a server and in a simulator.
//!
//! The way of one event: [`Client::handle`] takes [`Input::Track`] -> `event` gives it its text
//! (asking `identity` and `session`) -> `queue` keeps it and says what to [`Effect::Put`] -> the
//! timer, the size or [`Input::Suspend`] makes a `batch` -> [`Effect::Upload`] ->
//! [`Input::UploadFinished`] -> `retry` decides -> [`Effect::Delete`] and [`Effect::Verdict`].
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::expect_used)]

mod batch;
mod calls;
mod client;
mod config;
mod digits;
mod effect;
mod event;
mod fields;
pub mod identifier;
mod identity;
mod input;
pub mod json;
mod moment;
mod queue;
pub mod retry;
mod session;
mod turn;
pub mod wire;

pub use client::Client;
pub use config::Config;
pub use digits::push_decimal;
pub use effect::Effect;
pub use fields::{Fields, read_decimal};
pub use identity::Ids;
pub use input::{Answer, Call, Entry, Input, Refusal};
pub use moment::Moment;
