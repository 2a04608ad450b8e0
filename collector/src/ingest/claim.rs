//! What an event says about identifiers, and how far each is believed (identity.md, sections 2 and 3).

use selvedge_core::identifier::{Class, Identifier, Kind};
use selvedge_core::json;
use selvedge_core::wire::MAX_IDENTIFIERS_PER_EVENT;

use super::message_id;
use super::parts::{self, Parts, member, name_of, text};
use super::proof;
use super::token::Proven;
use super::verdict::{EventRefusal, Warning, Warnings};
use super::{Concealment, Desk};
use crate::event::{Claimed, EventType, Strength};
use crate::identity::Rules;
use crate::identity::normal::digest::is_hashable;
use crate::identity::normal::{self, Algorithm, Blocked, Veiled};

/// What an event says of identifiers.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Those that it names, in (class, kind priority, value) order, each once.
    pub(super) claim: Vec<Claimed>,
    /// Of those whose clear values the ledger does not keep: what stands for them.
    pub(super) veiled: Vec<Veiled>,
}

/// What an event names.
pub(super) fn of(
    parts: &Parts<'_>,
    event_type: EventType,
    proven: Option<&Proven>,
    desk: &Desk<'_>,
    warnings: &mut Warnings,
) -> Result<Said, EventRefusal> {
    let selvedge = parts.context.selvedge;
    let mut claim = Claim {
        named: Vec::with_capacity(2),
        veiled: Vec::new(),
        too_many: false,
        by_token: 0,
        desk,
        selvedge,
        warnings,
    };
    let user_id = name_of(parts.user_id, "/userId")?;
    let anonymous_id = name_of(parts.anonymous_id, "/anonymousId")?;
    if let Some(user_id) = &user_id {
        claim.name(Kind::USER_ID, user_id, "/userId");
    }
    if let Some(proven) = proven {
        claim.prove(proven);
    }
    if let Some(anonymous_id) = anonymous_id {
        claim.name(Kind::ANONYMOUS_ID, &anonymous_id, "/anonymousId");
    }
    match event_type {
        // Another collector's snapshot names a person by what it found out: a trait may say an address that is another's.
        EventType::Identify if message_id::is_of_profile(parts.message_id, desk) => {}
        EventType::Identify => claim.name_by_traits(parts),
        EventType::Alias => {
            let is_itself =
                |previous: &str| user_id.as_deref().is_some_and(|user_id| user_id.trim() == previous.trim());
            let previous_id = name_of(parts.previous_id, "/previousId")?.filter(|previous| !is_itself(previous));
            if let Some(previous_id) = previous_id {
                claim.name(Kind::ANONYMOUS_ID, &previous_id, "/previousId");
                if desk.strength() == Strength::Observed {
                    claim.warnings.add(Warning::UntrustedAlias, "/previousId");
                }
            }
        }
        EventType::Track | EventType::Page | EventType::Screen | EventType::Group => {}
    }
    if let Some(device) = parts.context.device {
        claim.name_by_device(device);
    }
    if let Some(external_ids) = parts.context.external_ids {
        claim.name_by_external_ids(external_ids);
    }
    if claim.too_many {
        return Err(EventRefusal::TooManyIdentifiers { limit: claim.limit() });
    }
    let Claim { mut named, veiled, .. } = claim;
    named.sort_unstable_by(|a, b| desk.rules.rank(&a.identifier).cmp(&desk.rules.rank(&b.identifier)));
    Ok(Said { claim: named, veiled })
}

struct Claim<'a> {
    named: Vec<Claimed>,
    veiled: Vec<Veiled>,
    /// Whether there were more than [`Claim::limit`], without those that the token added.
    too_many: bool,
    by_token: usize,
    desk: &'a Desk<'a>,
    selvedge: Option<&'a [u8]>,
    warnings: &'a mut Warnings,
}

