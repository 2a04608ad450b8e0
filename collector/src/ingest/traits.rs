//! The traits that an identify call sets.

use selvedge_core::json;

/// Name and JSON text of each trait in a checked object, each name once, the last value counting.
pub(super) fn set_by(traits: &[u8]) -> Vec<(Box<str>, Box<str>)> {
    let mut sets: Vec<(Box<str>, Box<str>)> = Vec::new();
    for (key, value) in json::members(traits).filter_map(Result::ok) {
        let (Some(name), Ok(value)) = (key.decode(), core::str::from_utf8(value)) else { continue };
        let value = without_lone_surrogates(value);
        match sets.iter_mut().find(|(known, _)| **known == *name) {
            Some(set) => set.1 = value,
            None => sets.push((name.as_ref().into(), value)),
        }
    }
    sets
}

/// JSON text in which every escape of half a character stands as U+FFFD: a trait is handed to readers whose parsers
/// refuse the half.
fn without_lone_surrogates(text: &str) -> Box<str> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        whole.push_str(plain);
        let (kept, length) = match surrogate(escape) {
            None => (true, 2),
            Some(Half::High) if surrogate(escape.get(6..).unwrap_or_default()) == Some(Half::Low) => (true, 12),
            Some(Half::High | Half::Low) => (false, 6),
        };
        // The text was checked: an escape is whole, and ASCII.
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        whole.push_str(if kept { escape } else { "\\ufffd" });
        rest = after;
    }
    whole.push_str(rest);
    whole.into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Which half of a pair the escape that `text` begins with is.
fn surrogate(text: &str) -> Option<Half> {
    match u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()? {
        0xd800..0xdc00 => Some(Half::High),
        0xdc00..0xe000 => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_the_text_that_they_came_with() {
        assert_eq!(
            sets(r#"{"age":41,"score":1.0,"big":18446744073709551616,"none":null,"tags":["a", "b"]}"#),
            [
                ("age", "41"),
                ("score", "1.0"),
                ("big", "18446744073709551616"),
                ("none", "null"),
                ("tags", r#"["a", "b"]"#)
            ]
        );
    }

    #[test]
    fn of_a_trait_given_twice_the_last_value_counts() {
        assert_eq!(sets(r#"{"a":1,"b":2,"a":3}"#), [("a", "3"), ("b", "2")]);
    }

    #[test]
    fn half_a_character_becomes_the_replacement_character_and_pairs_stay() {
        assert_eq!(
            sets(r#"{"half":"x\ud83dy","low":"\udc00","pair":"\ud83d\ude00","text":"\\ud83d","mixed":"\ud83d\n"}"#),
            [
                ("half", r#""x\ufffdy""#),
                ("low", r#""\ufffd""#),
                ("pair", r#""\ud83d\ude00""#),
                ("text", r#""\\ud83d""#),
                ("mixed", r#""\ufffd\n""#),
            ]
        );
    }

    fn sets(traits: &str) -> Vec<(&'static str, &'static str)> {
        let leak = |text: Box<str>| -> &'static str { Box::leak(text) };
        set_by(traits.as_bytes()).into_iter().map(|(name, value)| (leak(name), leak(value))).collect()
    }
}
