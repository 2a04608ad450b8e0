//! A Segment-compatible `/v1/batch`: another collector, Segment, RudderStack, Jitsu (protocol.md, section 6).
//!
//! Events go with their own messageId, ids and corrected time, and with how far they were trusted, so that another
//! collector stitches alike. A profile goes as one `identify` per change, `profile:{id}:{version}`: another collector
//! puts it in the place of that profile's earlier one, and an ended profile leaves an empty one behind.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_core::json::{self, push_quoted};
use selvedge_core::retry::Outcome;
use selvedge_core::wire::{MAX_KEYS_PER_EVENT, field};
use serde::Deserialize;
use ureq::http::Uri;

use super::super::agent::Post;
use super::super::message::Message;
use super::{Delivery, Destination, Portion};
use crate::config::Secret;
use crate::event::{Strength, Trust, stands_over_batch};
use crate::identity::ProfileId;
use crate::store::{Change, ChangeKind, LedgerEvent, ProfileSnapshot};

/// A collector of the field's common tongue.
pub(super) struct Segment {
    post: Post,
    authorization: String,
}

impl Segment {
    pub(super) fn new(url: Uri, key: &Secret) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode(format!("{}:", key.reveal())));
        Self { post: Post::anywhere(url), authorization }
    }
}

impl Destination for Segment {
    /// Segment's own limit is 500 KB a request.
    fn portion(&self) -> Portion {
        Portion { messages: 500, bytes: 450 * 1_024 }
    }

    fn event(&self, event: &LedgerEvent) -> Option<Message> {
        Some(Message { id: event.event.order.message_id.as_ref().into(), text: event_text(event)? })
    }

    fn change(&self, change: &Change) -> Option<Message> {
        match &change.kind {
            ChangeKind::Updated(snapshot) => Some(identify(snapshot)),
            ChangeKind::Merged { from: ended, ended_at_version: Some(version), .. }
            | ChangeKind::Deleted { profile: ended, ended_at_version: Some(version) } => Some(epitaph(ended, *version)),
            // What begins, or begins with what another had, is all in its first snapshot; one that ended and stands
            // again has a snapshot still to come.
            ChangeKind::Created { .. }
            | ChangeKind::Split { .. }
            | ChangeKind::Merged { .. }
            | ChangeKind::Deleted { .. } => None,
        }
    }

    fn send(&self, messages: &[&Message]) -> Delivery {
        let batch_id = messages.last().map(|message| &*message.id).unwrap_or_default();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("content-encoding", "gzip".to_owned()),
            ("authorization", self.authorization.clone()),
        ];
        let Ok(body) = gzip(body(batch_id, messages).as_bytes()) else {
            return Delivery { outcome: Outcome::Unanswered, refused: Vec::new(), complaint: "gzip failed".into() };
        };
        let answer = self.post.send(&headers, &body);
        if answer.outcome == Outcome::Settled {
            return verdicts(batch_id, &answer.body);
        }
        Delivery { outcome: answer.outcome, refused: Vec::new(), complaint: answer.complaint }
    }
}

