//! What keeps two names apart: what was said of both and could not hold, the decision that parts them, or why nothing
//! that was said counts.

use selvedge_core::identifier::Identifier;

use super::path::{EventSaid, Evidence};
use super::words::{self, Party};
use super::{Because, By, Said};
use crate::event::Strength;
use crate::identity::{DecisionVerb, Quarantine, Reason};
use crate::store::{ConflictRow, DecisionRow, Flags, NameId, ProfileKey, Role, SaidBy, Shape, ShapeName, StoreError};

/// A name and the profile that holds it.
type Held = (NameId, Option<ProfileKey>);

/// Something that says of two people that they are one: an edge, an alias or a link that was refused.
struct Refused {
    x: NameId,
    y: NameId,
    by: By,
    said: Said,
    reason: Reason,
}

impl Evidence<'_> {
    /// Why two names are not one profile's.
    pub(super) fn because(&self, one: Held, another: Held) -> Result<Because, StoreError> {
        for (name, holder) in [one, another] {
            if let Some(because) = self.taken_out(name, holder)? {
                return Ok(because);
            }
        }
        for ((name, _), (other, holder)) in [(one, another), (another, one)] {
            if let Some(because) = self.off_device(name, other, holder)? {
                return Ok(because);
            }
        }
        let because = match (one.1, another.1) {
            (Some(ProfileKey::Person(_)), Some(ProfileKey::Person(_))) => self.between_people(one, another)?,
            (Some(_), Some(_)) | (None, _) | (_, None) => nothing_said(words::no_mark()),
        };
        if because.reason != NO_EVIDENCE {
            return Ok(because);
        }
        for (name, held) in [(one.0, another.0), (another.0, one.0)] {
            if let Some(unproven) = self.named_unproven(name, held)? {
                return Ok(unproven);
            }
        }
        for (name, crowded) in [(one.0, another.0), (another.0, one.0)] {
            if let Some(quarantined) = self.named_in_a_crowd(name, crowded)? {
                return Ok(quarantined);
            }
        }
        Ok(because)
    }

    /// That what public keys say of one of them counts for nobody, where one named it beside the other.
    fn named_in_a_crowd(&self, name: NameId, crowded: NameId) -> Result<Option<Because>, StoreError> {
        let placed = self.placed(crowded)?;
        if self.reader.flags(placed)?.quarantine != Some(Quarantine::Observed) {
            return Ok(None);
        }
        let beside = self.placed(name)?;
        let mut forms = self.view.other_names_of(beside)?;
        forms.push(beside);
        for form in forms {
            for role in [Role::Device, Role::Tied] {
                for shape in self.view.shapes_naming(form, role)? {
                    for named in self.view.names_of(shape)? {
                        if self.placed(named.name)? == placed {
                            let in_words = words::quarantined(&self.identifier(crowded)?, false);
                            return Ok(Some(Because { reason: "quarantined", ..nothing_said(in_words) }));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    /// The first event that names both, and one of them, who is held, without proof: it does not count there.
    fn named_unproven(&self, name: NameId, held: NameId) -> Result<Option<Because>, StoreError> {
        let beside = self.placed(name)?;
        let mut first: Option<(Shape, [NameId; 2])> = None;
        for (shape, said, names) in self.shapes_without_proof(held)? {
            for named in names.iter().filter(|named| named.role != Role::Alias) {
                let is_first = first.as_ref().is_none_or(|(known, _)| shape.first < known.first);
                if is_first && self.placed(named.name)? == beside {
                    first = Some((shape.clone(), [named.name, said]));
                }
            }
        }
        // By the very names that it says.
        let Some((Shape { first: order, source, .. }, [name, held])) = first else { return Ok(None) };
        let said = self.event_said(EventSaid { order, source, strength: Strength::Observed });
        let (x, y) = (self.identifier(name)?, self.identifier(held)?);
        let by = if self.is_device(name)? { By::Mark } else { By::Edge };
        let in_words = words::name_unproven(&x, &y, &said);
        let reason = "unproven";
        Ok(Some(Because { reason, x: Some(x), y: Some(y), by: Some(by), said: Some(said), ..nothing_said(in_words) }))
    }

    /// The shapes that the guard takes a name out of, as which they say it, and all that they name.
    fn shapes_without_proof(&self, held: NameId) -> Result<Vec<(Shape, NameId, Vec<ShapeName>)>, StoreError> {
        let placed = self.placed(held)?;
        let flags = Flags { quarantine: None, ..self.reader.flags(placed)? };
        let mut forms = self.view.other_names_of(placed)?;
        forms.push(placed);
        let mut found = Vec::new();
        for form in forms {
            for role in [Role::Lone, Role::Tied] {
                for shape in self.view.shapes_naming(form, role)? {
                    let (shape, names) = (self.view.shape(shape)?, self.view.names_of(shape)?);
                    let is_left =
                        |named: &ShapeName| named.name != form || flags.let_stand(named.strength, shape.guard);
                    if !names.iter().all(is_left) {
                        found.push((shape, form, names));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Why a name is no identifier.
    fn taken_out(&self, name: NameId, holder: Option<ProfileKey>) -> Result<Option<Because>, StoreError> {
        let placed = self.placed(name)?;
        let own = self.view.placement(name)?.unwrap_or_default();
        let stands = self.view.placement(placed)?.unwrap_or_default();
        let shown = self.identifier(name)?;
        if own.is_ignored || stands.is_ignored {
            return Ok(Some(match self.ignoring(name, placed)? {
                Some(row) => {
                    let said = self.decision_said(row)?;
                    Because {
                        reason: "ignored",
                        said: Some(said.clone()),
                        ..nothing_said(words::ignored(&shown, &said))
                    }
                }
                None => Because { reason: "ambiguous", ..nothing_said(words::ambiguous(&shown)) },
            }));
        }
        if holder.is_some() {
            return Ok(None);
        }
        Ok(Some(match stands.quarantine {
            Some(quarantine) => {
                let is_everywhere = quarantine == Quarantine::Everywhere;
                Because { reason: "quarantined", ..nothing_said(words::quarantined(&shown, is_everywhere)) }
            }
            None if self.view.claimed_strength(name)?.is_some() => {
                Because { reason: "unproven", ..nothing_said(words::unproven(&shown)) }
            }
            None => nothing_said(words::nothing(&shown)),
        }))
    }

    /// The decision that ignores a name, by whichever form of it.
    fn ignoring(&self, name: NameId, placed: NameId) -> Result<Option<&DecisionRow>, StoreError> {
        for row in self.decisions.iter().filter(|row| row.verb == DecisionVerb::Ignore) {
            if row.x == name || self.placed(row.x)? == placed {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Why a device is not of the other name's profile, if that lies with the marks on it.
    fn off_device(
        &self,
        name: NameId,
        other: NameId,
        holder: Option<ProfileKey>,
    ) -> Result<Option<Because>, StoreError> {
        if !self.is_device(name)? {
            return Ok(None);
        }
        let device = self.ownership.device(name)?;
        let people = self.ownership.people_on(device)?;
        if let Some(ProfileKey::Person(person)) = holder
            && !people.contains(&person)
            && let Some(because) = self.mark_refused(device, person, other)?
        {
            return Ok(Some(because));
        }
        if people.len() < 2 {
            return Ok(None);
        }
        let named = people.iter().filter(|person| !person.is_nameless());
        let ids = named.map(|person| Ok(self.view.name(*person)?.profile_id)).collect::<Result<_, StoreError>>()?;
        let is_crowd = people.len() > self.reader.rules.device_people_limit;
        let in_words = words::shared_device(&self.identifier(name)?, people.len(), is_crowd);
        let reason = if is_crowd { "quarantined" } else { "shared_device" };
        Ok(Some(Because { reason, people: ids, ..nothing_said(in_words) }))
    }

    /// The first mark of a person on a device on which it does not count, and why.
    fn mark_refused(&self, device: NameId, person: NameId, name: NameId) -> Result<Option<Because>, StoreError> {
        let rules = self.ownership.mark_rules(device, &self.view.anchors_on(device)?)?;
        let mut hidden = false;
        for kept in &rules.hidden {
            hidden |= self.ownership.leader(*kept)? == Some(person);
        }
        if hidden {
            let row = self.apart_row(|end| Ok(self.placed(end)? == device || self.leads(end, person)?))?;
            let row = row.ok_or(StoreError::Impossible { what: "hidden mark without a decision" })?;
            return Ok(Some(self.by_decision(&row)?));
        }
        let mut first: Option<Shape> = None;
        for shape in self.view.shapes_marking(device)? {
            let Some(anchor) = shape.anchor else { continue };
            let is_first = first.as_ref().is_none_or(|known| shape.first < known.first);
            if is_first && self.ownership.leader(anchor)? == Some(person) {
                first = Some(shape);
            }
        }
        let Some(shape) = first else { return Ok(None) };
        let said = EventSaid { order: shape.first.clone(), source: shape.source, strength: shape.rank };
        let said = self.event_said(said);
        let (x, y) = (self.identifier(device)?, self.identifier(name)?);
        let in_words = words::mark_unproven(&x, &y, &said);
        Ok(Some(Because {
            reason: "unproven",
            x: Some(x),
            y: Some(y),
            by: Some(By::Mark),
            said: Some(said),
            ..nothing_said(in_words)
        }))
    }

    /// What two people were refused, nearest to both names.
    fn between_people(&self, one: Held, another: Held) -> Result<Because, StoreError> {
        let (Some(first), Some(second)) = (one.1, another.1) else { return Ok(nothing_said(words::no_mark())) };
        let people = [first.name(), second.name()];
        let held = [self.names_held(people[0])?, self.names_held(people[1])?];
        let mut nearest: Option<((usize, bool), Refused)> = None;
        for refused in self.refused(people)? {
            let steps = self.distance(one.0, refused.x)? + self.distance(another.0, refused.y)?;
            let rank = (steps, refused.said.decision.is_some());
            if nearest.as_ref().is_none_or(|(known, _)| rank < *known) {
                nearest = Some((rank, refused));
            }
        }
        let parting = self.apart_row(|end| Ok(self.leads(end, people[0])? || self.leads(end, people[1])?))?;
        let Some((_, refused)) = nearest else {
            return match parting {
                Some(row) => self.by_decision(&row),
                None => Ok(nothing_said(words::no_evidence())),
            };
        };
        let (x, y) = (self.identifier(refused.x)?, self.identifier(refused.y)?);
        let mut said = refused.said;
        let mut in_words = words::refused(&x, &y, refused.by, &said);
        in_words.push(' ');
        if let Some(row) = parting.filter(|_| refused.reason == Reason::Decision) {
            let decided = self.decision_said(&row)?;
            in_words.push_str(&words::apart(&decided));
            said.decision = said.decision.or(decided.decision);
        } else {
            let [one, another] = held;
            let one = self.party(refused.x, people[0], one)?;
            let another = self.party(refused.y, people[1], another)?;
            in_words.push_str(&words::why(refused.reason, &one, &another, self.reader.rules));
        }
        Ok(Because {
            reason: refused.reason.as_str(),
            x: Some(x),
            y: Some(y),
            by: Some(refused.by),
            said: Some(said),
            ..nothing_said(in_words)
        })
    }

    fn party(&self, name: NameId, leader: NameId, held: Vec<Identifier>) -> Result<Party, StoreError> {
        let steps = self.distance(name, leader)?;
        Ok(Party { name: self.identifier(name)?, leader: self.identifier(leader)?, steps, held })
    }

    /// Every edge, alias and link between two people; `x` is the first one's.
    fn refused(&self, [one, another]: [NameId; 2]) -> Result<Vec<Refused>, StoreError> {
        let mut refused = Vec::new();
        for name in self.view.members(one)? {
            for row in self.view.conflicts_of(name)? {
                let far_end = if row.x == name { row.y } else { row.x };
                if self.leads(far_end, another)? {
                    let said = self.reader.said_of(&row, &self.keys, &self.decisions)?;
                    let (by, [x, y]) = self.as_said(&row, [name, far_end])?;
                    refused.push(Refused { x, y, by, said, reason: row.reason });
                }
            }
        }
        Ok(refused)
    }

    /// What sort of evidence was refused, and between which names: those that the alias or the link itself said.
    fn as_said(&self, row: &ConflictRow, ends: [NameId; 2]) -> Result<(By, [NameId; 2]), StoreError> {
        let (by, said) = match row.said_by {
            SaidBy::Edge { .. } => (By::Edge, None),
            SaidBy::Alias { .. } => {
                let mut said = None;
                for account in self.view.other_names_of(ends[0])?.into_iter().chain([ends[0]]) {
                    let aliases = self.view.aliases_of(account)?;
                    said = said.or(aliases.into_iter().find(|alias| alias.order == row.order));
                }
                (By::Alias, said.map(|alias| [alias.account, alias.older]))
            }
            SaidBy::Link(id) => {
                let link = self.decisions.iter().find(|decision| decision.id == id);
                (By::Link, link.and_then(|link| Some([link.x, link.y?])))
            }
        };
        let Some([x, y]) = said else { return Ok((by, ends)) };
        Ok((by, if self.placed(x)? == ends[0] { [x, y] } else { [y, x] }))
    }

    fn names_held(&self, leader: NameId) -> Result<Vec<Identifier>, StoreError> {
        self.view.members(leader)?.into_iter().map(|name| self.identifier(name)).collect()
    }

    /// Whether a name, or the one that is placed for it, is of the person of this leader.
    fn leads(&self, name: NameId, leader: NameId) -> Result<bool, StoreError> {
        Ok(!self.is_device(name)? && self.ownership.leader(name)? == Some(leader))
    }

    /// The decision that keeps two names apart of which both are meant.
    fn apart_row(
        &self,
        is_meant: impl Fn(NameId) -> Result<bool, StoreError>,
    ) -> Result<Option<DecisionRow>, StoreError> {
        for row in self.decisions.iter().filter(|row| row.verb == DecisionVerb::KeepApart) {
            let Some(y) = row.y else { continue };
            let is_of_two = self.holder(row.x)? != self.holder(y)?;
            if is_of_two && is_meant(row.x)? && is_meant(y)? {
                return Ok(Some(row.clone()));
            }
        }
        Ok(None)
    }

    fn by_decision(&self, row: &DecisionRow) -> Result<Because, StoreError> {
        let said = self.decision_said(row)?;
        Ok(Because {
            reason: Reason::Decision.as_str(),
            x: Some(self.identifier(row.x)?),
            y: row.y.map(|y| self.identifier(y)).transpose()?,
            said: Some(said.clone()),
            ..nothing_said(words::apart(&said))
        })
    }
}

fn nothing_said(in_words: String) -> Because {
    Because {
        reason: NO_EVIDENCE,
        x: None,
        y: None,
        by: None,
        said: None,
        people: Vec::new(),
        in_words: in_words.into(),
    }
}

const NO_EVIDENCE: &str = "no_evidence";
