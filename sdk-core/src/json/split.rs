//! The parts of an object or array as slices of its text. Follows quotes and brackets only.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::{Fault, FaultKind, text};

/// A member's key as it stands between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawKey<'a>(&'a [u8]);

impl<'a> RawKey<'a> {
    /// Whether this key is `name`, escapes or not.
    pub fn is(&self, name: &str) -> bool {
        self.0 == name.as_bytes() || (self.0.contains(&b'\\') && self.decode().is_some_and(|key| key == name))
    }

    /// The key's text; `None` when it is not UTF-8 or an escape is broken.
    pub fn decode(&self) -> Option<Cow<'a, str>> {
        text::unescape(self.0)
    }

    /// The bytes between the quotes, escapes as they stand.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// The members of an object, in order, duplicates included (the last one counts, as everywhere); see [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a>(Parts<'a>);

/// The elements of an array, in order; see [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a>(Parts<'a>);

/// Splits `object` into keys and the text of their values, without white space around it.
///
/// A value is whatever stands up to the next comma or bracket of this level: [`super::check`] it before it is
/// believed. A fault ends the iteration; what came before it is sound.
pub fn members(object: &[u8]) -> Members<'_> {
    Members(Parts::new(object, b'{', b'}'))
}

/// Splits `array` into the texts of its elements, under the same rules as [`members`].
pub fn elements(array: &[u8]) -> Elements<'_> {
    Elements(Parts::new(array, b'[', b']'))
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<(RawKey<'a>, &'a [u8]), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_part(|cursor| {
            let key = raw_key(cursor)?;
            Ok((key, raw_value(cursor)?))
        })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_part(raw_value)
    }
}

#[derive(Debug, Clone)]
struct Parts<'a> {
    cursor: Cursor<'a>,
    open: u8,
    close: u8,
    progress: Progress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    Before,
    Inside,
    Done,
}

impl<'a> Parts<'a> {
    fn new(text: &'a [u8], open: u8, close: u8) -> Self {
        Self { cursor: Cursor::new(text), open, close, progress: Progress::Before }
    }

    fn next_part<T>(&mut self, read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Fault>) -> Option<Result<T, Fault>> {
        if self.progress == Progress::Done {
            return None;
        }
        let part = match self.has_another() {
            Ok(true) => read(&mut self.cursor),
            Ok(false) => {
                self.progress = Progress::Done;
                return None;
            }
            Err(fault) => Err(fault),
        };
        self.progress = if part.is_ok() { Progress::Inside } else { Progress::Done };
        Some(part)
    }

    /// Steps up to the next part; false once the container, and nothing more, has ended.
    fn has_another(&mut self) -> Result<bool, Fault> {
        self.cursor.skip_space();
        if self.progress == Progress::Before {
            if !self.cursor.take(self.open) {
                return Err(self.cursor.fault(FaultKind::Syntax));
            }
            self.cursor.skip_space();
        } else if self.cursor.take(b',') {
            return Ok(true);
        }
        if self.cursor.take(self.close) {
            self.cursor.skip_space();
            return if self.cursor.peek().is_none() { Ok(false) } else { Err(self.cursor.fault(FaultKind::Syntax)) };
        }
        if self.progress == Progress::Before { Ok(true) } else { Err(self.cursor.fault(FaultKind::Syntax)) }
    }
}

fn raw_key<'a>(cursor: &mut Cursor<'a>) -> Result<RawKey<'a>, Fault> {
    cursor.skip_space();
    if !cursor.take(b'"') {
        return Err(cursor.fault(FaultKind::Syntax));
    }
    let from = cursor.offset();
    skip_string(cursor)?;
    let quoted = cursor.since(from);
    let key = RawKey(quoted.strip_suffix(b"\"").unwrap_or(quoted));
    cursor.skip_space();
    if cursor.take(b':') { Ok(key) } else { Err(cursor.fault(FaultKind::Syntax)) }
}

