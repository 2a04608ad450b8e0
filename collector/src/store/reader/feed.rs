//! What destinations take: events and changes, each in the order of commits.

use std::collections::HashMap;
use std::sync::Arc;

use selvedge_core::identifier::{Class, Kind};

use super::Reader;
use crate::event::Strength;
use crate::identity::ProfileId;
use crate::profile::Profile;
use crate::store::{ChangeSeq, NameId, ProfileKey, Seq, ShapeId, StoreError, StoredEvent, Transition};

/// An event on its way upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEvent {
    /// The message and what its batch shared.
    pub event: StoredEvent,
    /// How far it was trusted about each kind that it names.
    pub strengths: Vec<(Kind, Strength)>,
    /// Whose it is now; `None` for an unattributed one.
    pub profile: Option<ProfileId>,
    /// Whether it restates a profile or an import row, and is no event of its own.
    pub is_snapshot: bool,
}

/// A change of profiles, in its place among all changes.
#[derive(Debug, Clone)]
pub struct Change {
    /// Rises from change to change; consumers apply one only once.
    pub seq: ChangeSeq,
    /// What changed.
    pub kind: ChangeKind,
}

/// What consumers apply, in order, to hold the same profiles.
#[derive(Debug, Clone)]
pub enum ChangeKind {
    /// A profile begins.
    Created {
        /// Which.
        profile: ProfileId,
    },
    /// A profile as it stands: in place of all that was known of it.
    Updated(Box<Profile>),
    /// A profile ended; what it had belongs to another.
    Merged {
        /// The one that ended.
        from: ProfileId,
        /// The one that goes on.
        into: ProfileId,
        /// The messageId of the event that made it so.
        because: Arc<str>,
    },
    /// A profile begins with what another had.
    Split {
        /// The one that lost it.
        from: ProfileId,
        /// The one that begins.
        into: ProfileId,
        /// The messageId of the event that made it so.
        because: Arc<str>,
    },
    /// A profile ended, and nothing is left of it.
    Deleted {
        /// Which.
        profile: ProfileId,
    },
}

impl Reader<'_> {
    /// The events that were committed after `seq`, in that order.
    pub fn events_after(&self, seq: Seq, limit: usize) -> Result<Vec<LedgerEvent>, StoreError> {
        let mut shapes = HashMap::new();
        let events = self.view.events_after(self.workspace, seq, limit)?;
        events.into_iter().map(|event| self.ledger_event(event, &mut shapes)).collect()
    }

    /// The changes after `seq`, in order. Of each profile only the newest snapshot is given, at its place.
    pub fn changes_after(&self, seq: ChangeSeq, limit: usize) -> Result<Vec<Change>, StoreError> {
        let transitions = self.view.transitions_after(self.workspace, seq, limit)?;
        let snapshots = self.view.profiles_after(self.workspace, seq, limit)?;
        let mut order: Vec<(ChangeSeq, Entry)> = Vec::with_capacity(transitions.len() + snapshots.len());
        order.extend(transitions.into_iter().map(|row| (row.seq, Entry::Transition(row))));
        order.extend(snapshots.into_iter().map(|(seq, name)| (seq, Entry::Snapshot(name))));
        order.sort_unstable_by_key(|(seq, _)| *seq);
        order.truncate(limit);
        order.into_iter().map(|(seq, entry)| Ok(Change { seq, kind: self.change(entry)? })).collect()
    }

    fn change(&self, entry: Entry) -> Result<ChangeKind, StoreError> {
        let row = match entry {
            Entry::Snapshot(name) => {
                let key = match self.view.name(name)?.class {
                    Class::Device => ProfileKey::Device(name),
                    Class::Account | Class::Contact | Class::Undeclared => ProfileKey::Person(name),
                };
                return Ok(ChangeKind::Updated(Box::new(self.profile_of(key)?)));
            }
            Entry::Transition(row) => row,
        };
        let profile = self.view.name(row.profile)?.profile_id;
        let because = row.because;
        Ok(match row.transition {
            Transition::Created => ChangeKind::Created { profile },
            Transition::Deleted => ChangeKind::Deleted { profile },
            Transition::MergedInto(other) => {
                ChangeKind::Merged { from: profile, into: self.view.name(other)?.profile_id, because }
            }
            Transition::SplitFrom(other) => {
                ChangeKind::Split { from: self.view.name(other)?.profile_id, into: profile, because }
            }
        })
    }

    fn ledger_event(
        &self,
        event: StoredEvent,
        shapes: &mut HashMap<ShapeId, Claimed>,
    ) -> Result<LedgerEvent, StoreError> {
        let claimed = match shapes.get(&event.shape) {
            Some(claimed) => claimed,
            None => shapes.entry(event.shape).or_insert(self.claimed(event.shape)?),
        };
        let owner = self.ownership().owner_of(&claimed.shape, &event.order)?;
        let profile = owner.map(|key| Ok::<_, StoreError>(self.view.name(key.name())?.profile_id)).transpose()?;
        Ok(LedgerEvent { event, strengths: claimed.strengths.clone(), profile, is_snapshot: claimed.shape.is_snapshot })
    }

    fn claimed(&self, shape: ShapeId) -> Result<Claimed, StoreError> {
        let mut strengths = Vec::new();
        for name in self.view.names_of(shape)? {
            strengths.push((self.view.name(name.name)?.identifier.kind, name.strength));
        }
        Ok(Claimed { shape: self.view.shape(shape)?, strengths })
    }
}

enum Entry {
    Transition(crate::store::TransitionRow),
    Snapshot(NameId),
}

/// What the events of one shape have alike.
struct Claimed {
    shape: crate::store::Shape,
    strengths: Vec<(Kind, Strength)>,
}
