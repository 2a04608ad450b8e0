//! A signed webhook: one request per change of a profile, in order.
//!
//! The body is the change: `{"type": "profile.updated", "change_seq": 7, "profile": {…}}`, or `from`, `into` and
//! `because` for a merge or a split. `change_seq` rises: who has applied one skips it when it comes again. The header
//! `selvedge-signature` is `v1=` and the hex of HMAC-SHA256, keyed with the secret, over the text of
//! `selvedge-timestamp` (s since 1970), a dot, and the body. A receiver compares it in constant time, and refuses
//! timestamps that are minutes old: then nobody can play a request again.

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use ureq::http::Uri;

use super::super::agent::Post;
use super::super::message::Message;
use super::{Delivery, Destination, Portion};
use crate::clock::Clock;
use crate::config::Secret;
use crate::identity::ProfileId;
use crate::profile::Profile;
use crate::store::{Change, ChangeKind, LedgerEvent};

/// A receiver of changes.
pub(super) struct Webhook {
    post: Post,
    secret: Secret,
    clock: Clock,
}

impl Webhook {
    pub(super) fn new(url: Uri, secret: Secret, allow_private: bool, clock: Clock) -> Self {
        let post = if allow_private { Post::anywhere(url) } else { Post::to_public_addresses(url) };
        Self { post, secret, clock }
    }
}

impl Destination for Webhook {
    fn portion(&self) -> Portion {
        Portion { messages: 1, bytes: usize::MAX }
    }

    /// The settings send it none.
    fn event(&self, _event: &LedgerEvent) -> Option<Message> {
        None
    }

    fn change(&self, change: &Change) -> Option<Message> {
        let body = Body { change_seq: change.seq.0, kind: Kind::of(&change.kind) };
        let text = serde_json::to_string(&body).ok()?;
        Some(Message { id: format!("change:{}", change.seq.0).into(), text })
    }

    fn send(&self, messages: &[&Message]) -> Delivery {
        let body = messages.first().map(|message| message.text.as_bytes()).unwrap_or_default();
        let timestamp = self.clock.now().0.div_euclid(1_000).to_string();
        let signature = format!("v1={}", sign(self.secret.reveal(), &timestamp, body));
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("selvedge-timestamp", timestamp),
            ("selvedge-signature", signature),
        ];
        let answer = self.post.send(&headers, body);
        Delivery { outcome: answer.outcome, refused: Vec::new(), complaint: answer.complaint }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    kind: Kind<'a>,
    change_seq: i64,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Kind<'a> {
    #[serde(rename = "profile.created")]
    Created { profile: Named<'a> },
    #[serde(rename = "profile.updated")]
    Updated { profile: &'a Profile },
    #[serde(rename = "profile.merged")]
    Merged { from: &'a ProfileId, into: &'a ProfileId, because: &'a str },
    #[serde(rename = "profile.split")]
    Split { from: &'a ProfileId, into: &'a ProfileId, because: &'a str },
    #[serde(rename = "profile.deleted")]
    Deleted { profile: Named<'a> },
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a ProfileId,
}

impl<'a> Kind<'a> {
    fn of(kind: &'a ChangeKind) -> Self {
        match kind {
            ChangeKind::Created { profile } => Self::Created { profile: Named { id: profile } },
            ChangeKind::Updated(snapshot) => Self::Updated { profile: &snapshot.profile },
            ChangeKind::Merged { from, into, because, .. } => Self::Merged { from, into, because },
            ChangeKind::Split { from, into, because } => Self::Split { from, into, because },
            ChangeKind::Deleted { profile, .. } => Self::Deleted { profile: Named { id: profile } },
        }
    }
}

fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_over_timestamp_dot_body() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of some length'
        let expected = "e09db3ce6e6e8f9b633a62851e5074a9e9148ac19b1c0e1a8f7c352380be630b";
        assert_eq!(sign("a secret of some length", "1700000000", br#"{"a":1}"#), expected);
    }
}
