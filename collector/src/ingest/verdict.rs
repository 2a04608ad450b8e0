//! Why an event, or a whole request, is refused, and what an event is stored in spite of: the sentences that a sender
//! reads. What only the ledger knows is never said here.

use selvedge_core::json::{Fault, FaultKind};
use selvedge_core::wire::code;

use super::token::NotProven;
use crate::event::Verdict;

/// Why a whole request is refused before any of its events is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// The body is no JSON, or no object where one is needed.
    #[error("the body is not JSON: it goes wrong after {offset_bytes} bytes; send one JSON object")]
    BadJson {
        /// Bytes before the fault.
        offset_bytes: usize,
    },
    /// The batch's own `context` cannot be merged under the events.
    #[error("the batch's `context` is not a JSON object within the limits of an event; mend it or leave it out")]
    BadContext,
    /// There is no array `batch`.
    #[error("the body has no array `batch`; send {{\"batch\": [ … ]}}")]
    NoBatch,
    /// More events than one request may carry.
    #[error("the batch holds more than {limit} events; send it in halves")]
    BatchTooLarge {
        /// Events of one request.
        limit: usize,
    },
}

impl RequestRefusal {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadJson { .. } | Self::BadContext => code::BAD_JSON,
            Self::NoBatch => code::NO_BATCH,
            Self::BatchTooLarge { .. } => code::BATCH_TOO_LARGE,
        }
    }
}

impl From<Fault> for RequestRefusal {
    fn from(fault: Fault) -> Self {
        Self::BadJson { offset_bytes: fault.offset }
    }
}

/// Why one event is refused. It costs itself only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventRefusal {
    /// An element of the batch is no object.
    #[error("an event is a JSON object; this is none")]
    NotAnObject,
    /// Something in it is not JSON (`NaN`, `Infinity`, a broken text).
    #[error("this is not a JSON value; NaN and Infinity have none, send null")]
    NotJson {
        /// JSON pointer to it.
        pointer: Box<str>,
    },
    /// A part has a type that it cannot have.
    #[error("this has the wrong type; send {wanted}")]
    WrongType {
        /// JSON pointer to it.
        pointer: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// Neither the path nor the event names a call of the tracking API.
    #[error("`type` must be track, identify, page, screen, group or alias")]
    UnknownType,
    /// A track call without a name.
    #[error("a track call needs a name: set `event`")]
    MissingEventName,
    /// More bytes than an event may have.
    #[error("the event has {size_bytes} bytes, {limit_bytes} are allowed; send less, or a reference")]
    EventTooLarge {
        /// What it has.
        size_bytes: usize,
        /// What it may have.
        limit_bytes: usize,
    },
    /// Nested deeper than allowed.
    #[error("the event nests deeper than {limit} levels; flatten it")]
    TooDeep {
        /// Levels allowed.
        limit: usize,
        /// JSON pointer to where it becomes too deep.
        pointer: Box<str>,
    },
    /// More keys than allowed.
    #[error("the event has more than {limit} keys; send fewer, or an array")]
    TooManyKeys {
        /// Keys allowed.
        limit: usize,
    },
    /// The name has more bytes than allowed.
    #[error("the name has more than {limit_bytes} bytes; put what varies into properties")]
    NameTooLong {
        /// JSON pointer to it.
        pointer: &'static str,
        /// What it may have.
        limit_bytes: usize,
    },
    /// The messageId has more bytes than allowed.
    #[error("the messageId has more than {limit_bytes} bytes; a UUID has 36")]
    MessageIdTooLong {
        /// What it may have.
        limit_bytes: usize,
    },
    /// A public key used a messageId that only servers may use.
    #[error("messageIds that begin with profile: or import: need a secret key")]
    ReservedMessageId,
    /// It names somebody who was erased, and is from before that.
    #[error("it names somebody who was erased, and is from before that, or they are suppressed; forget the event")]
    Erased,
    /// More identifiers than one event can mean.
    #[error("the event names more than {limit} people and devices; send one event for each")]
    TooManyIdentifiers {
        /// Identifiers of one event.
        limit: usize,
    },
}

