//! From bytes to the ledger: opens a body ([`Envelope`]), makes each event ready or says why it is refused
//! ([`accept`]), and hands what passed to the writer. Knows neither HTTP nor SQL; never panics, whatever arrives.

mod alias;
mod claim;
pub mod commit;
mod conceal;
mod decode;
mod limits;
mod message_id;
mod normalise;
mod parts;
mod proof;
mod redact;
pub mod replay;
mod rewrite;
mod secrets;
mod time;
mod token;
mod traits;
mod verdict;
pub mod writer;

pub use conceal::Concealment;
pub use decode::{Envelope, Shape};
pub use limits::Limits;
pub use time::parse as parse_time;
pub use token::NotProven;
pub use verdict::{EventRefusal, RequestRefusal, Warning};

use std::collections::HashMap;

use selvedge_core::identifier::Identifier;
use selvedge_core::wire::field;

use crate::event::{AcceptedEvent, BatchFrame, Strength, UnixMillis, Verdict, Via};
use crate::identity::Rules;
use crate::identity::normal::Digest;
use crate::identity_key::IdentityKeys;
use crate::key::{Right, StoredKey};

/// By what the events of one request are judged.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// The key that they came with.
    pub key: &'a StoredKey,
    /// What names whom.
    pub rules: &'a Rules,
    /// What proves a login.
    pub identity_keys: &'a IdentityKeys,
    /// How clear values are concealed, of a ledger that keeps none.
    pub concealment: Option<&'a Concealment>,
    /// How much is too much.
    pub limits: &'a Limits,
    /// When the request was complete.
    pub received_at: UnixMillis,
}

impl Desk<'_> {
    /// How far the key is believed.
    fn strength(&self) -> Strength {
        match self.key.right {
            Right::Public => Strength::Observed,
            Right::Secret | Right::Admin => Strength::Asserted,
        }
    }

    /// The earliest time that an event may have.
    fn earliest(&self) -> UnixMillis {
        match self.key.right {
            Right::Public => {
                let back_ms = i64::from(self.limits.public_back_date_days).saturating_mul(DAY_MS);
                UnixMillis(self.received_at.0.saturating_sub(back_ms))
            }
            Right::Secret | Right::Admin => UnixMillis(i64::MIN),
        }
    }
}

/// Of names whose clear values the ledger does not keep: by which digests each may be said, as the ledger has them.
pub type SaidBy = HashMap<Identifier, Vec<Digest>>;

/// What a request came to, before the commit.
#[derive(Debug)]
pub struct Accepted {
    /// What its events share.
    pub frame: BatchFrame,
    /// Events that are ready for the ledger.
    pub events: Vec<AcceptedEvent>,
    /// By what else the names of those may be said, where the ledger cannot compute it.
    pub said_by: SaidBy,
    /// Events refused for good.
    pub rejected: Vec<Verdict>,
    /// Events that are stored with a warning.
    pub warnings: Vec<Verdict>,
}

/// Judges the events of a request one by one: a bad one costs itself only.
pub fn accept(envelope: &Envelope, desk: &Desk<'_>) -> Accepted {
    let context = parts::ContextParts::of(&envelope.context);
    let tokenless = match context.identity_token {
        Some(_) => secrets::context_without_token(&envelope.context),
        None => envelope.context.clone(),
    };
    let mut tokens = proof::Tokens::default();
    let concealed = desk.concealment.map(|concealment| {
        let proven = tokens.verified(&context, desk);
        concealment.of_json(&tokenless, field::CONTEXT, conceal::Around { beside: None, proven: &proven })
    });
    let (other_context, names) = concealed.map(|concealed| (concealed.message, concealed.names)).unwrap_or_default();
    let stored_context = other_context.map_or(tokenless, Into::into);
    let mut shared = normalise::Shared {
        default_type: envelope.default_type,
        sent_at: envelope.sent_at,
        context,
        stored_context: parts::ContextParts::of(&stored_context),
        stored_context_text: &stored_context,
        beside: desk.concealment.and_then(|concealment| concealment.of_names(&names, true)),
        tokens,
        said_by: SaidBy::new(),
    };
    let mut events = Vec::with_capacity(envelope.events.len());
    let (mut rejected, mut warnings) = (Vec::new(), Vec::new());
    for (index, raw) in (0..).zip(&envelope.events) {
        match normalise::event(raw, index, &mut shared, desk, &mut warnings) {
            Ok(event) => events.push(event),
            Err(refusal) => rejected.push(Verdict {
                index,
                message_id: normalise::message_id_of(raw),
                code: refusal.code(),
                pointer: refusal.pointer().into(),
                reason: refusal.to_string().into(),
            }),
        }
    }
    let via = via(&events, &shared, desk);
    let said_by = shared.said_by;
    let frame = BatchFrame {
        workspace: desk.key.workspace,
        source: desk.key.id,
        received_at: desk.received_at,
        sent_at: envelope.sent_at,
        context: stored_context,
        via,
    };
    Accepted { frame, events, said_by, rejected, warnings }
}

/// The messageId that an event of a request states, where what is stored of it may be another.
pub fn stated_id(envelope: &Envelope, index: u32) -> Option<Box<str>> {
    let raw = usize::try_from(index).ok().and_then(|index| envelope.events.get(index))?;
    normalise::message_id_of(raw)
}

/// The way in of a request. Servers send either their own events, rows of a file or what another collector has: the
/// first event speaks for all.
fn via(events: &[AcceptedEvent], shared: &normalise::Shared<'_>, desk: &Desk<'_>) -> Via {
    let Some(first) = events.first().filter(|_| desk.strength() > Strength::Observed) else { return Via::Key };
    let is_forwarded = || {
        let context = parts::Parts::of(&first.raw).map(|parts| parts.context).unwrap_or_default();
        context.over(shared.context).selvedge.is_some()
    };
    if first.order.message_id.starts_with(message_id::IMPORT_PREFIX) {
        Via::Import
    } else if first.order.message_id.starts_with(message_id::PROFILE_PREFIX) || is_forwarded() {
        Via::Forward
    } else {
        Via::Key
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

#[cfg(test)]
pub(crate) use token::tests::Signer;

#[cfg(test)]
mod hostile;
