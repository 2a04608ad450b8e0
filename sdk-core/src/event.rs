//! Gives a call its text on the wire. Properties stay as the host wrote them: checked, never rebuilt.

use crate::digits::{push_date, timed_uuid};
use crate::identity::Ids;
use crate::json::{self, Fault, FaultKind, Limits};
use crate::moment::Chance;
use crate::queue::EVENT_START;
use crate::wire::{self, code};
use crate::{Call, Moment};

/// The tracking call that an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Track,
    Identify,
    Page,
    Screen,
    Group,
    Alias,
}

/// Everything that goes into one event's text.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: Kind,
    pub(crate) message_id: &'a str,
    pub(crate) made_unix_ms: i64,
    pub(crate) ids: Ids<'a>,
    /// `None` when the session of an earlier visit is not known any more.
    pub(crate) session_id: Option<&'a str>,
    pub(crate) call: &'a Call,
    /// Of an alias: the older name, JSON string text.
    pub(crate) previous_id: &'a str,
}

impl Kind {
    /// The kind of that name on the wire.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Track, Self::Identify, Self::Page, Self::Screen, Self::Group, Self::Alias]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Identify => "identify",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}

/// Whether the parts of a call can become an event.
///
/// # Errors
/// One of [`code`].
pub(crate) fn check(kind: Kind, call: &Call, previous_id: &str) -> Result<(), &'static str> {
    let needs_name = match kind {
        Kind::Track | Kind::Group | Kind::Alias => true,
        Kind::Identify | Kind::Page | Kind::Screen => false,
    };
    if needs_name && is_blank(&call.name) {
        return Err(if kind == Kind::Track { code::MISSING_EVENT_NAME } else { code::BAD_VALUE });
    }
    check_part(&call.name, json::Kind::String)?;
    check_part(previous_id, json::Kind::String)?;
    check_part(&call.properties, json::Kind::Object)?;
    check_part(&call.context, json::Kind::Object)
}

/// Absent, as far as names go: nothing, or a JSON string without text.
pub(crate) fn is_blank(name: &str) -> bool {
    name.is_empty() || name == "\"\""
}

fn check_part(text: &str, kind: json::Kind) -> Result<(), &'static str> {
    if text.is_empty() {
        return Ok(());
    }
    // Cheaper than scanning 32 KiB and more, only to refuse the event for its size afterwards.
    if text.len() > wire::MAX_EVENT_BYTES {
        return Err(code::EVENT_TOO_LARGE);
    }
    if json::kind(text.as_bytes()) != Some(kind) {
        return Err(code::BAD_VALUE);
    }
    match json::check_text(text, &PART_LIMITS) {
        Ok(_) => Ok(()),
        Err(Fault { kind: FaultKind::TooDeep, .. }) => Err(code::TOO_DEEP),
        Err(Fault { kind: FaultKind::TooManyKeys, .. }) => Err(code::TOO_MANY_KEYS),
        Err(_) => Err(code::BAD_VALUE),
    }
}

