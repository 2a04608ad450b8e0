//! A collector that is told events and decisions, and asked why.

use std::cell::Cell;
use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use selvedge_collector::event::UnixMillis;
use selvedge_tests::Collector;
use serde_json::{Value, json};

use crate::DAY_MS;
use crate::heard::text;
use crate::over_http::{self, now_ms};

/// A collector, and what it heard: the nth event is `m{n}`, a minute after the one before.
pub(crate) struct Shop {
    pub(crate) collector: Collector,
    heard: Cell<i64>,
    start_ms: i64,
    _directory: tempfile::TempDir,
}

impl Shop {
    pub(crate) fn open() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let collector = Collector::start(directory.path())?;
        Ok(Self { collector, heard: 0.into(), start_ms: now_ms() - DAY_MS, _directory: directory })
    }

    pub(crate) fn hear<const N: usize>(&self, events: [Value; N]) -> anyhow::Result<()> {
        self.hear_with(&self.collector.public_key, events)
    }

    pub(crate) fn hear_as_server<const N: usize>(&self, events: [Value; N]) -> anyhow::Result<()> {
        self.hear_with(&self.collector.secret_key, events)
    }

    pub(crate) fn hear_with<const N: usize>(&self, key: &str, mut events: [Value; N]) -> anyhow::Result<()> {
        for event in &mut events {
            self.heard.set(self.heard.get() + 1);
            let time = UnixMillis(self.start_ms + self.heard.get() * 60_000);
            event["messageId"] = json!(format!("m{}", self.heard.get()));
            event["timestamp"] = json!(time.rfc3339());
            if event["type"].is_null() {
                event["type"] = json!("page");
            }
        }
        let answer = self.collector.post("/v1/batch", key, &json!({ "batch": events.as_slice() }))?;
        ensure!(answer.json["accepted"] == N, "{}", answer.text());
        Ok(())
    }

    pub(crate) fn explain(&self, x: &str, y: &str) -> anyhow::Result<Value> {
        let path = format!("/v1/profiles/{x}/explain?with={}", y.replace('+', "%2B"));
        over_http::read(&self.collector, &path)?.with_context(|| format!("{path} is not found"))
    }

    pub(crate) fn id(&self, name: &str) -> anyhow::Result<Value> {
        Ok(over_http::read(&self.collector, &format!("/v1/profiles/{name}"))?.context("no profile")?["id"].clone())
    }

    pub(crate) fn ids<const N: usize>(&self, names: [&str; N]) -> anyhow::Result<BTreeSet<String>> {
        names.into_iter().map(|name| Ok(text(&self.id(name)?))).collect()
    }

    pub(crate) fn decide(&self, op: &str, x: &str, y: Option<&str>) -> anyhow::Result<i64> {
        let name = |text: &str| {
            let (kind, value) = text.split_once(':').expect("kind:value");
            json!({"kind": kind, "value": value})
        };
        let decision = json!({"op": op, "x": name(x), "y": y.map(name), "reason": "told so"});
        let answer = self.collector.post("/v1/decisions", &self.collector.admin_key, &decision)?;
        answer.json["id"].as_i64().with_context(|| answer.text())
    }

    pub(crate) fn withdraw(&self, id: i64) -> anyhow::Result<()> {
        let url = format!("{}/v1/decisions/{id}", self.collector.url);
        let answer = selvedge_tests::http::delete(&url, &self.collector.admin_key)?;
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(())
    }
}

pub(crate) fn with_email(user: &str, email: &str) -> Value {
    json!({"type": "identify", "userId": user, "traits": {"email": email}})
}
