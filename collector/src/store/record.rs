//! The values that the ledger's two homes and its readers speak in.

use std::sync::Arc;

use bytes::Bytes;
use selvedge_core::identifier::{Class, Identifier};

use crate::event::{EventType, Guard, Order, Source, Strength, UnixMillis, Via, Workspace};
use crate::identity::incremental::Reach;
use crate::identity::{DecisionVerb, ProfileId, Quarantine};

/// The row of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub i64);

/// The row of a claim shape: what many events claim alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(pub i64);

/// The row of what the events of one request share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub i64);

/// The row of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId(pub i64);

impl DecisionId {
    /// What stands for a messageId where a decision speaks: `decision:7`.
    pub fn said_as(self) -> Arc<str> {
        format!("decision:{}", self.0).into()
    }
}

/// The first eight bytes of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestPrefix(pub i64);

impl DigestPrefix {
    /// Of the digits of a digest.
    pub fn of(hex: &str) -> Self {
        let first = hex.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        Self(first.unwrap_or_default().cast_signed())
    }
}

/// Where an event stands in the order of commits; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub i64);

/// Where a change stands in the order of changes; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChangeSeq(pub i64);

/// An identifier of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its row.
    pub id: NameId,
    /// What it is.
    pub identifier: Identifier,
    /// What its kind can name.
    pub class: Class,
    /// The id of the profile that it leads, or that is its own.
    pub profile_id: ProfileId,
}

/// What a claim's identifier does in its shape. The order is that of the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A device.
    Device,
    /// The only account or contact: it makes no edge.
    Lone,
    /// One of several accounts and contacts: edges tie them.
    Tied,
    /// The older account of an asserted alias: no part of the claim, but another name of the account in it.
    Alias,
}

/// One identifier of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShapeName {
    /// Which.
    pub name: NameId,
    /// How far the shape's events are trusted about it.
    pub strength: Strength,
    /// What it does there.
    pub role: Role,
}

/// A claim shape: source, identifiers and strengths that many events have alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its row.
    pub id: ShapeId,
    /// The key that its events came with.
    pub source: Source,
    /// The least order of its events: the order of the edges that it makes.
    pub first: Order,
    /// How many events it has; `None` where they are few, and counted when asked.
    pub event_count: Option<u64>,
    /// The identifier whose person owns its events, when one is left.
    pub anchor: Option<NameId>,
    /// How far the traits are trusted that its events set.
    pub rank: Strength,
    /// What is taken out of what its events observe.
    pub guard: Guard,
    /// Whether it names accounts or contacts, left or not.
    pub names_someone: bool,
    /// Whether it named somebody who was erased: then no one can hold every name that it gave.
    pub lost_names: bool,
    /// Whether it is the claim of a snapshot.
    pub is_snapshot: bool,
}

/// Where an account or contact stands: derived, and written only where it changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// Its place among people; `None` for a name that is no identifier any more.
    pub place: Option<Place>,
    /// Whether a crowd uses it.
    pub quarantine: Option<Quarantine>,
    /// The name that stands for it, where it is another name of the same: of one account, or the digest of a clear
    /// value. That one is placed in its stead.
    pub same_as: Option<NameId>,
    /// Whether a trusted claim names it, or another name of the same.
    pub is_held: bool,
    /// Whether a decision takes it out of every claim.
    pub is_ignored: bool,
}

impl Placement {
    /// Who leads its person.
    pub fn leader(&self) -> Option<NameId> {
        self.place.as_ref().map(|place| place.leader)
    }
}

/// The place of a name in both placings (identity.md, section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Leads its person.
    pub leader: NameId,
    /// Among trusted names.
    pub among_trusted: Stood,
    /// Of a name that heads a trusted person: where that person stands among all. Its head is the leader.
    pub among_all: Option<Stood>,
}

/// Where a name, or a trusted person, stands in one placing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stood {
    /// Which kind leads it, and in how many steps.
    pub reach: Reach,
    /// The edge by which it follows, let in or not; `None` for a leader.
    pub parent: Option<Parent>,
    /// Whose group it is in, its own perhaps.
    pub head: NameId,
}

/// The edge by which a name follows: the evidence for its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The end on this side.
    pub from: NameId,
    /// The end nearer to the leader.
    pub to: NameId,
    /// The first event that says so.
    pub order: Order,
}

/// An anchor that was seen on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceAnchor {
    /// Whose person marked it.
    pub anchor: NameId,
    /// How far the anchor is trusted.
    pub rank: Strength,
    /// What is taken out of what the marking events observe.
    pub guard: Guard,
    /// The first shape that did.
    pub since: ShapeId,
}

/// A decision of an operator, as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Its place among the decisions; never used twice.
    pub id: DecisionId,
    /// What was decided.
    pub verb: DecisionVerb,
    /// About whom.
    pub x: NameId,
    /// And whom; `None` for an ignored name.
    pub y: Option<NameId>,
    /// Why, in the operator's words.
    pub reason: Box<str>,
    /// Who decided: the name of the key.
    pub author: Box<str>,
    /// When.
    pub at: UnixMillis,
    /// From when on it counts no more.
    pub withdrawn_at: Option<UnixMillis>,
}

/// A decision about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDecision {
    /// What was decided.
    pub verb: DecisionVerb,
    /// About whom.
    pub x: NameId,
    /// And whom; `None` for an ignored name.
    pub y: Option<NameId>,
    /// Why, in the operator's words.
    pub reason: Box<str>,
    /// Who decided: the name of the key.
    pub author: Box<str>,
    /// When.
    pub at: UnixMillis,
}

