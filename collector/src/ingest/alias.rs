//! What an event says beside its claim: which older account an asserted alias names, and how far its source is believed.

use selvedge_core::identifier::{Identifier, Kind};

use super::Desk;
use super::parts::{Parts, member, name_of};
use crate::event::{Claimed, EventType, Strength, Trust};
use crate::identity::normal;

/// The older account of an alias that is asserted (identity.md, section 4).
pub(super) fn older_account(
    parts: &Parts<'_>,
    event_type: EventType,
    claim: &[Claimed],
    desk: &Desk<'_>,
) -> Option<Identifier> {
    let account = claim.iter().find(|claimed| claimed.identifier.kind == Kind::USER_ID)?;
    if event_type != EventType::Alias || account.strength != Strength::Asserted {
        return None;
    }
    let previous_id = name_of(parts.previous_id, "/previousId").ok().flatten()?;
    let older = normal::identifier(Kind::USER_ID, &previous_id, desk.rules).ok()?;
    (older != account.identifier).then_some(older)
}

/// How far the source of an event is believed: its key or, of an event that another collector sends on, what that one
/// says of the key.
pub(super) fn trust(parts: &Parts<'_>, desk: &Desk<'_>) -> Trust {
    if desk.strength() == Strength::Observed {
        return desk.key.trust;
    }
    let says = |name| {
        let said = parts.context.selvedge.and_then(|selvedge| member(selvedge, name));
        said.is_some_and(|value| value.trim_ascii() == b"true")
    };
    match (says("guarded"), says("strict")) {
        (false, _) => Trust::Open,
        (true, false) => Trust::Guarded,
        (true, true) => Trust::Strict,
    }
}