impl EventRefusal {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject => code::NOT_AN_OBJECT,
            Self::NotJson { .. } | Self::WrongType { .. } => code::BAD_VALUE,
            Self::UnknownType => code::UNKNOWN_TYPE,
            Self::MissingEventName => code::MISSING_EVENT_NAME,
            Self::EventTooLarge { .. } => code::EVENT_TOO_LARGE,
            Self::TooDeep { .. } => code::TOO_DEEP,
            Self::TooManyKeys { .. } => code::TOO_MANY_KEYS,
            Self::NameTooLong { .. } => code::NAME_TOO_LONG,
            Self::MessageIdTooLong { .. } => code::MESSAGE_ID_TOO_LONG,
            Self::ReservedMessageId => code::RESERVED_MESSAGE_ID,
            Self::Erased => code::ERASED,
            Self::TooManyIdentifiers { .. } => code::TOO_MANY_IDENTIFIERS,
        }
    }

    /// JSON pointer to the part that is meant; empty for the event as a whole.
    pub fn pointer(&self) -> &str {
        match self {
            Self::NotJson { pointer } | Self::TooDeep { pointer, .. } => pointer,
            Self::WrongType { pointer, .. } | Self::NameTooLong { pointer, .. } => pointer,
            Self::UnknownType => "/type",
            Self::MissingEventName => "/event",
            Self::MessageIdTooLong { .. } | Self::ReservedMessageId => "/messageId",
            Self::TooManyIdentifiers { .. } => "/context/externalIds",
            Self::NotAnObject | Self::EventTooLarge { .. } | Self::TooManyKeys { .. } | Self::Erased => "",
        }
    }

    /// The refusal that a fault of the scanner means, found at `pointer`.
    pub(super) fn from_fault(fault: FaultKind, pointer: Box<str>, limits: &super::Limits) -> Self {
        match fault {
            FaultKind::TooDeep => Self::TooDeep { limit: limits.json_depth, pointer },
            FaultKind::TooManyKeys => Self::TooManyKeys { limit: limits.json_keys },
            FaultKind::Syntax | FaultKind::Unfinished | FaultKind::NotANumber | FaultKind::NotUtf8 => {
                Self::NotJson { pointer }
            }
        }
    }
}

/// What an event is stored in spite of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// It names nobody.
    #[error("the event names nobody: it is stored, and belongs to no profile; send anonymousId or userId")]
    NoIdentifier,
    /// A value that names nobody stands where a name should be.
    #[error("this value cannot name anybody; it is kept as data")]
    BlockedIdentifier,
    /// Two accounts of one kind in one event.
    #[error("the event names a second account of this kind; only the first counts")]
    SecondAccount,
    /// A national telephone number, and no region to read it in.
    #[error("a telephone number needs its country code, as +49 …")]
    AmbiguousPhone,
    /// The time is not believed as it was sent.
    #[error("the time was not believed as sent: it is unreadable, after the receipt, or too long ago")]
    ClockClamped,
    /// A public key cannot say that two accounts are one.
    #[error("an alias from a public key joins no accounts; send it from a server")]
    UntrustedAlias,
    /// An identity token that is not valid.
    #[error("the identity token proves nothing: {0}")]
    TokenInvalid(NotProven),
    /// A valid identity token of somebody whom the event does not name.
    #[error("the identity token proves nothing of this event: its `sub` is not the event's userId, or there is none")]
    TokenMismatch,
}

impl Warning {
    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoIdentifier => code::NO_IDENTIFIER,
            Self::BlockedIdentifier => code::BLOCKED_IDENTIFIER,
            Self::SecondAccount => code::SECOND_ACCOUNT,
            Self::AmbiguousPhone => code::AMBIGUOUS_PHONE,
            Self::ClockClamped => code::CLOCK_CLAMPED,
            Self::UntrustedAlias => code::UNTRUSTED_ALIAS,
            Self::TokenInvalid(_) => code::TOKEN_INVALID,
            Self::TokenMismatch => code::TOKEN_MISMATCH,
        }
    }
}

/// The warnings of one event, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<(Warning, &'static str)>);

impl Warnings {
    /// Adds a warning about the part that `pointer` names, once: a list of a hundred blocked values is one warning.
    pub(super) fn add(&mut self, warning: Warning, pointer: &'static str) {
        if !self.0.contains(&(warning, pointer)) {
            self.0.push((warning, pointer));
        }
    }

    /// As verdicts on the event at `index`.
    pub(super) fn into_verdicts(self, index: u32, message_id: &str) -> impl Iterator<Item = Verdict> {
        self.0.into_iter().map(move |(warning, pointer)| Verdict {
            index,
            message_id: Some(message_id.into()),
            code: warning.code(),
            pointer: pointer.into(),
            reason: warning.to_string().into(),
        })
    }
}
