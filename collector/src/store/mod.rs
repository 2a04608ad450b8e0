//! Keeps the ledger and everything derived from it. All SQL of the collector is below here; what the rows mean is
//! decided by `identity` and `profile`.
//!
//! A home of the ledger is a [`Store`]: it gives consistent [`View`]s to any number of readers and one
//! [`Transaction`] at a time to the writer. [`Reader`] answers questions over a view, and knows no home.
//!
//! Three sorts of rows:
//!
//! - What was said, never rewritten: `batch`, `event` (the message as it came), `trait_set`, and the *claim shape*:
//!   the source, identifiers and strengths that many events have alike. A shape folds its events (count, first order,
//!   last time), so that the cost of an event does not grow with what it names. Only a newer snapshot of one subject
//!   takes the place of an older one.
//! - What follows from it, written where it changes: `placement` (whose person an account or contact is), `conflict`,
//!   `profile` and `change`. Whose an event is stands nowhere: it follows from the shape's anchor, or from the marks
//!   on its device, as slices of orders.
//! - What operators set: `write_key`, `identity_key`, `destination`, `dead_letter`; and whom they erased: `erasure`,
//!   and the `nameless_mark`s that those leave.

mod conflict;
mod erasing;
mod error;
mod flags;
mod forms;
mod marks;
mod ownership;
mod reader;
mod record;
pub mod sqlite;

pub use conflict::{ConflictRow, SaidBy};
pub use erasing::{Erasing, ErasureCount, ErasureRow, KeptLetter, NameHash, NamelessMark, ScannedEvent};
pub use error::{Cause, StoreError};
pub use flags::Flags;
pub(crate) use forms::{Forms, Meaning};
pub use marks::MarkRules;
pub(crate) use marks::{crowd_on, marks_of_a_crowd, people_of};
pub(crate) use ownership::sole;
pub use ownership::{Ownership, ProfileKey};
pub use reader::{
    Because, By, Change, ChangeKind, ConflictCursor, ConflictPage, EventCursor, EventPage, EventQuery, Explanation,
    Export, LedgerEvent, Lookup, NeverNamed, NotACursor, Paths, ProfileSnapshot, Profiles, Reader, Said, SessionPage,
    ShownConflict, ShownDecision, Sought, Step,
};
pub use record::*;

use std::sync::Arc;

use selvedge_core::identifier::{Identifier, Kind};

use crate::event::{BatchFrame, Guard, Order, Source, Strength, UnixMillis, Workspace};
use crate::identity::ProfileId;
use crate::identity::normal::Digest;
use crate::identity_key::{IdentityKeyId, IdentityKeys, NewIdentityKey, StoredIdentityKey};
use crate::key::{KeyDigest, NewKey, StoredKey};

/// A home of the ledger.
pub trait Store: Send + Sync + 'static {
    /// The ledger as it stands now, and stays for as long as the view is held. Hold it briefly.
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError>;

    /// The one transaction at a time. Waits for the one before; dropped without [`Transaction::commit`] it leaves
    /// nothing behind.
    fn transaction(&self) -> Result<Box<dyn Transaction + '_>, StoreError>;

    /// The key of this digest, revoked or not. Cheap enough for every request, and never older than the last commit
    /// of any process.
    fn key(&self, digest: &KeyDigest) -> Result<Option<StoredKey>, StoreError>;

    /// Deletes what is kept of the ledger as it was before it was built again: it holds what is erased since.
    fn forget_copies(&self) -> Result<(), StoreError>;

    /// Leaves no trace of what was deleted in the ledger's files. Takes as long as writing the ledger anew.
    fn compact(&self) -> Result<(), StoreError>;

    /// What the tokens of a workspace are judged by, as cheap and as new as [`Store::key`].
    fn identity_keys(&self, workspace: Workspace) -> Result<Arc<IdentityKeys>, StoreError>;
}

/// What can be asked of one consistent state of the ledger.
pub trait View {
    /// The row of a workspace's name.
    fn workspace(&self, name: &str) -> Result<Option<Workspace>, StoreError>;
    /// The name of a workspace: part of every profile's id.
    fn workspace_name(&self, workspace: Workspace) -> Result<Box<str>, StoreError>;

