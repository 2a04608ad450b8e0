//! Reads the calls that a page's loader kept while the Wasm was not there yet.
//!
//! Key `calls.{owner}`; the owner is random, at least 48 bits. Value: records separated by U+001E, each `type`,
//! made_unix_ms (decimal), name, properties, context, and for `alias` the previous id, separated by U+001F. All texts
//! are JSON texts, in which neither separator can occur. Types: `track`, `identify`, `page`, `screen`, `group`,
//! `alias`, `reset`.

use crate::digits::{digest, timed_uuid};
use crate::event::Kind;
use crate::fields::{Fields, read_decimal};
use crate::moment::{GOLDEN, mix};
use crate::{Call, Entry};

/// What one record says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// An event, with the older name if it is an alias.
    Event(Kind, Call, String),
    /// A log-out.
    Reset,
    /// Nothing that can be read.
    Damaged,
}

/// The records of an entry, in order, each with the messageId that its event has; `None` for another sort of entry.
///
/// The messageIds follow from key, place and time alone: whoever dies between storing these events and deleting the
/// entry makes the same events again, and dedupe absorbs them.
pub(crate) fn read(entry: &Entry) -> Option<impl Iterator<Item = (String, Kept)>> {
    let owner = entry.key.strip_prefix(PREFIX)?;
    let seed = digest(owner);
    let records = Fields::of(&entry.value, RECORD_END).filter(|record| !record.is_empty());
    Some(records.zip(0_u64..).map(move |(record, place)| {
        let kept = read_record(record);
        let made_unix_ms = match &kept {
            Kept::Event(_, call, _) => call.made_unix_ms.unwrap_or_default(),
            Kept::Reset | Kept::Damaged => 0,
        };
        (timed_uuid(made_unix_ms, place, mix(seed.wrapping_add(place.wrapping_mul(GOLDEN)))), kept)
    }))
}

fn read_record(record: &str) -> Kept {
    let mut fields = Fields::of(record, FIELD_END);
    let name = fields.next().unwrap_or_default();
    if name == "reset" {
        return Kept::Reset;
    }
    let (Some(kind), Some(made_unix_ms)) = (Kind::named(name), fields.next().and_then(read_decimal)) else {
        return Kept::Damaged;
    };
    let mut text = || String::from(fields.next().unwrap_or_default());
    let call = Call { name: text(), properties: text(), context: text(), made_unix_ms: Some(made_unix_ms) };
    Kept::Event(kind, call, text())
}

const PREFIX: &str = "calls.";
const RECORD_END: u8 = 0x1e;
const FIELD_END: u8 = 0x1f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_as_the_calls_that_were_made() {
        let kept = read_all("calls.x", "track\u{1f}5\u{1f}\"A\"\u{1f}{\"n\":1}\u{1f}\u{1e}reset\u{1f}6\u{1e}");
        let call = Call {
            name: "\"A\"".into(),
            properties: "{\"n\":1}".into(),
            context: String::new(),
            made_unix_ms: Some(5),
        };
        assert_eq!(kept, [Kept::Event(Kind::Track, call, String::new()), Kept::Reset]);
    }

    #[test]
    fn a_record_that_cannot_be_read_costs_itself_only() {
        let kept = read_all("calls.x", "nonsense\u{1e}track\u{1f}x\u{1f}\"A\"\u{1e}page\u{1f}5");
        assert_eq!(kept[..2], [Kept::Damaged, Kept::Damaged]);
        assert!(matches!(kept[2], Kept::Event(Kind::Page, ..)));
    }

    #[test]
    fn the_same_entry_gives_the_same_message_ids_and_another_owner_others() {
        let ids = |key: &str| -> Vec<String> {
            let entry = Entry { key: key.into(), value: "page\u{1f}5\u{1e}page\u{1f}5".into() };
            read(&entry).unwrap().map(|(id, _)| id).collect()
        };
        assert_eq!(ids("calls.x"), ids("calls.x"));
        assert_ne!(ids("calls.x"), ids("calls.y"));
        assert_ne!(ids("calls.x")[0], ids("calls.x")[1]);
    }

    fn read_all(key: &str, value: &str) -> Vec<Kept> {
        let entry = Entry { key: key.into(), value: value.into() };
        read(&entry).unwrap().map(|(_, kept)| kept).collect()
    }
}
