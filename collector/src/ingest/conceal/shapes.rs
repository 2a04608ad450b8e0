//! What is a mail address or an international telephone number by its shape, wherever it stands in a text. Pure.

use std::borrow::Cow;
use std::ops::Range;

use selvedge_core::identifier::Kind;

/// The addresses and numbers in a text, from the left, none within another: where, of which kind, and what they say.
pub(super) fn of(text: &str) -> Vec<(Range<usize>, Kind, Cow<'_, str>)> {
    let mut found: Vec<(Range<usize>, Kind, Cow<'_, str>)> = Vec::new();
    let signs = text.char_indices().filter(|(_, sign)| matches!(sign, '@' | '+' | '%'));
    for (at, _) in signs {
        let copied = found.last().map_or(0, |(range, ..)| range.end);
        if at < copied {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let sign = SIGNS.iter().find(|(sign, _)| starts_with(rest, sign));
        let shape = match sign {
            Some((sign, '@')) => mail(text, at, sign.len()).map(|range| (range, Kind::EMAIL)),
            Some((sign, '+')) => number(text, at, sign.len()).map(|range| (range, Kind::PHONE)),
            _ => None,
        };
        if let Some((range, kind)) = shape.filter(|(range, _)| range.start >= copied)
            && let Some(written) = text.get(range.clone())
        {
            found.push((range, kind, decoded(written)));
        }
    }
    found
}

/// An address around the `@` at a place: what may stand before it, and a domain of two labels or more behind it.
fn mail(text: &str, at: usize, length: usize) -> Option<Range<usize>> {
    let before = text.get(..at)?;
    let local: usize =
        before.chars().rev().take_while(|char| is_local(*char)).map(char::len_utf8).sum::<usize>().min(at);
    let start = at - local;
    let start = start + (before.get(start..)?.len() - before.get(start..)?.trim_start_matches(['.', '-', '\'']).len());
    let behind = text.get(at + length..)?;
    let domain: usize = behind.chars().take_while(|char| is_of_domain(*char)).map(char::len_utf8).sum();
    let domain = behind.get(..domain)?.trim_end_matches(['.', '-']);
    let is_domain = domain.contains('.') && !domain.starts_with('.') && !domain.contains("..");
    (start < at && is_domain).then(|| start..at + length + domain.len())
}

/// A number behind the `+` at a place: seven to fifteen digits (ITU-T E.164) and what people write between them.
fn number(text: &str, at: usize, length: usize) -> Option<Range<usize>> {
    let is_begun = text.get(..at)?.chars().next_back().is_some_and(char::is_alphanumeric);
    let behind = text.get(at + length..)?;
    let (mut digits, mut end, mut separators) = (0, 0, 0);
    // Where the last group of digits ended that may be the last of a number: what comes behind may be another.
    let mut ended = None;
    let groups = behind.char_indices().chain([(behind.len(), '\n')]);
    for (place, char) in groups {
        if char.is_ascii_digit() {
            (digits, end, separators) = (digits + 1, place + 1, 0);
            continue;
        }
        if (7..=15).contains(&digits) {
            ended = Some(end);
        }
        separators += 1;
        if !matches!(char, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}') || separators > 2 {
            break;
        }
    }
    ended.filter(|_| !is_begun).map(|end| at..at + length + end)
}

fn is_local(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '.' | '_' | '+' | '-' | '\'' | '~')
}

fn is_of_domain(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '.' | '-')
}

fn starts_with(text: &str, sign: &str) -> bool {
    text.get(..sign.len()).is_some_and(|head| head.eq_ignore_ascii_case(sign))
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("%40", "@").replace("%2B", "+").replace("%2b", "+"))
}

/// As they stand in texts and in addresses of the web.
const SIGNS: [(&str, char); 4] = [("@", '@'), ("%40", '@'), ("+", '+'), ("%2B", '+')];

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
        ] {
            let values: Vec<String> = of(text).into_iter().map(|(_, _, value)| value.into_owned()).collect();
            assert_eq!(values, found, "{text}");
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
        ] {
            assert!(of(text).is_empty(), "{text}: {:?}", of(text));
        }
    }
}
