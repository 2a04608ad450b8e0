//! A webhook that hears of every change, in order, signed; also when it refuses, asks to wait, or when the collector
//! is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hmac::{Hmac, KeyInit, Mac};
use selvedge_tests::ledger::Ledger;
use selvedge_tests::upstream::Received;
use selvedge_tests::{Collector, Reply, Upstream, wait_until};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{DEADLINE, store, wait_for_all_heard};

#[test]
fn whoever_applies_the_changes_in_order_holds_the_same_profiles() -> anyhow::Result<()> {
    let receiver = Upstream::start(|_| Reply::status(200))?;
    let directory = tempfile::tempdir()?;
    let collector = Collector::start_with_settings(directory.path(), &webhook(&receiver))?;
    for (place, event) in merging_and_splitting().into_iter().enumerate() {
        store(&collector, &format!("m{place}"), &[event])?;
        // Now and then, so that some snapshots are folded and some are heard between.
        if place % 3 == 0 {
            wait_for_all_heard(&collector, "changes", "crm")?;
        }
    }
    wait_for_all_heard(&collector, "changes", "crm")?;
    let received = receiver.received();
    let kinds: BTreeSet<&str> = received.iter().filter_map(|request| request.json["type"].as_str()).collect();
    assert_eq!(kinds, ["profile.created", "profile.merged", "profile.split", "profile.updated"].into());
    assert!(received.is_sorted_by_key(|request| request.json["change_seq"].as_i64()));
    received.iter().try_for_each(verify)?;
    assert_holds_the_same_profiles(&collector, &received)
}

#[test]
fn a_wish_to_wait_is_granted_and_the_same_change_comes_again() -> anyhow::Result<()> {
    let asked: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let times = Arc::clone(&asked);
    let receiver = Upstream::start(move |_| {
        let mut times = times.lock().expect("no test panics with it");
        times.push(Instant::now());
        if times.len() == 1 { Reply::status(503).with_header("retry-after", "2") } else { Reply::status(204) }
    })?;
    let directory = tempfile::tempdir()?;
    let collector = Collector::start_with_settings(directory.path(), &webhook(&receiver))?;
    store(&collector, "m", &[login("ada", "ada@example.com")])?;
    wait_for_all_heard(&collector, "changes", "crm")?;
    let (times, received) = (asked.lock().expect("no test panics with it"), receiver.received());
    // Real time is the point: the wish is one of seconds.
    assert!(times[1] - times[0] >= Duration::from_secs(2), "asked again after {:?}", times[1] - times[0]);
    assert_eq!(received[1].json, received[0].json);
    assert_eq!(received.len(), 3, "one change twice, the other once");
    Ok(())
}

#[test]
fn a_change_that_is_refused_for_good_is_a_dead_letter_and_holds_up_none() -> anyhow::Result<()> {
    let receiver = Upstream::start(|request| {
        let is_refused = request.json["profile"]["traits"]["email"] == "poison@example.com";
        Reply::status(if is_refused { 422 } else { 200 })
    })?;
    let directory = tempfile::tempdir()?;
    let collector = Collector::start_with_settings(directory.path(), &webhook(&receiver))?;
    let people = ["ada", "poison", "grace"];
    store(&collector, "m", &people.map(|name| login(name, &format!("{name}@example.com"))))?;
    wait_for_all_heard(&collector, "changes", "crm")?;
    let received = receiver.received();
    assert_eq!(received.len(), 6, "no change came twice");
    let refused = received.iter().find(|request| request.answered == 422).context("nothing was refused")?;
    let letters = Ledger::beside(directory.path())?.dead_letters("crm")?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].message_id, format!("change:{}", refused.json["change_seq"]));
    assert_eq!(letters[0].body, refused.body);
    assert!(letters[0].reason.contains("422"), "{}", letters[0].reason);
    Ok(())
}

#[test]
fn after_a_kill_only_what_was_said_last_comes_again_and_nothing_is_skipped() -> anyhow::Result<()> {
    let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
    let life = Arc::new(AtomicUsize::new(0));
    let receiver = unhurried(&heard, &life)?;
    let directory = tempfile::tempdir()?;
    let mut collector = Collector::start_with_settings(directory.path(), &webhook(&receiver))?;
    let people: Vec<Value> = (0..PEOPLE).map(|n| login(&format!("u{n}"), &format!("u{n}@example.com"))).collect();
    store(&collector, "m", &people)?;
    let mut kills = Vec::new();
    for kill in 1..=KILLS {
        let enough = PEOPLE * 2 * kill / (KILLS + 1);
        wait_until(DEADLINE, "enough was heard", || heard.lock().is_ok_and(|heard| heard.len() >= enough))?;
        collector.kill()?;
        kills.push(Instant::now());
        life.fetch_add(1, Ordering::SeqCst);
        collector.restart()?;
    }
    wait_for_all_heard(&collector, "changes", "crm")?;
    let again = check_repetitions(&heard.lock().expect("no test panics with it"), &kills)?;
    let received = receiver.received();
    assert_holds_the_same_profiles(&collector, &received)?;
    let created = received.iter().filter(|request| request.json["type"] == "profile.created");
    let created: BTreeSet<i64> = created.filter_map(|request| request.json["change_seq"].as_i64()).collect();
    assert_eq!(created.len(), PEOPLE, "a profile began, and nobody was told");
    println!("{KILLS} kills while {} changes were told: {again} told again, none skipped", PEOPLE * 2);
    Ok(())
}

/// A change as a receiver heard it, and in which of the collector's lives.
#[derive(Clone, Copy)]
struct Heard {
    life: usize,
    at: Instant,
    seq: i64,
}

