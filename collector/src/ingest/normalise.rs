//! Makes one event of a request ready for the ledger, or says why it is refused.

use bytes::Bytes;
use selvedge_core::json::{self, Kind};
use selvedge_core::wire::field;

use super::conceal::Around;
use super::parts::{ContextParts, Parts, member, name, pointer_to, text, text_of};
use super::proof::Tokens;
use super::redact::Redaction;
use super::verdict::{EventRefusal, Warning, Warnings};
use super::{Desk, Limits, SaidBy, alias, claim, message_id, secrets, time, traits};
use crate::event::{AcceptedEvent, EventType, Order, Snapshot, Strength, UnixMillis, Verdict};

/// What the events of one request share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub(super) default_type: Option<EventType>,
    pub(super) sent_at: Option<UnixMillis>,
    pub(super) context: ContextParts<'a>,
    /// The same as it is stored.
    pub(super) stored_context: ContextParts<'a>,
    pub(super) stored_context_text: &'a [u8],
    /// What takes the names that it says out of texts, of a ledger that keeps no clear values.
    pub(super) beside: Option<Redaction<'a>>,
    pub(super) tokens: Tokens,
    /// By what else the names of the events so far may be said.
    pub(super) said_by: SaidBy,
}

/// The event at `index` of a request. What it is stored in spite of is added to `warnings`.
pub(super) fn event(
    raw: &Bytes,
    index: u32,
    shared: &mut Shared<'_>,
    desk: &Desk<'_>,
    warnings: &mut Vec<Verdict>,
) -> Result<AcceptedEvent, EventRefusal> {
    check(raw, desk)?;
    let mut parts = Parts::of(raw)?;
    let kept = kept(raw, &parts, shared, desk);
    // Of most messages all is kept: they need not be read again.
    let mut stored = if kept.as_ptr() == raw.as_ptr() { parts } else { Parts::of(&kept)? };
    stored.context = stored.context.over(shared.stored_context);
    parts.context = parts.context.over(shared.context);
    let event_type = event_type(&parts, shared)?;
    let mut met = Warnings::default();
    let times = time::Stated {
        original_timestamp: stated(parts.original_timestamp, "/originalTimestamp", &mut met)?,
        timestamp: stated(parts.timestamp, "/timestamp", &mut met)?,
        sent_at: shared.sent_at.or(parts.sent_at.and_then(time::read)),
    };
    let stated_id = message_id::stated(parts.message_id, desk)?;
    let message_id = match text_of(stored.message_id, "/messageId")?.filter(|_| stated_id.is_some()) {
        Some(message_id) => message_id.as_ref().into(),
        None => {
            let content = [&kept[..], shared.stored_context_text];
            match times.timestamp.or(times.original_timestamp) {
                Some(_) => message_id::by_hash(content, event_type),
                None => message_id::by_chance(content, event_type, desk.received_at),
            }
        }
    };
    let corrected = times.correct(desk.received_at, desk.earliest());
    if corrected.clamped {
        met.add(Warning::ClockClamped, if parts.timestamp.is_some() { "/timestamp" } else { "/originalTimestamp" });
    }
    check_name(&parts, event_type, desk)?;
    text_of(parts.group_id, "/groupId")?;
    let proven = shared.tokens.of(&parts.context, corrected.time, desk, &mut met);
    let claim::Said { claim, veiled } = claim::of(&parts, event_type, proven, desk, &mut met)?;
    shared.said_by.extend(veiled.into_iter().map(|veiled| (veiled.identifier, veiled.digests)));
    let older_account = alias::older_account(&parts, event_type, &claim, desk);
    if claim.is_empty() {
        met.add(Warning::NoIdentifier, "");
    }
    warnings.extend(met.into_verdicts(index, stated_id.as_ref().unwrap_or(&message_id)));
    Ok(AcceptedEvent {
        index,
        event_type,
        name: name_in(&stored, event_type),
        trust: alias::trust(&parts, desk),
        older_account,
        claim,
        lost_names: false,
        traits: traits_set(&stored, event_type),
        snapshot: snapshot(&message_id, event_type, &parts, desk),
        order: Order { time: corrected.time, message_id },
        raw: kept,
    })
}

/// The messageId of an event that may be broken, for its verdict.
pub(super) fn message_id_of(raw: &[u8]) -> Option<Box<str>> {
    member(raw, field::MESSAGE_ID).and_then(|value| text(value).ok().flatten()).map(|text| text.as_ref().into())
}

fn check(raw: &[u8], desk: &Desk<'_>) -> Result<(), EventRefusal> {
    match check_within(raw, desk.limits) {
        Err(EventRefusal::EventTooLarge { .. } | EventRefusal::TooManyKeys { .. }) if is_forwarded(raw, desk) => {
            check_within(raw, &desk.limits.forwarded())
        }
        checked => checked,
    }
}

fn check_within(raw: &[u8], limits: &Limits) -> Result<(), EventRefusal> {
    if raw.len() > limits.event_bytes {
        return Err(EventRefusal::EventTooLarge { size_bytes: raw.len(), limit_bytes: limits.event_bytes });
    }
    if json::kind(raw) != Some(Kind::Object) {
        return Err(EventRefusal::NotAnObject);
    }
    json::check(raw, &limits.json())
        .map(|_| ())
        .map_err(|fault| EventRefusal::from_fault(fault.kind, pointer_to(raw, fault.offset), limits))
}

