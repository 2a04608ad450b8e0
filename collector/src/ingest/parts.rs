//! The parts of one event, found in one pass and left where they stand. Reads names, not meanings.

use std::borrow::Cow;

use selvedge_core::json::{self, Kind};
use selvedge_core::wire::{MAX_IDENTIFIER_BYTES, field};

use super::verdict::EventRefusal;

/// The parts that decide something about an event; JSON texts, `None` where absent or null. Of a part that is given
/// twice the last one counts, as everywhere.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts<'a> {
    pub(super) event_type: Option<&'a [u8]>,
    pub(super) message_id: Option<&'a [u8]>,
    pub(super) user_id: Option<&'a [u8]>,
    pub(super) anonymous_id: Option<&'a [u8]>,
    pub(super) previous_id: Option<&'a [u8]>,
    pub(super) group_id: Option<&'a [u8]>,
    pub(super) event: Option<&'a [u8]>,
    pub(super) name: Option<&'a [u8]>,
    pub(super) timestamp: Option<&'a [u8]>,
    pub(super) original_timestamp: Option<&'a [u8]>,
    pub(super) sent_at: Option<&'a [u8]>,
    pub(super) properties: Option<&'a [u8]>,
    pub(super) traits: Option<&'a [u8]>,
    pub(super) context: ContextParts<'a>,
    /// Whether there is an identity token in it, or in one before it.
    pub(super) carries_token: bool,
}

impl<'a> Parts<'a> {
    /// Finds the parts of an event whose text was checked. Objects are objects here: PHP's `[]` is an empty one.
    pub(super) fn of(event: &'a [u8]) -> Result<Self, EventRefusal> {
        let mut parts = Self::default();
        for (key, value) in json::members(event).filter_map(Result::ok) {
            let key = match key.as_bytes().contains(&b'\\') {
                true => key.decode().unwrap_or_default(),
                false => String::from_utf8_lossy(key.as_bytes()),
            };
            let value = (json::kind(value) != Some(Kind::Null)).then_some(value);
            match key.as_ref() {
                field::TYPE => parts.event_type = value,
                field::MESSAGE_ID => parts.message_id = value,
                field::USER_ID => parts.user_id = value,
                field::ANONYMOUS_ID => parts.anonymous_id = value,
                field::PREVIOUS_ID => parts.previous_id = value,
                field::GROUP_ID => parts.group_id = value,
                field::EVENT => parts.event = value,
                field::NAME => parts.name = value,
                field::TIMESTAMP => parts.timestamp = value,
                field::ORIGINAL_TIMESTAMP => parts.original_timestamp = value,
                field::SENT_AT => parts.sent_at = value,
                field::PROPERTIES => parts.properties = object(value, "/properties")?,
                field::TRAITS => parts.traits = object(value, "/traits")?,
                field::CONTEXT => {
                    parts.context = object(value, "/context")?.map(ContextParts::of).unwrap_or_default();
                    parts.carries_token |= parts.context.identity_token.is_some();
                }
                _ => {}
            }
        }
        Ok(parts)
    }
}

/// The parts of a context that decide something about its events.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ContextParts<'a> {
    pub(super) traits: Option<&'a [u8]>,
    pub(super) device: Option<&'a [u8]>,
    pub(super) external_ids: Option<&'a [u8]>,
    pub(super) selvedge: Option<&'a [u8]>,
    /// Of whatever type: it is never kept.
    pub(super) identity_token: Option<&'a [u8]>,
}

impl<'a> ContextParts<'a> {
    /// Finds the parts of a checked context. What has the wrong type is data, and decides nothing.
    pub(super) fn of(context: &'a [u8]) -> Self {
        let mut parts = Self::default();
        for (key, value) in json::members(context).filter_map(Result::ok) {
            let kind = json::kind(value);
            if kind == Some(Kind::Object) && key.is(field::TRAITS) {
                parts.traits = Some(value);
            } else if kind == Some(Kind::Object) && key.is("device") {
                parts.device = Some(value);
            } else if kind == Some(Kind::Array) && key.is("externalIds") {
                parts.external_ids = Some(value);
            } else if kind == Some(Kind::Object) && key.is("selvedge") {
                parts.selvedge = Some(value);
            } else if kind != Some(Kind::Null) && key.is(field::IDENTITY_TOKEN) {
                parts.identity_token = Some(value);
            }
        }
        parts
    }

