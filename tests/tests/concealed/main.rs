//! `store_clear = false`: a ledger that keeps keyed digests in place of clear values comes to the same people, and tells
//! nobody who has it without its key what those values are.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../in_process/mod.rs"]
mod in_process;
#[path = "../logs/mod.rs"]
mod logs;
#[path = "../over_http/mod.rs"]
mod over_http;
#[path = "../rules_ledger/mod.rs"]
mod rules_ledger;
#[path = "../scenario/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod scenario;

mod files;
mod key;
mod lifting;
mod people;
mod random;
mod rules;
mod scenarios;

use std::path::Path;

use anyhow::ensure;
use selvedge_tests::Collector;
use serde_json::{Value, json};

fn start(directory: &Path) -> anyhow::Result<Collector> {
    Collector::start_with(directory, &CONCEALING)
}

/// Sends events with a key; all of them are new.
fn send(collector: &Collector, key: &str, events: &[Value]) -> anyhow::Result<()> {
    let answer = collector.post("/v1/batch", key, &json!({ "batch": events }))?;
    ensure!(answer.status == 200 && answer.json["accepted"] == events.len(), "{} {}", answer.status, answer.text());
    Ok(())
}

/// An identify call of an account with traits.
fn identify(message_id: &str, user: &str, traits: &Value) -> Value {
    json!({ "type": "identify", "messageId": message_id, "userId": user, "traits": traits })
}

/// An event that names somebody by a value of a kind that may be hashed.
fn named(message_id: &str, user: Option<&str>, (kind, value, encoding): (&str, &str, &str)) -> Value {
    let external_id = json!({ "id": value, "type": kind, "collection": "users", "encoding": encoding });
    let context = json!({ "externalIds": [external_id] });
    let mut event = json!({ "type": "track", "event": "Seen", "messageId": message_id, "context": context });
    if let Some(user) = user {
        event["userId"] = json!(user);
    }
    event
}

/// Whose a name is: the account and how many events it has.
fn whose(collector: &Collector, name: &str) -> anyhow::Result<Option<(String, u64)>> {
    let answer = collector.get(&format!("/v1/profiles/{}", name.replace('@', "%40")), &collector.secret_key)?;
    let names = answer.json["identifiers"].as_array().into_iter().flatten();
    let account = names.filter(|name| name["kind"] == "user_id").find_map(|name| name["value"].as_str());
    let events = answer.json["event_count"].as_u64();
    Ok(events.map(|events| (account.unwrap_or("nobody").to_owned(), events)))
}

fn is(found: Option<(String, u64)>, account: &str, events: u64) -> anyhow::Result<()> {
    ensure!(found == Some((account.to_owned(), events)), "{found:?}, not {account} with {events} events");
    Ok(())
}

const CONCEALING: [&str; 2] = ["--store-clear", "false"];
