//! Where the next page begins: opaque to clients, a place in an order to us, so that what arrives between two pages
//! moves neither.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::event::{Order, UnixMillis};
use crate::store::NameId;

/// The order of the last event of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor(pub Order);

/// The order and the ends of the last conflict of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictCursor {
    /// Of its edge.
    pub order: Order,
    /// Its anchor.
    pub x: NameId,
    /// Its other end.
    pub y: NameId,
}

/// The text was not given out as a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor: send `next` of the page before, as it came")]
pub struct NotACursor;

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{} {}", self.0.time.0, self.0.message_id)))
    }
}

impl FromStr for EventCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let text = decoded(text)?;
        let (time, message_id) = text.split_once(' ').ok_or(NotACursor)?;
        Ok(Self(order(time, message_id)?))
    }
}

impl fmt::Display for ConflictCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, x, y } = self;
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{} {} {} {}", order.time.0, x.0, y.0, order.message_id)))
    }
}

impl FromStr for ConflictCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let text = decoded(text)?;
        let mut parts = text.splitn(4, ' ');
        let mut part = || parts.next().ok_or(NotACursor);
        let (time, x, y, message_id) = (part()?, part()?, part()?, part()?);
        Ok(Self { order: order(time, message_id)?, x: NameId(number(x)?), y: NameId(number(y)?) })
    }
}

fn decoded(text: &str) -> Result<String, NotACursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
    String::from_utf8(bytes).map_err(|_| NotACursor)
}

fn order(time: &str, message_id: &str) -> Result<Order, NotACursor> {
    Ok(Order { time: UnixMillis(number(time)?), message_id: message_id.into() })
}

fn number(text: &str) -> Result<i64, NotACursor> {
    text.parse().map_err(|_| NotACursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_whatever_the_message_id_holds() {
        let order = Order { time: UnixMillis(-5), message_id: "a b\u{0}ü ".into() };
        let event = EventCursor(order.clone());
        let conflict = ConflictCursor { order, x: NameId(1), y: NameId(-2) };
        assert_eq!(event.to_string().parse(), Ok(event));
        assert_eq!(conflict.to_string().parse(), Ok(conflict));
    }

    #[test]
    fn what_was_not_given_out_is_no_cursor() {
        for text in ["", "x", "null", "MTIz", "5 m", "ÿ"] {
            assert_eq!(text.parse::<EventCursor>(), Err(NotACursor), "{text}");
            assert_eq!(text.parse::<ConflictCursor>(), Err(NotACursor), "{text}");
        }
    }
}