    /// The row of an identifier that was named before.
    fn name_id(&self, workspace: Workspace, identifier: &Identifier) -> Result<Option<NameId>, StoreError>;
    /// The identifier that leads, or once led, the profile of this id.
    fn name_of_profile(&self, workspace: Workspace, id: &ProfileId) -> Result<Option<NameId>, StoreError>;
    /// An identifier by its row.
    fn name(&self, id: NameId) -> Result<Name, StoreError>;

    /// The clear values of a kind of which a digest may begin so.
    fn clear_values(&self, workspace: Workspace, kind: &Kind, prefix: DigestPrefix) -> Result<Vec<NameId>, StoreError>;
    /// The digests by which a name may be said whose clear value is not kept.
    fn kept_digests(&self, name: NameId) -> Result<Vec<Digest>, StoreError>;
    /// By what the key of clear values is known again; `None` of a ledger that keeps clear values.
    fn veil_check(&self) -> Result<Option<[u8; 32]>, StoreError>;
    /// The shape of this digest.
    fn shape_of_digest(&self, workspace: Workspace, digest: &[u8; 16]) -> Result<Option<Shape>, StoreError>;
    /// A shape by its row.
    fn shape(&self, id: ShapeId) -> Result<Shape, StoreError>;
    /// The identifiers of a shape.
    fn names_of(&self, shape: ShapeId) -> Result<Vec<ShapeName>, StoreError>;
    /// The shapes that name it in this role.
    fn shapes_naming(&self, name: NameId, role: Role) -> Result<Vec<ShapeId>, StoreError>;
    /// At most so many of the shapes that name it beside others, at least as strongly as that.
    fn shapes_tying(&self, name: NameId, least: Strength, limit: usize) -> Result<Vec<ShapeId>, StoreError>;
    /// The strongest that a shape is about a name that it has in this role; `None` where no shape has.
    fn strength_as(&self, role: Role, name: NameId) -> Result<Option<Strength>, StoreError>;
    /// The strongest that any claim is about a name; `None` where no claim names it. That an alias says it as the older
    /// account is no claim.
    fn claimed_strength(&self, name: NameId) -> Result<Option<Strength>, StoreError> {
        let [device, lone, tied] = [Role::Device, Role::Lone, Role::Tied].map(|role| self.strength_as(role, name));
        Ok(device?.max(lone?).max(tied?))
    }
    /// The strongest that any event is about a name, also as an alias' older account; `None` where no event says it.
    fn strongest(&self, name: NameId) -> Result<Option<Strength>, StoreError> {
        Ok(self.claimed_strength(name)?.max(self.strength_as(Role::Alias, name)?))
    }
    /// What claims of it are guarded by, with how much strength, each combination once. Not as an alias' older name.
    fn claims_of(&self, name: NameId) -> Result<Vec<(Guard, Strength)>, StoreError>;
    /// The asserted aliases that it is an end of.
    fn aliases_of(&self, name: NameId) -> Result<Vec<AliasRow>, StoreError>;
    /// Whether the ledger holds any asserted alias.
    fn has_aliases(&self) -> Result<bool, StoreError>;
    /// The other names of the same that this one is placed for.
    fn other_names_of(&self, name: NameId) -> Result<Vec<NameId>, StoreError>;
    /// The shapes whose events belong to the person of this anchor.
    fn shapes_anchored_at(&self, anchor: NameId) -> Result<Vec<Shape>, StoreError>;
    /// The shapes that go by a device: they name it, and nobody who is left.
    fn shapes_going_by(&self, device: NameId) -> Result<Vec<Shape>, StoreError>;
    /// The shapes that mark a device: they name it and somebody.
    fn shapes_marking(&self, device: NameId) -> Result<Vec<Shape>, StoreError>;
    /// The marks that the erased left on a device.
    fn nameless_marks(&self, device: NameId) -> Result<Vec<NamelessMark>, StoreError>;
    /// How much was erased so far.
    fn erasure_count(&self) -> Result<ErasureCount, StoreError>;
    /// The anchors of the shapes that mark a device, once for each rank and guard; those without a name too.
    fn anchors_on(&self, device: NameId) -> Result<Vec<DeviceAnchor>, StoreError>;
    /// At most so many of the marks on a device, each by a shape of its own, mostly the first: enough to see that they
    /// are too many. None without a name.
    fn first_marks_on(&self, device: NameId, limit: usize) -> Result<Vec<DeviceAnchor>, StoreError>;
    /// Whether any mark on a device is trusted, whoever made it.
    fn is_marked_with_trust(&self, device: NameId) -> Result<bool, StoreError>;
    /// The devices that shapes of this anchor name, each once.
    fn devices_marked_by(&self, anchor: NameId) -> Result<Vec<NameId>, StoreError>;
    /// The devices of the shapes that name it and go by a device all the same: it was taken out of them.
    fn devices_gone_by_without(&self, name: NameId) -> Result<Vec<NameId>, StoreError>;
    /// Whether any claim names it, left or not.
    fn is_named(&self, name: NameId) -> Result<bool, StoreError>;
    /// What is said of it, by each shape that names it.
    fn mentions_of(&self, name: NameId) -> Result<Vec<Mention>, StoreError>;
    /// What operators call a key.
    fn name_of_key(&self, source: Source) -> Result<Box<str>, StoreError>;

