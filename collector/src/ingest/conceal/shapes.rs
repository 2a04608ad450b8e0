//! What is a mail address or an international telephone number by its shape, wherever it stands in a text and however it
//! is escaped there. Pure.

use std::ops::Range;

use selvedge_core::identifier::Kind;

use super::chars::{self, Char};

/// An address or a number in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Where it stands, in bytes.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    /// What it says.
    pub(super) value: String,
}

/// The addresses and numbers in a text, from the left, none within another.
pub(super) fn of(text: &str) -> Vec<Shape> {
    if !may_be_in(text.as_bytes()) {
        return Vec::new();
    }
    let chars = chars::of(text);
    let mut found = Vec::new();
    // What is before it is copied, or is none; no character is looked at by more than two signs.
    let (mut at, mut free) = (0, 0);
    while let Some(sign) = chars.get(at) {
        let shape = match sign.char {
            '@' => mail(&chars, free..at).map(|range| (Kind::EMAIL, range)),
            '+' => number(&chars, at, at > 0 && at == free).map(|range| (Kind::PHONE, range)),
            '0' => dialled(&chars, at).map(|range| (Kind::PHONE, range)),
            _ => None,
        };
        at += 1;
        if let Some((kind, shape)) = shape
            && let Some(written) = chars.get(shape.clone())
            && let Some(range) = chars::range(written)
        {
            let value = if kind == Kind::EMAIL { address(written) } else { digits(written) };
            found.push(Shape { range, kind, value });
            (at, free) = (shape.end, shape.end);
        }
    }
    found
}

/// Whether a text may hold any, or a JSON text one that does. Quick: most hold none.
pub(super) fn may_be_in(text: &[u8]) -> bool {
    // An escape may be any sign, and so may what is written in three bytes.
    text.iter().any(|byte| matches!(byte, b'@' | b'+' | b'%' | b'&' | b'\\' | 0xef))
        || text.starts_with(b"00")
        || text.windows(4).any(|bytes| match bytes {
            [before, b'0', b'0', b'1'..=b'9'] => !before.is_ascii_alphanumeric(),
            _ => false,
        })
}

/// A text without whatever may be a digest; `None` when it holds none.
pub(super) fn without_digests(text: &str, stand_in: &str) -> Option<String> {
    let mut out = String::new();
    let mut is_other = false;
    let is_digit = |char: char| char.is_ascii_hexdigit();
    let mut rest = text;
    while let Some(start) = rest.find(is_digit) {
        let (before, behind) = rest.split_at_checked(start)?;
        let (digits, behind) = behind.split_at_checked(behind.find(|char| !is_digit(char)).unwrap_or(behind.len()))?;
        let is_digest = digits.len() >= SHORTEST_DIGEST;
        out.push_str(before);
        out.push_str(if is_digest { stand_in } else { digits });
        is_other |= is_digest;
        rest = behind;
    }
    out.push_str(rest);
    is_other.then_some(out)
}

/// An address around the `@` at the end of a part: what may stand before it in that part, and a domain of two labels or
/// more behind it.
fn mail(chars: &[Char], part: Range<usize>) -> Option<Range<usize>> {
    let at = part.end;
    let before = chars.get(part)?;
    let local = before.iter().rev().take_while(|char| is_local(char.char)).count();
    let is_quote = |char: &&Char| matches!(char.char, '.' | '-' | '\'');
    let quotes = before.get(before.len() - local..)?.iter().take_while(is_quote).count();
    let start = at - local + quotes;
    let behind = chars.get(at + 1..)?;
    let domain = behind.get(..domain(behind))?;
    let is_domain =
        domain.iter().any(|char| is_dot(char.char)) && !domain.first().is_some_and(|char| is_dot(char.char));
    (start < at && is_domain).then(|| start..at + 1 + domain.len())
}

/// How many characters a domain goes on for.
fn domain(behind: &[Char]) -> usize {
    let mut is_dotted = false;
    let mut length = 0;
    for (place, Char { char, .. }) in behind.iter().enumerate() {
        let next = behind.get(place + 1).map(|next| next.char);
        match char {
            '.' if next == Some('.') => break,
            '.' => is_dotted = true,
            // Behind a domain it ends the sentence.
            '\u{3002}' | '\u{ff61}' if !is_dotted && next.is_some_and(|next| next.is_ascii_alphanumeric()) => {
                is_dotted = true;
            }
            '-' => {}
            // No host has one. Behind a domain it is a word's of which the address is a part.
            '_' if !is_dotted => {}
            char if char.is_alphanumeric() => {}
            _ => break,
        }
        length = place + 1;
    }
    let is_behind = |char: &&Char| matches!(char.char, '.' | '-' | '_');
    length - behind.get(..length).unwrap_or_default().iter().rev().take_while(is_behind).count()
}

