//! A site whose senders tell a real collector scenarios: its pages with public keys of each trust and, where it proves
//! logins, with identity tokens; its server with the secret key; its operators with the admin key.

use std::collections::HashMap;
use std::process::Output;

use anyhow::{Context, ensure};
use selvedge_collector::event::Trust;
use selvedge_tests::backend::Backend;
use selvedge_tests::oracle::{Decision, Op};
use selvedge_tests::{Collector, http};
use tempfile::TempDir;

use super::line::{Said, Sender};
use super::*;

pub(crate) struct Site {
    pub(crate) collector: Collector,
    keys: HashMap<Sender, String>,
    /// Signs its tokens, if it proves logins.
    backend: Option<Backend>,
    _directory: TempDir,
}

impl Site {
    /// One that proves no logins: nothing is guarded.
    pub(crate) fn without_tokens() -> anyhow::Result<Self> {
        Self::started(NO_RATE_LIMITS)
    }

    /// One whose ledger keeps no clear values.
    #[allow(dead_code, reason = "not every test tells one")]
    pub(crate) fn concealing() -> anyhow::Result<Self> {
        Self::started(&format!("store_clear = false\n{NO_RATE_LIMITS}"))
    }

    fn started(settings: &str) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let collector = Collector::start_with_settings(directory.path(), settings)?;
        let mut keys = HashMap::from([(Sender::Server, collector.secret_key.clone())]);
        for trust in Trust::ALL {
            let made = collector.run(&["key", "create", "public", "--trust", trust.as_str()])?;
            keys.insert(Sender::Page(trust), printed(made)?);
        }
        Ok(Self { collector, keys, backend: None, _directory: directory })
    }

    /// One whose backend signs who is logged in: from 30 days before its first key on, guarded sources are guarded.
    pub(crate) fn with_tokens() -> anyhow::Result<Self> {
        Self::without_tokens()?.proving()
    }

    /// The same one, proving logins.
    pub(crate) fn proving(self) -> anyhow::Result<Self> {
        let backend = Backend::of(&self.collector)?;
        Ok(Self { backend: Some(backend), ..self })
    }

    /// Sends what is said: neighbours of one sender in one batch, or one by one. Where the answers do not warn of what
    /// they should, or of what they should not.
    pub(crate) fn hear(&self, said: &[Said], in_batches: bool) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        for batch in said.chunk_by(|one, next| in_batches && one.sender == next.sender) {
            let messages = batch.iter().map(|said| self.signed(said)).collect::<anyhow::Result<Vec<_>>>()?;
            let key = &self.keys[&batch[0].sender];
            let answer = self.collector.post("/v1/batch", key, &json!({ "batch": messages }))?;
            let stored =
                [&answer.json["accepted"], &answer.json["duplicates"]].map(|count| count.as_u64().unwrap_or(0));
            ensure!(answer.status == 200 && stored.iter().sum::<u64>() == batch.len() as u64, "{}", answer.text());
            let expected: Vec<(&str, &str)> = batch.iter().flat_map(Said::warned).collect();
            let warnings = answer.json["warnings"].as_array().map_or(&[][..], Vec::as_slice);
            let got: Vec<(&str, &str)> = warnings.iter().map(|it| (word(it, "messageId"), word(it, "code"))).collect();
            if got != expected {
                found.push(format!("warnings: {got:?}, not {expected:?}"));
            }
        }
        Ok(found)
    }

    /// Decides as an operator; the decision's id.
    pub(crate) fn decide(&self, decision: &Decision) -> anyhow::Result<i64> {
        let (op, x, y) = match &decision.op {
            Op::Link(x, y) => ("link", x, Some(y)),
            Op::KeepApart(x, y) => ("keep_apart", x, Some(y)),
            Op::Ignore(x) => ("ignore", x, None),
        };
        let name = |name: &Identifier| json!({"kind": name.kind.as_str(), "value": &*name.value});
        let body = json!({"op": op, "x": name(x), "y": y.map(name), "reason": "the scenario says so"});
        let answer = self.collector.post("/v1/decisions", &self.collector.admin_key, &body)?;
        answer.json["id"].as_i64().with_context(|| format!("{body}: {}", answer.text()))
    }

    pub(crate) fn withdraw(&self, id: i64) -> anyhow::Result<()> {
        let url = format!("{}/v1/decisions/{id}", self.collector.url);
        let answer = http::delete(&url, &self.collector.admin_key)?;
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(())
    }

    /// The message, with the token that proves what is to be proven.
    fn signed(&self, said: &Said) -> anyhow::Result<Value> {
        let mut message = said.message.clone();
        if let Some(claims) = &said.proves {
            let backend = self.backend.as_ref().context("a site without tokens proves nothing")?;
            message["context"]["identityToken"] = json!(backend.token(claims)?);
        }
        Ok(message)
    }
}

fn printed(output: Output) -> anyhow::Result<String> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn word<'a>(verdict: &'a Value, member: &str) -> &'a str {
    verdict[member].as_str().unwrap_or_default()
}

/// All scenarios come from one address.
const NO_RATE_LIMITS: &str = "[limits]\nip_events_per_s = 1000000\nkey_events_per_s = 1000000\n";
