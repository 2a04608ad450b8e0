//! The kinds of destinations: what each is told, and how.

mod segment;
mod webhook;

use selvedge_core::retry::Outcome;

use self::segment::Segment;
use self::webhook::Webhook;
use super::message::Message;
use crate::clock::Clock;
use crate::config::Target;
use crate::store::{Change, LedgerEvent};

/// Someone who listens.
pub(super) trait Destination: Send {
    /// How much one request holds.
    fn portion(&self) -> Portion;
    /// What it is told of an event.
    fn event(&self, event: &LedgerEvent) -> Option<Message>;
    /// What it is told of a change; nothing of one that does not concern it.
    fn change(&self, change: &Change) -> Option<Message>;
    /// Sends messages, in their order, in one request.
    fn send(&self, messages: &[&Message]) -> Delivery;
}

/// How much one request holds, at most; one message always fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// What a request came to.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) outcome: Outcome,
    /// Of a settled request: messages refused for good, by their place in it, and why.
    pub(super) refused: Vec<(usize, Box<str>)>,
    /// What went wrong, in words.
    pub(super) complaint: Box<str>,
}

/// The destination that the settings describe.
pub(super) fn open(target: Target, clock: Clock) -> Box<dyn Destination> {
    match target {
        Target::Segment { url, key } => Box::new(Segment::new(url, &key)),
        Target::Webhook { url, secret, allow_private } => Box::new(Webhook::new(url, secret, allow_private, clock)),
    }
}