fn body(batch_id: &str, messages: &[&Message]) -> String {
    let texts = messages.iter().map(|message| message.text.len() + 1).sum::<usize>();
    let mut body = String::with_capacity(texts + batch_id.len() + 32);
    body.push_str("{\"batchId\":");
    push_quoted(&mut body, batch_id);
    body.push_str(",\"batch\":[");
    for (place, message) in messages.iter().enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(&message.text);
    }
    body.push_str("]}");
    body
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// What a 200 says. Vendors answer `{"success": true}`, `OK` or nothing; a page of HTML is a proxy's, and another
/// batch's receipt is another's answer.
fn verdicts(batch_id: &str, body: &[u8]) -> Delivery {
    let unanswered =
        |complaint: &str| Delivery { outcome: Outcome::Unanswered, refused: Vec::new(), complaint: complaint.into() };
    // Some servers put a byte order mark before their pages.
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if text.trim_ascii_start().starts_with(b"<") {
        return unanswered("answered 200 with a page, as a proxy does");
    }
    let receipt: Receipt = serde_json::from_slice(body).unwrap_or_default();
    if receipt.receipt.is_some_and(|receipt| *receipt != *batch_id) {
        return unanswered("answered 200 with the receipt of another batch");
    }
    let refused = receipt.rejected.into_iter().map(|verdict| (verdict.index, verdict.text())).collect();
    Delivery { outcome: Outcome::Settled, refused, complaint: "".into() }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Receipt {
    receipt: Option<Box<str>>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Rejected {
    index: usize,
    code: Box<str>,
    #[serde(default)]
    reason: Box<str>,
}

impl Rejected {
    fn text(&self) -> Box<str> {
        format!("{}: {}", self.code, self.reason).into()
    }
}

/// The event as it came, with the time, the type and the messageId that it was given here, with all of its context
/// in place, and without what was meant for this collector alone.
fn event_text(event: &LedgerEvent) -> Option<String> {
    let stored = &event.event;
    let mut text = String::with_capacity(stored.raw.len() + stored.batch_context.len() + 256);
    text.push_str("{\"type\":\"");
    text.push_str(stored.event_type.as_str());
    text.push_str("\",\"messageId\":");
    push_quoted(&mut text, &stored.order.message_id);
    text.push_str(",\"timestamp\":\"");
    text.push_str(&stored.order.time.rfc3339());
    text.push('"');
    let mut own_context: &[u8] = b"{}";
    for (key, value) in json::members(&stored.raw).filter_map(Result::ok) {
        if key.is(field::CONTEXT) {
            own_context = value;
        } else if !REPLACED.iter().any(|name| key.is(name)) {
            push_member(&mut text, key, value)?;
        }
    }
    push_context(&mut text, event, own_context)?;
    text.push('}');
    Some(text)
}

fn push_context(text: &mut String, event: &LedgerEvent, own: &[u8]) -> Option<()> {
    text.push_str(",\"context\":{\"selvedge\":{");
    push_strengths(text, &event.strengths);
    text.push_str(match event.trust {
        Trust::Open => ",\"guarded\":false",
        Trust::Guarded => ",\"guarded\":true",
        Trust::Strict => ",\"guarded\":true,\"strict\":true",
    });
    push_profile_id(text, event.profile.as_ref());
    push_version(text, event, own)?;
    text.push('}');
    push_external_ids(text, event, own)?;
    let batch = &event.event.batch_context;
    let is_of_batch = |key: json::RawKey<'_>| key.decode().is_some_and(|key| member(batch, &key).is_some());
    let own_members = || {
        let own = json::members(own).filter_map(Result::ok);
        own.filter(|(key, value)| stands_over_batch(*key, value) || !is_of_batch(*key))
    };
    let own_keys: Vec<_> = own_members().filter_map(|(key, _)| key.decode()).collect();
    for (key, value) in own_members().filter(|(key, _)| !is_told(event, *key)) {
        push_member(text, key, value)?;
    }
    for (key, value) in json::members(batch).filter_map(Result::ok) {
        let is_covered = is_told(event, key) || own_keys.iter().any(|own| key.is(own));
        if !is_covered {
            push_member(text, key, value)?;
        }
    }
    text.push('}');
    Some(())
}

/// Which version of its row an import states, of those that restate one.
fn push_version(text: &mut String, event: &LedgerEvent, own: &[u8]) -> Option<()> {
    if !event.is_snapshot {
        return Some(());
    }
    // Whole, as the intake takes it.
    let said = ours(own).or_else(|| ours(&event.event.batch_context));
    if let Some(version) = said.and_then(|said| member(said, field::VERSION)) {
        text.push_str(",\"version\":");
        text.push_str(core::str::from_utf8(version).ok()?);
    }
    Some(())
}

fn ours(context: &[u8]) -> Option<&[u8]> {
    let members = json::members(context).filter_map(Result::ok);
    let objects = members.filter(|(key, value)| key.is(OURS) && stands_over_batch(*key, value));
    objects.last().map(|(_, object)| object)
}

fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    json::members(object).filter_map(Result::ok).filter(|(key, _)| key.is(name)).map(|(_, value)| value).last()
}

/// Members of a context that are written anew.
fn is_told(event: &LedgerEvent, key: json::RawKey<'_>) -> bool {
    key.is(OURS) || (key.is(EXTERNAL_IDS) && !event.verified.is_empty())
}

/// The external ids of the message, and what its token proved that they do not say.
fn push_external_ids(text: &mut String, event: &LedgerEvent, own: &[u8]) -> Option<()> {
    if event.verified.is_empty() {
        return Some(());
    }
    let of = |context: &[u8]| {
        let listed = json::members(context).filter_map(Result::ok);
        let listed = listed.filter(|(key, value)| key.is(EXTERNAL_IDS) && stands_over_batch(*key, value));
        let elements = listed.map(|(_, list)| json::elements(list).filter_map(Result::ok).map(<[u8]>::to_vec));
        elements.last().map(Iterator::collect::<Vec<_>>)
    };
    let mut entries = Vec::new();
    for entry in of(own).or_else(|| of(&event.event.batch_context)).unwrap_or_default() {
        entries.push(String::from_utf8(entry).ok()?);
    }
    for name in &event.verified {
        let mut entry = String::new();
        push_external_id(&mut entry, name);
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    text.push_str(",\"externalIds\":[");
    text.push_str(&entries.join(","));
    text.push(']');
    Some(())
}

fn push_external_id(text: &mut String, name: &Identifier) {
    text.push_str("{\"id\":");
    push_quoted(text, &name.value);
    text.push_str(",\"type\":");
    push_quoted(text, name.kind.as_str());
    text.push_str(",\"collection\":\"users\",\"encoding\":\"none\"}");
}

/// A member as it stands; `None` for bytes that are no text, which no stored event has.
fn push_member(text: &mut String, key: json::RawKey<'_>, value: &[u8]) -> Option<()> {
    text.push_str(",\"");
    text.push_str(core::str::from_utf8(key.as_bytes()).ok()?);
    text.push_str("\":");
    text.push_str(core::str::from_utf8(value).ok()?);
    Some(())
}

fn push_strengths(text: &mut String, strengths: &[(Kind, Strength)]) {
    text.push_str("\"strength\":{");
    for (place, (kind, strength)) in strengths.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_quoted(text, kind.as_str());
        text.push_str(match strength {
            Strength::Observed => ":\"observed\"",
            Strength::Proven => ":\"proven\"",
            Strength::Asserted => ":\"asserted\"",
        });
    }
    text.push('}');
}

fn push_profile_id(text: &mut String, profile: Option<&ProfileId>) {
    if let Some(profile) = profile {
        text.push_str(",\"profileId\":");
        push_quoted(text, &profile.to_string());
    }
}

/// A profile as it stands. Its first account is the userId; where it has none, a browser's id is the anonymousId,
/// which stock collectors ask for. Everything else that names it is an external id, as far as one event may have keys:
/// of who has hundreds of devices, the last are left out, where otherwise all would be refused.
fn identify(snapshot: &ProfileSnapshot) -> Message {
    let profile = &snapshot.profile;
    let id = format!("profile:{}:{}", profile.id, profile.version);
    let mut text = head(&id);
    if let Some(time) = profile.last_seen {
        text.push_str(",\"timestamp\":\"");
        text.push_str(&time.rfc3339());
        text.push('"');
    }
    let names: Vec<&Identifier> = profile.identifiers.iter().map(|seen| &seen.identifier).collect();
    let first_of = |kind: &Kind| names.iter().position(|name| name.kind == *kind);
    let main = first_of(&Kind::USER_ID).or_else(|| first_of(&Kind::ANONYMOUS_ID));
    if let Some(main) = main.and_then(|place| names.get(place)) {
        text.push_str(if main.kind == Kind::USER_ID { ",\"userId\":" } else { ",\"anonymousId\":" });
        push_quoted(&mut text, &main.value);
    }
    text.push_str(",\"traits\":{");
    for (place, (name, value)) in profile.traits.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_quoted(&mut text, name);
        text.push(':');
        text.push_str(value.get());
    }
    text.push_str("},\"context\":{\"selvedge\":{");
    push_strengths(&mut text, &snapshot.strengths);
    push_profile_id(&mut text, Some(&profile.id));
    text.push_str("},\"externalIds\":[");
    let others = names.iter().enumerate().filter(|(place, _)| Some(*place) != main).map(|(_, name)| name);
    let keys = profile.traits.len() + snapshot.strengths.len() + OTHER_KEYS;
    let room = (2 * MAX_KEYS_PER_EVENT).saturating_sub(keys) / KEYS_OF_AN_EXTERNAL_ID;
    for (place, name) in others.take(room).enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_external_id(&mut text, name);
    }
    text.push_str("]}}");
    Message { id: id.into(), text }
}

