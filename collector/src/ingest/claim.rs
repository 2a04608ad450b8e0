//! What an event says about identifiers, and how far each is believed (identity.md, sections 2 and 3).

use selvedge_core::identifier::{Class, Identifier, Kind};
use selvedge_core::json;

use super::Desk;
use super::parts::{Parts, member, text, text_of};
use super::verdict::{EventRefusal, Warning, Warnings};
use crate::event::{Claimed, EventType, Strength, Trust};
use crate::identity::normal::{self, Blocked};

/// The identifiers that an event names, in (class, kind priority, value) order, each once.
pub(super) fn of(
    parts: &Parts<'_>,
    event_type: EventType,
    desk: &Desk<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<Claimed>, EventRefusal> {
    let mut claim = Claim { named: Vec::with_capacity(2), desk, selvedge: parts.context.selvedge, warnings };
    let user_id = text_of(parts.user_id, "/userId")?;
    let anonymous_id = text_of(parts.anonymous_id, "/anonymousId")?;
    if let Some(user_id) = &user_id {
        claim.name(Kind::USER_ID, user_id, "/userId");
    }
    if let Some(anonymous_id) = anonymous_id {
        claim.name(Kind::ANONYMOUS_ID, &anonymous_id, "/anonymousId");
    }
    match event_type {
        EventType::Identify => claim.name_by_traits(parts),
        EventType::Alias => {
            let previous_id =
                text_of(parts.previous_id, "/previousId")?.filter(|previous| user_id != Some(previous.clone()));
            if let Some(previous_id) = previous_id {
                claim.name(Kind::ANONYMOUS_ID, &previous_id, "/previousId");
                if desk.strength() == Strength::Observed {
                    claim.warnings.add(Warning::UntrustedAlias, "/previousId");
                }
            }
        }
        EventType::Track | EventType::Page | EventType::Screen | EventType::Group => {}
    }
    if let Some(external_ids) = parts.context.external_ids {
        claim.name_by_external_ids(external_ids);
    }
    let Claim { mut named, .. } = claim;
    named.sort_unstable_by(|a, b| desk.rules.rank(&a.identifier).cmp(&desk.rules.rank(&b.identifier)));
    Ok(named)
}

/// The older account of an alias whose two names are asserted (identity.md, section 4).
pub(super) fn older_account(
    parts: &Parts<'_>,
    event_type: EventType,
    claim: &[Claimed],
    desk: &Desk<'_>,
) -> Option<Identifier> {
    let account = claim.iter().find(|claimed| claimed.identifier.kind == Kind::USER_ID)?;
    if event_type != EventType::Alias || account.strength != Strength::Asserted {
        return None;
    }
    let previous_id = text_of(parts.previous_id, "/previousId").ok().flatten()?;
    let older = normal::identifier(Kind::USER_ID, &previous_id, desk.rules).ok()?;
    (older != account.identifier).then_some(older)
}

/// How far the source of an event is believed: its key or, of an event that another collector sends on, what that one
/// says of the key.
pub(super) fn trust(parts: &Parts<'_>, desk: &Desk<'_>) -> Trust {
    if desk.strength() == Strength::Observed {
        return desk.key.trust;
    }
    let guarded = parts.context.selvedge.and_then(|selvedge| member(selvedge, "guarded"));
    if guarded.is_some_and(|value| value.trim_ascii() == b"true") { Trust::Guarded } else { Trust::Open }
}

struct Claim<'a> {
    named: Vec<Claimed>,
    desk: &'a Desk<'a>,
    selvedge: Option<&'a [u8]>,
    warnings: &'a mut Warnings,
}

impl Claim<'_> {
    /// Adds the identifier that a value of a kind is, if it is one.
    fn name(&mut self, kind: Kind, value: &str, pointer: &'static str) {
        let class = self.desk.rules.class(&kind);
        if class == Class::Undeclared || value.trim().is_empty() {
            return;
        }
        match normal::identifier(kind, value, self.desk.rules) {
            Ok(identifier) => self.add(identifier, class, pointer),
            Err(Blocked::NamesNobody) => self.warnings.add(Warning::BlockedIdentifier, pointer),
            Err(Blocked::AmbiguousPhone) => self.warnings.add(Warning::AmbiguousPhone, pointer),
        }
    }

    fn add(&mut self, identifier: Identifier, class: Class, pointer: &'static str) {
        if self.named.iter().any(|claimed| claimed.identifier == identifier) {
            return;
        }
        if class == Class::Account && self.named.iter().any(|claimed| claimed.identifier.kind == identifier.kind) {
            self.warnings.add(Warning::SecondAccount, pointer);
            return;
        }
        let strength = self.strength(&identifier.kind);
        self.named.push(Claimed { identifier, strength });
    }

    /// The key's own strength, or a lower one that a forwarded event states: a word that is not understood lowers it
    /// as far as it can be lowered.
    fn strength(&self, kind: &Kind) -> Strength {
        let own = self.desk.strength();
        let stated = self.selvedge.and_then(|selvedge| member(selvedge, "strength"));
        match stated.and_then(|strengths| member(strengths, kind.as_str())) {
            None => own,
            Some(value) => match json::string(value).as_deref() {
                Some("asserted") => own,
                Some("proven") => own.min(Strength::Proven),
                _ => own.min(Strength::Observed),
            },
        }
    }

    /// Of identify calls only: other calls' traits may be stale, and a group's are the group's.
    fn name_by_traits(&mut self, parts: &Parts<'_>) {
        let (traits, email_at, phone_at) = match parts.traits {
            Some(traits) => (traits, "/traits/email", "/traits/phone"),
            None => (parts.context.traits.unwrap_or_default(), "/context/traits/email", "/context/traits/phone"),
        };
        for (key, value) in json::members(traits).filter_map(Result::ok) {
            let (kind, pointer) = match key {
                key if key.is("email") => (Kind::EMAIL, email_at),
                key if key.is("phone") => (Kind::PHONE, phone_at),
                _ => continue,
            };
            match text(value) {
                Ok(Some(value)) => self.name(kind, &value, pointer),
                Ok(None) => {}
                Err(_) => self.warnings.add(Warning::BlockedIdentifier, pointer),
            }
        }
    }

    /// `[{id, type, collection: "users", encoding: "none"}]`: every kind that the rules know.
    fn name_by_external_ids(&mut self, external_ids: &[u8]) {
        for entry in json::elements(external_ids).filter_map(Result::ok) {
            let word = |name| member(entry, name).and_then(|value| text(value).ok().flatten());
            let of_users = word("collection").is_none_or(|collection| collection == "users");
            let in_clear = word("encoding").is_none_or(|encoding| encoding == "none");
            if let (Some(id), Some(kind), true, true) = (word("id"), word("type"), of_users, in_clear) {
                self.name(Kind::new(&kind), &id, "/context/externalIds");
            }
        }
    }
}
