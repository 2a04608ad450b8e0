//! What the decisions that stand come to by the names of today. Remembered from one group to the next, until one of the
//! names that it hangs on is said otherwise: what is decided about others costs an event nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use selvedge_core::identifier::{Class, Identifier};

use super::Settling;
use super::conflicts::Said;
use super::ground::Claims;
use crate::event::Order;
use crate::identity::normal::digest::{digest_of, is_hashable};
use crate::identity::{DecisionVerb, Decisions};
use crate::store::{DecisionRow, DigestPrefix, Meaning, NameId, SaidBy, StoreError};

/// The decisions about accounts and contacts, by the names that are placed.
#[derive(Default)]
pub(super) struct InForce {
    pub(super) decisions: Decisions,
    /// Of every name: the places, among the links, of those that it is an end of.
    links_of: HashMap<Identifier, Vec<usize>>,
    /// Of every name: those that may not be one person's with it.
    apart_from: HashMap<Identifier, Vec<Identifier>>,
    /// What links say, of both ends.
    pub(super) said: BTreeMap<NameId, Vec<Said>>,
}

/// What was found out, and the names that it hangs on.
pub(super) struct Hanging<T> {
    found: Arc<T>,
    on: HashSet<NameId>,
}

impl<T> Hanging<T> {
    /// What was found, if none of these names are among those that it hangs on.
    fn unless<'n>(&self, mut touched: impl Iterator<Item = &'n NameId>) -> Option<Arc<T>> {
        (!touched.any(|name| self.on.contains(name))).then(|| Arc::clone(&self.found))
    }
}

impl InForce {
    /// The names that links tie to any of these, themselves among them.
    pub(super) fn linked_to(&self, names: BTreeSet<Identifier>) -> BTreeSet<Identifier> {
        let (mut open, mut found): (Vec<Identifier>, _) = (names.iter().cloned().collect(), names);
        while let Some(name) = open.pop() {
            for (x, y) in self.links_of(&name) {
                open.extend([x, y].into_iter().filter(|end| found.insert((*end).clone())).cloned());
            }
        }
        found
    }

    /// The links between these names, the latest decision first.
    pub(super) fn links_among<'s>(&'s self, names: &'s BTreeSet<Identifier>) -> Vec<&'s (Identifier, Identifier)> {
        let places: BTreeSet<usize> =
            names.iter().filter_map(|name| self.links_of.get(name)).flatten().copied().collect();
        places.into_iter().filter_map(|place| self.decisions.links.get(place)).collect()
    }

    /// The names that may not be one person's with this one.
    pub(super) fn apart_from(&self, name: &Identifier) -> &[Identifier] {
        self.apart_from.get(name).map_or(&[], Vec::as_slice)
    }

    fn links_of(&self, name: &Identifier) -> impl Iterator<Item = &(Identifier, Identifier)> {
        let places = self.links_of.get(name).into_iter().flatten();
        places.filter_map(|place| self.decisions.links.get(*place))
    }

    fn link(&mut self, x: Identifier, y: Identifier) {
        for end in [&x, &y] {
            self.links_of.entry(end.clone()).or_default().push(self.decisions.links.len());
        }
        self.decisions.links.push((x, y));
    }

    fn part(&mut self, x: Identifier, y: Identifier) {
        for (one, other) in [(&x, &y), (&y, &x)] {
            self.apart_from.entry(one.clone()).or_default().push(other.clone());
        }
        self.decisions.part(x, y);
    }
}