/// In the place of the last snapshot of a profile that ended: it names nobody any more.
fn epitaph(profile: &ProfileId, version: u64) -> Message {
    let id = format!("profile:{profile}:{version}");
    let mut text = head(&id);
    text.push_str(",\"traits\":{},\"context\":{\"selvedge\":{\"ended\":true");
    push_profile_id(&mut text, Some(profile));
    text.push_str("}}}");
    Message { id: id.into(), text }
}

fn head(message_id: &str) -> String {
    let mut text = String::with_capacity(512);
    text.push_str("{\"type\":\"identify\",\"messageId\":");
    push_quoted(&mut text, message_id);
    text
}

/// Members of an event that are written anew, or were meant for this collector: its key, and the moment of the attempt
/// that brought the event here, by which another collector would correct a time that is correct.
const REPLACED: [&str; 6] =
    [field::TYPE, field::MESSAGE_ID, field::TIMESTAMP, field::SENT_AT, field::WRITE_KEY, field::BATCH_ID];
/// The member of a context that collectors speak to each other by.
const OURS: &str = "selvedge";
const EXTERNAL_IDS: &str = "externalIds";
const KEYS_OF_AN_EXTERNAL_ID: usize = 4;
/// Of a snapshot, beside its traits, strengths and external ids: twelve today.
const OTHER_KEYS: usize = 16;

#[cfg(test)]
mod tests;
