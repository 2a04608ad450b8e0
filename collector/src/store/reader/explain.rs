//! Says why two names are one person's, or why they are not (identity.md, section 7, law 5). Reads what the ledger
//! derived, and the events and decisions that it follows from; derives nothing itself.

mod apart;
mod path;
mod words;

use selvedge_core::identifier::Identifier;
use serde::{Serialize, Serializer};

use self::path::Evidence;
use super::{Lookup, Reader, ShownDecision};
use crate::event::{Order, Strength, UnixMillis};
use crate::identity::ProfileId;
use crate::store::{NameId, ProfileKey, StoreError};

/// What speaks for two names being one profile's, or against it.
///
/// ```json
/// {"x": {"kind": "email", "value": "ada@example.com"}, "y": {"kind": "anonymous_id", "value": "a-1"},
///  "same": true, "profile": "9cda47fd-5a0e-884a-b758-a7b9261557ee", "profiles": {"x": "9cda47fd-...", "y": "9cda47fd-..."},
///  "paths": {"x": [STEP, ...], "y": [STEP, ...]}, "because": null, "inWords": "..."}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The first name, in its normal form.
    pub x: Identifier,
    /// The second.
    pub y: Identifier,
    /// Whether one profile holds both.
    pub same: bool,
    /// That profile; null where there are two.
    pub profile: Option<ProfileId>,
    /// Which holds each.
    pub profiles: Profiles,
    /// How each stands where it stands.
    pub paths: Paths,
    /// What keeps them apart; null where one profile holds both.
    pub because: Option<Because>,
    /// The answer as sentences.
    pub in_words: Box<str>,
}

/// The profiles of both names; null for a name that counts for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Profiles {
    /// That of the first name.
    pub x: Option<ProfileId>,
    /// That of the second.
    pub y: Option<ProfileId>,
}

/// From each name to the leader of its own profile (or to the device whose anonymous profile it is): each step begins
/// where the one before ended. Empty for a leader, and for a name that no profile holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paths {
    /// From the first name.
    pub x: Vec<Step>,
    /// From the second.
    pub y: Vec<Step>,
}

/// One piece of evidence.
///
/// ```json
/// {"from": {"kind": "email", "value": "ada@example.com"}, "to": {"kind": "user_id", "value": "u-1"}, "by": "edge",
///  "messageId": "m-2", "time": "2026-01-31T10:20:30.412Z", "source": "public", "strength": "observed", "inWords": "..."}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The end on the name's side.
    pub from: Identifier,
    /// The end nearer to the leader.
    pub to: Identifier,
    /// What sort of evidence it is.
    pub by: By,
    /// Who says so.
    #[serde(flatten)]
    pub said: Said,
    /// The step as a sentence.
    pub in_words: Box<str>,
}

/// What ties two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// An event that names both: the first.
    Edge,
    /// An event that names somebody on a device: the first that counts.
    Mark,
    /// One is a digest of the other; nobody has to say so.
    Same,
    /// An alias of a server: both are one account.
    Alias,
    /// A decision.
    Link,
}

/// Who says something: an event, a decision, or nobody (all null).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// Of the event.
    pub message_id: Option<Box<str>>,
    /// Of the event, or when it was decided; RFC 3339.
    #[serde(serialize_with = "rfc3339")]
    pub time: Option<UnixMillis>,
    /// The name of the key that the event came with, or that it was decided with.
    pub source: Option<Box<str>>,
    /// How far the event is trusted about the weaker of both names: `observed`, `proven`, `asserted`.
    #[serde(serialize_with = "word")]
    pub strength: Option<Strength>,
    /// What was decided. Left out where an event speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<ShownDecision>,
}

impl Said {
    /// An event of this order, of the key of this name.
    pub(super) fn by_event(order: &Order, source: Box<str>, strength: Strength) -> Self {
        Self {
            message_id: Some((*order.message_id).into()),
            time: Some(order.time),
            source: Some(source),
            strength: Some(strength),
            decision: None,
        }
    }
}

/// What keeps two names apart.
///
/// ```json
/// {"reason": "account_conflict", "x": {"kind": "user_id", "value": "u-2"}, "y": {"kind": "email", "value": "..."},
///  "by": "edge", "messageId": "m-7", "time": "...", "source": "public", "strength": "observed", "inWords": "..."}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// Of what was said and could not hold, the reason of `/v1/conflicts`: `decision`, `account_conflict`, `limit`,
    /// `nearest`. Else `ignored`, `ambiguous` (a digest of two clear values), `quarantined`, `unproven` (what public
    /// keys say of it does not count), `shared_device`, or `no_evidence`.
    pub reason: &'static str,
    /// One end of what was refused, or of the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<Identifier>,
    /// The other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<Identifier>,
    /// What was refused; left out where nothing was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// Who said it.
    #[serde(flatten)]
    pub said: Option<Said>,
    /// Of a shared device: the people who share it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<ProfileId>,
    /// The reason as sentences, with what would have to differ.
    pub in_words: Box<str>,
}

/// Which of the two names that were asked about no event ever named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeverNamed {
    /// The first.
    X,
    /// The second.
    Y,
}

impl Reader<'_> {
    /// Why two names are one profile's, or not.
    pub fn explain(&self, x: &Lookup, y: &Lookup) -> Result<Result<Explanation, NeverNamed>, StoreError> {
        let Some(x) = self.seen_name(x)? else { return Ok(Err(NeverNamed::X)) };
        let Some(y) = self.seen_name(y)? else { return Ok(Err(NeverNamed::Y)) };
        let evidence = Evidence::over(self)?;
        let (one, another) = (evidence.holder(x)?, evidence.holder(y)?);
        let profile = match one.filter(|_| one == another) {
            Some(key) => Some(self.view.name(key.name())?),
            None => None,
        };
        let id_of = |key: Option<ProfileKey>| -> Result<Option<ProfileId>, StoreError> {
            key.map(|key| Ok(self.view.name(key.name())?.profile_id)).transpose()
        };
        let because = if profile.is_none() { Some(evidence.because((x, one), (y, another))?) } else { None };
        let (x_name, y_name) = (self.view.name(x)?.identifier, self.view.name(y)?.identifier);
        Ok(Ok(Explanation {
            same: profile.is_some(),
            profiles: Profiles { x: id_of(one)?, y: id_of(another)? },
            paths: Paths { x: evidence.path(x)?, y: evidence.path(y)? },
            in_words: words::answer(&x_name, &y_name, profile.as_ref(), because.as_ref()),
            profile: profile.map(|name| name.profile_id),
            because,
            x: x_name,
            y: y_name,
        }))
    }

    /// The row of what is asked for, if an event names it; asked for by an id, the name that the profile has its own of.
    fn seen_name(&self, lookup: &Lookup) -> Result<Option<NameId>, StoreError> {
        let Some(id) = self.row(lookup)? else { return Ok(None) };
        let id = match lookup {
            Lookup::ProfileId(_) => self.ownership().of_profile(id)?.map_or(id, ProfileKey::name),
            Lookup::Identifier(_) | Lookup::Concealed(_) => id,
        };
        Ok(if self.view.is_named(id)? { Some(id) } else { None })
    }
}

fn rfc3339<S: Serializer>(time: &Option<UnixMillis>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(UnixMillis::rfc3339).serialize(serializer)
}

fn word<S: Serializer>(strength: &Option<Strength>, serializer: S) -> Result<S::Ok, S::Error> {
    strength.map(Strength::as_str).serialize(serializer)
}