impl Settling<'_> {
    /// The decisions that stand, about the names that are placed. Those about devices are not among them: they are
    /// asked for device by device.
    pub(super) fn in_force(&mut self, claims: &Claims<'_>) -> Result<Arc<InForce>, StoreError> {
        let known = self.memory.in_force.as_ref();
        if let Some(in_force) = known.and_then(|known| known.unless(self.names.keys())) {
            return Ok(in_force);
        }
        let (mut in_force, mut on) = (InForce::default(), HashSet::new());
        let mut links = self.decided(DecisionVerb::Link)?;
        links.sort_by_key(|link| std::cmp::Reverse((link.at, link.id)));
        for link in links {
            let Some((x, y)) = self.placed_ends(&link, claims, &mut on)? else { continue };
            in_force.link(claims.identifier(x)?, claims.identifier(y)?);
            let [x, y] = self.by_rank(x, y, claims)?;
            let order = Order { time: link.at, message_id: link.id.said_as() };
            let said = Said { x, y, by: SaidBy::Link(link.id), order };
            for end in [x, y] {
                in_force.said.entry(end).or_default().push(said.clone());
            }
        }
        for apart in self.decided(DecisionVerb::KeepApart)? {
            let Some((x, y)) = self.placed_ends(&apart, claims, &mut on)? else { continue };
            in_force.part(claims.identifier(x)?, claims.identifier(y)?);
        }
        let found = Arc::new(in_force);
        self.memory.in_force = Some(Hanging { found: Arc::clone(&found), on });
        Ok(found)
    }

    /// The ignored names and, of a digest, the clear value that it is: they are one name.
    pub(super) fn ignored_in_any_form(&mut self, claims: &Claims<'_>) -> Result<Arc<BTreeSet<NameId>>, StoreError> {
        if let Some(ignored) = &self.memory.ignored {
            return Ok(Arc::clone(&ignored.found));
        }
        let (mut ignored, mut on) = (BTreeSet::new(), HashSet::new());
        for DecisionRow { x, .. } in self.decided(DecisionVerb::Ignore)? {
            self.note_forms(x, claims, &mut on)?;
            let about = self.decided_about(x, claims)?;
            ignored.extend([x, about]);
            for name in [x, about] {
                if let Meaning::Clear(clear) = self.meaning_of(name, claims)? {
                    ignored.insert(clear);
                }
            }
        }
        let found = Arc::new(ignored);
        self.memory.ignored = Some(Hanging { found: Arc::clone(&found), on });
        Ok(found)
    }

    /// Forgets what the decisions come to if that hangs on one of these names, or on a digest or clear value of one.
    pub(super) fn forget_what_hangs_on(
        &mut self,
        names: impl IntoIterator<Item = NameId>,
        claims: &Claims<'_>,
    ) -> Result<(), StoreError> {
        if self.memory.in_force.is_none() && self.memory.ignored.is_none() {
            return Ok(());
        }
        let mut touched = HashSet::new();
        for name in names {
            self.note_forms(name, claims, &mut touched)?;
        }
        if self.memory.in_force.as_ref().is_some_and(|known| known.unless(touched.iter()).is_none()) {
            self.memory.in_force = None;
        }
        if self.memory.ignored.as_ref().is_some_and(|known| known.unless(touched.iter()).is_none()) {
            self.memory.ignored = None;
        }
        Ok(())
    }

    /// The names that are placed for both ends of a decision about accounts and contacts; what they hang on is noted.
    fn placed_ends(
        &self,
        row: &DecisionRow,
        claims: &Claims<'_>,
        on: &mut HashSet<NameId>,
    ) -> Result<Option<(NameId, NameId)>, StoreError> {
        let Some(y) = row.y else { return Ok(None) };
        for end in [row.x, y] {
            if self.transaction.name(end)?.class == Class::Device {
                return Ok(None);
            }
        }
        let mut placed = |name| -> Result<NameId, StoreError> {
            self.note_forms(name, claims, on)?;
            let placed = claims.placed(self.decided_about(name, claims)?)?;
            on.insert(placed);
            Ok(placed)
        };
        Ok(Some((placed(row.x)?, placed(y)?)))
    }

    /// Notes a name, the digests of it that the ledger knows, and the clear values that those could be of.
    fn note_forms(&self, name: NameId, claims: &Claims<'_>, forms: &mut HashSet<NameId>) -> Result<(), StoreError> {
        forms.insert(name);
        let identifier = claims.identifier(name)?;
        if !is_hashable(&identifier.kind) {
            return Ok(());
        }
        for digest in self.digests_of(name, claims)? {
            forms.insert(digest);
            if let Some(said) = digest_of(&claims.identifier(digest)?) {
                let prefix = DigestPrefix::of(&said.hex);
                forms.extend(self.transaction.clear_values(self.workspace, &identifier.kind, prefix)?);
            }
        }
        Ok(())
    }
}