/// An asserted alias: its two accounts are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AliasRow {
    /// The first event that says so.
    pub order: Order,
    /// The account of the claim.
    pub account: NameId,
    /// The older name.
    pub older: NameId,
    /// The key that it came with.
    pub source: Source,
}

/// Events of one shape between two orders: `from` included, `to` excluded, `None` without bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSlice {
    /// Whose events.
    pub shape: ShapeId,
    /// The first order that may lie in it.
    pub from: Option<Order>,
    /// The first order behind it.
    pub to: Option<Order>,
}

/// The count and the span of a slice of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fold {
    /// How many.
    pub event_count: u64,
    /// The earliest and the latest time; `None` for none.
    pub span: Option<(UnixMillis, UnixMillis)>,
}

/// An event of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the order of commits.
    pub seq: Seq,
    /// What it claims.
    pub shape: ShapeId,
    /// Its time and messageId.
    pub order: Order,
    /// The tracking call.
    pub event_type: EventType,
    /// Event, page or screen name.
    pub name: Option<Box<str>>,
    /// When the request was complete that brought it.
    pub received_at: UnixMillis,
    /// The key that it came with.
    pub source: Source,
    /// The way in.
    pub via: Via,
    /// The context that its batch shared, JSON object text; empty when there was none.
    pub batch_context: Bytes,
    /// The message as it came.
    pub raw: Bytes,
}

/// An event with what its batch recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The event.
    pub event: StoredEvent,
    /// The batch that brought it.
    pub batch: BatchId,
    /// The moment of that attempt, as the client said.
    pub sent_at: Option<UnixMillis>,
}

/// A trait as one event set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTrait {
    /// Its name.
    pub name: Box<str>,
    /// When.
    pub order: Order,
    /// JSON text; `null` cancels.
    pub value: Box<str>,
}

/// The row of a profile that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileRow {
    /// Rises with every change of the profile, also over its death and revival.
    pub version: u64,
    /// The seq of its newest snapshot.
    pub change_seq: ChangeSeq,
    /// Whether it stands today.
    pub is_alive: bool,
    /// Of one that ended: the profile that had what it had since then, if there was one.
    pub heir: Option<NameId>,
}

/// What consumers of profiles must hear, apart from the newest snapshot of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It begins.
    Created,
    /// It ended; what it had belongs to `other`.
    MergedInto(NameId),
    /// It took what `other` had.
    SplitFrom(NameId),
    /// It ended, and nothing is left of it.
    Deleted,
}

/// A transition as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitionRow {
    /// Its place among the changes.
    pub seq: ChangeSeq,
    /// The leader or device of the profile.
    pub profile: NameId,
    /// What happened to it.
    pub transition: Transition,
    /// The messageId of the event that made it so.
    pub because: Arc<str>,
}

/// How far a destination has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The last event that it has.
    pub event_seq: Seq,
    /// The last change that it has.
    pub change_seq: ChangeSeq,
}

/// What a destination refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The destination's name.
    pub destination: Box<str>,
    /// What it was: the messageId of an event or of a change.
    pub message_id: Box<str>,
    /// Why it was refused, as the destination said.
    pub reason: Box<str>,
    /// What was sent.
    pub body: Bytes,
    /// When it was given up.
    pub at: UnixMillis,
}

/// How much a ledger holds; for `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// The last event's place in the order of commits: all events ever accepted.
    pub last_seq: Seq,
    /// The last change's place.
    pub last_change: ChangeSeq,
    /// Profiles that stand today.
    pub profiles: u64,
    /// What was said of two people as of one.
    pub conflicts: u64,
    /// Bytes of the ledger's files.
    pub bytes: u64,
}

/// An event about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent<'a> {
    /// Where.
    pub workspace: Workspace,
    /// What its request shares.
    pub batch: BatchId,
    /// What it claims.
    pub shape: ShapeId,
    /// Its time and messageId.
    pub order: &'a Order,
    /// The tracking call.
    pub event_type: EventType,
    /// Event, page or screen name.
    pub name: Option<&'a str>,
    /// The message as it came.
    pub raw: &'a [u8],
}

/// A shape about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewShape<'a> {
    /// Where.
    pub workspace: Workspace,
    /// SHA-256 of its source, identifiers and strengths (and of its subject), cut to 16 bytes.
    pub digest: &'a [u8; 16],
    /// The key that its events came with.
    pub source: Source,
    /// What is taken out of what its events observe.
    pub guard: Guard,
    /// Whether it is the claim of a snapshot.
    pub is_snapshot: bool,
    /// The order of its first event.
    pub first: &'a Order,
    /// The identifier whose person owns its events.
    pub anchor: Option<NameId>,
    /// How far its traits are trusted.
    pub rank: Strength,
    /// Its identifiers.
    pub names: &'a [ShapeName],
    /// Whether it named somebody who was erased.
    pub lost_names: bool,
}

/// Where the newest version of a snapshot's subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Which version.
    pub version: u64,
    /// Its message.
    pub seq: Seq,
    /// Its claim.
    pub shape: ShapeId,
}

/// An identifier about to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewName<'a> {
    /// What it is.
    pub identifier: &'a Identifier,
    /// What its kind can name.
    pub class: Class,
    /// The id of the profile that it would lead.
    pub profile_id: ProfileId,
}

/// What the claims of one shape say of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// How far they are trusted about it.
    pub strength: Strength,
    /// What is taken out of them.
    pub guard: Guard,
    /// How far its anchor is trusted, where it has one: then they mark their devices.
    pub marks_with: Option<Strength>,
    /// The first of them.
    pub first: Order,
    /// The time of the last; `None` of a snapshot, which is no event.
    pub last: Option<UnixMillis>,
    /// The key that they came with.
    pub source: Source,
}
