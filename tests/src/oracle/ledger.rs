//! What the oracle is given: events as they were accepted, and the decisions of operators.

use std::collections::BTreeMap;

use selvedge_collector::event::{Claimed, Order, Snapshot, Trust, UnixMillis};
use selvedge_core::identifier::Identifier;
use serde_json::Value;

use super::erasure::{Erased, NamelessMark};

/// Everything that people follow from, but for the rules.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// In the order in which they arrived.
    pub events: Vec<Event>,
    /// In any order.
    pub decisions: Vec<Decision>,
    /// Who was erased, by every name.
    pub erased: BTreeMap<Identifier, Erased>,
    /// What those left on devices.
    pub nameless: Vec<NamelessMark>,
}

/// One event of a log, as accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its corrected time and messageId.
    pub order: Order,
    /// What it names, in normal form; a digest as `sha256.HEX`, `sha1.HEX` or `md5.HEX`.
    pub claim: Vec<Claimed>,
    /// The traits that it sets, if it is an identify.
    pub traits: Vec<(String, Value)>,
    /// How far its source is believed about what it observes.
    pub trust: Trust,
    /// What it says as an alias call, if it is one. The account that it names is in `claim`, the device is not.
    pub alias: Option<Alias>,
    /// Whether it named somebody who was erased.
    pub lost_names: bool,
    /// What it restates, if it is a row of an import or a snapshot.
    pub snapshot: Option<Snapshot>,
}

/// The older name of the account of an alias call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// `previousId`.
    pub previous_id: String,
    /// Whether it came with a secret key.
    pub is_asserted: bool,
}

impl Event {
    /// An event that only names, from a guarded source.
    pub fn naming(order: Order, claim: Vec<Claimed>) -> Self {
        Self { order, claim, traits: Vec::new(), trust: Trust::Guarded, alias: None, lost_names: false, snapshot: None }
    }
}

/// What an operator said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The running number.
    pub number: u64,
    /// When.
    pub at: UnixMillis,
    /// About whom.
    pub op: Op,
    /// Whether it was taken back.
    pub is_withdrawn: bool,
}

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// Both are one person.
    Link(Identifier, Identifier),
    /// They are not one person; or, with a device first, the person of the second is not seen on that device.
    KeepApart(Identifier, Identifier),
    /// It names no one.
    Ignore(Identifier),
}
