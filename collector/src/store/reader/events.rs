//! The events of a profile, newest first, in pages.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use selvedge_core::identifier::Identifier;

use super::{EventCursor, Lookup, Reader};
use crate::event::{Order, Strength, UnixMillis};
use crate::identity::Quarantine;
use crate::store::{EventSlice, Flags, NameId, Role, ShapeId, StoreError, StoredEvent};

/// Which events of a profile to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// How many at most.
    pub limit: usize,
    /// `next` of the page before.
    pub cursor: Option<EventCursor>,
    /// Only events at this time or later.
    pub from: Option<UnixMillis>,
    /// Only events before this time.
    pub to: Option<UnixMillis>,
    /// Only events of this name.
    pub name: Option<Box<str>>,
}

/// Some events of a profile, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// What they named and do not count for, by their shapes: held names that nothing proved (identity.md, section 8).
    pub unproven: BTreeMap<ShapeId, Vec<Identifier>>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<EventCursor>,
}

impl Reader<'_> {
    /// The events that a profile owns; `None` when the ledger never saw what was asked for.
    pub fn profile_events(&self, lookup: &Lookup, query: &EventQuery) -> Result<Option<EventPage>, StoreError> {
        let Some(key) = self.find(lookup)? else { return Ok(None) };
        let mut found = Vec::new();
        for (shape, slice) in self.ownership().slices_of(key)? {
            if shape.is_snapshot {
                continue;
            }
            if let Some(slice) = query.clip(slice) {
                found.extend(self.view.events_in(&slice, query.name.as_deref(), query.limit.saturating_add(1))?);
            }
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|(order, _)| EventCursor(order.clone()));
        let events: Vec<StoredEvent> =
            found.into_iter().map(|(_, seq)| self.view.event(seq)).collect::<Result<_, _>>()?;
        let unproven = self.unproven_of(&events)?;
        Ok(Some(EventPage { events, unproven, next }))
    }

    /// What events named and do not count for, by their shapes.
    pub(super) fn unproven_of(&self, events: &[StoredEvent]) -> Result<BTreeMap<ShapeId, Vec<Identifier>>, StoreError> {
        let mut unproven = BTreeMap::new();
        for event in events {
            if let Entry::Vacant(entry) = unproven.entry(event.shape) {
                entry.insert(self.unproven_in(event.shape)?);
            }
        }
        Ok(unproven)
    }

    /// The accounts and contacts that the guard takes out of what a shape observes. What names nobody anyway is not taken
    /// out by it, nor is what the shape proves in another form.
    fn unproven_in(&self, id: ShapeId) -> Result<Vec<Identifier>, StoreError> {
        let guard = self.view.shape(id)?.guard;
        if !guard.is_on() {
            return Ok(Vec::new());
        }
        let mut names: BTreeMap<NameId, (Strength, Vec<NameId>)> = BTreeMap::new();
        for named in self.view.names_of(id)?.iter().filter(|named| matches!(named.role, Role::Lone | Role::Tied)) {
            let own = self.view.placement(named.name)?.unwrap_or_default();
            if !own.is_ignored {
                let placed = own.same_as.unwrap_or(named.name);
                let (strength, forms) = names.entry(placed).or_insert((Strength::Observed, Vec::new()));
                *strength = named.strength.max(*strength);
                forms.push(named.name);
            }
        }
        let mut unproven = Vec::new();
        for (placed, (strength, forms)) in names {
            let flags = self.flags(placed)?;
            let names_somebody = !flags.is_ignored && flags.quarantine != Some(Quarantine::Everywhere);
            if names_somebody && !(Flags { quarantine: None, ..flags }).let_stand(strength, guard) {
                for form in forms {
                    unproven.push(self.view.name(form)?.identifier);
                }
            }
        }
        unproven.sort_unstable_by(|one, other| self.rules.rank(one).cmp(&self.rules.rank(other)));
        Ok(unproven)
    }
}

impl EventQuery {
    /// What of a slice the query asks for; `None` for nothing.
    fn clip(&self, slice: EventSlice) -> Option<EventSlice> {
        let start_of = |time: UnixMillis| Order { time, message_id: "".into() };
        let from = slice.from.into_iter().chain(self.from.map(start_of)).max();
        let cursor = self.cursor.as_ref().map(|cursor| cursor.0.clone());
        let to = slice.to.into_iter().chain(self.to.map(start_of)).chain(cursor).min();
        let is_empty = from.as_ref().zip(to.as_ref()).is_some_and(|(from, to)| from >= to);
        (!is_empty).then_some(EventSlice { shape: slice.shape, from, to })
    }
}