impl Claim<'_> {
    /// Adds the identifier that a value of a kind is, if it is one.
    fn name(&mut self, kind: Kind, value: &str, pointer: &'static str) {
        self.name_by(kind, value, pointer, |kind, rules| normal::identifier(kind, value, rules));
    }

    /// Adds what `read` makes of a value, if its kind can name anyone and the value is there.
    fn name_by(
        &mut self,
        kind: Kind,
        value: &str,
        pointer: &'static str,
        read: impl FnOnce(Kind, &Rules) -> Result<Identifier, Blocked>,
    ) {
        let class = self.desk.rules.class(&kind);
        if class == Class::Undeclared || value.trim().is_empty() {
            return;
        }
        let concealment = self.desk.concealment.filter(|_| is_hashable(&kind));
        let read = read(kind, concealment.map_or(self.desk.rules, Concealment::rules));
        let read = read.and_then(|identifier| match concealment {
            Some(concealment) => self.concealed(concealment, &identifier),
            None => Ok(identifier),
        });
        match read {
            Ok(identifier) => self.add(identifier, class, pointer),
            Err(Blocked::NamesNobody) => self.warnings.add(Warning::BlockedIdentifier, pointer),
            Err(Blocked::AmbiguousPhone) => self.warnings.add(Warning::AmbiguousPhone, pointer),
        }
    }

    /// What stands for a name, unless that is blocked: here too, it is judged by what a replay will see of it.
    fn concealed(&mut self, concealment: &Concealment, identifier: &Identifier) -> Result<Identifier, Blocked> {
        let veiled = concealment.cover(identifier);
        let identifier = veiled.identifier.clone();
        if self.desk.rules.blocked.has_veiled(&identifier) {
            return Err(Blocked::NamesNobody);
        }
        self.veiled.push(veiled);
        Ok(identifier)
    }

    /// Trusts the account that the event names, if it is the token's, and what the site has verified of it. Before
    /// anything else is named, so that of what is said twice the proof counts.
    fn prove(&mut self, proven: &Proven) {
        let account = normal::identifier(Kind::USER_ID, &proven.user_id, self.desk.rules);
        let named = self.named.first_mut().filter(|named| account.as_ref() == Ok(&named.identifier));
        let Some(named) = named else {
            self.warnings.add(Warning::TokenMismatch, proof::AT);
            return;
        };
        named.strength = Strength::Proven;
        for (kind, value) in proven.verified() {
            let named_before = self.named.len();
            self.name(kind, value, proof::AT);
            self.named.iter_mut().skip(named_before).for_each(|named| named.strength = Strength::Proven);
            self.by_token += self.named.len() - named_before;
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
        if self.named.len() - self.by_token >= self.limit() {
            self.too_many = true;
            return;
        }
        let strength = self.strength(&identifier.kind);
        self.named.push(Claimed { identifier, strength });
    }

    /// How many identifiers the event may name. Another collector's snapshot of a profile names all that a person has
    /// collected over the years.
    fn limit(&self) -> usize {
        let is_forwarded = self.desk.strength() > Strength::Observed && self.selvedge.is_some();
        if is_forwarded { MAX_IDENTIFIERS_OF_A_SNAPSHOT } else { MAX_IDENTIFIERS_PER_EVENT }
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
        for (key, kind, pointer) in [("email", Kind::EMAIL, email_at), ("phone", Kind::PHONE, phone_at)] {
            if let Some(value) = member(traits, key) {
                self.name_by_value(kind, value, pointer);
            }
        }
    }

    /// What an app knows of its device, by the names of the tracking API: the same member is another kind on another
    /// platform.
    fn name_by_device(&mut self, device: &[u8]) {
        let platform = member(device, "type").and_then(|value| text(value).ok().flatten()).unwrap_or_default();
        let (advertising_id, id) = match platform.as_ref() {
            platform if platform.eq_ignore_ascii_case("ios") => (Kind::IDFA, Kind::IDFV),
            platform if platform.eq_ignore_ascii_case("android") => (Kind::GAID, Kind::ANDROID_ID),
            _ => return,
        };
        for (key, kind, pointer) in [
            ("advertisingId", advertising_id, "/context/device/advertisingId"),
            ("id", id, "/context/device/id"),
            ("token", Kind::PUSH_TOKEN, "/context/device/token"),
        ] {
            if let Some(value) = member(device, key) {
                self.name_by_value(kind, value, pointer);
            }
        }
    }

    fn name_by_value(&mut self, kind: Kind, value: &[u8], pointer: &'static str) {
        match parts::name(value) {
            Ok(Some(value)) => self.name(kind, &value, pointer),
            Ok(None) => {}
            Err(_) => self.warnings.add(Warning::BlockedIdentifier, pointer),
        }
    }

    /// `[{id, type, collection: "users", encoding: "none"}]`: every kind that the rules know. The encodings md5, sha1
    /// and sha256 say that the id is the digest of a value.
    fn name_by_external_ids(&mut self, external_ids: &[u8]) {
        for entry in json::elements(external_ids).filter_map(Result::ok) {
            let word = |name| member(entry, name).and_then(|value| text(value).ok().flatten());
            let of_users = word("collection").is_none_or(|collection| collection == "users");
            let id = member(entry, "id").and_then(|value| parts::name(value).ok().flatten());
            let (Some(id), Some(kind), true) = (id, word("type"), of_users) else { continue };
            let kind = Kind::new(&kind);
            match word("encoding").filter(|encoding| !encoding.eq_ignore_ascii_case("none")) {
                None => self.name(kind, &id, EXTERNAL_IDS),
                Some(encoding) => self.name_by(kind, &id, EXTERNAL_IDS, |kind, rules| {
                    let algorithm = Algorithm::parse(&encoding).ok_or(Blocked::NamesNobody)?;
                    normal::hashed(kind, &id, algorithm, rules)
                }),
            }
        }
    }
}

/// A pointer without a place: the list may come from the batch's context.
const EXTERNAL_IDS: &str = "/context/externalIds";
/// More than the keys of a forwarded event leave room for by default (four for each external id).
const MAX_IDENTIFIERS_OF_A_SNAPSHOT: usize = 512;
