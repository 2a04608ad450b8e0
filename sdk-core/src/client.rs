//! Routes each input to the sub-machine that owns it. Decides nothing itself.

use crate::{Config, Effect, Entry, Input, Moment};

/// The tracking core of one page or process.
#[derive(Debug)]
pub struct Client {}

impl Client {
    /// Takes up what was stored. Effects may store a first identity or ask for a wake-up.
    pub fn restore(_config: Config, _saved: Vec<Entry>, _moment: Moment) -> (Self, Vec<Effect>) {
        (Self {}, Vec::new())
    }

    /// Takes one input; returns what the host must do, in order.
    pub fn handle(&mut self, _input: Input, _moment: Moment) -> Vec<Effect> {
        Vec::new()
    }
}