    /// These parts, and beneath them those of the batch's context.
    pub(super) fn over(self, shared: Self) -> Self {
        Self {
            traits: self.traits.or(shared.traits),
            device: self.device.or(shared.device),
            external_ids: self.external_ids.or(shared.external_ids),
            selvedge: self.selvedge.or(shared.selvedge),
            identity_token: self.identity_token.or(shared.identity_token),
        }
    }
}

/// The member of this name in a checked object.
pub(super) fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    json::members(object).filter_map(Result::ok).filter(|(key, _)| key.is(name)).map(|(_, value)| value).last()
}

/// The text of a scalar: a string, a number or a truth value as it stands. `None` for null and `""`.
pub(super) fn text(value: &[u8]) -> Result<Option<Cow<'_, str>>, NotAText> {
    let text = match json::kind(value).ok_or(NotAText)? {
        Kind::String => json::string(value).ok_or(NotAText)?,
        Kind::Number | Kind::Bool => {
            core::str::from_utf8(value.trim_ascii()).map(Cow::Borrowed).map_err(|_| NotAText)?
        }
        Kind::Null => return Ok(None),
        Kind::Object | Kind::Array => return Err(NotAText),
    };
    Ok((!text.is_empty()).then_some(text))
}

/// The text of an identifier: as [`text`], but of a number what it is, however it is written. Languages that know no
/// whole numbers write 7 as `7.0` and ten to the fifteenth as `1.0e+15`.
pub(super) fn name(value: &[u8]) -> Result<Option<Cow<'_, str>>, NotAText> {
    let text = text(value)?;
    Ok(match json::kind(value) {
        Some(Kind::Number) => text.map(|number| decimal(&number).map_or(number.clone(), Cow::Owned)),
        _ => text,
    })
}

/// A number without an exponent and without zeros behind its fraction. None where it has neither, and for one that
/// would be longer than any identifier.
fn decimal(number: &str) -> Option<String> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() == number.len() - sign.len() {
        return None;
    }
    let exponent: i32 = exponent.parse().ok()?;
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let longest = i32::try_from(MAX_IDENTIFIER_BYTES).ok()?;
    if !(-longest..=longest).contains(&point) {
        return None;
    }
    let before = "0".repeat(usize::try_from(-point).unwrap_or_default());
    let digits = format!("{before}{whole}{fraction}");
    let point = usize::try_from(point).unwrap_or_default();
    let digits = format!("{digits:0<point$}");
    let (whole, fraction) = digits.split_at_checked(point)?;
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{dot}{fraction}"))
}

/// The value is an object or an array where a text is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAText;

/// The text of a part, refused when it can have none.
pub(super) fn text_of<'a>(part: Option<&'a [u8]>, pointer: &'static str) -> Result<Option<Cow<'a, str>>, EventRefusal> {
    let Some(value) = part else { return Ok(None) };
    text(value).map_err(|NotAText| EventRefusal::WrongType { pointer, wanted: "a string" })
}

/// The identifier that a part is, refused when it can be none.
pub(super) fn name_of<'a>(part: Option<&'a [u8]>, pointer: &'static str) -> Result<Option<Cow<'a, str>>, EventRefusal> {
    let Some(value) = part else { return Ok(None) };
    name(value).map_err(|NotAText| EventRefusal::WrongType { pointer, wanted: "a string" })
}

/// JSON pointer to what stands at `offset` of an event, as deep as brackets and quotes can be followed.
pub(super) fn pointer_to(event: &[u8], offset: usize) -> Box<str> {
    let place = event.as_ptr_range().start as usize + offset;
    let holds = |value: &[u8]| {
        let range = value.as_ptr_range();
        (range.start as usize..=range.end as usize).contains(&place)
    };
    let mut pointer = String::new();
    let mut value = event;
    for _ in 0..json::MAX_DEPTH {
        let part = match json::kind(value) {
            Some(Kind::Object) => json::members(value)
                .filter_map(Result::ok)
                .find(|(_, value)| holds(value))
                .map(|(key, value)| (key.decode().unwrap_or_default().replace('~', "~0").replace('/', "~1"), value)),
            Some(Kind::Array) => {
                let mut elements = json::elements(value).filter_map(Result::ok).enumerate();
                elements.find(|(_, value)| holds(value)).map(|(index, value)| (index.to_string(), value))
            }
            _ => None,
        };
        let Some((step, inner)) = part else { break };
        pointer.push('/');
        pointer.push_str(&step);
        value = inner;
    }
    pointer.into()
}