    /// Where it is placed.
    fn placement(&self, name: NameId) -> Result<Option<Placement>, StoreError>;
    /// Leader and followers of a person.
    fn members(&self, leader: NameId) -> Result<Vec<NameId>, StoreError>;
    /// The names whose trusted person this one heads, itself among them.
    fn trusted_person(&self, head: NameId) -> Result<Vec<NameId>, StoreError>;
    /// The conflicts of a name, whichever end it is.
    fn conflicts_of(&self, name: NameId) -> Result<Vec<ConflictRow>, StoreError>;
    /// Conflicts, newest first, from before this place on.
    fn conflicts(
        &self,
        workspace: Workspace,
        before: Option<&ConflictCursor>,
        limit: usize,
    ) -> Result<Vec<ConflictRow>, StoreError>;

    /// A rule that was set while the collector ran.
    fn rule(&self, workspace: Workspace, name: &str) -> Result<Option<Box<str>>, StoreError>;
    /// The shapes that nothing is taken out of yet, and that have events at this time or later.
    fn shapes_to_guard(&self, workspace: Workspace, from: UnixMillis) -> Result<Vec<Shape>, StoreError>;
    /// The names that decisions which stand keep apart from a name.
    fn kept_apart_from(&self, name: NameId) -> Result<Vec<NameId>, StoreError>;
    /// What a token proved of a message's names, and the rules left out.
    fn set_aside(&self, workspace: Workspace, message_id: &str) -> Result<Vec<Identifier>, StoreError>;
    /// All decisions, withdrawn ones too, oldest first.
    fn decisions(&self, workspace: Workspace) -> Result<Vec<DecisionRow>, StoreError>;

