//! The way from a name to its leader: the edges by which names and trusted people follow, the first mark of a device,
//! and what makes two names the same. Every step is one that somebody said, by the very names that they said.

use std::collections::{BTreeMap, VecDeque};

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::super::Reader;
use super::{By, Said, Step, words};
use crate::event::{Order, Source, Strength};
use crate::identity::DecisionVerb;
use crate::key::{StoredKey, source_name};
use crate::store::{
    DecisionRow, NameId, Ownership, Parent, Place, ProfileKey, Role, Shape, ShapeName, StoreError, View,
};

/// Finds evidence in one state of the ledger.
pub(super) struct Evidence<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) view: &'a dyn View,
    pub(super) ownership: Ownership<'a>,
    pub(super) keys: Vec<StoredKey>,
    /// Those that stand.
    pub(super) decisions: Vec<DecisionRow>,
}

/// A step by rows.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    from: NameId,
    to: NameId,
    ground: Ground,
}

/// What a step rests on.
#[derive(Debug, Clone)]
pub(super) enum Ground {
    /// An event.
    Event(By, EventSaid),
    /// One is a digest of the other.
    Same,
    /// A decision.
    Link(DecisionRow),
}

/// What an event says, by rows.
#[derive(Debug, Clone)]
pub(super) struct EventSaid {
    pub(super) order: Order,
    pub(super) source: Source,
    pub(super) strength: Strength,
}

impl<'a> Evidence<'a> {
    pub(super) fn over(reader: &'a Reader<'a>) -> Result<Self, StoreError> {
        let view = reader.view();
        let mut decisions = view.decisions(reader.workspace)?;
        decisions.retain(|decision| decision.withdrawn_at.is_none());
        let keys = view.keys(reader.workspace)?;
        Ok(Self { reader, view, ownership: reader.ownership(), keys, decisions })
    }

    /// The profile that holds a name; `None` for one that is no identifier.
    pub(super) fn holder(&self, name: NameId) -> Result<Option<ProfileKey>, StoreError> {
        if self.is_device(name)? {
            return self.ownership.whose_device(self.ownership.device(name)?).map(Some);
        }
        Ok(self.ownership.leader(name)?.map(ProfileKey::Person))
    }

    /// The steps from a name to the leader of its profile.
    pub(super) fn path(&self, name: NameId) -> Result<Vec<Step>, StoreError> {
        self.way(name)?.into_iter().map(|hop| self.step(hop)).collect()
    }

    /// How many steps lie between two names of one person.
    pub(super) fn distance(&self, one: NameId, another: NameId) -> Result<usize, StoreError> {
        let back = self.way(another)?.into_iter().rev().map(Hop::reversed);
        Ok(direct(self.way(one)?.into_iter().chain(back)).len())
    }

    fn way(&self, name: NameId) -> Result<Vec<Hop>, StoreError> {
        let mut hops = Vec::new();
        if !self.is_device(name)? {
            let placed = self.placed(name)?;
            hops.extend(self.same(name, placed)?);
            if self.ownership.leader(name)?.is_some() {
                hops.extend(self.climb(placed)?);
            }
            return Ok(direct(hops));
        }
        let device = self.ownership.device(name)?;
        hops.extend(self.same(name, device)?);
        if let ProfileKey::Person(leader) = self.ownership.whose_device(device)? {
            let marks = self.ownership.counted_marks(device)?;
            let of_person = marks.into_iter().filter(|(_, marked)| *marked == leader).map(|(shape, _)| shape);
            let first = of_person.min_by(|one, other| one.first.cmp(&other.first)).ok_or(NO_MARK)?;
            let anchor = first.anchor.ok_or(NO_MARK)?;
            hops.extend(self.mark(device, anchor, &first)?);
            hops.extend(self.climb(anchor)?);
        }
        Ok(direct(hops))
    }

    /// From a name that is placed to its leader: within its trusted person, then from trusted person to trusted person.
    fn climb(&self, placed: NameId) -> Result<Vec<Hop>, StoreError> {
        let mut hops = Vec::new();
        let mut at = placed;
        for _ in 0..MOST_PEOPLE {
            let (head, to_head) = self.to_head(at)?;
            hops.extend(to_head);
            let stood = self.place(head)?.among_all.ok_or(NO_END)?;
            if stood.head == head {
                return Ok(hops);
            }
            let parent = stood.parent.ok_or(NO_END)?;
            let (_, from_end) = self.to_head(parent.from)?;
            hops.extend(from_end.into_iter().rev().map(Hop::reversed));
            hops.extend(self.edge(&parent)?);
            at = parent.to;
        }
        Err(NO_END)
    }

