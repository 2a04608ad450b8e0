//! Whether a name that was found in a text stands there itself, or is a part of another. Pure; its tests are with those
//! of what takes names out.

use std::ops::Range;

/// What a name looks like: says what around it makes it part of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// A digest, a UUID and the like: it is meant wherever it stands.
    Unique,
    /// A telephone number, a card's or a device's: `+4930123456` is not in `+49301234567`.
    Number,
    /// A mail address. `x.ada@shop.example` is another, and so is `ada@shop.example.org`; `order_ada@shop.example` may
    /// be one, but is taken for a word before it.
    Mail,
    /// Any other: `customer-1` is not in `customer-10`, `customer-1-2` and `old_customer-1`.
    Id,
}

impl Shape {
    /// The shape of a name in its normal form.
    pub(super) fn of(value: &str) -> Self {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_long = value.len() >= SHORTEST_CHANCELESS;
        let is_uuid = || {
            let lengths = value.split('-').map(|part| is_hex(part).then_some(part.len()));
            lengths.eq([8, 4, 4, 4, 12].map(Some))
        };
        if value.contains('@') {
            Self::Mail
        } else if value.strip_prefix('+').is_some_and(is_number) || (is_long && is_number(value)) {
            Self::Number
        } else if (is_long && is_hex(value)) || is_uuid() {
            Self::Unique
        } else {
            Self::Id
        }
    }

    /// Whether what comes next to a name, and next to that, makes it part of another; `end` is the name's own.
    fn goes_on(self, end: char, next: char, second: Option<char>) -> bool {
        match self {
            Self::Unique => false,
            Self::Number => end.is_ascii_digit() && next.is_ascii_digit(),
            Self::Mail => {
                next.is_ascii_alphanumeric() || (next == '.' && second.is_some_and(|char| char.is_ascii_alphanumeric()))
            }
            Self::Id => {
                let is_of_word = |char: char| char.is_alphanumeric() && is_latin(char) == is_latin(end);
                is_of_word(next) || (matches!(next, '-' | '_' | '.' | '@' | '+') && second.is_some_and(is_of_word))
            }
        }
    }
}

/// Whether nothing around a found name makes it part of another.
pub(super) fn stands_alone(text: &str, found: Range<usize>, shape: Shape) -> bool {
    let before = last_char(text.get(..found.start).unwrap_or_default());
    let mut behind = text.get(found.end..).unwrap_or_default().chars();
    let name = text.get(found).unwrap_or_default();
    let (Some(first), Some(last)) = (name.chars().next(), name.chars().next_back()) else { return false };
    let is_begun =
        before.is_some_and(|(next, rest)| shape.goes_on(first, next, last_char(rest).map(|(second, _)| second)));
    !is_begun && !behind.next().is_some_and(|next| shape.goes_on(last, next, behind.next()))
}

/// The last character of a text and what stands before it. An escape of an address, or of a JSON text within the text,
/// is the character that it means, not a letter: `%3D`, `%253D`, `\n`, `\u003d`.
fn last_char(text: &str) -> Option<(char, &str)> {
    let hex = |length: usize| {
        let (rest, digits) = text.split_at_checked(text.len().checked_sub(length)?)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some((rest, u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?))
    };
    let percent = || {
        let (rest, byte) = hex(2)?;
        // A part of a longer character is nothing that a name goes on with.
        let char = char::from_u32(byte).filter(char::is_ascii).unwrap_or(char::REPLACEMENT_CHARACTER);
        Some((char, rest.trim_end_matches("25").strip_suffix('%')?))
    };
    let unicode = || {
        let (rest, code) = hex(4)?;
        Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), rest.strip_suffix("\\u")?))
    };
    let short = || Some((' ', text.strip_suffix(['b', 'f', 'n', 'r', 't'])?.strip_suffix('\\')?));
    let as_it_is =
        || text.chars().next_back().map(|char| (char, text.get(..text.len() - char.len_utf8()).unwrap_or("")));
    percent().or_else(unicode).or_else(short).or_else(as_it_is)
}

/// Whether a character stands in words with those of ASCII, as `\u{fc}` does.
fn is_latin(char: char) -> bool {
    matches!(char, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// Nobody else has as many hexadecimal digits by chance.
const SHORTEST_CHANCELESS: usize = 12;
