//! What all others speak of: an event as it was accepted, what it claims, and the verdict on it.
//! Imports none of them.

use std::sync::Arc;

use bytes::Bytes;
use selvedge_core::identifier::Identifier;
use selvedge_core::json;

/// Milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// RFC 3339 in UTC with milliseconds, which sorts as text. A time that no calendar has is the nearest that one has.
    pub fn rfc3339(self) -> String {
        let nearest = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        format!("{:.3}", jiff::Timestamp::from_millisecond(self.0).unwrap_or(nearest))
    }
}

/// One site's ledger; everything in the store is prefixed by it. 1 is `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workspace(pub i64);

/// The write key that an event came with: the row of the key, never the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(pub i64);

/// How far an identifier of a claim is trusted (identity.md, section 3). The order is the rank of traits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Said with a public key.
    Observed,
    /// Said with a valid identity token.
    Proven,
    /// Said with a secret key, or by an import.
    Asserted,
}

impl Strength {
    /// Proven and asserted are trusted.
    pub fn is_trusted(self) -> bool {
        self > Strength::Observed
    }

    /// Its word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Proven => "proven",
            Self::Asserted => "asserted",
        }
    }
}

/// How far what a public key says is believed (identity.md, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Trust {
    /// What it observes counts.
    Open,
    /// Held names are taken out.
    #[default]
    Guarded,
    /// Accounts and contacts are taken out.
    Strict,
}

impl Trust {
    /// From the most trusting to the least.
    pub const ALL: [Self; 3] = [Self::Open, Self::Guarded, Self::Strict];

    /// Its name on the command line and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Guarded => "guarded",
            Self::Strict => "strict",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trust| trust.as_str() == name)
    }
}

/// What is taken out of an observed claim, by its source's trust and its time (identity.md, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// Nothing.
    Nothing,
    /// Nothing yet: its source is guarded, and the event from before `guard_from`.
    NothingYet,
    /// Names that are held.
    Held,
    /// Accounts and contacts.
    Everyone,
}

impl Guard {
    /// That of an event of this time from a source of this trust.
    pub fn of(trust: Trust, time: UnixMillis, guard_from: Option<UnixMillis>) -> Self {
        match trust {
            Trust::Open => Self::Nothing,
            Trust::Guarded if guard_from.is_some_and(|from| time >= from) => Self::Held,
            Trust::Guarded => Self::NothingYet,
            Trust::Strict => Self::Everyone,
        }
    }

    /// That of the source.
    pub fn trust(self) -> Trust {
        match self {
            Self::Nothing => Trust::Open,
            Self::NothingYet | Self::Held => Trust::Guarded,
            Self::Everyone => Trust::Strict,
        }
    }

    /// Whether a device that was marked with trust passes over what it observes.
    pub fn is_on(self) -> bool {
        self >= Self::Held
    }
}

/// "Order" everywhere: the time, then the messageId in bytes. Never the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// Corrected for clock skew, never after the receipt.
    pub time: UnixMillis,
    /// Compared in bytes.
    pub message_id: Arc<str>,
}

/// An identifier as one event names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claimed {
    /// In its normal form.
    pub identifier: Identifier,
    /// How far this claim is trusted about it.
    pub strength: Strength,
}

/// The tracking call that an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the field's own words")]
pub enum EventType {
    Track,
    Identify,
    Page,
    Screen,
    Group,
    Alias,
}

impl EventType {
    /// In the order of the tracking API.
    pub const ALL: [Self; 6] = [Self::Track, Self::Identify, Self::Page, Self::Screen, Self::Group, Self::Alias];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Identify => "identify",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }

    /// The call of that name, exactly as written.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event_type| event_type.as_str() == name)
    }
}

/// Which way an event came in: `via` of the reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// The tracking API, with a key.
    Key,
    /// A file or CRM row.
    Import,
    /// Another collector.
    Forward,
}

/// What every event of a request shares.
#[derive(Debug, Clone)]
pub struct BatchFrame {
    /// Where its ledger is.
    pub workspace: Workspace,
    /// The key that it came with.
    pub source: Source,
    /// When the request was complete.
    pub received_at: UnixMillis,
    /// The moment of this attempt, as the client said.
    pub sent_at: Option<UnixMillis>,
    /// Shared `context`, JSON object text as it came; empty when absent.
    pub context: Bytes,
    /// The way in.
    pub via: Via,
}

/// An event that passed every check, ready for the ledger.
#[derive(Debug, Clone)]
pub struct AcceptedEvent {
    /// Place in the request, for verdicts.
    pub index: u32,
    /// Its order: corrected time and messageId.
    pub order: Order,
    /// The tracking call.
    pub event_type: EventType,
    /// Event, page or screen name, where there is one.
    pub name: Option<Box<str>>,
    /// Its identifiers, in (class, kind priority, value) order, each once; empty: `unattributed`.
    pub claim: Vec<Claimed>,
    /// How far its source is believed about what it observes.
    pub trust: Trust,
    /// Of an asserted alias: the older account, another name of the one in its claim.
    pub older_account: Option<Identifier>,
    /// Whether it named somebody who was erased since: only of an event that a ledger recorded.
    pub lost_names: bool,
    /// Traits that it sets (identify only), name and JSON text.
    pub traits: Vec<(Box<str>, Box<str>)>,
    /// A snapshot of a profile (`profile:{id}:{version}`) or a row of an import: takes the place of that subject's
    /// earlier versions, and is no event of its own.
    pub snapshot: Option<Snapshot>,
    /// The message as it is stored: as it came, a slice of the request's body, but for what no ledger keeps.
    pub raw: Bytes,
}

/// Which subject an event restates, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// `profile:{id}` or `import:{source}:{row key}`.
    pub subject: Box<str>,
    /// The newest wins, whatever arrives last.
    pub version: u64,
}

/// A refusal of, or a warning about, one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Place in the request.
    pub index: u32,
    /// The event's messageId, where it had one.
    pub message_id: Option<Box<str>>,
    /// Stable code of `selvedge_core::wire::code`.
    pub code: &'static str,
    /// JSON pointer to the part that is meant; empty for the event as a whole.
    pub pointer: Box<str>,
    /// A sentence that says what to change.
    pub reason: Box<str>,
}
/// Whether a member of an event's own context stands in place of its batch's: one that says nothing, or nothing that could
/// be understood, does not.
pub fn stands_over_batch(key: json::RawKey<'_>, value: &[u8]) -> bool {
    let wanted = match key {
        key if ["traits", "device", "selvedge"].iter().any(|name| key.is(name)) => json::Kind::Object,
        key if key.is("externalIds") => json::Kind::Array,
        _ => return true,
    };
    json::kind(value) == Some(wanted)
}