impl Event<'_> {
    /// The event's text.
    ///
    /// # Errors
    /// `event_too_large`.
    pub(crate) fn text(&self) -> Result<String, &'static str> {
        let call = self.call;
        let mut text = String::with_capacity(256 + call.name.len() + call.properties.len() + call.context.len());
        text.push_str(EVENT_START);
        text.push_str(self.message_id);
        text.push_str("\",\"type\":\"");
        text.push_str(self.kind.name());
        text.push_str("\",\"timestamp\":\"");
        push_date(&mut text, self.made_unix_ms);
        text.push_str("\",\"anonymousId\":\"");
        text.push_str(self.ids.anonymous_id);
        text.push('"');
        let user_id = if self.kind == Kind::Alias { &call.name } else { self.ids.user_id };
        push_member(&mut text, "\"userId\":", user_id);
        match self.kind {
            Kind::Track => push_member(&mut text, "\"event\":", &call.name),
            Kind::Page | Kind::Screen => push_member(&mut text, "\"name\":", &call.name),
            Kind::Group => push_member(&mut text, "\"groupId\":", &call.name),
            Kind::Alias => push_member(&mut text, "\"previousId\":", self.previous_id),
            Kind::Identify => {}
        }
        let properties = match self.kind {
            Kind::Identify | Kind::Group => "\"traits\":",
            Kind::Track | Kind::Page | Kind::Screen | Kind::Alias => "\"properties\":",
        };
        push_member(&mut text, properties, &call.properties);
        self.push_context(&mut text);
        text.push('}');
        if text.len() > wire::MAX_EVENT_BYTES { Err(code::EVENT_TOO_LARGE) } else { Ok(text) }
    }

    /// The session and what this call's context has beyond the constant one, which goes once per batch.
    fn push_context(&self, text: &mut String) {
        let members = self.call.context.trim_ascii().strip_prefix("{").and_then(|rest| rest.strip_suffix("}"));
        let members = members.map(str::trim_ascii).unwrap_or_default();
        if members.is_empty() && self.session_id.is_none() {
            return;
        }
        text.push_str(",\"context\":{");
        if let Some(session_id) = self.session_id {
            text.push_str("\"sessionId\":\"");
            text.push_str(session_id);
            text.push_str(if members.is_empty() { "\"" } else { "\"," });
        }
        text.push_str(members);
        text.push('}');
    }
}

fn push_member(text: &mut String, name: &str, value: &str) {
    if !is_blank(value) {
        text.push(',');
        text.push_str(name);
        text.push_str(value);
    }
}

/// Makes messageIds that rise with time, and within one ms with the order of the calls: ties in time are broken by
/// messageId (identity.md, section 3), and rising ids are cheaper to store.
#[derive(Debug, Default)]
pub(crate) struct MessageIds {
    last_unix_ms: i64,
    sequence: u64,
}

impl MessageIds {
    pub(crate) fn next(&mut self, made_unix_ms: i64, chance: &mut Chance) -> String {
        self.sequence = if made_unix_ms == self.last_unix_ms { self.sequence + 1 } else { 0 };
        self.last_unix_ms = made_unix_ms;
        timed_uuid(made_unix_ms, self.sequence.min(LAST_SEQUENCE), chance.draw())
    }
}

/// When a call was made: never after the moment it is handled at.
pub(crate) fn made_unix_ms(call: &Call, moment: &Moment) -> i64 {
    call.made_unix_ms.map_or(moment.unix_ms, |made| made.min(moment.unix_ms)).max(0)
}

