//! Reads the frames that `driver.ts` writes, and writes those that it reads.
//!
//! A frame is one string of fields between [`FIELD`]s: the first names the input or the effect,
//! the number of those that follow is fixed per name (lists stand last, after their count or up to
//! the end). JSON text cannot hold the separator, and neither do the core's stored formats, so
//! nothing is escaped and one copy crosses the border each way.

use selvedge_core::{Answer, Call, Config, Effect, Entry, Fields, Input, Refusal, push_decimal, read_decimal};

/// U+001C, the file separator: U+001D to U+001F belong to the stored formats inside fields.
const FIELD: u8 = 0x1c;

/// What JavaScript says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The settings, and what was stored.
    Opening(Config, Vec<Entry>),
    /// Anything later.
    Input(Input),
}

/// Reads a frame; `None` if its name is unknown.
pub(crate) fn read(frame: &str) -> Option<Message> {
    let mut fields = Frame(Fields::of(frame, FIELD));
    let name = fields.next();
    if let "track" | "identify" | "page" | "group" | "alias" = name {
        let call = fields.call();
        return Some(Message::Input(match name {
            "track" => Input::Track(call),
            "identify" => Input::Identify(call),
            "page" => Input::Page(call),
            "group" => Input::Group(call),
            _ => Input::Alias { call, previous_id: fields.text() },
        }));
    }
    Some(Message::Input(match name {
        "open" => return Some(Message::Opening(fields.config(), fields.entries())),
        "reset" => Input::Reset,
        "flush" => Input::Flush,
        "suspend" => Input::Suspend,
        "wake" => Input::Wake,
        "finished" => Input::UploadFinished {
            id: fields.number(),
            status: fields.number() as u16,
            retry_after_s: fields.optional_number().map(|seconds| seconds as u32),
            answer: fields.answer(),
        },
        "too_large" => Input::UploadTooLarge { id: fields.number() },
        "identity" => Input::IdentityChanged { entry: fields.text() },
        "adopt" => Input::Adopt { entries: fields.entries() },
        _ => return None,
    }))
}

/// Writes effects in their order. An upload's headers stay behind: a page sends none of its own,
/// or its browser would ask the collector first, and a closing page has no time for that.
pub(crate) fn write(effects: &[Effect]) -> String {
    let mut frame = String::new();
    for effect in effects {
        match effect {
            Effect::Put { key, value } => push(&mut frame, &["put", key, value]),
            Effect::Delete { key } => push(&mut frame, &["delete", key]),
            Effect::Upload { id, url, body, closing, .. } => {
                let closing = if *closing { "1" } else { "" };
                push(&mut frame, &["upload", &decimal(*id), url, body, closing]);
            }
            Effect::WakeAfter { delay_ms } => push(&mut frame, &["wake", &decimal(*delay_ms)]),
            Effect::Verdict { message_id, code } => push(&mut frame, &["verdict", message_id, code]),
            Effect::Drop { message_id, code } => push(&mut frame, &["drop", message_id, code]),
        }
    }
    frame
}

fn push(frame: &mut String, fields: &[&str]) {
    for field in fields {
        frame.push_str(field);
        frame.push(char::from(FIELD));
    }
}

fn decimal(number: u64) -> String {
    let mut text = String::new();
    push_decimal(&mut text, number);
    text
}

/// What is left of a frame. Fields past its end are empty.
struct Frame<'a>(Fields<'a>);

impl<'a> Frame<'a> {
    fn next(&mut self) -> &'a str {
        self.0.next().unwrap_or_default()
    }

    fn text(&mut self) -> String {
        self.next().to_owned()
    }

    fn number(&mut self) -> u64 {
        self.optional_number().unwrap_or_default()
    }

    fn optional_number(&mut self) -> Option<u64> {
        read_decimal(self.next()).map(|number| number as u64)
    }

    fn config(&mut self) -> Config {
        Config {
            write_key: self.text(),
            host: self.text(),
            context: self.text(),
            flush_interval_ms: self.number(),
            flush_at_events: self.number() as usize,
            flush_at_bytes: self.number() as usize,
            queue_limit_bytes: self.number() as usize,
        }
    }

    fn call(&mut self) -> Call {
        Call {
            made_unix_ms: self.optional_number().map(|unix_ms| unix_ms as i64),
            name: self.text(),
            properties: self.text(),
            context: self.text(),
        }
    }

    /// Keys and values, up to the end of the frame.
    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        while !self.0.is_over() {
            entries.push(Entry { key: self.text(), value: self.text() });
        }
        entries
    }

    /// The receipt, how many refusals follow, and the warnings up to the end of the frame.
    fn answer(&mut self) -> Option<Answer> {
        if self.0.is_over() {
            return None;
        }
        let mut answer = Answer { receipt: self.text(), ..Answer::default() };
        let refusals = self.number();
        while !self.0.is_over() {
            let is_refusal = (answer.rejected.len() as u64) < refusals;
            let judged = if is_refusal { &mut answer.rejected } else { &mut answer.warnings };
            judged.push(Refusal { message_id: self.text(), code: self.text() });
        }
        Some(answer)
    }
}
