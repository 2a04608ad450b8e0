//! The characters of a text as they are meant, and where each stands: escapes of addresses of the web, of HTML and of JSON
//! are what they say, to any depth, full-width signs are the plain ones, and what no reader sees is not there. Pure.

use std::ops::Range;

/// A character of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Char {
    /// What is meant.
    pub(super) char: char,
    /// In bytes of the text.
    start: usize,
    end: usize,
    /// Whether the text says it by an escape.
    pub(super) is_escaped: bool,
}

/// All of a text.
pub(super) fn of(text: &str) -> Vec<Char> {
    let mut chars = Vec::with_capacity(text.len());
    let (mut start, mut rest) = (0, text);
    while let Some(first) = rest.chars().next() {
        let escape = match first {
            '%' => percent(rest),
            '&' => entity(rest),
            '\\' => unicode(rest),
            _ => None,
        };
        let (char, length) = escape.unwrap_or((first, first.len_utf8()));
        let end = start + length;
        if char.is_ascii() || !is_unseen(char) {
            chars.push(Char { char: plain(char), start, end, is_escaped: escape.is_some() });
        }
        (start, rest) = (end, rest.get(length..).unwrap_or_default());
    }
    chars
}

/// Where some that follow each other stand.
pub(super) fn range(chars: &[Char]) -> Option<Range<usize>> {
    Some(chars.first()?.start..chars.last()?.end)
}

/// The character of UTF-8 that escapes of an address of the web are, and how long they are: `%40`, `%C3%BC`, and within
/// another address `%2540`.
fn percent(text: &str) -> Option<(char, usize)> {
    let (first, mut length) = percent_byte(text)?;
    let width = match first {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut bytes = [first; 4];
    for byte in bytes.get_mut(1..width)? {
        let (next, more) = percent_byte(text.get(length..)?)?;
        *byte = next;
        length += more;
    }
    let char = std::str::from_utf8(bytes.get(..width)?).ok()?.chars().next()?;
    Some((char, length))
}

fn percent_byte(text: &str) -> Option<(u8, usize)> {
    let hex = |text: &str| {
        let digits = text.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u8::from_str_radix(digits, 16).ok()
    };
    let mut digits = text.strip_prefix('%')?;
    // The escape of a `%` that begins another.
    while let Some(inner) = digits.strip_prefix("25").filter(|inner| hex(inner).is_some()) {
        digits = inner;
    }
    Some((hex(digits)?, text.len() - digits.len() + 2))
}

/// HTML's `&#64;`, `&#x40;` and `&commat;`.
fn entity(text: &str) -> Option<(char, usize)> {
    if let Some((name, char)) = ENTITIES.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*char, name.len()));
    }
    let digits = text.strip_prefix("&#")?;
    let (digits, radix) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    let length = digits.bytes().take(LONGEST_CODE).position(|byte| byte == b';')?;
    let char = char::from_u32(u32::from_str_radix(digits.get(..length)?, radix).ok()?)?;
    Some((char, text.len() - digits.len() + length + 1))
}

/// A JSON text's `\u0040`, where the text holds one.
fn unicode(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix("\\u")?.get(..4).filter(|digits| !digits.starts_with('+'))?;
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, 6))
}

/// The plain character of a full-width one, if it may stand in an address or a number.
fn plain(char: char) -> char {
    match char {
        '\u{ff01}'..='\u{ff5e}' => {
            let plain = char::from_u32(u32::from(char) - FULL_WIDTH).unwrap_or(char);
            let may_stand = plain.is_ascii_alphanumeric() || matches!(plain, '@' | '+' | '.' | '-' | '_');
            if may_stand { plain } else { char }
        }
        '\u{fe6b}' => '@',
        '\u{fe62}' => '+',
        _ => char,
    }
}

/// Soft hyphens, what has no width, and what turns the direction of writing.
fn is_unseen(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

const ENTITIES: [(&str, char); 3] = [("&commat;", '@'), ("&plus;", '+'), ("&nbsp;", '\u{a0}')];
/// Digits of the longest code of a character, and a few zeros.
const LONGEST_CODE: usize = 10;
/// How far a full-width character is from its plain one: Unicode, block FF00.
const FULL_WIDTH: u32 = 0xfee0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_what_it_says_to_any_depth() {
        for (text, meant) in [
            ("a%40b", "a@b"),
            ("a%2540b%252525", "a@b%"),
            ("%C3%BC%25C3%25BC%EF%BC%A0", "\u{fc}\u{fc}@"),
            ("&#64;&#x40;&#0043;&commat;", "@@+@"),
            ("\\u0040\\u00fc", "@\u{fc}"),
            ("\u{ff21}\u{ff20}\u{ff0b}\u{ff11}\u{ff01}", "A@+1\u{ff01}"),
            ("a\u{200b}b\u{ad}c", "abc"),
        ] {
            assert_eq!(of(text).iter().map(|char| char.char).collect::<String>(), meant, "{text}");
        }
    }

    #[test]
    fn what_is_no_escape_stands_as_it_is() {
        for text in ["50 %", "%zz%4", "%ad%C3x", "&#;&#x;&#99999999999;", "\\u00", "\\u+040", "\\ud800", "%"] {
            assert_eq!(of(text).iter().map(|char| char.char).collect::<String>(), text);
        }
    }

    #[test]
    fn each_is_where_the_text_has_it() {
        let chars = of("\u{fc}%40\u{200b}b");
        let at = |place: usize| range(&chars[place..=place]);
        assert_eq!([at(0), at(1), at(2)], [Some(0..2), Some(2..5), Some(8..9)]);
        assert_eq!(range(&chars), Some(0..9));
        assert_eq!(range(&[]), None);
    }
}
