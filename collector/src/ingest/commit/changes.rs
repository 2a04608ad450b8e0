//! Gathers what becomes of profiles in a group, and says it once, in an order that consumers can apply: what begins,
//! what ends in another, then the newest state of all that stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Workspace;
use crate::store::{ChangeSeq, NameId, StoreError, Transaction, Transition, TransitionRow};

/// What a group does to profiles.
pub(super) struct Changes {
    last: ChangeSeq,
    begun: BTreeMap<NameId, (Transition, Arc<str>)>,
    ended: BTreeMap<NameId, (Transition, Arc<str>)>,
    renewed: BTreeMap<NameId, Arc<str>>,
}

impl Changes {
    /// Nothing yet; the changes follow after `last`.
    pub(super) fn new(last: ChangeSeq) -> Self {
        Self { last, begun: BTreeMap::new(), ended: BTreeMap::new(), renewed: BTreeMap::new() }
    }

    /// The profile of this leader or device begins.
    pub(super) fn begin(&mut self, profile: NameId, from: Option<NameId>, because: &Arc<str>) {
        let transition = from.map_or(Transition::Created, Transition::SplitFrom);
        self.begun.insert(profile, (transition, Arc::clone(because)));
    }

    /// The profile ends, in another if there is one.
    pub(super) fn end(&mut self, profile: NameId, into: Option<NameId>, because: &Arc<str>) {
        let transition = into.map_or(Transition::Deleted, Transition::MergedInto);
        self.ended.insert(profile, (transition, Arc::clone(because)));
    }

    /// The profile holds or owns something else than before. One that does not stand yet begins.
    pub(super) fn renew(&mut self, profile: NameId, because: &Arc<str>) {
        self.renewed.insert(profile, Arc::clone(because));
    }

    /// Whether the profile is known to hold or own something else than before.
    pub(super) fn renews(&self, profile: NameId) -> bool {
        self.renewed.contains_key(&profile)
    }

    /// Whether a profile stands before the group or behind it: nothing is merged into one that nobody heard of.
    fn stands(&self, profile: NameId, transaction: &dyn Transaction) -> Result<bool, StoreError> {
        let is_told_of = self.begun.contains_key(&profile) || self.renewed.contains_key(&profile);
        Ok(is_told_of || transaction.profile(profile)?.is_some_and(|row| row.is_alive))
    }

    /// Writes it all; the place of the last change.
    pub(super) fn write(
        mut self,
        transaction: &dyn Transaction,
        workspace: Workspace,
    ) -> Result<ChangeSeq, StoreError> {
        for (&profile, (transition, because)) in &self.begun {
            let row =
                TransitionRow { seq: next(&mut self.last), profile, transition: *transition, because: because.clone() };
            transaction.insert_transition(workspace, &row)?;
            self.renewed.remove(&profile);
        }
        for (&profile, (transition, because)) in &self.ended {
            let heir = match *transition {
                Transition::MergedInto(heir) if self.stands(heir, transaction)? => Some(heir),
                Transition::MergedInto(_) | Transition::Created | Transition::SplitFrom(_) | Transition::Deleted => {
                    None
                }
            };
            let transition = heir.map_or(Transition::Deleted, Transition::MergedInto);
            let row = TransitionRow { seq: next(&mut self.last), profile, transition, because: because.clone() };
            transaction.insert_transition(workspace, &row)?;
            transaction.bury_profile(profile, heir)?;
            self.renewed.remove(&profile);
        }
        for &profile in self.begun.keys() {
            transaction.raise_profile(workspace, profile, next(&mut self.last))?;
        }
        for (profile, because) in self.renewed {
            let seq = next(&mut self.last);
            if !transaction.renew_profile(profile, seq)? {
                let row = TransitionRow { seq, profile, transition: Transition::Created, because };
                transaction.insert_transition(workspace, &row)?;
                transaction.raise_profile(workspace, profile, next(&mut self.last))?;
            }
        }
        Ok(self.last)
    }
}

fn next(last: &mut ChangeSeq) -> ChangeSeq {
    last.0 += 1;
    *last
}