/// Real time is the point: a receiver takes its time, and a kill finds the collector in the middle.
fn unhurried(heard: &Arc<Mutex<Vec<Heard>>>, life: &Arc<AtomicUsize>) -> anyhow::Result<Upstream> {
    let (heard, life) = (Arc::clone(heard), Arc::clone(life));
    Upstream::start(move |request| {
        let life = life.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        // A kill may cut a request short: that is no change.
        let Some(seq) = request.json["change_seq"].as_i64() else { return Reply::status(400) };
        heard.lock().expect("no test panics with it").push(Heard { life, at: Instant::now(), seq });
        Reply::status(200)
    })
}

/// How many changes each life told again that the one before it had told; an error if one had long been confirmed.
fn check_repetitions(heard: &[Heard], kills: &[Instant]) -> anyhow::Result<usize> {
    let mut again = 0;
    for (before, killed) in kills.iter().enumerate() {
        let first = heard.iter().filter(|change| change.life == before + 1).map(|change| change.seq).min();
        let first = first.context("a life that told nothing")?;
        for change in heard.iter().filter(|change| change.life == before && change.seq >= first) {
            let age = killed.saturating_duration_since(change.at);
            ensure!(age < RECENT, "change {} came again, and was confirmed {age:?} before the kill", change.seq);
            again += 1;
        }
    }
    Ok(again)
}

fn webhook(receiver: &Upstream) -> String {
    format!(
        "[[destination]]\nname = \"crm\"\ntype = \"webhook\"\nurl = \"{}/hook\"\nsecret = \"{SECRET}\"\nallow_private = true\n",
        receiver.url()
    )
}

fn login(user: &str, email: &str) -> Value {
    json!({"type": "identify", "userId": user, "traits": {"email": email}})
}

/// A cookie finds its address, the address its account; then a rival who was earlier takes the address, and a second
/// account the cookie.
pub(super) fn merging_and_splitting() -> Vec<Value> {
    let at = |minute: u32, mut event: Value| {
        event["timestamp"] = json!(format!("2026-01-01T10:{minute:02}:00.000Z"));
        event
    };
    let seen = |device: &str| json!({"type": "track", "event": "Seen", "anonymousId": device});
    let said = |names: Value, traits: Value| {
        let mut event = json!({"type": "identify", "traits": traits});
        names.as_object().into_iter().flatten().for_each(|(name, value)| event[name] = value.clone());
        event
    };
    vec![
        at(1, seen("a1")),
        at(2, said(json!({"anonymousId": "a1"}), json!({"email": "e1@example.com", "plan": "free"}))),
        at(20, said(json!({"userId": "U1"}), json!({"email": "e1@example.com", "name": "Ada"}))),
        at(21, said(json!({"userId": "U1", "anonymousId": "a2"}), json!({"plan": "club"}))),
        at(58, seen("a2")),
        // An earlier word about the address, which arrives last.
        at(10, said(json!({"userId": "U2"}), json!({"email": "e1@example.com", "name": "Grace"}))),
        // A shared device: its last event splits off, and is then between two of one person.
        at(11, said(json!({"userId": "U3", "anonymousId": "a2"}), json!({"name": "Mary"}))),
        at(59, said(json!({"userId": "U1", "anonymousId": "a2"}), json!({"visits": 2}))),
    ]
}

fn verify(request: &Received) -> anyhow::Result<()> {
    let timestamp = request.header("selvedge-timestamp").context("no timestamp")?;
    let signature = request.header("selvedge-signature").context("no signature")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(&request.body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(signature == format!("v1={expected}"), "{signature} does not sign {}", request.json);
    let age_s = super::over_http::now_ms() / 1_000 - timestamp.parse::<i64>()?;
    ensure!((0..60).contains(&age_s), "signed {age_s} s ago");
    Ok(())
}

/// Applies the changes as a consumer does: once each, by their `change_seq`.
fn assert_holds_the_same_profiles(collector: &Collector, received: &[Received]) -> anyhow::Result<()> {
    let mut held: BTreeMap<String, Value> = BTreeMap::new();
    let mut applied = 0;
    for change in received.iter().filter(|request| request.answered == 200).map(|request| &request.json) {
        let seq = change["change_seq"].as_i64().context("a change without change_seq")?;
        if seq <= applied {
            continue;
        }
        applied = seq;
        let id = |value: &Value| value.as_str().map(str::to_owned).context("a change without an id");
        match change["type"].as_str() {
            Some("profile.created") => drop(held.insert(id(&change["profile"]["id"])?, Value::Null)),
            Some("profile.split") => drop(held.insert(id(&change["into"])?, Value::Null)),
            Some("profile.updated") => drop(held.insert(id(&change["profile"]["id"])?, change["profile"].clone())),
            Some("profile.merged") => drop(held.remove(&id(&change["from"])?)),
            Some("profile.deleted") => drop(held.remove(&id(&change["profile"]["id"])?)),
            other => anyhow::bail!("a change of the type {other:?}"),
        }
    }
    for (id, profile) in &held {
        let stands = collector.get(&format!("/v1/profiles/{id}"), &collector.secret_key)?.json;
        ensure!(stands == *profile, "{id} is {stands:#}, not {profile:#}");
    }
    let metrics = collector.get("/metrics", "")?.text();
    let stand = metrics.lines().find_map(|line| line.strip_prefix("selvedge_ledger_profiles "));
    ensure!(stand == Some(&*held.len().to_string()), "{stand:?} profiles stand, {} are held", held.len());
    Ok(())
}

const SECRET: &str = "a secret of some length";
const PEOPLE: usize = 400;
const KILLS: usize = 3;
/// A place is noted several times a second, and a busy machine takes its time.
const RECENT: Duration = Duration::from_millis(500);