    /// From a name that is placed to the head of its trusted person.
    fn to_head(&self, placed: NameId) -> Result<(NameId, Vec<Hop>), StoreError> {
        let mut hops = Vec::new();
        let mut at = placed;
        for _ in 0..MOST_PEOPLE {
            let stood = self.place(at)?.among_trusted;
            if stood.head == at {
                return Ok((at, hops));
            }
            // Who follows stands farther off than the head; only what a link ties to the head stands where it does.
            if self.place(stood.head)?.among_trusted.reach == stood.reach {
                hops.extend(self.linked(at, stood.head)?);
                return Ok((stood.head, hops));
            }
            let parent = stood.parent.ok_or(NO_END)?;
            hops.extend(self.linked(at, parent.from)?);
            hops.extend(self.edge(&parent)?);
            at = parent.to;
        }
        Err(NO_END)
    }

    /// The event of an edge, between the names that it said.
    fn edge(&self, parent: &Parent) -> Result<Vec<Hop>, StoreError> {
        let shape = self.view.shape_of_event(self.reader.workspace, &parent.order.message_id)?.ok_or(NO_EVENT)?;
        let names = self.view.names_of(shape)?;
        let from = self.said_as(&names, parent.from)?.ok_or(NO_EVENT)?;
        let to = self.said_as(&names, parent.to)?.ok_or(NO_EVENT)?;
        let said = EventSaid {
            order: parent.order.clone(),
            source: self.view.shape(shape)?.source,
            strength: from.strength.min(to.strength),
        };
        let hop = Hop { from: from.name, to: to.name, ground: Ground::Event(By::Edge, said) };
        self.between_said(parent.from, hop, parent.to)
    }

    /// The first event of a shape as a mark of whom it names on a device.
    pub(super) fn mark(&self, device: NameId, anchor: NameId, shape: &Shape) -> Result<Vec<Hop>, StoreError> {
        let names = self.view.names_of(shape.id)?;
        let mut said = None;
        for named in names.iter().filter(|named| named.role == Role::Device) {
            if self.ownership.device(named.name)? == device && (said.is_none() || named.name == device) {
                said = Some(named.name);
            }
        }
        let from = said.ok_or(NO_MARK)?;
        let to = self.said_as(&names, anchor)?.ok_or(NO_MARK)?.name;
        let said = EventSaid { order: shape.first.clone(), source: shape.source, strength: shape.rank };
        self.between_said(device, Hop { from, to, ground: Ground::Event(By::Mark, said) }, anchor)
    }

    fn between_said(&self, from: NameId, hop: Hop, to: NameId) -> Result<Vec<Hop>, StoreError> {
        let mut hops = self.same(from, hop.from)?;
        let end = hop.to;
        hops.push(hop);
        hops.extend(self.same(end, to)?);
        Ok(hops)
    }

    /// As which of its names a claim says one that is placed: by itself, if it does.
    fn said_as(&self, names: &[ShapeName], placed: NameId) -> Result<Option<ShapeName>, StoreError> {
        let mut said: Option<ShapeName> = None;
        for named in names.iter().filter(|named| matches!(named.role, Role::Lone | Role::Tied)) {
            let is_better = said
                .is_none_or(|known| (named.name == placed, named.strength) > (known.name == placed, known.strength));
            if is_better && self.placed(named.name)? == placed {
                said = Some(*named);
            }
        }
        Ok(said)
    }

    /// From a name to another name of the same: over aliases, or because one is a digest.
    pub(super) fn same(&self, from: NameId, to: NameId) -> Result<Vec<Hop>, StoreError> {
        if from == to {
            return Ok(Vec::new());
        }
        if self.identifier(from)?.kind == Kind::USER_ID {
            return self.over_aliases(from, to);
        }
        let placed = self.ownership.device(from)?;
        let ways = [(from, placed), (placed, to)].into_iter().filter(|(from, to)| from != to);
        Ok(ways.map(|(from, to)| Hop { from, to, ground: Ground::Same }).collect())
    }

    fn over_aliases(&self, from: NameId, to: NameId) -> Result<Vec<Hop>, StoreError> {
        let account = self.placed(from)?;
        self.search(from, to, |at| {
            let mut aliases = self.view.aliases_of(at)?;
            aliases.sort();
            let mut hops = Vec::new();
            for alias in aliases {
                let other = if alias.account == at { alias.older } else { alias.account };
                if self.placed(other)? == account {
                    let said = EventSaid { order: alias.order, source: alias.source, strength: Strength::Asserted };
                    let ground = Ground::Event(By::Alias, said);
                    hops.push(Hop { from: at, to: other, ground });
                }
            }
            Ok(hops)
        })
    }

