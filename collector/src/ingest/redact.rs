//! Takes names out of texts and messages that stay: where a name stood, they say `[erased]`. Pure; knows no ledger.
//!
//! A name is looked for in two ways. Where an event *says* it, every text that reads as the name goes, however it is
//! written. Anywhere else it goes as it stands in its normal form, in its digests and percent-encoded, in any case and
//! within longer texts too, but only if it is *telling*: `product` may be somebody's user id, and is a word all the same.

use aho_corasick::AhoCorasick;
use selvedge_core::identifier::Identifier;
use selvedge_core::json::{self, Kind};

use crate::identity::Rules;
use crate::identity::normal;
use crate::identity::normal::ERASED;
use crate::identity::normal::digest::{digest_of, digests};

/// The names to take out.
pub(super) struct Redaction<'a> {
    names: &'a [Identifier],
    rules: &'a Rules,
    /// What is telling of them, as it may be written.
    telling: Option<AhoCorasick>,
}

/// Whose message it is that names are taken out of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// Whether it says one of the names.
    pub(super) says_them: bool,
    /// What else it says: that stays, whatever it looks like.
    pub(super) kept: &'a [Identifier],
}

impl<'a> Redaction<'a> {
    pub(super) fn new(names: &'a [Identifier], rules: &'a Rules) -> Self {
        let mut telling: Vec<String> = Vec::new();
        for name in names {
            let hex = |digest: normal::Digest| String::from(digest.hex);
            match digest_of(name) {
                Some(digest) => telling.push(hex(digest)),
                None if is_telling(&name.value) => {
                    telling.extend([name.value.to_string(), percent_encoded(&name.value)])
                }
                None => {}
            }
            telling.extend(digests(name, rules).into_iter().map(hex));
        }
        telling.sort_unstable();
        telling.dedup();
        let is_any = !telling.is_empty();
        // Fails only for more than memory holds.
        let telling = AhoCorasick::builder().ascii_case_insensitive(true).build(telling).ok().filter(|_| is_any);
        Self { names, rules, telling }
    }

    /// Whether a value of any kind reads as one of the names.
    pub(super) fn is(&self, value: &str) -> bool {
        let reads = |name: &Identifier| normal::identifier(name.kind.clone(), value, self.rules).as_ref() == Ok(name);
        self.names.iter().any(|name| *name.value == *value || reads(name))
    }

    /// Whether a message that says none of the names may hold one. Quick: most hold none.
    pub(super) fn may_be_in(&self, message: &[u8]) -> bool {
        self.telling.as_ref().is_some_and(|telling| telling.is_match(message) || message.contains(&b'\\'))
    }

    /// Whether a text holds a telling name.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.without(text).is_some()
    }

    /// A text without the telling names; `None` when it holds none.
    pub(super) fn without(&self, text: &str) -> Option<String> {
        let telling = self.telling.as_ref()?;
        let mut out = String::new();
        let mut copied = 0;
        for found in telling.find_iter(text).filter(|found| stands_alone(text, found.start(), found.end())) {
            out.push_str(text.get(copied..found.start())?);
            out.push_str(ERASED);
            copied = found.end();
        }
        out.push_str(text.get(copied..)?);
        (copied > 0).then_some(out)
    }

    /// A JSON text without them; `None` when it holds none.
    pub(super) fn without_in_json(&self, message: &[u8], said: Said<'_>) -> Option<Vec<u8>> {
        let mut copy = Copy { redaction: self, said, out: Vec::with_capacity(message.len()), found: false };
        copy.value(message, "");
        copy.found.then_some(copy.out)
    }

    /// Whether a text that stands at `key` reads as one of the names.
    fn reads_as_name(&self, text: &str, key: &str) -> bool {
        self.names.iter().any(|name| {
            let may_stand_here = is_telling(&name.value) || is_for_names(key) || key == name.kind.as_str();
            may_stand_here && normal::identifier(name.kind.clone(), text, self.rules).as_ref() == Ok(name)
        })
    }

    /// What stands in place of a text at `key`; `None` when it stays.
    fn replaced(&self, text: &str, key: &str, said: Said<'_>) -> Option<String> {
        if said.says_them && self.reads_as_name(text, key) {
            return Some(ERASED.to_owned());
        }
        let is = |name: &Identifier| normal::identifier(name.kind.clone(), text, self.rules).as_ref() == Ok(name);
        if said.kept.iter().any(is) { None } else { self.without(text) }
    }
}

/// A message on its way into another.
struct Copy<'a, 'n> {
    redaction: &'a Redaction<'n>,
    said: Said<'a>,
    out: Vec<u8>,
    found: bool,
}

impl Copy<'_, '_> {
    fn value(&mut self, value: &[u8], key: &str) {
        match json::kind(value) {
            Some(Kind::Object) => self.object(value),
            Some(Kind::Array) => {
                self.out.push(b'[');
                for (place, element) in json::elements(value).filter_map(Result::ok).enumerate() {
                    if place > 0 {
                        self.out.push(b',');
                    }
                    self.value(element, key);
                }
                self.out.push(b']');
            }
            Some(Kind::String) => {
                let replaced = json::string(value).and_then(|text| self.redaction.replaced(&text, key, self.said));
                self.push(replaced, value);
            }
            // A number says a name only where it stands for one: elsewhere it counts something.
            Some(Kind::Number) if self.said.says_them => {
                let text = core::str::from_utf8(value).unwrap_or_default().trim();
                let is_name =
                    (is_for_names(key) || text.len() >= LONGEST_COUNT) && self.redaction.reads_as_name(text, key);
                self.push(is_name.then(|| ERASED.to_owned()), value);
            }
            Some(Kind::Number | Kind::Bool | Kind::Null) | None => self.out.extend_from_slice(value),
        }
    }

