//! A segment destination that refuses, or whose answer is not its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use selvedge_tests::ledger::Ledger;
use selvedge_tests::upstream::Received;
use selvedge_tests::{Collector, Reply, Upstream};
use serde_json::{Value, json};

use super::{message_ids, segment, steps, store, wait_for_all_heard};

#[test]
fn one_poison_event_in_a_batch_is_a_dead_letter_and_all_others_arrive() -> anyhow::Result<()> {
    let upstream = Upstream::start(|request| {
        let is_poisoned = batch(request).iter().any(|event| !event["properties"]["poison"].is_null());
        if is_poisoned { Reply::status(400) } else { Reply::receipt(request) }
    })?;
    let mut events = steps("bisected", 500);
    events[321]["properties"]["poison"] = json!("400 for the whole batch");
    let collector = forwarded(&upstream, &events)?;
    let others: Vec<String> = (0..500).filter(|place| *place != 321).map(|place| format!("m-{place}")).collect();
    assert_eq!(message_ids(&upstream.events()), others);
    let letters = Ledger::beside(collector.directory.path())?.dead_letters("upstream")?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].message_id, "m-321");
    assert!(letters[0].reason.contains("400"), "{}", letters[0].reason);
    let kept: Value = serde_json::from_slice(&letters[0].body)?;
    assert_eq!(kept["properties"]["poison"], "400 for the whole batch");
    let requests = upstream.received().len();
    assert!(requests <= 50, "{requests} requests to find one event of 500");
    Ok(())
}

#[test]
fn an_event_that_a_settled_batch_refuses_is_a_dead_letter_too() -> anyhow::Result<()> {
    let upstream = Upstream::start(|request| {
        let rejected: Vec<Value> = batch(request)
            .iter()
            .enumerate()
            .filter(|(_, event)| event["messageId"] == "m-7")
            .map(|(index, _)| json!({"index": index, "messageId": "m-7", "code": "event_too_large", "reason": "send less"}))
            .collect();
        Reply::json(&json!({"success": true, "rejected": rejected, "receipt": request.json["batchId"]}))
    })?;
    let collector = forwarded(&upstream, &steps("refused", 20))?;
    let letters = Ledger::beside(collector.directory.path())?.dead_letters("upstream")?;
    let told: Vec<_> = letters.iter().map(|letter| (letter.message_id.as_str(), letter.reason.as_str())).collect();
    assert_eq!(told, [("m-7", "event_too_large: send less")]);
    Ok(())
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_fits() -> anyhow::Result<()> {
    let upstream =
        Upstream::start(
            |request| {
                if batch(request).len() > 60 { Reply::status(413) } else { Reply::receipt(request) }
            },
        )?;
    let collector = forwarded(&upstream, &steps("halved", 500))?;
    let expected: Vec<String> = (0..500).map(|place| format!("m-{place}")).collect();
    assert_eq!(message_ids(&upstream.events()), expected);
    assert!(Ledger::beside(collector.directory.path())?.dead_letters("upstream")?.is_empty());
    let requests = upstream.received().len();
    assert!(requests <= 40, "{requests} requests for 500 events in portions of 60");
    Ok(())
}

#[test]
fn a_page_with_200_and_a_redirect_move_nothing() -> anyhow::Result<()> {
    let asked = AtomicUsize::new(0);
    let upstream = Upstream::start(move |request| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => html("<!doctype html><title>Please log in</title>"),
        1 => html("\u{feff}\r\n<html>as some editors save it</html>"),
        2 => Reply::status(302).with_header("location", "/elsewhere"),
        3 => Reply::status(308).with_header("location", "http://127.0.0.1:9/v1/batch"),
        _ => Reply::receipt(request),
    })?;
    let collector = forwarded(&upstream, &steps("portal", 20))?;
    let received = upstream.received();
    assert_eq!(received.len(), 5, "one request for each answer, and none to where a redirect leads");
    let expected: Vec<String> = (0..20).map(|place| format!("m-{place}")).collect();
    for request in &received {
        assert_eq!(request.path, "/v1/batch");
        assert_eq!(message_ids(&batch(request)), expected);
    }
    assert!(Ledger::beside(collector.directory.path())?.dead_letters("upstream")?.is_empty());
    Ok(())
}

/// A collector whose upstream has heard all of the events; their messageIds are `m-0`, `m-1`, and so on.
struct Forwarded {
    directory: tempfile::TempDir,
    _collector: Collector,
}

fn forwarded(upstream: &Upstream, events: &[Value]) -> anyhow::Result<Forwarded> {
    let directory = tempfile::tempdir()?;
    let settings = segment("upstream", &upstream.url(), "sk_of_the_upstream", &["events"]);
    let collector = Collector::start_with_settings(directory.path(), &settings)?;
    store(&collector, "m", events)?;
    wait_for_all_heard(&collector, "events", "upstream")?;
    Ok(Forwarded { directory, _collector: collector })
}

fn batch(request: &Received) -> Vec<Value> {
    request.json["batch"].as_array().cloned().unwrap_or_default()
}

fn html(page: &str) -> Reply {
    Reply { status: 200, headers: Vec::new(), body: page.as_bytes().to_vec() }
}
