//! Counts whom contacts stand beside, and finds those that are a crowd's now, or no more (identity.md, section 4).
//! Asks again only about contacts whose claims changed, and about those beside a contact that is taken out or back in.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::identifier::{Class, Kind};

use super::ground::Claims;
use super::{Cause, Settling};
use crate::identity::Quarantine;
use crate::store::{NameId, Role, ShapeName, StoreError};

impl Settling<'_> {
    /// Settles which of the unsettled contacts, and of those beside them, are crowds'; what that touches is unsettled
    /// too. Returns the names whose quarantine is another than before.
    pub(super) fn settle_crowds(&mut self, claims: &Claims<'_>) -> Result<BTreeSet<NameId>, StoreError> {
        let mut asked: BTreeMap<NameId, Cause> =
            self.names.iter().map(|(name, cause)| (*name, cause.clone())).collect();
        let mut found = BTreeMap::new();
        for (name, cause) in asked.clone() {
            let before = claims.quarantine(name)?;
            let is_everywhere = self.is_crowd(name, claims, Step::Trusted)?;
            found.insert(name, is_everywhere);
            if is_everywhere != (before == Some(Quarantine::Everywhere)) {
                // Who stands beside it stands beside one less, or one more, in what is left.
                for beside in self.names_beside(name)? {
                    asked.entry(beside).or_insert_with(|| cause.clone());
                }
            }
        }
        for name in asked.keys() {
            let before = claims.quarantine(*name)?;
            let stays = before == Some(Quarantine::Everywhere);
            if *found.entry(*name).or_insert(stays) != stays {
                claims.set_quarantine(*name, found[name].then_some(Quarantine::Everywhere));
            }
        }
        self.settle_observed_crowds(&asked, &found, claims)
    }

    fn settle_observed_crowds(
        &mut self,
        asked: &BTreeMap<NameId, Cause>,
        everywhere: &BTreeMap<NameId, bool>,
        claims: &Claims<'_>,
    ) -> Result<BTreeSet<NameId>, StoreError> {
        let mut changed = BTreeSet::new();
        for (name, cause) in asked {
            let quarantine = if everywhere[name] {
                Some(Quarantine::Everywhere)
            } else {
                self.is_crowd(*name, claims, Step::Left)?.then_some(Quarantine::Observed)
            };
            claims.set_quarantine(*name, quarantine);
            let before = self.transaction.placement(*name)?.and_then(|placement| placement.quarantine);
            if quarantine == before {
                continue;
            }
            changed.insert(*name);
            // Its edges come or go, and with them those of all who stand beside it: their anchor may be another.
            for touched in self.names_beside(*name)?.into_iter().chain([*name]) {
                self.names.entry(touched).or_insert_with(|| cause.clone());
            }
        }
        Ok(changed)
    }

    /// Whether a contact stands beside more values of one account or contact kind than a person would.
    fn is_crowd(&self, name: NameId, claims: &Claims<'_>, step: Step) -> Result<bool, StoreError> {
        if self.rules.class(&claims.identifier(name)?.kind) != Class::Contact {
            return Ok(false);
        }
        let mut beside: BTreeMap<Kind, BTreeSet<NameId>> = BTreeMap::new();
        for shape in self.transaction.shapes_naming(name, Role::Tied)? {
            let names = self.transaction.names_of(shape)?;
            let counts = |named: &ShapeName| -> Result<bool, StoreError> {
                Ok(match step {
                    Step::Trusted => named.role == Role::Tied && named.strength.is_trusted(),
                    Step::Left => {
                        named.role == Role::Tied && claims.quarantine(named.name)? != Some(Quarantine::Everywhere)
                    }
                })
            };
            let Some(own) = names.iter().find(|named| named.name == name) else { continue };
            if !counts(own)? {
                continue;
            }
            for other in names.iter().filter(|named| named.name != name) {
                if counts(other)? {
                    let values = beside.entry(claims.identifier(other.name)?.kind).or_default();
                    values.insert(other.name);
                    if values.len() > self.rules.crowd_limit {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    fn names_beside(&self, name: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let mut beside = BTreeSet::new();
        for shape in self.transaction.shapes_naming(name, Role::Tied)? {
            let names = self.transaction.names_of(shape)?;
            beside.extend(names.iter().filter(|named| named.role == Role::Tied).map(|named| named.name));
        }
        beside.remove(&name);
        Ok(beside)
    }
}

/// In which claims names are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// In trusted ones: who is found so is no identifier at all.
    Trusted,
    /// In what is left then.
    Left,
}