/// Whether another collector sends the event on.
fn is_forwarded(raw: &[u8], desk: &Desk<'_>) -> bool {
    let context = member(raw, field::CONTEXT).unwrap_or_default();
    desk.strength() > Strength::Observed && ContextParts::of(context).selvedge.is_some()
}

fn event_type(parts: &Parts<'_>, shared: &Shared<'_>) -> Result<EventType, EventRefusal> {
    match text_of(parts.event_type, "/type")? {
        Some(name) => EventType::parse(&name).ok_or(EventRefusal::UnknownType),
        None => shared.default_type.ok_or(EventRefusal::UnknownType),
    }
}

/// The time that a part states. One that cannot be read is no reason to lose the event.
fn stated(
    part: Option<&[u8]>,
    pointer: &'static str,
    warnings: &mut Warnings,
) -> Result<Option<UnixMillis>, EventRefusal> {
    let Some(value) = part else { return Ok(None) };
    match json::kind(value) {
        Some(Kind::String | Kind::Number) => {
            let time = time::read(value);
            if time.is_none() {
                warnings.add(Warning::ClockClamped, pointer);
            }
            Ok(time)
        }
        _ => Err(EventRefusal::WrongType { pointer, wanted: "an RFC 3339 text or a number of ms" }),
    }
}

/// The message as it is stored: without its token and, where the ledger keeps none, without clear values.
fn kept(raw: &Bytes, parts: &Parts<'_>, shared: &mut Shared<'_>, desk: &Desk<'_>) -> Bytes {
    let tokenless = if parts.carries_token { secrets::without_token(raw) } else { raw.clone() };
    let Some(concealment) = desk.concealment else { return tokenless };
    let proven = shared.tokens.verified(&parts.context, desk);
    let around = Around { beside: shared.beside.as_ref(), proven: &proven };
    concealment.of_json(&tokenless, "", around).message.map_or(tokenless, Into::into)
}

/// Refuses an event that lacks the name that it needs, or whose name is too long.
fn check_name(parts: &Parts<'_>, event_type: EventType, desk: &Desk<'_>) -> Result<(), EventRefusal> {
    let Some((part, pointer)) = name_part(parts, event_type) else { return Ok(()) };
    let name = text_of(part, pointer)?.filter(|name| !name.trim().is_empty());
    if name.is_none() && event_type == EventType::Track {
        return Err(EventRefusal::MissingEventName);
    }
    if name.as_ref().is_some_and(|name| name.len() > desk.limits.name_bytes) {
        return Err(EventRefusal::NameTooLong { pointer, limit_bytes: desk.limits.name_bytes });
    }
    Ok(())
}

/// The name of the event, page or screen.
fn name_in(parts: &Parts<'_>, event_type: EventType) -> Option<Box<str>> {
    let (part, pointer) = name_part(parts, event_type)?;
    let name = text_of(part, pointer).ok().flatten().filter(|name| !name.trim().is_empty())?;
    Some(name.as_ref().into())
}

fn name_part<'a>(parts: &Parts<'a>, event_type: EventType) -> Option<(Option<&'a [u8]>, &'static str)> {
    match event_type {
        EventType::Track => Some((parts.event, "/event")),
        EventType::Page | EventType::Screen => Some((parts.name, "/name")),
        EventType::Identify | EventType::Group | EventType::Alias => None,
    }
}

/// Identify takes its traits from `traits`, else from `context.traits`; no other call sets any.
pub(super) fn traits_set(parts: &Parts<'_>, event_type: EventType) -> Vec<(Box<str>, Box<str>)> {
    match event_type {
        EventType::Identify => parts.traits.or(parts.context.traits).map(traits::set_by).unwrap_or_default(),
        EventType::Track | EventType::Page | EventType::Screen | EventType::Group | EventType::Alias => Vec::new(),
    }
}

/// The traits that a stored identify call sets, given the context of its batch; `None` where its own message sets none
/// and that context is not given.
pub(super) fn traits_said(message: &[u8], batch_context: Option<&[u8]>) -> Option<Vec<(Box<str>, Box<str>)>> {
    let mut parts = Parts::of(message).ok()?;
    if let Some(context) = batch_context {
        parts.context = parts.context.over(ContextParts::of(context));
    }
    let sets_any = batch_context.is_some() || parts.traits.is_some() || parts.context.traits.is_some();
    sets_any.then(|| traits_set(&parts, EventType::Identify))
}

/// Which subject an identify from a server restates: `profile:{id}:{version}` of another collector, or the row of an
/// import, `import:{source}:{row key}` with its version in `context.selvedge`.
pub(super) fn snapshot(
    message_id: &str,
    event_type: EventType,
    parts: &Parts<'_>,
    desk: &Desk<'_>,
) -> Option<Snapshot> {
    if event_type != EventType::Identify || desk.strength() == Strength::Observed {
        return None;
    }
    if let Some((profile, version)) = message_id::of_profile(message_id) {
        return Some(Snapshot { subject: format!("{}{profile}", message_id::PROFILE_PREFIX).into(), version });
    }
    message_id.starts_with(message_id::IMPORT_PREFIX).then(|| {
        let version = parts.context.selvedge.and_then(|selvedge| member(selvedge, field::VERSION));
        let version = version.and_then(|value| name(value).ok().flatten()).and_then(|text| text.parse().ok());
        Snapshot { subject: message_id.into(), version: version.unwrap_or_default() }
    })
}

#[cfg(test)]
mod tests;
