//! The sentences of an explanation. Each reads alone: it names both ends, the event and the key.

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::{Because, By, Said};
use crate::event::Strength;
use crate::identity::{Reason, Rules};
use crate::store::Name;

/// One end of what was refused, and whose it is.
pub(super) struct Party {
    pub(super) name: Identifier,
    pub(super) leader: Identifier,
    /// From the name to the leader.
    pub(super) steps: usize,
    /// All names of that person.
    pub(super) held: Vec<Identifier>,
}

/// The answer as a whole.
pub(super) fn answer(x: &Identifier, y: &Identifier, profile: Option<&Name>, because: Option<&Because>) -> Box<str> {
    let because = because.map_or("", |because| &*because.in_words);
    match profile {
        Some(name) if name.class == Class::Device => {
            format!("{x} and {y} are one device, with a profile of its own: {}.", name.profile_id).into()
        }
        Some(name) => {
            format!("{x} and {y} are one person: profile {}, led by {}.", name.profile_id, name.identifier).into()
        }
        None => format!("{x} and {y} are not one profile's. {because}").into(),
    }
}

/// One step of a path.
pub(super) fn step(from: &Identifier, to: &Identifier, by: By, said: &Said) -> Box<str> {
    let event = event(said);
    match by {
        By::Edge => format!("{event} names both {from} and {to}."),
        By::Mark => format!("{event} names {to} on the device {from}, the first to count there."),
        By::Alias => format!("{event} says that {from} and {to} are one account."),
        By::Same => format!("{from} and {to} are the same: one is a digest of the other."),
        By::Link => format!("{} {from} and {to}.", decided(said, "links")),
    }
    .into()
}

/// What was said and refused.
pub(super) fn refused(x: &Identifier, y: &Identifier, by: By, said: &Said) -> String {
    let step = step(x, y, by, said);
    format!("{step} That could not hold.")
}

/// A decision that keeps two names apart.
pub(super) fn apart(said: &Said) -> String {
    let Some(decision) = &said.decision else { return String::new() };
    let y = decision.y.as_ref().map(ToString::to_string).unwrap_or_default();
    let id = decision.id;
    let sentence = decided(said, "keeps apart");
    format!("{sentence} {} and {y}. Without it the events decide: withdraw decision {id}.", decision.x)
}

/// Why two people are two, and what would have to differ.
pub(super) fn why(reason: Reason, one: &Party, another: &Party, rules: &Rules) -> String {
    let too_many = too_many(one, another, rules);
    match (reason, too_many) {
        (Reason::AccountConflict, Some((kind, values))) => format!(
            "Together they would hold the {kind}s {values}, and a person has one. Only an alias from a server says \
             that two accounts are one person's."
        ),
        (Reason::Limit, Some((kind, values))) => format!(
            "Together they would hold the {kind}s {values}, and a person has at most {}. Fewer of them would have to \
             be named.",
            rules.contact_limit
        ),
        (Reason::Nearest | Reason::AccountConflict | Reason::Limit | Reason::Decision, _) => format!(
            "{} and {}: a name follows whom it reaches in the fewest steps, three at most, and has no second choice. \
             A link would join them.",
            nearness(one),
            nearness(another),
        ),
    }
}

fn nearness(party: &Party) -> String {
    match party.steps {
        0 => format!("{} leads a person", party.name),
        1 => format!("{} is one step from {}", party.name, party.leader),
        steps => format!("{} is {steps} steps from {}", party.name, party.leader),
    }
}

/// The first kind of which two people together would hold more values than one may, and the values.
fn too_many(one: &Party, another: &Party, rules: &Rules) -> Option<(Kind, String)> {
    let of_kind = |party: &Party, kind: &Kind| -> Vec<String> {
        party.held.iter().filter(|name| name.kind == *kind).map(|name| name.value.to_string()).collect()
    };
    for kind in rules.account_kinds.iter().chain(&rules.contact_kinds) {
        let limit = if rules.class(kind) == Class::Account { 1 } else { rules.contact_limit };
        let (first, second) = (of_kind(one, kind), of_kind(another, kind));
        if !first.is_empty() && !second.is_empty() && first.len() + second.len() > limit {
            return Some((kind.clone(), [first, second].concat().join(", ")));
        }
    }
    None
}

/// A name that a decision takes out of every claim.
pub(super) fn ignored(name: &Identifier, said: &Said) -> String {
    format!("{} {name}: it is nobody's, whatever names it.", decided(said, "ignores"))
}

/// A digest that fits two clear values.
pub(super) fn ambiguous(name: &Identifier) -> String {
    format!("{name} is a digest of two values that are known in clear, and so of neither.")
}

/// A contact that is a crowd's.
pub(super) fn quarantined(name: &Identifier, is_everywhere: bool) -> String {
    let whose = if is_everywhere { "it names nobody" } else { "what public keys say of it names nobody" };
    format!("{name} stands beside more names than one person has, as a call centre's phone does: {whose}.")
}

/// A name that is taken out of all that names it.
pub(super) fn unproven(name: &Identifier) -> String {
    format!("Only public keys name {name}, and what they say of it does not count without an identity token.")
}

/// A mark that does not count.
pub(super) fn mark_unproven(device: &Identifier, name: &Identifier, said: &Said) -> String {
    format!(
        "{} names the person of {name} on the device {device}, but without proof: where a login was proven, such marks \
         do not count.",
        event(said)
    )
}

/// A name that is held, and does not count where nothing proves it.
pub(super) fn name_unproven(beside: &Identifier, held: &Identifier, said: &Said) -> String {
    format!(
        "{} names {held} beside {beside}, but without proof: where logins are proven, a name that was proven, or said by \
         a server, does not count without.",
        event(said)
    )
}

/// A device of several people.
pub(super) fn shared_device(device: &Identifier, people: usize, is_crowd: bool) -> String {
    let whose = if is_crowd { "too many to tell whose an event is" } else { "so it is no one person's" };
    format!(
        "{people} people were named on the device {device}, {whose}: it has a profile of its own, and each of its \
         events goes to who was there."
    )
}

/// Nothing says anything of a name any more.
pub(super) fn nothing(name: &Identifier) -> String {
    format!("No event that counts names {name}.")
}

/// Nothing says that a device is somebody's.
pub(super) fn no_mark() -> String {
    "There is no evidence: no event names somebody on that device.".to_owned()
}

/// Nothing says that two people are one.
pub(super) fn no_evidence() -> String {
    "There is no evidence: no event names anyone of the one beside anyone of the other, and no decision links them."
        .to_owned()
}

/// `Event m-2 of 2026-01-31T10:20:30.412Z (key "shop", observed)`.
fn event(said: &Said) -> String {
    let message_id = said.message_id.as_deref().unwrap_or_default();
    let time = said.time.unwrap_or_default().rfc3339();
    let source = said.source.as_deref().unwrap_or_default();
    let strength = said.strength.map_or("", Strength::as_str);
    format!("Event {message_id} of {time} (key \"{source}\", {strength})")
}

/// `Decision 3 of 2026-01-31T10:20:30.412Z (by "admin": "one household") links`.
fn decided(said: &Said, verb: &str) -> String {
    let Some(decision) = &said.decision else { return String::new() };
    let (id, time, author) = (decision.id, decision.at.rfc3339(), &decision.author);
    format!("Decision {id} of {time} (by \"{author}\": \"{}\") {verb}", decision.reason)
}
