//! Compares two ledgers of the same names: what became of each profile.

use std::collections::BTreeSet;

use selvedge_core::identifier::Class;

use super::Progress;
use super::report::{Example, Fate, Report};
use crate::event::Workspace;
use crate::ingest::commit::Became;
use crate::store::{NameId, ProfileKey, Reader, StoreError};

/// What is counted and shown, and what the change feed has to say.
pub(super) fn compare(
    old: &Reader<'_>,
    new: &Reader<'_>,
    workspace: Workspace,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Report, Vec<Became>), StoreError> {
    let before: BTreeSet<NameId> = old.view().standing_profiles(workspace)?.into_iter().collect();
    let after: BTreeSet<NameId> = new.view().standing_profiles(workspace)?.into_iter().collect();
    let mut comparison =
        Comparison { old, new, workspace, before, after, report: Report::default(), became: Vec::new() };
    let all: Vec<NameId> = comparison.before.union(&comparison.after).copied().collect();
    let total = u64::try_from(all.len()).unwrap_or_default();
    for (done, name) in (1..).zip(all) {
        comparison.compare(name)?;
        if done % STEP == 0 || done == total {
            progress(Progress { what: "comparing profiles", done, total });
        }
    }
    let Comparison { mut report, became, .. } = comparison;
    report.conflicts.before = old.view().sizes()?.conflicts;
    report.conflicts.after = new.view().sizes()?.conflicts;
    Ok((report, became))
}

struct Comparison<'a> {
    old: &'a Reader<'a>,
    new: &'a Reader<'a>,
    workspace: Workspace,
    before: BTreeSet<NameId>,
    after: BTreeSet<NameId>,
    report: Report,
    became: Vec<Became>,
}

impl Comparison<'_> {
    fn compare(&mut self, name: NameId) -> Result<(), StoreError> {
        let (was, is) = (self.before.contains(&name), self.after.contains(&name));
        // A name may be new: no rule before took it for one.
        let known = if was { self.old } else { self.new }.view().name(name)?;
        let is_person = known.class != Class::Device;
        let counted = if is_person { &mut self.report.people } else { &mut self.report.anonymous };
        counted.before += u64::from(was);
        counted.after += u64::from(is);
        let (fate, other) = match (was, is) {
            (true, true) if self.is_the_same(name)? => return Ok(()),
            (true, true) => (Fate::Changed, None),
            (true, false) => {
                let heir = self.heir(name)?.filter(|heir| self.after.contains(heir));
                (heir.map_or(Fate::Deleted, |_| Fate::Merged), heir)
            }
            (false, true) => {
                let origin = self.origin(name)?.filter(|origin| self.before.contains(origin));
                (origin.map_or(Fate::Created, |_| Fate::Split), origin)
            }
            (false, false) => return Ok(()),
        };
        self.became.push(match fate {
            Fate::Changed => Became::Other(name),
            Fate::Merged | Fate::Deleted => Became::Ended(name, other),
            Fate::Split | Fate::Created => Became::Begun(name, other),
        });
        self.report.touched += 1;
        if is_person {
            self.report.count(fate);
            if self.report.examples_of(fate) < EXAMPLES {
                let other = other.map(|other| self.new.view().name(other)).transpose()?;
                self.report.examples.push(Example {
                    fate,
                    profile: known.identifier,
                    other: other.map(|other| other.identifier),
                });
            }
        }
        Ok(())
    }

    /// Whether a profile reads as before, but for its version.
    fn is_the_same(&self, name: NameId) -> Result<bool, StoreError> {
        Ok(read(self.old, name)? == read(self.new, name)?)
    }

    /// Who has what a profile had that stands no more: whoever holds its name, else whoever has the first of those that
    /// it held or, of a device, the latest of its events.
    fn heir(&self, name: NameId) -> Result<Option<NameId>, StoreError> {
        match key_of(self.old, name)? {
            ProfileKey::Device(device) => match holder(self.new, device, name)? {
                None => self.owner_of_latest(device),
                holder => Ok(holder),
            },
            ProfileKey::Person(leader) => {
                let mut members = self.old.view().members(leader)?;
                for member in members.clone() {
                    members.extend(self.old.view().other_names_of(member)?);
                }
                for member in [leader].into_iter().chain(members) {
                    if let Some(heir) = self.new.leader(member)?.filter(|heir| *heir != name) {
                        return Ok(Some(heir));
                    }
                }
                Ok(None)
            }
        }
    }

    /// Who has the latest event that a device's profile had.
    fn owner_of_latest(&self, device: NameId) -> Result<Option<NameId>, StoreError> {
        let mut latest = None;
        for (_, slice) in self.old.ownership().slices_of(ProfileKey::Device(device))? {
            latest = latest.max(self.old.view().events_in(&slice, None, 1)?.pop());
        }
        let Some((order, _)) = latest else { return Ok(None) };
        let Some(shape) = self.new.view().shape_of_event(self.workspace, &order.message_id)? else { return Ok(None) };
        let owner = self.new.ownership().owner_of(&self.new.view().shape(shape)?, &order)?;
        Ok(owner.map(ProfileKey::name).filter(|owner| *owner != device))
    }

    /// Who had what a profile has that did not stand.
    fn origin(&self, name: NameId) -> Result<Option<NameId>, StoreError> {
        match key_of(self.new, name)? {
            ProfileKey::Device(device) => holder(self.old, device, name),
            ProfileKey::Person(leader) => Ok(self.old.leader(leader)?.filter(|origin| *origin != name)),
        }
    }
}

/// The one other whose a device is.
fn holder(reader: &Reader<'_>, device: NameId, itself: NameId) -> Result<Option<NameId>, StoreError> {
    Ok(Some(reader.whose_device(device)?.name()).filter(|holder| *holder != itself))
}

fn key_of(reader: &Reader<'_>, name: NameId) -> Result<ProfileKey, StoreError> {
    Ok(match reader.view().name(name)?.class {
        Class::Device => ProfileKey::Device(name),
        Class::Account | Class::Contact | Class::Undeclared => ProfileKey::Person(name),
    })
}

/// All that consumers of a profile are told of it, as text, without its version.
fn read(reader: &Reader<'_>, name: NameId) -> Result<String, StoreError> {
    let mut snapshot = reader.snapshot_of(key_of(reader, name)?)?;
    snapshot.profile.version = 0;
    let profile = serde_json::to_string(&snapshot.profile);
    let profile = profile.map_err(|_| StoreError::Impossible { what: "profile that is not JSON" })?;
    Ok(format!("{profile} {:?}", snapshot.strengths))
}

/// Of each fate; more would not be read.
const EXAMPLES: usize = 5;
/// Profiles between two words about the progress.
const STEP: u64 = 256;
