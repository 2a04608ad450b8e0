//! Finds out what keeps names out of claims, or another in their place: ignored names, aliases, crowds, holds, in the
//! sequence of identity.md, section 4. Asks only about the unsettled names, and about whom a change touches.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_core::identifier::{Class, Kind};

use super::ground::Claims;
use super::{Cause, Settling};
use crate::event::Strength;
use crate::identity::Quarantine;
use crate::store::{Flags, Meaning, NameId, Role, ShapeId, StoreError};

impl Settling<'_> {
    /// Settles the flags of all unsettled names; what that touches is unsettled too. Returns the flags that changed, as
    /// they were before.
    pub(super) fn settle_flags(&mut self, claims: &mut Claims<'_>) -> Result<BTreeMap<NameId, Flags>, StoreError> {
        self.settle_ignored(claims)?;
        self.settle_accounts(claims)?;
        claims.set_in_force(self.in_force(claims)?);
        // What is said of another name of the same is said of the one that is placed for it.
        for (name, cause) in self.names.clone() {
            self.names.entry(claims.placed(name)?).or_insert(cause);
        }
        self.settle_holds(claims)?;
        self.settle_crowds(claims)?;
        let mut changed = BTreeMap::new();
        for name in self.names.keys() {
            let before = self.transaction.placement(*name)?.map_or(Flags::default(), |stored| Flags::of(&stored));
            if claims.flags(*name)? != before {
                changed.insert(*name, before);
            }
        }
        Ok(changed)
    }

    fn settle_ignored(&mut self, claims: &Claims<'_>) -> Result<(), StoreError> {
        self.forget_what_hangs_on(self.names.keys().copied().collect::<Vec<_>>(), claims)?;
        let ignored = self.ignored_in_any_form(claims)?;
        self.unsettle_clear_values(claims)?;
        for (name, cause) in self.names.clone() {
            let is_ignored = ignored.contains(&name);
            self.change_flags(name, &cause, claims, |flags| flags.is_ignored = is_ignored)?;
        }
        // Behind the others: a digest is ignored with the clear value that it is.
        for digest in self.digests_touched(claims)? {
            let cause = self.cause_of_unsettled(digest);
            let (same_as, is_ignored) = match self.meaning_of(digest, claims)? {
                // The form of a clear value that nobody says any more.
                Meaning::Clear(_) if !self.is_spoken_of(digest)? => (None, false),
                Meaning::Itself => (None, ignored.contains(&digest)),
                Meaning::Clear(clear) => (Some(clear), ignored.contains(&digest) || claims.flags(clear)?.is_ignored),
                Meaning::Ambiguous => (None, true),
            };
            self.change_flags(digest, &cause, claims, |flags| {
                flags.same_as = same_as;
                flags.is_ignored = is_ignored;
            })?;
        }
        let touched = self.digests_touched(claims)?;
        for clear in self.spoken_of_by_digest(&touched, claims)? {
            let cause = self.cause_of_unsettled(clear);
            let same_as = self.digest_left_of(clear, claims)?;
            self.change_flags(clear, &cause, claims, |flags| flags.same_as = same_as)?;
        }
        Ok(())
    }

    /// A clear value is settled with its digests, and so is one that no claim says any more: which of its digests
    /// decisions about it are about may be another now.
    fn unsettle_clear_values(&mut self, claims: &Claims<'_>) -> Result<(), StoreError> {
        for digest in self.digests_touched(claims)? {
            let mut clear = self.spoken_of_by_digest(&BTreeSet::from([digest]), claims)?;
            clear.extend(claims.flags(digest)?.same_as);
            if let Meaning::Clear(now) = self.meaning_of(digest, claims)? {
                clear.insert(now);
            }
            let cause = self.cause_of_unsettled(digest);
            for name in clear {
                self.names.entry(name).or_insert_with(|| cause.clone());
            }
        }
        Ok(())
    }

    fn cause_of_unsettled(&self, name: NameId) -> Cause {
        let known = self.names.get(&name).or_else(|| self.names.values().max());
        known.cloned().unwrap_or_else(Cause::unknown)
    }

    /// Holds: what a trusted claim names, or names as one account with it, is held.
    fn settle_holds(&mut self, claims: &Claims<'_>) -> Result<(), StoreError> {
        let mut asked = BTreeMap::new();
        for (name, cause) in self.names.clone() {
            asked.entry(claims.placed(name)?).or_insert(cause);
        }
        for (placed, cause) in asked {
            let mut is_held = false;
            for name in claims.names_of(placed)? {
                is_held |= !claims.flags(name)?.is_ignored && self.is_named_with_trust(name)?;
            }
            self.change_flags(placed, &cause, claims, |flags| flags.is_held = is_held)?;
        }
        Ok(())
    }

    /// Whether a trusted claim names it; that an alias says it as the older account is no claim.
    fn is_named_with_trust(&self, name: NameId) -> Result<bool, StoreError> {
        let alone = self.transaction.strength_as(Role::Lone, name)?;
        Ok(alone.is_some_and(Strength::is_trusted)
            || !self.transaction.shapes_tying(name, Strength::Proven, 1)?.is_empty())
    }

    /// Sets flags of a name. If that changes whom claims name, all who stand beside it are unsettled.
    pub(super) fn change_flags(
        &mut self,
        name: NameId,
        cause: &Cause,
        claims: &Claims<'_>,
        change: impl FnOnce(&mut Flags),
    ) -> Result<(), StoreError> {
        let before = claims.flags(name)?;
        let mut after = before;
        change(&mut after);
        if after == before {
            return Ok(());
        }
        if (Flags { is_held: before.is_held, ..after }) == before && self.guard_from.is_none() {
            claims.set_flags(name, after);
            return Ok(());
        }
        let beside_before = self.names_beside(name, claims)?;
        claims.set_flags(name, after);
        let beside_now = self.names_beside(name, claims)?;
        let unsettled = [Some(name), before.same_as, after.same_as];
        for touched in beside_before.into_iter().chain(beside_now).chain(unsettled.into_iter().flatten()) {
            self.names.entry(touched).or_insert_with(|| cause.clone());
        }
        Ok(())
    }

    /// Crowds: first those that trusted claims show, then those that what is left shows.
    fn settle_crowds(&mut self, claims: &Claims<'_>) -> Result<(), StoreError> {
        for (name, cause) in self.names.clone() {
            let is_crowd = self.is_crowd(name, claims, Step::Trusted)?;
            self.change_flags(name, &cause, claims, |flags| {
                let was_crowd = flags.quarantine == Some(Quarantine::Everywhere);
                if is_crowd != was_crowd {
                    flags.quarantine = is_crowd.then_some(Quarantine::Everywhere);
                }
            })?;
        }
        // Those beside one that was taken out, or back in, are among the unsettled now.
        for (name, cause) in self.names.clone() {
            if claims.flags(name)?.quarantine == Some(Quarantine::Everywhere) {
                continue;
            }
            let is_crowd = self.is_crowd(name, claims, Step::Left)?;
            self.change_flags(name, &cause, claims, |flags| {
                flags.quarantine = is_crowd.then_some(Quarantine::Observed);
            })?;
        }
        Ok(())
    }

    /// Whether a contact stands beside more values of one account or contact kind than a person would.
    fn is_crowd(&self, name: NameId, claims: &Claims<'_>, step: Step) -> Result<bool, StoreError> {
        let is_contact = self.rules.class(&claims.identifier(name)?.kind) == Class::Contact;
        if !is_contact || claims.placed(name)? != name {
            return Ok(false);
        }
        let least = match step {
            Step::Trusted => Strength::Proven,
            Step::Left => Strength::Observed,
        };
        // The first will do for most, each with somebody else; else all are looked through.
        for limit in [(self.rules.crowd_limit + 1).saturating_mul(4), usize::MAX] {
            let shapes = claims.some_shapes_tying(name, least, limit)?;
            if self.shows_crowd(name, (&shapes, claims), step)? {
                return Ok(true);
            }
            if shapes.len() < limit {
                break;
            }
        }
        Ok(false)
    }

    /// Whether a name stands beside too many of a kind in some claims: then it does so in all.
    fn shows_crowd(
        &self,
        name: NameId,
        (shapes, claims): (&BTreeSet<ShapeId>, &Claims<'_>),
        step: Step,
    ) -> Result<bool, StoreError> {
        let mut beside: BTreeMap<Kind, BTreeSet<NameId>> = BTreeMap::new();
        for &shape in shapes {
            let counted = self.counted(shape, claims, step)?;
            if !counted.contains(&name) {
                continue;
            }
            for other in counted.into_iter().filter(|other| *other != name) {
                let values = beside.entry(claims.identifier(other)?.kind).or_default();
                values.insert(other);
                if values.len() > self.rules.crowd_limit {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The names of a claim that count in a step, by those that are placed for them.
    fn counted(&self, shape: ShapeId, claims: &Claims<'_>, step: Step) -> Result<BTreeSet<NameId>, StoreError> {
        let guard = self.transaction.shape(shape)?.guard;
        let mut counted = BTreeSet::new();
        for named in self.transaction.names_of(shape)?.iter().filter(|named| named.role == Role::Tied) {
            let placed = claims.placed(named.name)?;
            let counts = match step {
                Step::Trusted => named.strength.is_trusted() && !claims.flags(named.name)?.is_ignored,
                Step::Left => {
                    let everywhere = claims.flags(placed)?.quarantine == Some(Quarantine::Everywhere);
                    let flags = Flags { quarantine: None, ..claims.flags(placed)? };
                    let is_ignored = claims.flags(named.name)?.is_ignored;
                    !everywhere && !is_ignored && flags.let_stand(named.strength, guard)
                }
            };
            if counts {
                counted.insert(placed);
            }
        }
        Ok(counted)
    }

    /// Who stands beside a name, or another name of the same, in any claim.
    pub(super) fn names_beside(&self, name: NameId, claims: &Claims<'_>) -> Result<BTreeSet<NameId>, StoreError> {
        let mut beside = BTreeSet::new();
        for shape in claims.shapes_tying(claims.placed(name)?)? {
            for named in self.transaction.names_of(shape)?.iter().filter(|named| named.role == Role::Tied) {
                beside.insert(claims.placed(named.name)?);
            }
        }
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
