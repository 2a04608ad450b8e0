//! The one transaction: a group of requests becomes rows, people and changes, all of it or nothing.
//!
//! `arrival` writes the events and notes what they may have moved -> `people` places the neighbourhoods of those names
//! anew and stores the difference -> `devices` finds whose anonymous history joined or left someone -> `changes` says
//! it all to whoever listens. An event whose claim is known, and not earlier than before, moves nobody: it costs its
//! own row, and its share of one fold for its shape and one version for its profile.

mod accounts;
mod arrival;
mod carried;
mod changes;
mod conflicts;
mod decided;
mod devices;
mod digests;
mod doomed;
mod erased;
mod erasing;
mod flags;
mod ground;
mod guarding;
mod in_force;
mod memory;
mod people;
mod scrubbing;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use self::carried::Became;
pub use self::decided::{Decision, DecisionRefusal};
pub use self::erasing::{Erased, Erasure, ErasureRefusal};
pub use self::guarding::guarded_from;

use self::changes::Changes;
use self::memory::{KnownShape, Memory};
use super::SaidBy;
use super::writer::{Committed, Submission};
use crate::event::{Order, UnixMillis, Workspace};
use crate::identity::Rules;
use crate::store::{NameId, Ownership, ShapeId, Store, StoreError, Transaction};

/// Writes groups of requests, and remembers between them what the ledger already holds.
pub struct Committer {
    rules: Arc<Rules>,
    memory: Memory,
    /// Whether events are taken in whoever was erased since.
    admits_erased: bool,
}

impl Committer {
    /// One that remembers nothing yet.
    pub fn new(rules: Arc<Rules>) -> Self {
        Self { rules, memory: Memory::default(), admits_erased: false }
    }

    /// One that writes what a ledger recorded once more: what is left in there after an erasure may stay.
    pub fn replaying(rules: Arc<Rules>) -> Self {
        Self { admits_erased: true, ..Self::new(rules) }
    }

    /// Commits all requests of a group, which share a workspace, or none of them. One answer for each.
    pub fn commit(&mut self, store: &dyn Store, group: &[Submission]) -> Result<Vec<Committed>, StoreError> {
        let committed = self.try_commit(store, group);
        if committed.is_err() {
            // What was remembered since the transaction began may be rows that are not there.
            self.memory.forget();
        }
        committed
    }

    fn try_commit(&mut self, store: &dyn Store, group: &[Submission]) -> Result<Vec<Committed>, StoreError> {
        let Some(first) = group.first() else { return Ok(Vec::new()) };
        let transaction = store.transaction()?;
        let mut settling = Settling::new(&*transaction, &self.rules, &mut self.memory, first.frame.workspace)?;
        settling.admits_erased = self.admits_erased;
        let committed = group.iter().map(|submission| settling.take(submission)).collect::<Result<_, _>>()?;
        settling.settle()?;
        transaction.commit()?;
        Ok(committed)
    }
}

/// One group on its way into the ledger: what it touched, and what has to be looked at again.
struct Settling<'a> {
    transaction: &'a dyn Transaction,
    rules: &'a Rules,
    memory: &'a mut Memory,
    workspace: Workspace,
    workspace_name: Arc<str>,
    /// The shapes of its events.
    touched: HashMap<ShapeId, Touched>,
    /// Names that may have to be placed anew.
    names: BTreeMap<NameId, Cause>,
    /// Devices whose marks show other people than before.
    devices: BTreeMap<NameId, Cause>,
    /// Devices that were named for the first time, or perhaps no more, and could be known by a digest.
    new_devices: BTreeSet<NameId>,
    /// The first shape that it made: all before it were there before.
    first_new_shape: Option<ShapeId>,
    /// Names whose marks may be other people's than before, and devices whose marks may be of other devices.
    unsteady: BTreeSet<NameId>,
    /// Of every name that moved: whose it was before.
    came_from: BTreeMap<NameId, Option<NameId>>,
    /// Of devices: the names that marked them, in claims that say somebody else now, or nobody.
    lost_marks: BTreeMap<NameId, BTreeSet<NameId>>,
    /// Shapes that held names are taken out of from now on.
    reguarded: BTreeSet<ShapeId>,
    /// From when on guarded sources are guarded.
    guard_from: Option<UnixMillis>,
    /// The event at hand.
    cause: Cause,
    /// By what else the names of the request at hand may be said, where the ledger cannot compute it.
    said_by: Arc<SaidBy>,
    changes: Changes,
    /// Whether events are taken in whoever was erased since.
    admits_erased: bool,
    /// Stored events that set other traits than before.
    other_traits: Vec<(ShapeId, Order)>,
}

/// The event that made something so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    /// Its place in the group.
    arrival: usize,
    message_id: Arc<str>,
}

/// What the events of a group add to one shape.
struct Touched {
    shape: KnownShape,
    orders: Vec<Order>,
    cause: Cause,
}

impl<'a> Settling<'a> {
    fn new(
        transaction: &'a dyn Transaction,
        rules: &'a Rules,
        memory: &'a mut Memory,
        workspace: Workspace,
    ) -> Result<Self, StoreError> {
        let guard_from = memory.guard_from(transaction, workspace)?;
        let guard_from = rules.guard_from.or(guard_from);
        Ok(Self {
            workspace_name: memory.workspace_name(transaction, workspace)?,
            changes: Changes::new(memory.last_change(transaction)?),
            transaction,
            rules,
            memory,
            workspace,
            touched: HashMap::new(),
            names: BTreeMap::new(),
            devices: BTreeMap::new(),
            new_devices: BTreeSet::new(),
            first_new_shape: None,
            unsteady: BTreeSet::new(),
            came_from: BTreeMap::new(),
            lost_marks: BTreeMap::new(),
            reguarded: BTreeSet::new(),
            guard_from,
            admits_erased: false,
            other_traits: Vec::new(),
            cause: Cause { arrival: 0, message_id: "".into() },
            said_by: Arc::default(),
        })
    }

    /// Draws the consequences of all that arrived.
    fn settle(mut self) -> Result<(), StoreError> {
        self.settle_shapes()?;
        self.settle_device_digests()?;
        self.settle_people()?;
        self.renew_owners()?;
        self.settle_devices()?;
        self.renew_retold()?;
        self.memory.last_change = Some(self.changes.write(self.transaction, self.workspace)?);
        Ok(())
    }

    /// Asks the ledger itself, past what is remembered.
    fn ownership(&self) -> Ownership<'_> {
        Ownership::new(self.transaction, self.rules)
    }
}
