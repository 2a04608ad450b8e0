//! Whether a text is exactly one JSON value within limits. No recursion: depth is the sender's choice.

use super::cursor::Cursor;
use super::{Fault, FaultKind, Limits, MAX_DEPTH, Summary};

/// Checks that `text` is one JSON value (RFC 8259) in UTF-8 and within `limits`, white space around it allowed.
///
/// A `\u` escape of a lone surrogate passes, as the grammar allows it: [`super::string`] reads it as U+FFFD.
///
/// # Errors
/// The first [`Fault`], with its offset in bytes.
pub fn check(text: &[u8], limits: &Limits) -> Result<Summary, Fault> {
    match core::str::from_utf8(text) {
        Ok(text) => check_text(text, limits),
        Err(error) => Err(Fault { offset: error.valid_up_to(), kind: FaultKind::NotUtf8 }),
    }
}

/// [`check`] of a text that is UTF-8 by its type.
///
/// # Errors
/// The first [`Fault`], with its offset in bytes.
pub fn check_text(text: &str, limits: &Limits) -> Result<Summary, Fault> {
    let mut checker = Checker {
        cursor: Cursor::new(text.as_bytes()),
        limits: Limits { depth: limits.depth.min(MAX_DEPTH), keys: limits.keys },
        objects: 0,
        depth: 0,
        summary: Summary { depth: 0, keys: 0 },
    };
    loop {
        if checker.begin_value()? == Next::Value {
            continue;
        }
        while checker.depth > 0 && checker.end_value()? == Next::End {}
        if checker.depth == 0 {
            break;
        }
    }
    checker.cursor.skip_space();
    match checker.cursor.peek() {
        None => Ok(checker.summary),
        Some(_) => Err(checker.cursor.fault(FaultKind::Syntax)),
    }
}

struct Checker<'a> {
    cursor: Cursor<'a>,
    limits: Limits,
    /// One bit per open level, the innermost lowest: set for an object.
    objects: u64,
    depth: usize,
    summary: Summary,
}

/// What is due after a step.
#[derive(PartialEq, Eq)]
enum Next {
    /// A value begins.
    Value,
    /// A value has ended.
    End,
}

