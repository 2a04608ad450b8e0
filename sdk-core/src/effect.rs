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

/// Effects as they come about. One call each: a push of an enum of strings written out at every place is a tenth of the
/// Wasm.
pub(crate) trait Effects {
    fn put(&mut self, key: String, value: String);
    fn delete(&mut self, key: String);
    fn drop_event(&mut self, message_id: &str, code: &str);
}

impl Effects for Vec<Effect> {
    #[inline(never)]
    fn put(&mut self, key: String, value: String) {
        self.push(Effect::Put { key, value });
    }

    #[inline(never)]
    fn delete(&mut self, key: String) {
        self.push(Effect::Delete { key });
    }

    #[inline(never)]
    fn drop_event(&mut self, message_id: &str, code: &str) {
        self.push(Effect::Drop { message_id: String::from(message_id), code: String::from(code) });
    }
}
