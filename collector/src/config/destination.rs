//! Where events and profiles go, as the settings describe it. How each is spoken to is `forward::destinations`' work.

use std::fmt;

use ureq::http::Uri;

use super::file::{DestinationTable, DestinationType, SendItem};

/// A destination whose settings have been checked.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Keeps its place in the ledger.
    pub name: Box<str>,
    /// Who listens there.
    pub target: Target,
    /// What it takes.
    pub sends: Sends,
}

/// Who listens at a destination.
#[derive(Debug, Clone)]
pub enum Target {
    /// A Segment-compatible `/v1/batch`.
    Segment {
        /// The batch endpoint.
        url: Uri,
        /// Its write key.
        key: Secret,
    },
    /// Signed JSON per profile change.
    Webhook {
        /// Where it is posted.
        url: Uri,
        /// What it is signed with.
        secret: Secret,
        /// Whether private addresses and plain http are fine.
        allow_private: bool,
    },
}

/// What a destination takes: at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sends {
    /// Every event.
    pub events: bool,
    /// Every change of a profile.
    pub profiles: bool,
}

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// For the header or the signature that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

impl Destination {
    /// `--upstream URL --upstream-key KEY`: a segment destination named `upstream` that takes events.
    pub(super) fn upstream(url: &str, key: &str) -> Result<Self, DestinationError> {
        Self::settle(DestinationTable {
            name: "upstream".to_owned(),
            destination_type: DestinationType::Segment,
            url: url.to_owned(),
            key: Some(key.to_owned()),
            secret: None,
            send: Some(vec![SendItem::Events]),
            allow_private: false,
        })
    }

    /// Checks one `[[destination]]`.
    pub(super) fn settle(table: DestinationTable) -> Result<Self, DestinationError> {
        let name: Box<str> = table.name.as_str().into();
        if name.is_empty() {
            return Err(DestinationError::NoName { url: table.url.into() });
        }
        let sends = sends(&table, &name)?;
        let url = url(&table.url).ok_or_else(|| DestinationError::Url { name: name.clone(), url: table.url.into() })?;
        let target = match table.destination_type {
            DestinationType::Segment => {
                let key = table.key.filter(|key| !key.trim().is_empty());
                let key = key.ok_or_else(|| DestinationError::NoKey { name: name.clone() })?;
                Target::Segment { url: batch_endpoint(url), key: Secret::from(key.trim()) }
            }
            DestinationType::Webhook => {
                let secret = table.secret.filter(|secret| secret.len() >= MIN_SECRET_BYTES);
                let secret = secret.ok_or_else(|| DestinationError::NoSecret { name: name.clone() })?;
                if !table.allow_private && url.scheme_str() != Some("https") {
                    return Err(DestinationError::NotHttps { name });
                }
                Target::Webhook { url, secret: Secret::from(&*secret), allow_private: table.allow_private }
            }
        };
        Ok(Self { name, target, sends })
    }
}

/// A destination whose settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum DestinationError {
    #[error("the destination with url = \"{url}\" needs a name: it keeps its place in the ledger")]
    NoName { url: Box<str> },
    #[error("destination \"{name}\": url = \"{url}\" is no address: write https://HOST or http://HOST:PORT")]
    Url { name: Box<str>, url: Box<str> },
    #[error("destination \"{name}\" needs key = \"…\", the write key that its batches are sent with")]
    NoKey { name: Box<str> },
    #[error("destination \"{name}\" needs secret = \"…\" of at least {MIN_SECRET_BYTES} bytes to sign with")]
    NoSecret { name: Box<str> },
    #[error("destination \"{name}\": a webhook goes over https; for an intranet, set allow_private = true")]
    NotHttps { name: Box<str> },
    #[error("destination \"{name}\": send = [] sends nothing: write [\"events\"], [\"profiles\"] or both")]
    SendsNothing { name: Box<str> },
    #[error("destination \"{name}\": a webhook takes profiles only; events need a segment destination")]
    WebhookOfEvents { name: Box<str> },
}

fn sends(table: &DestinationTable, name: &str) -> Result<Sends, DestinationError> {
    let is_webhook = table.destination_type == DestinationType::Webhook;
    let sends = match &table.send {
        None => Sends { events: !is_webhook, profiles: is_webhook },
        Some(items) => {
            Sends { events: items.contains(&SendItem::Events), profiles: items.contains(&SendItem::Profiles) }
        }
    };
    match sends {
        Sends { events: false, profiles: false } => Err(DestinationError::SendsNothing { name: name.into() }),
        Sends { events: true, .. } if is_webhook => Err(DestinationError::WebhookOfEvents { name: name.into() }),
        Sends { .. } => Ok(sends),
    }
}

fn url(text: &str) -> Option<Uri> {
    let url: Uri = text.trim().parse().ok()?;
    let speaks_http = matches!(url.scheme_str(), Some("http" | "https"));
    (speaks_http && url.host().is_some_and(|host| !host.is_empty())).then_some(url)
}

/// An upstream may be named by its host, or by its batch endpoint as other vendors' settings do.
fn batch_endpoint(url: Uri) -> Uri {
    let path = url.path().trim_end_matches('/');
    if path.ends_with("/v1/batch") {
        return url;
    }
    let whole = format!(
        "{}://{}{path}/v1/batch",
        url.scheme_str().unwrap_or("https"),
        url.authority().map_or("", |authority| authority.as_str())
    );
    whole.parse().unwrap_or(url)
}

/// Shorter ones can be guessed from one signed request.
const MIN_SECRET_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_may_be_a_host_or_its_batch_endpoint() {
        for (given, endpoint) in [
            ("http://127.0.0.1:9", "http://127.0.0.1:9/v1/batch"),
            ("https://edge.example/", "https://edge.example/v1/batch"),
            ("https://edge.example/in", "https://edge.example/in/v1/batch"),
            ("https://edge.example/v1/batch", "https://edge.example/v1/batch"),
        ] {
            assert_eq!(batch_endpoint(url(given).unwrap()).to_string(), endpoint);
        }
    }

    #[test]
    fn a_webhook_over_plain_http_needs_the_word() {
        let mut table = webhook("http://127.0.0.1:9/hook");
        assert!(matches!(Destination::settle(table.clone()), Err(DestinationError::NotHttps { .. })));
        table.allow_private = true;
        assert!(Destination::settle(table).is_ok());
    }

    #[test]
    fn what_sends_nothing_or_nowhere_is_refused() {
        let mut nothing = webhook("https://crm.example");
        nothing.send = Some(Vec::new());
        assert!(matches!(Destination::settle(nothing), Err(DestinationError::SendsNothing { .. })));
        let mut events = webhook("https://crm.example");
        events.send = Some(vec![SendItem::Events]);
        assert!(matches!(Destination::settle(events), Err(DestinationError::WebhookOfEvents { .. })));
        for nowhere in ["", "crm.example", "ftp://crm.example", "https://"] {
            assert!(matches!(Destination::settle(webhook(nowhere)), Err(DestinationError::Url { .. })), "{nowhere}");
        }
    }

    fn webhook(url: &str) -> DestinationTable {
        DestinationTable {
            name: "crm".to_owned(),
            destination_type: DestinationType::Webhook,
            url: url.to_owned(),
            key: None,
            secret: Some("0123456789abcdef".to_owned()),
            send: None,
            allow_private: false,
        }
    }
}
