//! Which marks on a device count (identity.md, sections 4 and 5): none on an ignored one; where it has trusted marks, no
//! guarded ones that were only observed; and none of a person whom a decision keeps apart from it.

use std::collections::BTreeSet;

use super::{DeviceAnchor, NameId, Placement, Shape, StoreError, View};
use crate::event::{Guard, Strength};

/// By what the marks on one device are judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MarkRules {
    is_ignored: bool,
    has_trusted: bool,
    /// Names whose people were not there.
    pub hidden: Vec<NameId>,
}

impl MarkRules {
    /// Those of a device, whose marks are given; `leader_of` tells whose a name is.
    pub fn of(
        view: &dyn View,
        (device, marks): (NameId, &[DeviceAnchor]),
        leader_of: impl FnMut(NameId) -> Result<Option<NameId>, StoreError>,
    ) -> Result<Self, StoreError> {
        let hidden = view.kept_apart_from(device)?;
        let mut trusted = marks.iter().filter(|mark| mark.rank.is_trusted()).map(|mark| mark.anchor);
        let has_trusted = match hidden.is_empty() {
            true => trusted.next().is_some(),
            // Who was not there guards nothing.
            false => !people_of(&hidden, trusted, leader_of)?.is_empty(),
        };
        Ok(Self {
            is_ignored: view.placement(device)?.is_some_and(|placement| placement.is_ignored),
            has_trusted,
            hidden,
        })
    }

    /// Those of a crowd's device, of which nothing matters but who was not there.
    pub(crate) fn hiding(hidden: Vec<NameId>) -> Self {
        Self { hidden, ..Self::default() }
    }

    /// Whether a mark of this rank under this guard counts, whoever made it.
    pub fn count(&self, rank: Strength, guard: Guard) -> bool {
        let is_guarded_off = self.has_trusted && !rank.is_trusted() && guard.is_on();
        !self.is_ignored && !is_guarded_off
    }
}

/// People whom a device shows and will show, whatever else is said of it, where those are more than the limit: more than
/// the limit of them, found without looking at all. `None` where it takes a look at all marks.
pub(crate) fn crowd_on(
    view: &dyn View,
    (device, limit): (NameId, usize),
    leader_of: impl FnMut(NameId) -> Result<Option<NameId>, StoreError>,
) -> Result<Option<BTreeSet<NameId>>, StoreError> {
    let looked_at = marks_of_a_crowd(limit);
    let marks = view.first_marks_on(device, looked_at)?;
    let is_ignored = |placement: Placement| placement.is_ignored;
    if marks.len() < looked_at || view.placement(device)?.is_some_and(is_ignored) {
        return Ok(None);
    }
    // Without a trusted one, all count.
    let is_guarded = marks.iter().any(|mark| !mark.always_counts()) && view.is_marked_with_trust(device)?;
    let anchors = marks.iter().filter(|mark| !is_guarded || mark.always_counts()).map(|mark| mark.anchor);
    let people = people_of(&view.kept_apart_from(device)?, anchors, leader_of)?;
    Ok((people.len() > limit).then_some(people))
}

impl DeviceAnchor {
    /// Whether its marks count whatever other marks there are.
    pub(crate) fn always_counts(&self) -> bool {
        self.rank.is_trusted() || !self.guard.is_on()
    }
}

/// How many marks are looked at to see that a device shows more people than the limit, some of them several times.
pub(crate) fn marks_of_a_crowd(limit: usize) -> usize {
    limit.saturating_add(1).saturating_mul(4)
}

/// The leaders of those who marked a device, without those of `hidden`; `leader_of` tells whose a name is.
pub(crate) fn people_of(
    hidden: &[NameId],
    anchors: impl IntoIterator<Item = NameId>,
    mut leader_of: impl FnMut(NameId) -> Result<Option<NameId>, StoreError>,
) -> Result<BTreeSet<NameId>, StoreError> {
    let mut people = BTreeSet::new();
    for anchor in anchors {
        people.extend(leader_of(anchor)?);
    }
    for name in hidden {
        if let Some(leader) = leader_of(*name)? {
            people.remove(&leader);
        }
    }
    Ok(people)
}

impl Shape {
    /// Whether its events mark a device of these rules, whoever they name.
    pub(super) fn marks(&self, rules: &MarkRules) -> bool {
        self.anchor.is_some() && rules.count(self.rank, self.guard)
    }
}