/// A number behind the `+` at a place: seven to fifteen digits (ITU-T E.164) and what people write between them. Right
/// behind another shape it is of no word.
fn number(chars: &[Char], at: usize, is_behind_another: bool) -> Option<Range<usize>> {
    let sign = chars.get(at)?;
    // Where a plus is escaped, a bare one is a space.
    let (length, _) = run(chars.get(at + 1..)?, |char| sign.is_escaped && char == '+')?;
    (is_behind_another || !is_begun(chars, at)).then(|| at..at + 1 + length)
}

/// A number as it is dialled abroad from most countries, `0049 30 1234567`. Without a gap it is taken for the number of
/// an article or an order, which zeros fill up.
fn dialled(chars: &[Char], at: usize) -> Option<Range<usize>> {
    let [second, third] = chars.get(at + 1..at + 3)? else { return None };
    if second.char != '0' || !matches!(third.char, '1'..='9') || is_begun(chars, at) {
        return None;
    }
    // Of a time, a date, a decimal or a UUID.
    if let [.., one, divider] = chars.get(..at)?
        && matches!(divider.char, '-' | '.' | '_' | '/' | ',' | ':')
        && (one.char.is_ascii_digit() || (divider.char != ':' && one.char.is_alphanumeric()))
    {
        return None;
    }
    let (length, _) = run(chars.get(at + 2..)?, |_| false).filter(|(_, has_gaps)| *has_gaps)?;
    Some(at..at + 2 + length)
}

/// How many characters the digits of a number go on for, and whether there are gaps between them.
fn run(behind: &[Char], is_gap_too: impl Fn(char) -> bool) -> Option<(usize, bool)> {
    let (mut digits, mut separators, mut end, mut has_gaps) = (0, 0, 0, false);
    // Where the last group of digits ended that may be the last of a number: what comes behind may be another.
    let mut ended = None;
    for (place, char) in behind.iter().map(|char| char.char).chain(['\n']).enumerate() {
        if char.is_ascii_digit() {
            has_gaps |= separators > 0;
            (digits, separators, end) = (digits + 1, 0, place + 1);
            continue;
        }
        if digits > MOST_DIGITS {
            break;
        }
        if digits >= FEWEST_DIGITS && separators == 0 {
            ended = Some((end, has_gaps));
        }
        separators += 1;
        if separators > 2 || !(is_separator(char) || is_gap_too(char)) {
            break;
        }
    }
    ended
}

/// Whether what stands before a number is of the same word.
fn is_begun(chars: &[Char], at: usize) -> bool {
    let before = chars.get(..at).unwrap_or_default();
    match before {
        // A line that ends within a JSON text.
        [.., Char { char: '\\', .. }, Char { char: 'n' | 'r' | 't', .. }] => false,
        [.., last] => last.char.is_alphanumeric(),
        [] => false,
    }
}

fn is_local(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '.' | '_' | '+' | '-' | '\'' | '~')
}

fn is_dot(char: char) -> bool {
    matches!(char, '.' | '\u{3002}' | '\u{ff61}')
}

/// What people write between digits, but the end of a line.
fn is_separator(char: char) -> bool {
    matches!(char, '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}')
        || (char.is_whitespace() && !matches!(char, '\n' | '\r'))
}

fn address(written: &[Char]) -> String {
    written.iter().map(|char| if is_dot(char.char) { '.' } else { char.char }).collect()
}

/// A number with its plus, and what stands between its digits.
fn digits(written: &[Char]) -> String {
    let signs = if written.first().is_some_and(|first| first.char == '0') { 2 } else { 1 };
    let behind = written.get(signs..).unwrap_or_default().iter().map(|char| char.char);
    std::iter::once('+').chain(behind.map(|char| if char == '+' { ' ' } else { char })).collect()
}

