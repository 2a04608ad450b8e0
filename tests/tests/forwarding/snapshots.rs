//! Profiles sent to another collector: a merge upstream is a merge, a split a split, and neither is an event.

use anyhow::{Context, ensure};
use selvedge_tests::Collector;
use serde_json::{Value, json};

use super::webhook::merging_and_splitting;
use super::{segment, store, wait_for_all_heard};

#[test]
fn profiles_alone_make_the_same_people_upstream_and_no_events() -> anyhow::Result<()> {
    follow(&["profiles"], merging_and_splitting(), |at_edge, upstream| {
        // A shared device that owns nothing has no profile to send; to ask the edge for it finds the people that share it.
        if at_edge["event_count"] == 0 {
            return Ok(());
        }
        ensure!(upstream["event_count"] == 0, "snapshots were counted: {upstream:#}");
        let who = |profile| who(profile, &["kind", "value"]);
        ensure!(who(upstream) == who(at_edge), "upstream {upstream:#}, not {at_edge:#}");
        Ok(())
    })
}

#[test]
fn a_trait_that_says_somebody_elses_address_names_nobody_upstream() -> anyhow::Result<()> {
    let mut events = merging_and_splitting();
    // U1 still says the address as a trait, and U2 is seen later than that.
    events.push(json!({"type": "track", "event": "Seen", "userId": "U2", "timestamp": "2026-01-01T11:01:00.000Z"}));
    follow(&["profiles"], events, |at_edge, upstream| {
        if at_edge["event_count"] == 0 {
            return Ok(());
        }
        let who = |profile| who(profile, &["kind", "value"]);
        ensure!(who(upstream) == who(at_edge), "upstream {upstream:#}, not {at_edge:#}");
        Ok(())
    })
}

#[test]
fn a_newer_row_of_an_import_takes_the_place_of_the_older_upstream_too() -> anyhow::Result<()> {
    let row = |version: u8, plan: &str| {
        json!({"type": "identify", "userId": "U1", "messageId": "import:crm:7", "traits": {"plan": plan},
            "timestamp": "2026-01-01T10:01:00.000Z", "context": {"selvedge": {"version": version}}})
    };
    let (upstream_directory, edge_directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let upstream = Collector::start(upstream_directory.path())?;
    let settings = segment("upstream", &upstream.url, &upstream.secret_key, &["events"]);
    let edge = Collector::start_with_settings(edge_directory.path(), &settings)?;
    for (version, plan) in [(1, "free"), (2, "gold")] {
        let answer = edge.post("/v1/identify", &edge.secret_key, &row(version, plan))?;
        ensure!(answer.json["accepted"] == 1, "{}", answer.text());
        wait_for_all_heard(&edge, "events", "upstream")?;
        let profile = upstream.get("/v1/profiles/user_id:U1", &upstream.secret_key)?.json;
        ensure!(profile["traits"]["plan"] == plan, "version {version}: {profile:#}");
    }
    Ok(())
}

#[test]
fn profiles_and_events_make_the_same_people_upstream_and_each_event_once() -> anyhow::Result<()> {
    follow(&["events", "profiles"], merging_and_splitting(), |at_edge, upstream| {
        ensure!(upstream["event_count"] == at_edge["event_count"], "upstream {upstream:#}, not {at_edge:#}");
        let who = |profile| who(profile, &["kind", "value", "shared", "first_seen", "last_seen"]);
        ensure!(who(upstream) == who(at_edge), "upstream {upstream:#}, not {at_edge:#}");
        ensure!(upstream["people"] == at_edge["people"], "upstream {upstream:#}, not {at_edge:#}");
        Ok(())
    })
}

/// Stores one event after the other at an edge, and after each compares every profile with what the upstream has.
fn follow(
    send: &[&str],
    events: Vec<Value>,
    compare: impl Fn(&Value, &Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (upstream_directory, edge_directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let upstream = Collector::start(upstream_directory.path())?;
    let settings = segment("upstream", &upstream.url, &upstream.secret_key, send);
    let edge = Collector::start_with_settings(edge_directory.path(), &settings)?;
    for (place, event) in events.into_iter().enumerate() {
        store(&edge, &format!("m{place}"), &[event])?;
        send.iter().try_for_each(|what| {
            wait_for_all_heard(&edge, if *what == "events" { what } else { "changes" }, "upstream")
        })?;
        for name in NAMES {
            let profile = |collector: &Collector| {
                let answer = collector.get(&format!("/v1/profiles/{name}"), &collector.secret_key)?;
                Ok::<_, anyhow::Error>(if answer.status == 404 { Value::Null } else { answer.json })
            };
            let (at_edge, upstream) = (profile(&edge)?, profile(&upstream)?);
            if at_edge.is_null() {
                ensure!(upstream.is_null(), "{name} after m{place}: only upstream {upstream:#}");
            } else {
                compare(&at_edge, &upstream).with_context(|| format!("{name} after m{place}"))?;
            }
        }
    }
    Ok(())
}

/// Who a profile is: its id, traits, and so much about its names. When names were seen, and who shares a device, only
/// events tell.
fn who(profile: &Value, of_names: &[&str]) -> Value {
    let names = profile["identifiers"].as_array().into_iter().flatten();
    let names: Vec<Vec<&Value>> = names.map(|name| of_names.iter().map(|part| &name[part]).collect()).collect();
    json!({"id": profile["id"], "names": names, "traits": profile["traits"]})
}

const NAMES: [&str; 6] =
    ["anonymous_id:a1", "anonymous_id:a2", "email:e1@example.com", "user_id:U1", "user_id:U2", "user_id:U3"];
