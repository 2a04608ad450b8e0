//! What erasing somebody does to the rows of a ledger, and what stays of it: marks without a name, and keyed hashes.

use std::collections::BTreeSet;

use super::{
    BatchId, ChangeSeq, DeadLetter, DecisionId, NameId, NewName, Role, Seq, Shape, ShapeId, ShapeName, StoreError,
    StoredTrait,
};
use crate::event::{Guard, Order, Strength, UnixMillis, Workspace};

/// A keyed hash of a name: whoever has it and not the ledger's key learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameHash(pub [u8; 32]);

/// That a name was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasureRow {
    /// When: what was said of it before is not taken in.
    pub at: UnixMillis,
    /// Whether nothing said of it is ever taken in.
    pub is_suppressed: bool,
    /// Whether it is a digest that nobody said, of a name that was erased.
    pub is_derived: bool,
}

/// That somebody without a name marked a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamelessMark {
    /// When.
    pub order: Order,
    /// Who: the same for all marks of one who was erased, see [`NameId::is_nameless`].
    pub person: NameId,
    /// How far the anchor was trusted.
    pub rank: Strength,
    /// What was taken out of what the marking event observed.
    pub guard: Guard,
}

impl NameId {
    /// Whether it is no row, but somebody whose name was erased.
    pub fn is_nameless(self) -> bool {
        self.0 < 0
    }
}

/// How many erasures there were and when the last was: who has read from the ledger before it holds what is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErasureCount(pub i64, pub UnixMillis);

/// A dead letter by its row.
#[derive(Debug, Clone)]
pub struct KeptLetter {
    /// Its row.
    pub row: i64,
    /// What it was.
    pub letter: DeadLetter,
}

/// An event as erasing looks at it.
#[derive(Debug, Clone, Copy)]
pub struct ScannedEvent<'a> {
    /// Its row.
    pub seq: Seq,
    /// What it claims.
    pub shape: ShapeId,
    /// The batch that brought it.
    pub batch: BatchId,
    /// Its messageId.
    pub message_id: &'a str,
    /// Its time.
    pub time: UnixMillis,
    /// Event, page or screen name.
    pub name: Option<&'a str>,
    /// The message.
    pub raw: &'a [u8],
}

/// What can be done to a ledger so that a name is in it no more. All of it in the transaction that it is part of.
pub trait Erasing {
    /// From now on, what is deleted is overwritten too.
    fn overwrite_deleted(&self) -> Result<(), StoreError>;
    /// The key of the hashes; `make` is kept as the key where there is none.
    fn erasure_key(&self, make: Option<&[u8; 32]>) -> Result<Option<[u8; 32]>, StoreError>;
    /// Whether a name of this hash was erased.
    fn erasure(&self, workspace: Workspace, hash: &NameHash) -> Result<Option<ErasureRow>, StoreError>;
    /// Notes an erasure over what is known of it: the later time counts, and a suppression stays.
    fn put_erasure(&self, workspace: Workspace, hash: &NameHash, row: &ErasureRow) -> Result<(), StoreError>;