impl Checker<'_> {
    /// Reads a scalar or an empty container whole, of any other container the opening up to its first value.
    fn begin_value(&mut self) -> Result<Next, Fault> {
        self.cursor.skip_space();
        match self.cursor.peek() {
            Some(b'"') => {
                self.cursor.step();
                self.string()?;
            }
            Some(open @ (b'{' | b'[')) => return self.open(open == b'{'),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        }
        Ok(Next::End)
    }

    /// Reads what follows a value inside a container: a comma (and a key), or the container's end.
    fn end_value(&mut self) -> Result<Next, Fault> {
        let in_object = self.objects & 1 == 1;
        self.cursor.skip_space();
        if self.cursor.take(b',') {
            if in_object {
                self.key()?;
            }
            return Ok(Next::Value);
        }
        if !self.cursor.take(if in_object { b'}' } else { b']' }) {
            return Err(self.cursor.fault(FaultKind::Syntax));
        }
        self.close();
        Ok(Next::End)
    }

    fn open(&mut self, is_object: bool) -> Result<Next, Fault> {
        if self.depth >= self.limits.depth {
            return Err(self.cursor.fault(FaultKind::TooDeep));
        }
        self.cursor.step();
        self.objects = self.objects << 1 | u64::from(is_object);
        self.depth += 1;
        self.summary.depth = self.summary.depth.max(self.depth);
        self.cursor.skip_space();
        if self.cursor.take(if is_object { b'}' } else { b']' }) {
            self.close();
            return Ok(Next::End);
        }
        if is_object {
            self.key()?;
        }
        Ok(Next::Value)
    }

    fn close(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
    }

    fn key(&mut self) -> Result<(), Fault> {
        self.cursor.skip_space();
        if self.summary.keys >= self.limits.keys {
            return Err(self.cursor.fault(FaultKind::TooManyKeys));
        }
        self.summary.keys += 1;
        if !self.cursor.take(b'"') {
            return Err(self.cursor.fault(FaultKind::Syntax));
        }
        self.string()?;
        self.cursor.skip_space();
        if self.cursor.take(b':') { Ok(()) } else { Err(self.cursor.fault(FaultKind::Syntax)) }
    }

    /// The rest of a string whose opening quote is behind.
    fn string(&mut self) -> Result<(), Fault> {
        loop {
            match self.cursor.skip_plain() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.escape()?,
                _ => return Err(self.cursor.fault(FaultKind::Syntax)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.cursor.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.cursor.step();
                Ok(())
            }
            Some(b'u') => {
                self.cursor.step();
                for _ in 0..4 {
                    if !self.cursor.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.cursor.fault(FaultKind::Syntax));
                    }
                    self.cursor.step();
                }
                Ok(())
            }
            _ => Err(self.cursor.fault(FaultKind::Syntax)),
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.cursor.take(b'-') && self.cursor.peek() == Some(b'I') {
            return self.word();
        }
        if !self.cursor.take(b'0') {
            self.digits()?;
        }
        if self.cursor.take(b'.') {
            self.digits()?;
        }
        if self.cursor.take(b'e') || self.cursor.take(b'E') {
            let _signed = self.cursor.take(b'+') || self.cursor.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let from = self.cursor.offset();
        while self.cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.cursor.step();
        }
        if self.cursor.offset() > from { Ok(()) } else { Err(self.cursor.fault(FaultKind::Syntax)) }
    }

    fn word(&mut self) -> Result<(), Fault> {
        if self.cursor.take_word(b"true") || self.cursor.take_word(b"false") || self.cursor.take_word(b"null") {
            return Ok(());
        }
        let at = self.cursor.clone();
        let is_number_word = self.cursor.take_word(b"NaN") || self.cursor.take_word(b"Infinity");
        Err(at.fault(if is_number_word { FaultKind::NotANumber } else { FaultKind::Syntax }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_sort_of_value_passes_with_space_around_it() {
        for text in
            ["{}", "[]", "\"\"", "0", "-0.5e+10", "1E9", "true", "false", "null", " \t\r\n[ 1 , { \"a\" : [ ] } ] "]
        {
            assert!(check(text.as_bytes(), &Limits::EVENT).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_goes_wrong() {
        let faults = [
            ("{\"a\":1,}", 7, FaultKind::Syntax),
            ("[1,]", 3, FaultKind::Syntax),
            ("[1 2]", 3, FaultKind::Syntax),
            ("{\"a\" 1}", 5, FaultKind::Syntax),
            ("[}", 1, FaultKind::Syntax),
            ("01", 1, FaultKind::Syntax),
            ("1. ", 2, FaultKind::Syntax),
            ("{} {}", 3, FaultKind::Syntax),
            ("\"\\x\"", 2, FaultKind::Syntax),
            ("\"\\u12g4\"", 5, FaultKind::Syntax),
            ("tru", 0, FaultKind::Syntax),
            ("", 0, FaultKind::Unfinished),
            ("[1", 2, FaultKind::Unfinished),
            ("\"abc", 4, FaultKind::Unfinished),
            ("{\"a\":", 5, FaultKind::Unfinished),
            ("-", 1, FaultKind::Unfinished),
        ];
        for (text, offset, kind) in faults {
            assert_eq!(check(text.as_bytes(), &Limits::EVENT), Err(Fault { offset, kind }), "{text}");
        }
    }

    #[test]
    fn words_for_what_is_no_number_have_their_own_fault() {
        for (text, offset) in [("NaN", 0), ("{\"a\":NaN}", 5), ("[Infinity]", 1), ("-Infinity", 1)] {
            assert_eq!(
                check(text.as_bytes(), &Limits::EVENT),
                Err(Fault { offset, kind: FaultKind::NotANumber }),
                "{text}"
            );
        }
    }

    #[test]
    fn control_characters_in_strings_are_refused_at_every_distance() {
        for length in 0..20 {
            let text = format!("\"{}\u{1}\"", "x".repeat(length));
            assert!(check(text.as_bytes(), &Limits::EVENT).is_err(), "{length}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_with_their_place() {
        assert_eq!(check(b"\"ab\xff\"", &Limits::EVENT), Err(Fault { offset: 3, kind: FaultKind::NotUtf8 }));
    }

    #[test]
    fn a_lone_surrogate_escape_is_no_fault_of_the_grammar() {
        assert!(check(br#""\ud800""#, &Limits::EVENT).is_ok());
    }

    #[test]
    fn depth_and_keys_stop_at_their_limits() {
        let limits = Limits { depth: 2, keys: 3 };
        assert_eq!(check(b"{\"a\":[],\"b\":[1],\"c\":2}", &limits), Ok(Summary { depth: 2, keys: 3 }));
        assert_eq!(check(b"[[[]]]", &limits).map_err(|fault| fault.kind), Err(FaultKind::TooDeep));
        assert_eq!(
            check(b"[{\"a\":1,\"b\":1,\"c\":1,\"d\":1}]", &limits).map_err(|f| f.kind),
            Err(FaultKind::TooManyKeys)
        );
    }

    #[test]
    fn a_million_open_brackets_cost_no_more_than_the_limit() {
        let bomb = vec![b'['; 1_000_000];
        let unlimited = Limits { depth: usize::MAX, keys: usize::MAX };
        assert_eq!(check(&bomb, &unlimited), Err(Fault { offset: MAX_DEPTH, kind: FaultKind::TooDeep }));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_as_serde_json_judges_it(text in "[\\[\\]{},:\"\\\\ a0-9.eE+tu-]{0,12}") {
            prop_assert_eq!(check_text(&text, &Limits::EVENT).is_ok(), accepted_by_serde(&text), "{}", text);
        }

        #[test]
        fn any_value_that_serde_json_writes_passes(text in crate::json::text::tests::any_json()) {
            prop_assert!(check_text(&text, &Limits { depth: 64, keys: 10_000 }).is_ok(), "{}", text);
        }

        #[test]
        fn one_changed_byte_is_judged_as_serde_json_judges_it(
            text in crate::json::text::tests::any_json(), place in any::<prop::sample::Index>(), byte in 0x20u8..0x7f,
        ) {
            let mut bytes = text.into_bytes();
            let at = place.index(bytes.len());
            bytes[at] = byte;
            if let Ok(text) = String::from_utf8(bytes) {
                let judged = check_text(&text, &Limits { depth: 64, keys: 10_000 }).is_ok();
                prop_assert_eq!(judged, accepted_by_serde(&text), "{}", text);
            }
        }
    }

    /// serde_json's judgement of the grammar alone: a `RawValue` is skipped over, so that neither surrogates nor
    /// the size of a number count.
    fn accepted_by_serde(text: &str) -> bool {
        serde_json::from_str::<Box<serde_json::value::RawValue>>(text).is_ok()
    }
}
