//! What a host tells the core.

/// One thing that happened at the host. Every variant is handled at a [`crate::Moment`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// Something a person did. `call.name` is the event's name.
    Track(Call),
    /// Who the person is. `call.name` is the userId (may be empty: only traits), `call.properties` the traits.
    Identify(Call),
    /// A page was seen.
    Page(Call),
    /// A screen of an app was seen.
    Screen(Call),
    /// The person belongs to a group. `call.name` is the groupId, `call.properties` its traits.
    Group(Call),
    /// Two names of one person. `call.name` is the userId, `previous_id` the older name (JSON string text).
    Alias {
        /// The call; its name is the userId.
        call: Call,
        /// The older name, JSON string text.
        previous_id: String,
    },
    /// Log-out: forget the user, take a new anonymous id.
    Reset,
    /// Send what waits now.
    Flush,
    /// The page hides or the app goes to the background: hand over one upload with all that waits.
    Suspend,
    /// The time that [`crate::Effect::WakeAfter`] asked for has passed, or the network is back.
    Wake,
    /// An upload came to an end.
    UploadFinished {
        /// The id of its [`crate::Effect::Upload`].
        id: u64,
        /// HTTP status; 0 when there was none (network, timeout).
        status: u16,
        /// `Retry-After` in seconds, already read from either of its forms.
        retry_after_s: Option<u32>,
        /// The answer's body, if it was JSON of the collector's shape.
        answer: Option<Answer>,
    },
    /// The host may not send that much now (a closing page): the core halves.
    UploadTooLarge {
        /// The id of its [`crate::Effect::Upload`].
        id: u64,
    },
    /// Another tab or process changed the shared identity entry.
    IdentityChanged {
        /// The entry's new value.
        entry: String,
    },
    /// Entries that another tab or process, or the page's loader, left behind: take them in.
    Adopt {
        /// Key and value of each.
        entries: Vec<Entry>,
    },
}

/// A call of the tracking API.
///
/// All texts are JSON texts (checked by the core, never rebuilt), empty when absent: so the separators of the
/// stored format, which are control characters, cannot occur in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// A JSON string: the event's name, the page's name, the userId or the groupId.
    pub name: String,
    /// A JSON object: properties or traits.
    pub properties: String,
    /// A JSON object: what this call's context has beyond the constant one.
    pub context: String,
    /// When the call was made, if earlier than the moment it is handled at (ms since 1970).
    pub made_unix_ms: Option<i64>,
}

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// The collector's answer to a batch, as the host parsed it (protocol.md, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The batch id echoed. Without the echo a 2xx promises nothing: a captive portal says 200 too.
    pub receipt: String,
    /// Events refused for good.
    pub rejected: Vec<Refusal>,
    /// Events stored with a warning.
    pub warnings: Vec<Refusal>,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The event's messageId.
    pub message_id: String,
    /// The stable code, see [`crate::wire::code`].
    pub code: String,
}
