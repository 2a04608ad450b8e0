//! A page whose site proves logins: what its events prove stands in a token, and now and then a token proves nothing.

use anyhow::ensure;
use selvedge_collector::event::Strength;
use selvedge_core::identifier::Kind;
use selvedge_tests::Collector;
use selvedge_tests::backend::Backend;
use selvedge_tests::oracle::Event;
use serde_json::{Value, json};

use super::{is_observed, now_ms};

/// The page's key, and who signs its tokens.
pub(crate) struct Proving {
    /// Nothing is held from it, as from no key where nobody proves logins.
    pub(super) open_key: String,
    believed: Backend,
    forger: Backend,
}

impl Proving {
    pub(crate) fn at(collector: &Collector) -> anyhow::Result<Self> {
        let made = collector.run(&["key", "create", "public", "--trust", "open"])?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let open_key = String::from_utf8(made.stdout)?.trim().to_owned();
        Ok(Self { open_key, believed: Backend::of(collector)?, forger: Backend::of_nobody() })
    }

    /// Puts the token beside a message: what proves its event's strengths, or one that proves nothing. Returns the
    /// warning that it must meet.
    pub(super) fn sign(&self, event: &Event, message: &mut Value) -> anyhow::Result<Option<&'static str>> {
        let second = event.order.time.0 / 1_000;
        let sub = message["userId"].as_str().unwrap_or("nobody").to_owned();
        let valid = json!({"sub": sub, "aud": "default", "iat": second - 1_200, "exp": second + 600});
        let with = |member: &str, value: Value| {
            let mut claims = valid.clone();
            claims[member] = value;
            claims
        };
        let (token, warned) = if is_observed(event) {
            let place = event.order.message_id.bytes().map(usize::from).sum::<usize>();
            match place % 8 {
                0 => (self.forger.token(&valid)?, "token_invalid"),
                1 => (self.believed.token(&with("exp", json!(second - 300)))?, "token_invalid"),
                2 => (self.believed.token(&with("aud", json!("elsewhere")))?, "token_invalid"),
                3 => (self.believed.token(&with("sub", json!("somebody-else")))?, "token_mismatch"),
                _ => return Ok(None),
            }
        } else {
            let mut claims = valid;
            for claimed in event.claim.iter().filter(|claimed| claimed.strength == Strength::Proven) {
                let stated = [(Kind::EMAIL, "email"), (Kind::PHONE, "phone_number")];
                for (_, member) in stated.iter().filter(|(kind, _)| *kind == claimed.identifier.kind) {
                    claims[*member] = json!(&*claimed.identifier.value);
                    claims[format!("{member}_verified")] = json!(true);
                }
            }
            (self.believed.token(&claims)?, "")
        };
        message["context"]["identityToken"] = json!(token);
        Ok(Some(warned).filter(|warned| !warned.is_empty()))
    }
}

/// Whether a page can say an event with this strength of each name: its token proves the account, and perhaps contacts.
pub(super) fn is_provable(event: &Event) -> bool {
    let proves_account = event
        .claim
        .iter()
        .any(|claimed| claimed.identifier.kind == Kind::USER_ID && claimed.strength == Strength::Proven);
    let is_recent = event.order.time.0 > now_ms() - PUBLIC_KEYS_REACH_MS;
    let fits = event.claim.iter().all(|claimed| match claimed.strength {
        Strength::Observed => true,
        Strength::Proven => claimed.identifier.kind != Kind::ANONYMOUS_ID,
        Strength::Asserted => false,
    });
    proves_account && is_recent && fits
}

/// 30 days and, so that no clock is in the way, a day less.
const PUBLIC_KEYS_REACH_MS: i64 = 29 * 24 * 60 * 60 * 1_000;