    /// From a name to another that links make one unit with it: they stand alike.
    fn linked(&self, from: NameId, to: NameId) -> Result<Vec<Hop>, StoreError> {
        let stood = self.place(from)?.among_trusted;
        let mut links = Vec::new();
        for row in self.decisions.iter().filter(|row| row.verb == DecisionVerb::Link) {
            let Some(y) = row.y else { continue };
            links.push((self.placed(row.x)?, self.placed(y)?, row));
        }
        let units = self.search(from, to, |at| {
            let mut hops = Vec::new();
            for &(x, y, row) in links.iter().filter(|(x, y, _)| *x == at || *y == at) {
                let other = if x == at { y } else { x };
                // One that was linked once may have no place any more.
                let place = self.view.placement(other)?.and_then(|placement| placement.place);
                if place.is_some_and(|place| place.among_trusted == stood) {
                    hops.push(Hop { from: at, to: other, ground: Ground::Link(row.clone()) });
                }
            }
            Ok(hops)
        })?;
        let mut hops = Vec::new();
        for Hop { from, to, ground } in units {
            let Ground::Link(row) = &ground else { continue };
            let y = row.y.unwrap_or(row.x);
            let (said_from, said_to) = if self.placed(row.x)? == from { (row.x, y) } else { (y, row.x) };
            hops.extend(self.between_said(from, Hop { from: said_from, to: said_to, ground }, to)?);
        }
        Ok(hops)
    }

    /// The shortest way, the first of several.
    fn search(
        &self,
        from: NameId,
        to: NameId,
        hops_from: impl Fn(NameId) -> Result<Vec<Hop>, StoreError>,
    ) -> Result<Vec<Hop>, StoreError> {
        if from == to {
            return Ok(Vec::new());
        }
        let mut came_by: BTreeMap<NameId, Hop> = BTreeMap::new();
        let mut open = VecDeque::from([from]);
        while let Some(at) = open.pop_front() {
            for hop in hops_from(at)? {
                if hop.to != from && !came_by.contains_key(&hop.to) {
                    open.push_back(hop.to);
                    came_by.insert(hop.to, hop);
                }
            }
        }
        let mut way = Vec::new();
        let mut at = to;
        while at != from {
            let hop = came_by.get(&at).ok_or(NO_WAY)?;
            at = hop.from;
            way.push(hop.clone());
        }
        way.reverse();
        Ok(way)
    }

    fn step(&self, hop: Hop) -> Result<Step, StoreError> {
        let (from, to) = (self.identifier(hop.from)?, self.identifier(hop.to)?);
        let (by, said) = match hop.ground {
            Ground::Event(by, said) => (by, self.event_said(said)),
            Ground::Same => (By::Same, Said::default()),
            Ground::Link(row) => (By::Link, self.decision_said(&row)?),
        };
        Ok(Step { in_words: words::step(&from, &to, by, &said), from, to, by, said })
    }

    pub(super) fn event_said(&self, said: EventSaid) -> Said {
        Said::by_event(&said.order, source_name(said.source, &self.keys), said.strength)
    }

    pub(super) fn decision_said(&self, row: &DecisionRow) -> Result<Said, StoreError> {
        self.reader.said_by_decision(row)
    }

    pub(super) fn identifier(&self, name: NameId) -> Result<Identifier, StoreError> {
        Ok(self.view.name(name)?.identifier)
    }

    pub(super) fn is_device(&self, name: NameId) -> Result<bool, StoreError> {
        Ok(self.view.name(name)?.class == Class::Device)
    }

    /// The name that is placed for a name: itself, for most.
    pub(super) fn placed(&self, name: NameId) -> Result<NameId, StoreError> {
        self.ownership.device(name)
    }

    fn place(&self, placed: NameId) -> Result<Place, StoreError> {
        self.view.placement(placed)?.and_then(|placement| placement.place).ok_or(NO_PLACE)
    }
}

impl Hop {
    fn reversed(self) -> Self {
        Self { from: self.to, to: self.from, ground: self.ground }
    }
}

/// A way without its detours: what lies between two visits of a name.
fn direct(hops: impl IntoIterator<Item = Hop>) -> Vec<Hop> {
    let mut way: Vec<Hop> = Vec::new();
    for hop in hops {
        match way.iter().position(|known| known.from == hop.to) {
            Some(place) => way.truncate(place),
            None => way.push(hop),
        }
    }
    way
}

/// Above what any way has: a follower is three steps from its leader, in each placing.
const MOST_PEOPLE: usize = 8;

const NO_PLACE: StoreError = StoreError::Impossible { what: "name without a place on the way to a leader" };
const NO_END: StoreError = StoreError::Impossible { what: "way without a leader at its end" };
const NO_EVENT: StoreError = StoreError::Impossible { what: "edge without the event that says it" };
const NO_MARK: StoreError = StoreError::Impossible { what: "person of a device that nothing marked" };
const NO_WAY: StoreError = StoreError::Impossible { what: "two names of the same without a way between them" };