    /// Gives a name that was taken out of the ledger its row again; `None` where none is left of it.
    fn revive_name(&self, workspace: Workspace, name: &NewName<'_>) -> Result<Option<NameId>, StoreError>;
    /// A person without a name that no mark has yet.
    fn next_nameless(&self) -> Result<NameId, StoreError>;
    /// Notes that somebody without a name marked a device.
    fn put_nameless_mark(&self, device: NameId, mark: &NamelessMark) -> Result<(), StoreError>;
    /// Guards what somebody without a name observed at this time or later. Returns on which devices.
    fn guard_nameless(&self, from: UnixMillis) -> Result<BTreeSet<NameId>, StoreError>;
    /// The names that nothing in a workspace speaks of, and that led a profile once.
    fn unspoken_leaders(&self, workspace: Workspace) -> Result<Vec<NameId>, StoreError>;
    /// Deletes the names that nothing speaks of and that never led a profile: other rules made them, or what said them is
    /// gone. Those whose digests are kept stay, since those cannot be made again.
    fn drop_untold_names(&self, workspace: Workspace) -> Result<(), StoreError>;
    /// The shapes that name it in any role.
    fn shapes_saying(&self, name: NameId) -> Result<Vec<(ShapeId, Role)>, StoreError>;

    /// Deletes an event with what was set aside of it; whether it restates a subject.
    fn delete_event(&self, workspace: Workspace, seq: Seq, is_snapshot: bool) -> Result<(), StoreError>;
    /// Deletes the traits that one event set; how many.
    fn delete_traits(&self, shape: ShapeId, order: &Order) -> Result<u64, StoreError>;
    /// Deletes all traits that events of a shape set; how many.
    fn delete_traits_of_shape(&self, shape: ShapeId) -> Result<u64, StoreError>;
    /// Counts a shape's events again, or deletes the shape when it has none. Whether it stays.
    fn fold_shape_again(&self, shape: ShapeId) -> Result<bool, StoreError>;
    /// Gives a shape other names, under this digest; and whether one that it had named somebody.
    fn rename_shape(&self, shape: &Shape, digest: &[u8; 16], names: (&[ShapeName], bool)) -> Result<(), StoreError>;
    /// Moves a shape's events and traits to another that claims the same.
    fn merge_shape(&self, from: ShapeId, into: ShapeId) -> Result<(), StoreError>;

    /// Looks at every event of a workspace.
    fn scan_events(&self, workspace: Workspace, look: &mut dyn FnMut(ScannedEvent<'_>)) -> Result<(), StoreError>;
    /// Puts another message in the place of an event's.
    fn rewrite_event(&self, seq: Seq, name: Option<&str>, raw: &[u8]) -> Result<(), StoreError>;
    /// The traits that one event set.
    fn traits_of(&self, shape: ShapeId, order: &Order) -> Result<Vec<StoredTrait>, StoreError>;
    /// Looks at the context of every batch that has any.
    fn scan_batches(&self, workspace: Workspace, look: &mut dyn FnMut(BatchId, &[u8])) -> Result<(), StoreError>;
    /// Puts another context in the place of a batch's.
    fn rewrite_batch(&self, batch: BatchId, context: &[u8]) -> Result<(), StoreError>;
    /// All batches.
    fn batches(&self, workspace: Workspace) -> Result<Vec<BatchId>, StoreError>;
    /// Deletes a batch.
    fn drop_batch(&self, batch: BatchId) -> Result<(), StoreError>;
    /// Keeps the highest place in the order of commits taken, so that none is used twice.
    fn keep_last_seq(&self, last: Seq) -> Result<(), StoreError>;

    /// All dead letters.
    fn kept_letters(&self) -> Result<Vec<KeptLetter>, StoreError>;
    /// Deletes one.
    fn delete_letter(&self, row: i64) -> Result<(), StoreError>;
    /// Puts another reason in the place of a decision's.
    fn rewrite_decision(&self, decision: DecisionId, reason: &str) -> Result<(), StoreError>;
    /// Deletes a decision.
    fn delete_decision(&self, decision: DecisionId) -> Result<(), StoreError>;
    /// Looks at the cause of every change.
    fn scan_causes(&self, workspace: Workspace, look: &mut dyn FnMut(ChangeSeq, &str)) -> Result<(), StoreError>;
    /// Puts another cause in the place of a change's.
    fn rewrite_cause(&self, change: ChangeSeq, because: &str) -> Result<(), StoreError>;
    /// Takes a name out of the ledger: what is left is the id of its profile, where the change feed speaks of that.
    /// `is_told`: whether the change feed speaks of it, see `told_among`.
    fn unname(&self, workspace: Workspace, name: NameId, is_told: bool) -> Result<(), StoreError>;
    /// Those of some names whose profiles the change feed speaks of. Looks through the feed once.
    fn told_among(&self, names: &BTreeSet<NameId>) -> Result<BTreeSet<NameId>, StoreError>;
    /// Whether anything but its own row speaks of a name.
    fn is_spoken_of(&self, name: NameId) -> Result<bool, StoreError>;
}