/// An object, or PHP's empty one.
fn object<'a>(value: Option<&'a [u8]>, pointer: &'static str) -> Result<Option<&'a [u8]>, EventRefusal> {
    match value {
        None => Ok(None),
        Some(value) => match json::kind(value) {
            Some(Kind::Object) => Ok(Some(value)),
            Some(Kind::Array) if json::elements(value).next().is_none() => Ok(Some(b"{}")),
            _ => Err(EventRefusal::WrongType { pointer, wanted: "an object" }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_slices_and_null_is_absent() {
        let parts =
            Parts::of(br#"{"userId":null,"anonymousId": "a" ,"event":"x","context":{"traits":{"a":1}}}"#).unwrap();
        assert_eq!(parts.user_id, None);
        assert_eq!(parts.anonymous_id, Some(&br#""a""#[..]));
        assert_eq!(parts.context.traits, Some(&br#"{"a":1}"#[..]));
    }

    #[test]
    fn a_name_written_with_escapes_is_the_same_name() {
        assert_eq!(Parts::of(br#"{"user\u0049d":"u"}"#).unwrap().user_id, Some(&br#""u""#[..]));
    }

    #[test]
    fn of_a_part_given_twice_the_last_one_counts() {
        assert_eq!(Parts::of(br#"{"userId":"a","userId":"b"}"#).unwrap().user_id, Some(&br#""b""#[..]));
    }

    #[test]
    fn php_writes_an_empty_object_as_an_array() {
        let parts = Parts::of(br#"{"properties":[],"traits":[ ],"context":[]}"#).unwrap();
        assert_eq!((parts.properties, parts.traits), (Some(&b"{}"[..]), Some(&b"{}"[..])));
    }

    #[test]
    fn an_object_of_the_wrong_type_is_named() {
        for (event, pointer) in [
            (r#"{"properties":[1]}"#, "/properties"),
            (r#"{"traits":"x"}"#, "/traits"),
            (r#"{"context":7}"#, "/context"),
        ] {
            assert_eq!(Parts::of(event.as_bytes()).unwrap_err().pointer(), pointer);
        }
    }

    #[test]
    fn numbers_and_truth_values_are_taken_as_they_stand() {
        assert_eq!(text(b"18446744073709551616").unwrap().as_deref(), Some("18446744073709551616"));
        assert_eq!(text(b"1.0").unwrap().as_deref(), Some("1.0"));
        assert_eq!(text(b"false").unwrap().as_deref(), Some("false"));
        assert_eq!(text(br#""""#).unwrap(), None);
        assert_eq!(text(b"[]"), Err(NotAText));
    }

    #[test]
    fn a_number_that_names_someone_is_its_decimal_text() {
        for (written, decimal) in [
            ("42", "42"),
            ("18446744073709551616", "18446744073709551616"),
            ("42.0", "42"),
            ("1.0e+15", "1000000000000000"),
            ("1E3", "1000"),
            ("1.25", "1.25"),
            ("1.250e1", "12.5"),
            ("125e-3", "0.125"),
            ("-7.50", "-7.5"),
            ("0.0", "0"),
            ("1e999999999999", "1e999999999999"),
            ("1e-300", "1e-300"),
            (r#""42.0""#, "42.0"),
        ] {
            assert_eq!(name(written.as_bytes()).unwrap().as_deref(), Some(decimal), "{written}");
        }
    }

    #[test]
    fn a_pointer_leads_to_the_fault_however_deep() {
        let event = br#"{"a":1,"properties":{"list":[0,{"x/y":NaN}]},"z":2}"#;
        let offset = event.iter().position(|byte| *byte == b'N').unwrap();
        assert_eq!(&*pointer_to(event, offset), "/properties/list/1/x~1y");
        assert_eq!(&*pointer_to(b"{}", 1), "");
    }
}
