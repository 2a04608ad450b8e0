//! What a collector sends on: nothing is lost, order is kept, and what another collector makes of it is the same
//! people; whatever the other side answers, and however often it goes away (promise P7).

#[path = "../logs/mod.rs"]
mod logs;
#[path = "../over_http/mod.rs"]
mod over_http;

mod chained;
mod outage;
mod refusals;
mod snapshots;
mod webhook;

use std::collections::HashSet;
use std::time::Duration;

use anyhow::ensure;
use selvedge_tests::{Collector, wait_until};
use serde_json::{Value, json};

/// Settings of a segment destination.
fn segment(name: &str, url: &str, key: &str, send: &[&str]) -> String {
    format!(
        "[[destination]]\nname = \"{name}\"\ntype = \"segment\"\nurl = \"{url}\"\nkey = \"{key}\"\nsend = {send:?}\n"
    )
}

/// Stores events with the secret key; the messageIds are `{prefix}-{place}`, from 0.
fn store(collector: &Collector, prefix: &str, events: &[Value]) -> anyhow::Result<()> {
    let batch: Vec<Value> = events
        .iter()
        .enumerate()
        .map(|(place, event)| {
            let mut event = event.clone();
            event["messageId"] = json!(format!("{prefix}-{place}"));
            event
        })
        .collect();
    let answer = collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": batch }))?;
    ensure!(answer.status == 200 && answer.json["accepted"] == batch.len(), "{} {}", answer.status, answer.text());
    Ok(())
}

/// Events of one visitor, each with its number as property `step`.
fn steps(visitor: &str, count: usize) -> Vec<Value> {
    let step = |step| json!({"type": "track", "event": "Step", "anonymousId": visitor, "properties": {"step": step}});
    (0..count).map(step).collect()
}

/// How far a destination is behind, in `events` or `changes`, as `/metrics` says.
fn behind(collector: &Collector, what: &str, destination: &str) -> anyhow::Result<u64> {
    let metrics = collector.get("/metrics", "")?.text();
    let name = format!("selvedge_destination_{what}_behind{{destination=\"{destination}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
    Ok(value.ok_or_else(|| anyhow::anyhow!("{name} is not in {metrics}"))?.parse()?)
}

/// Waits until a destination has heard everything.
fn wait_for_all_heard(collector: &Collector, what: &str, destination: &str) -> anyhow::Result<()> {
    let missed = format!("{destination} has heard all {what}");
    let heard = wait_until(DEADLINE, &missed, || behind(collector, what, destination).is_ok_and(|behind| behind == 0));
    Ok(heard?)
}

/// The first arrival of each event, in order of arrival.
fn once_each(events: Vec<Value>) -> Vec<Value> {
    let mut seen = HashSet::new();
    events.into_iter().filter(|event| seen.insert(event["messageId"].to_string())).collect()
}

fn message_ids(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["messageId"].as_str()).collect()
}

/// Far above every pause between two tries that a test makes a destination take.
const DEADLINE: Duration = Duration::from_secs(60);
