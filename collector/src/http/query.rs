//! The parameters of a query string, as forms write them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Refusal;
use super::routes::Head;

/// Names and values in order, decoded; bytes that are not UTF-8 read as U+FFFD.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// The first parameter of this name.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    parameters(query).find(|(own, _)| own == name).map(|(_, value)| value)
}

/// What a request asks in its query, where the path has only these parameters, once each; a key may come along with any.
pub(super) fn asked<'a>(head: &'a Head, known: &'static [&'static str]) -> Result<&'a str, Refusal> {
    let query = head.uri.query().unwrap_or_default();
    let is_known = |name: &str| name == WRITE_KEY || known.contains(&name);
    let mut seen = BTreeSet::new();
    for (name, _) in parameters(query) {
        if !is_known(&name) {
            return Err(Refusal::UnknownParameter { name: name.into(), known });
        }
        if !seen.insert(name.clone()) {
            return Err(Refusal::RepeatedParameter { name: name.into() });
        }
    }
    Ok(query)
}

/// A parameter that says yes or no; no where it is not given.
pub(super) fn flag(asked: &str, name: &'static str) -> Result<bool, Refusal> {
    match parameter(asked, name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Refusal::BadParameter { name, wanted: "true or false" }),
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match after.split_first_chunk::<2>().and_then(|(hex, after)| Some((unhex(*hex)?, after))) {
                Some((byte, after)) => {
                    rest = after;
                    byte
                }
                None => b'%',
            },
            plain => plain,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn unhex([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// Another way to carry the key.
pub(super) const WRITE_KEY: &str = "writeKey";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_as_forms_write_them() {
        let pairs: Vec<_> = parameters("a=1&b+c=x%20y+z&&flag&e=%C3%BC&bad=%zz%").collect();
        let expected = [("a", "1"), ("b c", "x y z"), ("flag", ""), ("e", "ü"), ("bad", "%zz%")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.into(), value.into())));
    }

    #[test]
    fn the_first_of_a_name_counts() {
        assert_eq!(parameter("to=1&to=2", "to").as_deref(), Some("1"));
        assert_eq!(parameter("to=1", "from"), None);
    }
}
