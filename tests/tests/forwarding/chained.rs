//! Two real collectors, one behind the other: the second comes to the same people.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use selvedge_core::identifier::Identifier;
use selvedge_tests::Collector;
use selvedge_tests::oracle::{Event, Ledger, Rules, replay_ledger};
use serde_json::{Map, Value, json};

use super::logs::{DAYS, Log, Wildness, another_arrival, log};
use super::over_http::{conflicts, differences, now_ms, path_of, read, send};
use super::wait_for_all_heard;

#[test]
fn a_collector_behind_a_collector_comes_to_the_same_people() -> anyhow::Result<()> {
    let (upstream_directory, edge_directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let upstream = Collector::start_with_settings(upstream_directory.path(), NO_RATE_LIMITS)?;
    let settings =
        format!("upstream = \"{}\"\nupstream_key = \"{}\"\n{NO_RATE_LIMITS}", upstream.url, upstream.secret_key);
    let edge = Collector::start_with_settings(edge_directory.path(), &settings)?;
    let logs = logs(now_ms() - (DAYS + 1) * DAY_MS);
    logs.iter().try_for_each(|log| send(&edge, log))?;
    wait_for_all_heard(&edge, "events", "upstream")?;

    let conflicts = conflicts(&upstream)?;
    let mut profiles = 0;
    for log in &logs {
        for name in names_of(log) {
            let at_edge = comparable(&edge, &name)?;
            ensure!(comparable(&upstream, &name)? == at_edge, "{name} is another upstream: {at_edge:#}\n{log:#?}");
            profiles += 1;
        }
        let ledger = Ledger { events: log.clone(), ..Ledger::default() };
        let replay = replay_ledger(&ledger, &Rules::default());
        let differences = differences(&upstream, log, &replay, &conflicts)?;
        ensure!(differences.is_empty(), "upstream is not the oracle: {differences:#?}\n{log:#?}");
    }
    let events: usize = logs.iter().map(Vec::len).sum();
    println!("{events} events in {LOGS} random logs: profiles by {profiles} identifiers equal on both collectors");
    Ok(())
}

#[test]
fn what_a_strict_key_says_names_nobody_upstream_either() -> anyhow::Result<()> {
    let (upstream_directory, edge_directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let upstream = Collector::start(upstream_directory.path())?;
    let settings = format!("upstream = \"{}\"\nupstream_key = \"{}\"\n", upstream.url, upstream.secret_key);
    let edge = Collector::start_with_settings(edge_directory.path(), &settings)?;
    let made = edge.run(&["key", "create", "public", "--trust", "strict"])?;
    let strict_key = String::from_utf8(made.stdout)?;
    let event = json!({ "messageId": "m-1", "userId": "u-1", "anonymousId": "a-1" });
    ensure!(edge.post("/v1/page", strict_key.trim(), &event)?.json["accepted"] == 1);
    wait_for_all_heard(&edge, "events", "upstream")?;
    for collector in [&edge, &upstream] {
        ensure!(read(collector, "/v1/profiles/user_id:u-1")?.is_none(), "somebody is u-1 at {}", collector.url);
        let device = read(collector, "/v1/profiles/anonymous_id:a-1")?.context("no device")?;
        ensure!(device["event_count"] == 1, "{device}");
    }
    Ok(())
}

/// Random logs in random orders of arrival, some events of them twice.
fn logs(start_ms: i64) -> Vec<Vec<Event>> {
    let mut runner = TestRunner::deterministic();
    (0..LOGS)
        .map(|number| {
            let log: Log = drawn(&log(Wildness { events: 30, values_per_kind: 1 }), &mut runner);
            drawn(&another_arrival(log.events(number, start_ms)), &mut runner)
        })
        .collect()
}

fn drawn<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).expect("nothing is filtered out").current()
}

fn names_of(log: &[Event]) -> BTreeSet<Identifier> {
    log.iter().flat_map(|event| &event.claim).map(|claimed| claimed.identifier.clone()).collect()
}

/// A profile, less what each collector counts and names by itself: versions, and the keys that events came with.
fn comparable(collector: &Collector, name: &Identifier) -> anyhow::Result<Value> {
    let Some(mut profile) = read(collector, &format!("/v1/profiles/{}", path_of(name)))? else {
        return Ok(Value::Null);
    };
    let without = |value: &mut Value, member: &str| {
        value.as_object_mut().and_then(|object: &mut Map<_, _>| object.remove(member))
    };
    without(&mut profile, "version");
    if let Some(identifiers) = profile["identifiers"].as_array_mut() {
        identifiers.iter_mut().for_each(|identifier| drop(without(identifier, "source")));
    }
    Ok(json!(profile))
}

const LOGS: usize = 40;
const DAY_MS: i64 = 24 * 60 * 60_000;
/// One sender of many logs is no flood.
const NO_RATE_LIMITS: &str = "[limits]\nip_events_per_s = 1000000\nkey_events_per_s = 1000000\n";