/// 12 bits: more calls than this in one ms share the last number.
const LAST_SEQUENCE: u64 = 0xfff;
/// Properties, traits and context stand one level down in the event, beside keys of ours.
const PART_LIMITS: Limits = Limits { depth: wire::MAX_JSON_DEPTH - 1, keys: (wire::MAX_KEYS_PER_EVENT - 16) / 2 };

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: Ids<'static> = Ids { anonymous_id: "a-1", user_id: "\"u1\"", session_id: "s1" };

    #[test]
    fn each_kind_names_its_parts_as_the_protocol_does() {
        for (kind, parts) in [
            (Kind::Track, r#""userId":"u1","event":"N","properties":{"p":1},"context":{"sessionId":"s1"}"#),
            (Kind::Identify, r#""userId":"u1","traits":{"p":1},"context":{"sessionId":"s1"}"#),
            (Kind::Page, r#""userId":"u1","name":"N","properties":{"p":1},"context":{"sessionId":"s1"}"#),
            (Kind::Screen, r#""userId":"u1","name":"N","properties":{"p":1},"context":{"sessionId":"s1"}"#),
            (Kind::Group, r#""userId":"u1","groupId":"N","traits":{"p":1},"context":{"sessionId":"s1"}"#),
            (Kind::Alias, r#""userId":"N","previousId":"old","properties":{"p":1},"context":{"sessionId":"s1"}"#),
        ] {
            let call = Call { name: "\"N\"".into(), properties: "{\"p\":1}".into(), ..Call::default() };
            let previous_id = if kind == Kind::Alias { "\"old\"" } else { "" };
            let event = Event { kind, call: &call, previous_id, ..bare(&call) };
            let head =
                r#"{"messageId":"m-1","type":"KIND","timestamp":"1970-01-01T00:00:00.005Z","anonymousId":"a-1","#;
            assert_eq!(event.text().unwrap(), format!("{}{parts}}}", head.replace("KIND", kind.name())));
        }
    }

    #[test]
    fn what_is_absent_is_not_written() {
        let call = Call { name: "\"N\"".into(), ..Call::default() };
        let ids = Ids { user_id: "", ..IDS };
        let text = Event { ids, session_id: None, ..bare(&call) }.text().unwrap();
        assert_eq!(
            text,
            r#"{"messageId":"m-1","type":"track","timestamp":"1970-01-01T00:00:00.005Z","anonymousId":"a-1","event":"N"}"#
        );
    }

    #[test]
    fn a_call_s_own_context_stands_beside_the_session() {
        for (context, expected) in [
            (" { \"page\":{} } ", r#""context":{"sessionId":"s1","page":{}}}"#),
            ("{}", r#""context":{"sessionId":"s1"}}"#),
            ("", r#""context":{"sessionId":"s1"}}"#),
        ] {
            let call = Call { name: "\"N\"".into(), context: context.into(), ..Call::default() };
            let text = bare(&call).text().unwrap();
            assert!(text.ends_with(expected), "{text}");
            assert!(json::check_text(&text, &Limits::EVENT).is_ok());
        }
    }

    #[test]
    fn what_can_never_be_stored_is_refused_before_it_is_queued() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(31), "]".repeat(31));
        let many = format!("{{{}\"z\":1}}", "\"k\":1,".repeat(512));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(wire::MAX_EVENT_BYTES));
        for (name, properties, expected) in [
            ("\"N\"", "{}", Ok(())),
            ("\"N\"", "", Ok(())),
            ("", "", Err(code::MISSING_EVENT_NAME)),
            ("\"\"", "", Err(code::MISSING_EVENT_NAME)),
            ("7", "", Err(code::BAD_VALUE)),
            ("\"N", "", Err(code::BAD_VALUE)),
            ("\"N\"", "[]", Err(code::BAD_VALUE)),
            ("\"N\"", "{\"a\":NaN}", Err(code::BAD_VALUE)),
            ("\"N\"", &deep, Err(code::TOO_DEEP)),
            ("\"N\"", &many, Err(code::TOO_MANY_KEYS)),
            ("\"N\"", &large, Err(code::EVENT_TOO_LARGE)),
        ] {
            let call = Call { name: name.into(), properties: properties.into(), ..Call::default() };
            assert_eq!(check(Kind::Track, &call, ""), expected, "{name} {properties:.40}");
        }
    }

    #[test]
    fn message_ids_of_one_ms_rise_in_the_order_of_the_calls() {
        let mut chance = Chance::of(&Moment { unix_ms: 0, monotonic_ms: 0, entropy: [3; 32] });
        let mut ids = MessageIds::default();
        let made: Vec<String> = (0..100).map(|_| ids.next(1_000, &mut chance)).collect();
        assert!(made.is_sorted());
    }

    #[test]
    fn a_call_is_never_made_after_it_is_handled() {
        let moment = Moment { unix_ms: 10, monotonic_ms: 0, entropy: [0; 32] };
        for (made, expected) in [(None, 10), (Some(5), 5), (Some(15), 10), (Some(-1), 0)] {
            assert_eq!(made_unix_ms(&Call { made_unix_ms: made, ..Call::default() }, &moment), expected);
        }
    }

    fn bare(call: &Call) -> Event<'_> {
        Event {
            kind: Kind::Track,
            message_id: "m-1",
            made_unix_ms: 5,
            ids: IDS,
            session_id: Some("s1"),
            call,
            previous_id: "",
        }
    }
}