/// Steps over a value, up to the comma or bracket that ends it.
fn raw_value<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Fault> {
    cursor.skip_space();
    let from = cursor.offset();
    let mut depth = 0_usize;
    loop {
        match cursor.peek() {
            Some(b'"') => {
                cursor.step();
                skip_string(cursor)?;
                continue;
            }
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']' | b',') if depth == 0 => break,
            Some(b'}' | b']') => depth -= 1,
            Some(_) => {}
            None => return Err(cursor.fault(FaultKind::Syntax)),
        }
        cursor.step();
    }
    match cursor.since(from).trim_ascii_end() {
        [] => Err(cursor.fault(FaultKind::Syntax)),
        value => Ok(value),
    }
}

/// Steps over the rest of a string whose opening quote is behind, whatever it holds.
fn skip_string(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    loop {
        match cursor.skip_plain() {
            Some(b'"') => return Ok(()),
            Some(b'\\') => cursor.step(),
            Some(_) => {}
            None => return Err(cursor.fault(FaultKind::Unfinished)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, check};
    use proptest::prelude::*;

    #[test]
    fn members_come_in_order_without_the_space_around_them() {
        let parts = all_members(b" { \"a\" : 1 , \"b\":[1,{\"c\":2}] ,\"a\": \"}\\\"\" } ");
        assert_eq!(parts, [("a", "1"), ("b", "[1,{\"c\":2}]"), ("a", "\"}\\\"\"")]);
    }

    #[test]
    fn empty_containers_have_no_parts() {
        assert_eq!(members(b" { } ").count(), 0);
        assert_eq!(elements(b"[]").count(), 0);
    }

    #[test]
    fn one_element_with_nan_costs_itself_only() {
        let batch = br#"[{"a":1},{"a":NaN},{"a":"\ud800"},{"b":2}]"#;
        let sound: Vec<bool> = elements(batch).map(|part| check(part.unwrap(), &Limits::EVENT).is_ok()).collect();
        assert_eq!(sound, [true, false, true, true]);
    }

    #[test]
    fn a_text_that_ends_early_gives_what_it_holds_and_then_a_fault() {
        let parts: Vec<_> = elements(b"[1,2").collect();
        assert_eq!(parts, [Ok(&b"1"[..]), Err(Fault { offset: 4, kind: FaultKind::Unfinished })]);
    }

    #[test]
    fn missing_parts_and_text_behind_the_end_are_faults() {
        for text in ["[1,]", "[,1]", "[1]]", "{}", "[1] x", "1", ""] {
            assert!(elements(text.as_bytes()).any(|part| part.is_err()), "{text}");
        }
        for text in ["{\"a\":1,}", "{\"a\"}", "{1:2}", "[]", "{\"a\":1}}", "{\"a:1}"] {
            assert!(members(text.as_bytes()).any(|part| part.is_err()), "{text}");
        }
    }

    #[test]
    fn a_key_is_compared_by_its_text_not_its_escapes() {
        let (key, _) = members(br#"{"\u0074ype":1}"#).next().unwrap().unwrap();
        assert!(key.is("type"));
        assert!(!key.is("event"));
    }

    proptest! {
        #[test]
        fn the_parts_of_any_object_are_those_that_serde_json_finds(text in crate::json::text::tests::any_json()) {
            let wrapped = format!("{{\"first\":{text}, \"second\" : [{text} , {text}]}}");
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let parts: Vec<_> = members(wrapped.as_bytes()).map(Result::unwrap).collect();
            prop_assert_eq!(parts.len(), 2);
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(parts[0].1).unwrap(), value.clone());
            for element in elements(parts[1].1) {
                prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(element.unwrap()).unwrap(), value.clone());
            }
        }

        #[test]
        fn no_bytes_make_the_splitters_panic_or_run_on(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(members(&bytes).count() <= bytes.len() + 1);
            prop_assert!(elements(&bytes).count() <= bytes.len() + 1);
        }
    }

    fn all_members(object: &[u8]) -> Vec<(&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        members(object).map(Result::unwrap).map(|(key, value)| (text(key.as_bytes()), text(value))).collect()
    }
}
