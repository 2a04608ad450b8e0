//! Strings: from JSON to text and back.

use std::borrow::Cow;

/// The text of a JSON string, borrowed when it holds no escape. A lone surrogate reads as U+FFFD.
///
/// `None` when `value` is no string, not UTF-8, or an escape in it is broken.
pub fn string(value: &[u8]) -> Option<Cow<'_, str>> {
    unescape(value.trim_ascii().strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

/// Appends `text` as a JSON string, with its quotes.
pub fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => {
                out.push('\\');
                out.push(char);
            }
            '\0'..='\x1f' => {
                out.push_str("\\u00");
                out.push(if char < '\x10' { '0' } else { '1' });
                out.push(hex_digit(char as u8 & 15));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

/// The text of what stands between the quotes of a JSON string.
pub(super) fn unescape(raw: &[u8]) -> Option<Cow<'_, str>> {
    let raw = core::str::from_utf8(raw).ok()?;
    let Some(plain) = raw.find('\\') else { return Some(Cow::Borrowed(raw)) };
    let mut text = String::with_capacity(raw.len());
    text.push_str(raw.get(..plain)?);
    let mut chars = raw.get(plain..)?.chars();
    while let Some(char) = chars.next() {
        text.push(match char {
            '\\' => escaped(&mut chars)?,
            _ => char,
        });
    }
    Some(Cow::Owned(text))
}

/// What the escape stands for whose backslash is behind.
fn escaped(chars: &mut core::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let unit = code_unit(chars)?;
            let pair = (0xd800..0xdc00).contains(&unit).then(|| low_surrogate(chars)).flatten();
            let code = pair.map_or(unit, |low| 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        plain @ ('"' | '\\' | '/') => plain,
        _ => return None,
    })
}

/// Takes the second half of a pair, if it is one; else leaves everything in its place.
fn low_surrogate(chars: &mut core::str::Chars<'_>) -> Option<u32> {
    let mut ahead = chars.as_str().strip_prefix("\\u")?.chars();
    let low = code_unit(&mut ahead).filter(|unit| (0xdc00..0xe000).contains(unit))?;
    *chars = ahead;
    Some(low)
}

fn code_unit(chars: &mut core::str::Chars<'_>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit << 4 | chars.next()?.to_digit(16)?;
    }
    Some(unit)
}

fn hex_digit(nibble: u8) -> char {
    char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_without_escapes_is_borrowed() {
        assert!(matches!(string("\"größe\"".as_bytes()), Some(Cow::Borrowed("größe"))));
    }

    #[test]
    fn every_escape_is_decoded() {
        let text = string(br#" "a\"\\\/\b\f\n\r\t\u00e9\u0000\ud83d\ude00z" "#);
        assert_eq!(text.as_deref(), Some("a\"\\/\u{8}\u{c}\n\r\té\0😀z"));
    }

    #[test]
    fn a_lone_surrogate_reads_as_the_replacement_character_and_takes_nothing_with_it() {
        assert_eq!(string(br#""\ud800""#).as_deref(), Some("\u{fffd}"));
        assert_eq!(string(br#""\ud800\u0041""#).as_deref(), Some("\u{fffd}A"));
        assert_eq!(string(br#""\ude00\ud83d\ude00""#).as_deref(), Some("\u{fffd}😀"));
    }

    #[test]
    fn what_is_no_string_has_no_text() {
        for value in [&b"1"[..], b"\"", b"", b"\"a\\\"", b"\"\\x\"", b"\"\\u00\"", b"\"\xff\"", b"null"] {
            assert_eq!(string(value), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back_here_and_in_serde_json(text in any::<String>()) {
            let mut quoted = String::new();
            push_quoted(&mut quoted, &text);
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted).unwrap(), &text);
            prop_assert_eq!(string(quoted.as_bytes()).unwrap(), text);
        }

        #[test]
        fn any_string_that_serde_json_writes_is_read_as_it_was(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(string(quoted.as_bytes()).unwrap(), text);
        }
    }

    /// The text of any JSON value, written by serde_json, plain or with white space.
    pub(crate) fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            (-1e300..1e300f64).prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        let value = leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        });
        (value, any::<bool>()).prop_map(|(value, pretty)| if pretty { format!("{value:#}") } else { value.to_string() })
    }
}