    fn object(&mut self, object: &[u8]) {
        self.out.push(b'{');
        for (place, (key, member)) in json::members(object).filter_map(Result::ok).enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            let text = key.decode().unwrap_or_default();
            match self.redaction.without(&text) {
                Some(replaced) => self.push(Some(replaced), b""),
                None => {
                    self.out.push(b'"');
                    self.out.extend_from_slice(key.as_bytes());
                    self.out.push(b'"');
                }
            }
            self.out.push(b':');
            self.value(member, &text);
        }
        self.out.push(b'}');
    }

    fn push(&mut self, replaced: Option<String>, value: &[u8]) {
        match replaced {
            Some(text) => {
                self.found = true;
                let mut quoted = String::with_capacity(text.len() + 2);
                json::push_quoted(&mut quoted, &text);
                self.out.extend_from_slice(quoted.as_bytes());
            }
            None => self.out.extend_from_slice(value),
        }
    }
}

/// Whether nothing around a found name makes it part of another: `customer-1` is not in `customer-10`, nor is
/// `ada@shop.example` in `x.ada@shop.example.org`.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_of_name = |char: char| char.is_alphanumeric();
    let joins = |char: char| matches!(char, '-' | '_' | '.' | '@' | '+');
    let mut before = text.get(..start).unwrap_or_default().chars().rev();
    let mut behind = text.get(end..).unwrap_or_default().chars();
    let goes_on = |first: Option<char>, second: Option<char>| {
        first.is_some_and(|first| is_of_name(first) || (joins(first) && second.is_some_and(is_of_name)))
    };
    !goes_on(before.next(), before.next()) && !goes_on(behind.next(), behind.next())
}

/// Whether a value is found in a text by more than chance.
fn is_telling(value: &str) -> bool {
    let is_all = |is: fn(&u8) -> bool| value.as_bytes().iter().all(is);
    let is_word = is_all(u8::is_ascii_alphabetic);
    let is_count = is_all(u8::is_ascii_digit) && value.len() < LONGEST_COUNT;
    value.len() >= SHORTEST_TELLING && !is_word && !is_count
}

/// Whether what stands at a key is there to name someone.
fn is_for_names(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with("id") || key.ends_with("ids") || ["email", "phone", "token"].contains(&&*key)
}

/// As a form or an address writes it.
fn percent_encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Shorter values stand in many texts by chance.
const SHORTEST_TELLING: usize = 6;
/// Shorter numbers are prices, quantities and the like.
const LONGEST_COUNT: usize = 8;

#[cfg(test)]
mod tests {
    use selvedge_core::identifier::Kind;

    use super::*;

    #[test]
    fn a_name_that_is_said_goes_however_it_is_written() {
        let message = r#"{"userId":42,"traits":{"email":" Ada@Shop.Example ","phone":"+49 30 1234567"},"externalIds":[{"id":"42"}],"total":42,"v":1.0}"#;
        assert_eq!(
            said(message).unwrap(),
            r#"{"userId":"[erased]","traits":{"email":"[erased]","phone":"[erased]"},"externalIds":[{"id":"[erased]"}],"total":42,"v":1.0}"#
        );
    }

    #[test]
    fn a_telling_name_goes_from_within_texts_keys_and_addresses() {
        let message = r#"{"note":"write to ADA@shop.example, or /x?m=ada%40shop.example","ada@shop.example":1,"list":["ada\u0040shop.example"]}"#;
        assert_eq!(
            elsewhere(message, &[]).unwrap(),
            r#"{"note":"write to [erased], or /x?m=[erased]","[erased]":1,"list":["[erased]"]}"#
        );
    }

    #[test]
    fn its_digests_go_too() {
        let hex = normal::Digest::of(normal::Algorithm::Md5, "ada@shop.example").hex.to_ascii_uppercase();
        assert_eq!(elsewhere(&format!(r#"["x {hex}"]"#), &[]).unwrap(), r#"["x [erased]"]"#);
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        for text in ["42", "xada@shop.example", "ada@shop.example.org", "x.ada@shop.example", "+493012345678"] {
            assert_eq!(elsewhere(&format!(r#"{{ "a" : "{text}" }}"#), &[]), None, "{text}");
        }
    }

    #[test]
    fn a_name_of_somebody_else_stays() {
        let other = [Identifier::new(Kind::ANONYMOUS_ID, "of ada@shop.example")];
        assert_eq!(elsewhere(r#"{"anonymousId":"of ada@shop.example"}"#, &other), None);
    }

    #[test]
    fn a_word_is_not_telling_and_neither_is_a_small_number() {
        for (value, telling) in
            [("product", false), ("123456", false), ("12345678", true), ("u-1", false), ("ada-42", true)]
        {
            assert_eq!(is_telling(value), telling, "{value}");
        }
    }

    fn said(message: &str) -> Option<String> {
        redacted(message, Said { says_them: true, kept: &[] })
    }

    fn elsewhere(message: &str, kept: &[Identifier]) -> Option<String> {
        redacted(message, Said { says_them: false, kept })
    }

    fn redacted(message: &str, said: Said<'_>) -> Option<String> {
        let names = [(Kind::USER_ID, "42"), (Kind::EMAIL, "ada@shop.example"), (Kind::PHONE, "+49301234567")];
        let names = names.map(|(kind, value)| Identifier::new(kind, value));
        let rules = Rules::default();
        let redaction = Redaction::new(&names, &rules);
        let message = message.as_bytes();
        let out = if said.says_them || redaction.may_be_in(message) {
            redaction.without_in_json(message, said)
        } else {
            None
        };
        Some(String::from_utf8(out?).unwrap())
    }
}
