//! What destinations take: events and changes, each in the order of commits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::Reader;
use crate::event::{Strength, Trust};
use crate::identity::ProfileId;
use crate::profile::Profile;
use crate::store::{ChangeSeq, NameId, ProfileKey, Seq, ShapeId, StoreError, StoredEvent, Transition};

/// An event on its way upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEvent {
    /// The message and what its batch shared.
    pub event: StoredEvent,
    /// How far it was trusted about each kind that it names: of two values of a kind the less.
    pub strengths: Vec<(Kind, Strength)>,
    /// What its identity token proved beside the account: the token is gone, and the message may not say it.
    pub verified: Vec<Identifier>,
    /// How far its key is believed.
    pub trust: Trust,
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
    Updated(Box<ProfileSnapshot>),
    /// A profile ended; what it had belongs to another.
    Merged {
        /// The one that ended.
        from: ProfileId,
        /// The one that goes on.
        into: ProfileId,
        /// The messageId of the event that made it so.
        because: Arc<str>,
        /// Above every version that it had; `None` when it stands again, and another snapshot of it follows.
        ended_at_version: Option<u64>,
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
        /// Above every version that it had; `None` when it stands again, and another snapshot of it follows.
        ended_at_version: Option<u64>,
    },
}

/// A profile as it stands, and how far its names are trusted.
#[derive(Debug, Clone)]
pub struct ProfileSnapshot {
    /// The profile.
    pub profile: Profile,
    /// Of each kind that names it, how far the least trusted of its names is.
    pub strengths: Vec<(Kind, Strength)>,
}

impl Reader<'_> {
    /// The events that were committed after `seq`, in that order.
    pub fn events_after(&self, seq: Seq, limit: usize) -> Result<Vec<LedgerEvent>, StoreError> {
        let events = self.view.events_after(self.workspace, seq, limit)?;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = HashMap::new();
        events.into_iter().map(|event| self.ledger_event(event, &mut known)).collect()
    }

    /// The changes after `seq`, in order. Of each profile only the newest snapshot is given, at its place.
    pub fn changes_after(&self, seq: ChangeSeq, limit: usize) -> Result<Vec<Change>, StoreError> {
        let transitions = self.view.transitions_after(self.workspace, seq, limit)?;
        let snapshots = self.view.profiles_after(self.workspace, seq, limit)?;
        let mut order: Vec<(ChangeSeq, Entered)> = Vec::with_capacity(transitions.len() + snapshots.len());
        order.extend(transitions.into_iter().map(|row| (row.seq, Entered::Transition(row))));
        order.extend(snapshots.into_iter().map(|(seq, name)| (seq, Entered::Snapshot(name))));
        order.sort_unstable_by_key(|(seq, _)| *seq);
        order.truncate(limit);
        order.into_iter().map(|(seq, entered)| Ok(Change { seq, kind: self.change(entered)? })).collect()
    }

    fn change(&self, entered: Entered) -> Result<ChangeKind, StoreError> {
        let row = match entered {
            Entered::Snapshot(name) => {
                let key = match self.view.name(name)?.class {
                    Class::Device => ProfileKey::Device(name),
                    Class::Account | Class::Contact | Class::Undeclared => ProfileKey::Person(name),
                };
                return Ok(ChangeKind::Updated(Box::new(self.snapshot_of(key)?)));
            }
            Entered::Transition(row) => row,
        };
        let profile = self.view.name(row.profile)?.profile_id;
        let because = row.because;
        Ok(match row.transition {
            Transition::Created => ChangeKind::Created { profile },
            Transition::Deleted => {
                ChangeKind::Deleted { profile, ended_at_version: self.ended_at_version(row.profile)? }
            }
            Transition::MergedInto(other) => ChangeKind::Merged {
                from: profile,
                into: self.view.name(other)?.profile_id,
                because,
                ended_at_version: self.ended_at_version(row.profile)?,
            },
            Transition::SplitFrom(other) => {
                ChangeKind::Split { from: self.view.name(other)?.profile_id, into: profile, because }
            }
        })
    }

    fn ended_at_version(&self, profile: NameId) -> Result<Option<u64>, StoreError> {
        Ok(self.view.profile(profile)?.filter(|row| !row.is_alive).map(|row| row.version))
    }

    /// A profile with all that consumers are told of it.
    pub(crate) fn snapshot_of(&self, key: ProfileKey) -> Result<ProfileSnapshot, StoreError> {
        let profile = self.profile_of(key)?;
        let mut strengths: Vec<(Kind, Strength)> = Vec::new();
        for seen in &profile.identifiers {
            let Some(name) = self.view.name_id(self.workspace, &seen.identifier)? else { continue };
            note_least(&mut strengths, &seen.identifier.kind, self.strength_of(name)?);
        }
        Ok(ProfileSnapshot { profile, strengths })
    }

    /// How far a name of a profile is trusted. What an alias says of its older account says something of that account
    /// only where the two are one: it may name somebody who is kept apart from it.
    fn strength_of(&self, name: NameId) -> Result<Strength, StoreError> {
        let is_another_name = self.view.placement(name)?.is_some_and(|placement| placement.same_as.is_some());
        let is_one_of_several = is_another_name || !self.view.other_names_of(name)?.is_empty();
        let said = if is_one_of_several { self.view.strongest(name)? } else { self.view.claimed_strength(name)? };
        Ok(said.unwrap_or(Strength::Observed))
    }

    fn ledger_event(
        &self,
        event: StoredEvent,
        known: &mut HashMap<ShapeId, Claimed>,
    ) -> Result<LedgerEvent, StoreError> {
        let claimed = match known.entry(event.shape) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.claimed(event.shape)?),
        };
        let owner = self.ownership().owner_of(&claimed.shape, &event.order)?;
        let profile = owner.map(|key| Ok::<_, StoreError>(self.view.name(key.name())?.profile_id)).transpose()?;
        Ok(LedgerEvent {
            strengths: claimed.strengths.clone(),
            verified: claimed.verified.clone(),
            trust: claimed.shape.guard.trust(),
            profile,
            is_snapshot: claimed.shape.is_snapshot,
            event,
        })
    }

    fn claimed(&self, shape: ShapeId) -> Result<Claimed, StoreError> {
        let (mut strengths, mut verified) = (Vec::new(), Vec::new());
        for named in self.view.names_of(shape)? {
            let name = self.view.name(named.name)?;
            note_least(&mut strengths, &name.identifier.kind, named.strength);
            if name.class == Class::Contact && named.strength == Strength::Proven {
                verified.push(name.identifier);
            }
        }
        Ok(Claimed { shape: self.view.shape(shape)?, strengths, verified })
    }
}

/// A strength is told for a kind: what one value of it was proven to be must not raise another that was only observed.
fn note_least(strengths: &mut Vec<(Kind, Strength)>, kind: &Kind, strength: Strength) {
    match strengths.iter_mut().find(|(noted, _)| noted == kind) {
        Some((_, least)) => *least = strength.min(*least),
        None => strengths.push((kind.clone(), strength)),
    }
}

enum Entered {
    Transition(crate::store::TransitionRow),
    Snapshot(NameId),
}

/// What the events of one shape have alike.
struct Claimed {
    shape: crate::store::Shape,
    strengths: Vec<(Kind, Strength)>,
    verified: Vec<Identifier>,
}