    /// Whether a message of this id is stored.
    fn has_event(&self, workspace: Workspace, message_id: &str) -> Result<bool, StoreError>;
    /// The newest events of a slice, newest first; of one event name, if one is given.
    fn events_in(&self, slice: &EventSlice, name: Option<&str>, limit: usize) -> Result<Vec<(Order, Seq)>, StoreError>;
    /// What the event of a messageId claims; `None` when none is stored.
    fn shape_of_event(&self, workspace: Workspace, message_id: &str) -> Result<Option<ShapeId>, StoreError>;
    /// An event by its row.
    fn event(&self, seq: Seq) -> Result<StoredEvent, StoreError>;
    /// The events after this place in the order of commits.
    fn events_after(&self, workspace: Workspace, seq: Seq, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;
    /// The same with all that was recorded of them.
    fn recorded_after(&self, workspace: Workspace, seq: Seq, limit: usize) -> Result<Vec<RecordedEvent>, StoreError>;
    /// How many events are stored.
    fn event_count(&self, workspace: Workspace) -> Result<u64, StoreError>;
    /// Count and span of a slice.
    fn fold(&self, slice: &EventSlice) -> Result<Fold, StoreError>;
    /// Count and span of all events of a shape; a snapshot is none.
    fn fold_of_shape(&self, shape: &Shape) -> Result<Fold, StoreError>;
    /// The last order of a shape's events that is before this one.
    fn last_order_before(&self, shape: ShapeId, order: &Order) -> Result<Option<Order>, StoreError>;
    /// The first order of a shape's events that is after this one.
    fn first_order_after(&self, shape: ShapeId, order: &Order) -> Result<Option<Order>, StoreError>;
    /// The orders of all events of a shape.
    fn orders_of(&self, shape: ShapeId) -> Result<Vec<Order>, StoreError>;
    /// The newest set of each trait within a slice of events.
    fn latest_traits(&self, slice: &EventSlice) -> Result<Vec<StoredTrait>, StoreError>;
    /// All sets of one trait within a slice of events.
    fn trait_sets(&self, slice: &EventSlice, name: &str) -> Result<Vec<StoredTrait>, StoreError>;

    /// The newest version of a snapshot's subject.
    fn snapshot(&self, workspace: Workspace, subject: &str) -> Result<Option<SnapshotRow>, StoreError>;

    /// The row of a profile.
    fn profile(&self, key: NameId) -> Result<Option<ProfileRow>, StoreError>;
    /// Profiles whose newest snapshot is after this place, oldest first.
    fn profiles_after(
        &self,
        workspace: Workspace,
        seq: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(ChangeSeq, NameId)>, StoreError>;
    /// The leaders and devices of all profiles that stand, in the order of their rows.
    fn standing_profiles(&self, workspace: Workspace) -> Result<Vec<NameId>, StoreError>;
    /// Transitions after this place, oldest first.
    fn transitions_after(
        &self,
        workspace: Workspace,
        seq: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<TransitionRow>, StoreError>;
    /// The last change of the whole ledger.
    fn last_change(&self) -> Result<ChangeSeq, StoreError>;

    /// All keys of a workspace, oldest first.
    fn keys(&self, workspace: Workspace) -> Result<Vec<StoredKey>, StoreError>;
    /// All identity keys of a workspace, revoked ones too, oldest first.
    fn identity_keys(&self, workspace: Workspace) -> Result<Vec<StoredIdentityKey>, StoreError>;
    /// How far a destination has got; `None` for one that was never seen.
    fn position(&self, destination: &str) -> Result<Option<Position>, StoreError>;
    /// What a destination refused for good, newest first.
    fn dead_letters(&self, destination: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;
    /// How much there is.
    fn sizes(&self) -> Result<Sizes, StoreError>;
}

/// What can be done to the ledger, all of it or nothing.
pub trait Transaction: View + Erasing {
    /// Stores what the events of one request share.
    fn insert_batch(&self, frame: &BatchFrame) -> Result<BatchId, StoreError>;
    /// Takes back a batch that brought no event.
    fn delete_batch(&self, batch: BatchId) -> Result<(), StoreError>;
    /// Stores an event; `None`, and nothing done, when its messageId is stored already.
    fn insert_event(&self, event: &NewEvent<'_>) -> Result<Option<Seq>, StoreError>;
    /// Puts a newer version of a snapshot in the place of the stored one, at the end of the order of commits.
    fn replace_event(&self, old: Seq, event: &NewEvent<'_>) -> Result<Seq, StoreError>;
    /// Adds to the history of a trait.
    fn insert_trait(&self, shape: ShapeId, order: &Order, name: &str, value: &str) -> Result<(), StoreError>;
    /// Notes the newest version of a snapshot's subject.
    fn put_snapshot(&self, workspace: Workspace, subject: &str, row: &SnapshotRow) -> Result<(), StoreError>;

    /// Stores an identifier.
    fn insert_name(&self, workspace: Workspace, name: &NewName<'_>) -> Result<NameId, StoreError>;
    /// Stores by which digest a clear value may be said.
    fn insert_digest(
        &self,
        workspace: Workspace,
        kind: &Kind,
        prefix: DigestPrefix,
        name: NameId,
    ) -> Result<(), StoreError>;
    /// Keeps a digest by which a name may be said whose clear value is not kept.
    fn keep_digest(&self, name: NameId, digest: &Digest) -> Result<(), StoreError>;
    /// From now on the ledger keeps no clear values, and knows the key by this.
    fn keep_veil_check(&self, check: &[u8; 32]) -> Result<(), StoreError>;
    /// Stores a shape with its identifiers; it has no events yet.
    fn insert_shape(&self, shape: &NewShape<'_>) -> Result<ShapeId, StoreError>;
    /// Takes back the claim of a superseded snapshot, with its traits.
    fn delete_shape(&self, shape: ShapeId) -> Result<(), StoreError>;
    /// A shape has an earlier event than before.
    fn set_first(&self, shape: ShapeId, first: &Order) -> Result<(), StoreError>;
    /// A shape has so many events now. To be told whenever that changes; kept only of those that have many.
    fn set_event_count(&self, shape: ShapeId, event_count: u64) -> Result<(), StoreError>;
    /// Changes who owns a shape's events.
    fn set_anchor(&self, shape: ShapeId, anchor: Option<NameId>, rank: Strength) -> Result<(), StoreError>;

    /// Places a name, or takes its place away.
    fn set_placement(&self, name: NameId, placement: Option<&Placement>) -> Result<(), StoreError>;
    /// Notes a conflict, in place of one between the same two names.
    fn put_conflict(&self, workspace: Workspace, conflict: &ConflictRow) -> Result<(), StoreError>;
    /// Takes a conflict back.
    fn delete_conflict(&self, x: NameId, y: NameId) -> Result<(), StoreError>;

    /// Sets a rule.
    fn set_rule(&self, workspace: Workspace, name: &str, value: &str) -> Result<(), StoreError>;
    /// Takes held names out of a shape's events from this time on: those get a shape of their own, of this digest, if
    /// there are earlier ones. The shape that is guarded now.
    fn guard_shape(&self, shape: &Shape, digest: &[u8; 16], from: UnixMillis) -> Result<ShapeId, StoreError>;
    /// Sets aside what a token proved of a message's names, because the rules leave it out.
    fn insert_set_aside(
        &self,
        workspace: Workspace,
        message_id: &str,
        identifier: &Identifier,
    ) -> Result<(), StoreError>;
    /// Stores a decision under the id that it had.
    fn restore_decision(&self, workspace: Workspace, decision: &DecisionRow) -> Result<(), StoreError>;
    /// Stores a decision.
    fn insert_decision(&self, workspace: Workspace, decision: &NewDecision) -> Result<DecisionId, StoreError>;
    /// Withdraws a decision; false when there is none that stands.
    fn withdraw_decision(&self, workspace: Workspace, id: DecisionId, at: UnixMillis) -> Result<bool, StoreError>;

    /// Gives a standing profile its next version; false when it does not stand.
    fn renew_profile(&self, key: NameId, seq: ChangeSeq) -> Result<bool, StoreError>;
    /// Lets a profile begin, or begin again at its next version.
    fn raise_profile(&self, workspace: Workspace, key: NameId, seq: ChangeSeq) -> Result<(), StoreError>;
    /// Lets a profile end, at a version of its own: that of its end, below that of a revival.
    fn bury_profile(&self, key: NameId, heir: Option<NameId>) -> Result<(), StoreError>;
    /// Notes a transition.
    fn insert_transition(&self, workspace: Workspace, row: &TransitionRow) -> Result<(), StoreError>;

    /// Stores a key.
    fn insert_key(&self, key: &NewKey) -> Result<Source, StoreError>;
    /// Revokes a key; false when there is no such key, or when it was revoked before.
    fn revoke_key(&self, key: Source, at: UnixMillis) -> Result<bool, StoreError>;
    /// Stores an identity key.
    fn insert_identity_key(&self, key: &NewIdentityKey) -> Result<IdentityKeyId, StoreError>;
    /// Revokes an identity key; false when there is no such key, or when it was revoked before.
    fn revoke_identity_key(&self, key: IdentityKeyId, at: UnixMillis) -> Result<bool, StoreError>;
    /// Notes how far a destination has got.
    fn set_position(&self, destination: &str, position: Position) -> Result<(), StoreError>;
    /// Keeps what a destination refused for good.
    fn insert_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError>;

    /// Makes all of it durable (fsync), then visible.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