/// Of MD5.
pub(super) const SHORTEST_DIGEST: usize = 32;
/// Of E.164: what is shorter is no number of anybody.
const FEWEST_DIGITS: usize = 7;
const MOST_DIGITS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_found_within_any_text() {
        for (text, found) in [
            ("write to ada@shop.example, now", &["ada@shop.example"][..]),
            ("<Ada+news@Shop.Example>", &["Ada+news@Shop.Example"]),
            ("https://x.example/?m=ada%40shop.example&n=1", &["ada@shop.example"]),
            ("a.b@c.de and 'x'@y.co.uk.", &["a.b@c.de", "x'@y.co.uk"]),
            ("\u{8054}\u{7cfb}:\u{fc}n@\u{fc}.example", &["\u{fc}n@\u{fc}.example"]),
            ("call +49 30 123-4567 or +1 (212) 555 0100!", &["+49 30 123-4567", "+1 (212) 555 0100"]),
            ("tel=%2B4930123456", &["+4930123456"]),
            ("+49 30 1234567 2026-01-31", &["+49 30 1234567 2026"]),
            ("+4930111015+4930111016", &["+4930111015", "+4930111016"]),
            ("+1234567x@shop.example", &["+1234567", "x@shop.example"]),
            ("ada@shop.example..., bob@shop.example_", &["ada@shop.example", "bob@shop.example"]),
        ] {
            assert_eq!(values(text), found, "{text}");
        }
    }

    #[test]
    fn an_escape_is_of_the_shape_that_it_stands_in() {
        for (text, found) in [
            ("?m=ada%2Bnews%40shop.example", &["ada+news@shop.example"][..]),
            ("?m=j%C3%BCrgen%40shop.example", &["j\u{fc}rgen@shop.example"]),
            ("?m=o%27brien%40shop.example&n", &["o'brien@shop.example"]),
            ("?q=call%20%2B4930111001", &["+4930111001"]),
            ("?p=%2B49+30+111001&q=1", &["+49 30 111001"]),
            ("?n=%2Fp%3Fm%3Dada%2540shop.example%26a", &["ada@shop.example"]),
            ("?n=p%253D%252B4930111001", &["+4930111001"]),
            ("ada&#64;shop.example, &#43;4930111001", &["ada@shop.example", "+4930111001"]),
            (r#"{\"a\":\"ada\u0040shop.example\\n+4930111001"#, &["ada@shop.example", "+4930111001"]),
        ] {
            assert_eq!(values(text), found, "{text}");
        }
    }

    #[test]
    fn other_customary_signs_are_read_as_the_plain_ones() {
        for (text, found) in [
            ("ada\u{ff20}shop.example \u{ff0b}\u{ff14}930111001", &["ada@shop.example", "+4930111001"][..]),
            ("ada@shop\u{3002}example", &["ada@shop.example"]),
            ("ada@shop.example\u{3002}\u{8c22}", &["ada@shop.example"]),
            ("ada@sh\u{200b}op.exam\u{ad}ple", &["ada@shop.example"]),
            ("ada@my_shop.example", &["ada@my_shop.example"]),
            ("+49\u{2011}30\t111\u{a0}001", &["+49\u{2011}30\t111\u{a0}001"]),
            ("0049 30 111001", &["+49 30 111001"]),
            ("tel:0049-30111001, tel:+4930111001", &["+49-30111001", "+4930111001"]),
        ] {
            assert_eq!(values(text), found, "{text}");
        }
    }

    #[test]
    fn what_only_has_one_of_their_signs_is_none() {
        for text in [
            "@ada",
            "ada@localhost",
            "a @ b.example",
            "ada@.example",
            "2026-01-31T10:20:30+01:00",
            "GMT+0100 (CET)",
            "1+1",
            "+123",
            "+1234567890123456",
            "C++ 2026",
            "100 %",
            "0012345678905",
            "10:00 2026-01-31",
            "12.0012 345 678",
            "0001-01-01T00:00:00Z",
            "1.5,0012-345678",
            "9cda47fd-0012-3456-7890-123456789012",
        ] {
            assert!(of(text).is_empty(), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn what_may_be_a_digest_is_found_by_its_digits() {
        let digest = "0123456789abcdefABCDEF0123456789";
        assert_eq!(without_digests(&format!("of {digest}-1 abc"), "x").as_deref(), Some("of x-1 abc"));
        assert_eq!(without_digests(&digest[1..], "x"), None);
    }

    fn values(text: &str) -> Vec<String> {
        of(text).into_iter().map(|shape| shape.value).collect()
    }
}
