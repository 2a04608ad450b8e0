//! What crosses the border by value, and how settings are read. Keeps nothing.

use std::collections::BTreeMap;

use selvedge_core::{Config, json, wire};
use serde_json::value::RawValue;
use ureq::http::Uri;

use crate::error::TrackerError;

/// Settings of a tracker. The first three have no default.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Options {
    /// Public write key, `pk_…`.
    pub write_key: String,
    /// The collector: scheme and authority, `https://collect.example`, with or without a trailing slash.
    pub host: String,
    /// Where the tracker keeps its files: a directory of the app's own, for nothing else. Made if it is not there.
    pub directory: String,
    /// What is known of device and app, as the text of a JSON object; sent once per batch.
    #[uniffi(default = None)]
    pub context: Option<String>,
    /// The longest that an event waits for company, in ms. Half a minute if absent: each upload keeps a phone's radio
    /// awake for seconds after it, and going to the background sends what waits anyway.
    #[uniffi(default = 30000)]
    pub flush_interval_ms: u64,
    /// Events that make a batch full, at most 2,500.
    #[uniffi(default = 100)]
    pub flush_at_events: u32,
    /// Bytes of event text that may wait, 20 MiB if absent. The oldest give way, and are reported as dropped.
    #[uniffi(default = 20971520)]
    pub queue_limit_bytes: u64,
}

/// Who is speaking.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct Ids {
    /// Names this installation until the next [`crate::Tracker::reset`].
    pub anonymous_id: String,
    /// Absent while nobody is logged in.
    pub user_id: Option<String>,
    /// Names this visit.
    pub session_id: String,
}

/// What became of one event: refused, or stored with a warning; or dropped before it was sent.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Notice {
    /// Empty when the event never came far enough to get one.
    pub message_id: String,
    /// A stable code of the documents' error catalogue.
    pub code: String,
}

/// How much waits and how much was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, uniffi::Record)]
pub struct Stats {
    /// Events that no collector has answered for, those on their way included.
    pub queued: u64,
    /// Events dropped since the app was installed; each was reported to the listener of its time.
    pub dropped: u64,
    /// Entries that storage would not take: they are safe only while the app runs. 0 as a rule.
    pub unstored: u64,
}

impl Options {
    /// The core's settings.
    ///
    /// # Errors
    /// `EmptyWriteKey`, `BadHost`, `BadContext`.
    pub(crate) fn parse(&self) -> Result<Config, TrackerError> {
        if self.write_key.trim().is_empty() {
            return Err(TrackerError::EmptyWriteKey);
        }
        Ok(Config {
            write_key: self.write_key.trim().to_owned(),
            host: parse_host(&self.host).ok_or_else(|| TrackerError::BadHost { host: self.host.clone() })?,
            context: parse_context(self.context.as_deref()).ok_or(TrackerError::BadContext)?,
            flush_interval_ms: self.flush_interval_ms,
            flush_at_events: usize::try_from(self.flush_at_events).unwrap_or(usize::MAX),
            flush_at_bytes: FLUSH_AT_BYTES,
            queue_limit_bytes: usize::try_from(self.queue_limit_bytes).unwrap_or(usize::MAX),
        })
    }
}

/// Without what [`wire::BATCH_PATH`] cannot follow. A path may stand in it: proxies put collectors under one.
fn parse_host(host: &str) -> Option<String> {
    let host = host.trim().trim_end_matches('/');
    let uri: Uri = host.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_name = uri.host().is_some_and(|name| !name.is_empty());
    let is_bare = !host.contains(['?', '#', '@']);
    (is_http && has_name && is_bare).then(|| host.to_owned())
}

/// The app's context with our name in it, unless a wrapper has put its own there. Values stay as they were written.
fn parse_context(context: Option<&str>) -> Option<String> {
    let context = context.filter(|text| !text.trim().is_empty()).unwrap_or("{}");
    let fits = context.len() <= wire::MAX_EVENT_BYTES && json::check_text(context, &json::Limits::EVENT).is_ok();
    let mut members: BTreeMap<String, Box<RawValue>> = fits.then(|| serde_json::from_str(context).ok())??;
    let library = format!(r#"{{"name":"selvedge-mobile","version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
    members.entry(String::from("library")).or_insert(RawValue::from_string(library).ok()?);
    serde_json::to_string(&members).ok()
}

/// protocol.md, section 3: a batch on mobile.
const FLUSH_AT_BYTES: usize = 450 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_scheme_and_authority_perhaps_with_a_path() {
        for (given, read) in [
            ("https://collect.example", "https://collect.example"),
            (" https://collect.example/ ", "https://collect.example"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("https://site.example/events/", "https://site.example/events"),
        ] {
            assert_eq!(parse_host(given).as_deref(), Some(read));
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for given in ["", "collect.example", "ftp://x", "https://", "https://x?a=1", "https://u:p@x", "https://a b"] {
            assert_eq!(parse_host(given), None, "{given:?}");
        }
    }

    #[test]
    fn a_context_keeps_its_values_as_they_were_written_and_gets_our_name() {
        let context = parse_context(Some(r#"{"n":1.0,"big":18446744073709551616}"#)).unwrap();
        assert!(context.contains(r#""n":1.0"#) && context.contains("18446744073709551616"), "{context}");
        assert!(context.contains("selvedge-mobile"));
        assert!(parse_context(None).unwrap().contains("selvedge-mobile"));
    }

    #[test]
    fn a_wrapper_may_give_its_own_name() {
        let context = parse_context(Some(r#"{"library":{"name":"selvedge-kotlin"}}"#)).unwrap();
        assert_eq!(context, r#"{"library":{"name":"selvedge-kotlin"}}"#);
    }

    #[test]
    fn a_context_that_is_no_object_is_refused() {
        for context in ["[]", "1", "{", "{\"a\":NaN}", "null"] {
            assert_eq!(parse_context(Some(context)), None, "{context}");
        }
    }
}
