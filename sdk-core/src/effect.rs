//! What the core asks of its host. Hosts run effects in order.

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Store an entry. Written before any later [`Effect::Upload`] of the same list.
    Put {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Remove an entry.
    Delete {
        /// Its key.
        key: String,
    },
    /// POST a body, answered by [`crate::Input::UploadFinished`] or [`crate::Input::UploadTooLarge`].
    Upload {
        /// Names this upload in the answer.
        id: u64,
        /// Where to.
        url: String,
        /// Header names and values.
        headers: Vec<(String, String)>,
        /// JSON text; the host compresses it.
        body: String,
        /// The page closes: compress synchronously, send in a way that outlives it.
        closing: bool,
    },
    /// Say [`crate::Input::Wake`] after this time; takes the place of an earlier wish.
    WakeAfter {
        /// In ms, from this moment.
        delay_ms: u64,
    },
    /// The collector judged an event: refused, or stored with a warning.
    Verdict {
        /// The event's messageId.
        message_id: String,
        /// See [`crate::wire::code`].
        code: String,
    },
    /// An event was dropped here, never to be sent.
    Drop {
        /// The event's messageId.
        message_id: String,
        /// See [`crate::wire::code`].
        code: String,
    },
}
