//! Cuts texts at single bytes: the stored formats here, and the frames of a page. `core::str`'s searchers and parsers
//! would weigh kilobytes in the Wasm.

/// What stands between separators, in order. Past its end there is nothing more.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Fields<'a> {
    /// The fields of `text`, one at least; `separator` is ASCII.
    pub fn of(text: &'a str, separator: u8) -> Self {
        Self { rest: Some(text), separator }
    }

    /// Whether there are none any more.
    pub fn is_over(&self) -> bool {
        self.rest.is_none()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let Some((field, after)) = cut(rest, self.separator) else { return Some(rest) };
        self.rest = Some(after);
        Some(field)
    }
}

/// What stands before the first `separator` (ASCII), and what behind it.
pub(crate) fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == separator)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// A number in decimal, as [`crate::push_decimal`] writes it; `None` for anything else, and above `i64::MAX`.
pub fn read_decimal(text: &str) -> Option<i64> {
    let (digits, sign) = text.strip_prefix("-").map_or((text, 1), |digits| (digits, -1));
    if digits.is_empty() {
        return None;
    }
    let mut number = 0_i64;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
    }
    Some(number * sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_or_refused_whole() {
        for (text, number) in [
            ("0", Some(0)),
            ("-15", Some(-15)),
            ("", None),
            ("-", None),
            ("1x", None),
            ("+1", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(read_decimal(text), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn fields_are_those_of_split(text in "[a;ü]{0,12}") {
            let fields: Vec<&str> = Fields::of(&text, b';').collect();
            prop_assert_eq!(fields, text.split(';').collect::<Vec<_>>());
        }

        #[test]
        fn every_number_reads_back(number in (-i64::MAX)..) {
            prop_assert_eq!(read_decimal(&number.to_string()), Some(number));
        }
    }
}
