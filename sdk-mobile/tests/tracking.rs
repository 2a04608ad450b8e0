//! What an app may rely on: a real tracker with its files and its threads, and a collector that does what it is told.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod collector;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use collector::{Collector, PATIENCE};
use selvedge_mobile::{Listener, ListenerError, Notice, Options, Tracker, TrackerError};
use serde_json::json;

#[test]
fn an_event_arrives_once_compressed_and_with_its_ids() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&collector.host, folder.path());
    tracker.track("Order Completed".into(), Some(r#"{"total":12.50}"#.into()));
    let ids = tracker.ids();
    let request = flushed(&tracker, || collector.next());
    assert_eq!(request.line, "POST /v1/batch HTTP/1.1");
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    assert_eq!(request.body["writeKey"], "pk_test");
    assert_eq!(request.body["context"]["library"]["name"], "selvedge-mobile");
    let event = request.events()[0].clone();
    assert_eq!((&event["type"], &event["event"]), (&json!("track"), &json!("Order Completed")));
    assert_eq!(event["properties"]["total"], 12.50);
    assert_eq!(event["anonymousId"], ids.anonymous_id);
    assert_eq!(event["context"]["sessionId"], ids.session_id);
    request.accept();
    assert!(tracker.flush(PATIENCE_MS));
    assert_eq!(tracker.stats().queued, 0);
    assert!(collector.is_quiet());
}

#[test]
fn every_call_becomes_an_event_of_its_kind() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&collector.host, folder.path());
    tracker.identify(Some("u1".into()), Some(r#"{"plan":"pro"}"#.into()));
    tracker.screen(Some("Cart".into()), None);
    tracker.page(None, None);
    tracker.group("g1".into(), None);
    tracker.alias("u2".into(), None);
    let request = flushed(&tracker, || collector.next());
    assert_eq!(request.names(), ["identify", "screen", "page", "group", "alias"]);
    assert_eq!((&request.events()[0]["userId"], &request.events()[0]["traits"]["plan"]), (&json!("u1"), &json!("pro")));
    assert_eq!(request.events()[1]["name"], "Cart");
    assert_eq!(request.events()[3]["groupId"], "g1");
    assert_eq!((&request.events()[4]["userId"], &request.events()[4]["previousId"]), (&json!("u2"), &json!("u1")));
    request.accept();
}

#[test]
fn what_was_tracked_survives_a_restart_with_no_network() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&dead_host(), folder.path());
    tracker.track("A".into(), None);
    tracker.track("B".into(), None);
    assert!(!tracker.flush(PATIENCE_MS));
    let ids = tracker.ids();
    close(tracker);
    let tracker = open(&collector.host, folder.path());
    assert_eq!(tracker.ids(), ids);
    assert_eq!(collector.accept_until(&["A", "B"]), ["A", "B"]);
    assert!(tracker.flush(PATIENCE_MS));
    assert_eq!(queue_files(folder.path()), 0);
}

#[test]
fn a_200_without_the_echoed_receipt_removes_nothing() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&collector.host, folder.path());
    tracker.track("A".into(), None);
    let portal = flushed(&tracker, || collector.next());
    let message_id = portal.events()[0]["messageId"].clone();
    portal.respond("200 OK", "<html>Welcome to the hotel</html>");
    let other = collector.next();
    assert_eq!(other.events()[0]["messageId"], message_id);
    let receipt = json!({"success": true, "accepted": 1, "receipt": "another", "receivedAt": "2026-01-01T00:00:00Z"});
    other.respond("200 OK", &receipt.to_string());
    let again = collector.next();
    assert_eq!(again.events()[0]["messageId"], message_id);
    assert_eq!(queue_files(folder.path()), 1);
    again.accept();
    assert!(tracker.flush(PATIENCE_MS));
}

#[test]
fn nothing_is_removed_before_the_answer() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&collector.host, folder.path());
    tracker.track("A".into(), None);
    let request = flushed(&tracker, || collector.next());
    assert_eq!(queue_files(folder.path()), 1);
    assert_eq!(tracker.stats().queued, 1);
    request.accept();
    assert!(tracker.flush(PATIENCE_MS));
    assert_eq!(queue_files(folder.path()), 0);
}

#[test]
fn a_redirect_is_not_followed_and_removes_nothing() {
    let (collector, elsewhere, folder) = (Collector::start(), Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&collector.host, folder.path());
    tracker.track("A".into(), None);
    let location = format!("307 Temporary Redirect\r\nlocation: {}/v1/batch", elsewhere.host);
    flushed(&tracker, || collector.next()).respond(&location, "");
    collector.accept_until(&["A"]);
    assert!(elsewhere.is_quiet());
}

#[test]
fn a_storage_that_cannot_be_written_throws_nothing_and_what_is_tracked_still_goes_out() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let directory = folder.path().join("files");
    let tracker = open(&collector.host, &directory);
    // Once the tracker has begun.
    tracker.ids();
    tracker.flush(PATIENCE_MS);
    fs::remove_dir_all(&directory).unwrap();
    fs::write(&directory, "a file where the directory was").unwrap();
    tracker.track("A".into(), None);
    tracker.flush(0);
    let request = collector.next();
    assert_eq!(request.names(), ["A"]);
    assert!(tracker.stats().unstored > 0);
    request.accept();
    assert!(tracker.flush(PATIENCE_MS));
}

#[test]
fn bad_json_becomes_a_drop_that_the_listener_hears() {
    let folder = tempfile::tempdir().unwrap();
    let (ear, notices) = ear();
    let tracker = Tracker::new(options(&dead_host(), folder.path()), Some(ear)).unwrap();
    for properties in ["{", "[]", "{\"a\":NaN}"] {
        tracker.track("A".into(), Some(properties.into()));
        assert_eq!(notices.recv_timeout(PATIENCE).unwrap().1.code, "bad_value");
    }
    tracker.track(String::new(), None);
    assert_eq!(notices.recv_timeout(PATIENCE).unwrap().1.code, "missing_event_name");
    assert_eq!((tracker.stats().queued, tracker.stats().dropped), (0, 4));
    close(tracker);
    assert_eq!(open(&dead_host(), folder.path()).stats().dropped, 4);
}

#[test]
fn the_collectors_verdict_reaches_the_listener() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let (ear, notices) = ear();
    let tracker = Tracker::new(options(&collector.host, folder.path()), Some(ear)).unwrap();
    tracker.track("A".into(), None);
    let request = flushed(&tracker, || collector.next());
    let message_id = request.events()[0]["messageId"].as_str().unwrap().to_owned();
    let refusal = json!([{"index": 0, "messageId": message_id, "code": "erased", "pointer": "", "reason": ""}]);
    request.accept_but(&refusal);
    let notice = Notice { message_id, code: "erased".into() };
    assert_eq!(notices.recv_timeout(PATIENCE).unwrap(), ("verdict", notice));
}

#[test]
fn a_listener_that_fails_or_hangs_holds_up_nothing() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let (hold, held) = channel::<()>();
    let listener = Arc::new(Deaf(Mutex::new(held)));
    let tracker = Tracker::new(options(&collector.host, folder.path()), Some(listener)).unwrap();
    tracker.track("A".into(), Some("{".into()));
    tracker.track("B".into(), Some("{".into()));
    tracker.track("C".into(), None);
    tracker.flush(0);
    collector.accept_until(&["C"]);
    assert!(tracker.flush(PATIENCE_MS));
    drop(hold);
}

#[test]
fn ids_know_every_call_that_was_made_before() {
    let folder = tempfile::tempdir().unwrap();
    let tracker = open(&dead_host(), folder.path());
    let first = tracker.ids();
    assert_eq!((first.anonymous_id.len(), &first.user_id), (36, &None));
    tracker.identify(Some("u \"1\"".into()), None);
    assert_eq!(tracker.ids().user_id.as_deref(), Some("u \"1\""));
    tracker.reset();
    assert_eq!(tracker.ids().user_id, None);
    assert_ne!(tracker.ids().anonymous_id, first.anonymous_id);
}

#[test]
fn going_to_the_background_sends_all_that_waits() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&collector.host, folder.path());
    for name in ["A", "B", "C"] {
        tracker.track(name.into(), None);
    }
    tracker.suspend();
    let request = collector.next();
    assert_eq!(request.names(), ["A", "B", "C"]);
    request.accept();
    assert!(tracker.flush(PATIENCE_MS));
}

#[test]
fn a_batch_that_is_full_goes_without_being_asked() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let options = Options { flush_at_events: 2, ..options(&collector.host, folder.path()) };
    let tracker = Tracker::new(options, None).unwrap();
    tracker.track("A".into(), None);
    tracker.track("B".into(), None);
    assert_eq!(collector.next().names(), ["A", "B"]);
}

#[test]
fn the_interval_sends_what_waits_for_company() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let options = Options { flush_interval_ms: 1, ..options(&collector.host, folder.path()) };
    let tracker = Tracker::new(options, None).unwrap();
    tracker.track("A".into(), None);
    assert_eq!(collector.next().names(), ["A"]);
}

#[test]
fn a_burst_from_many_threads_arrives_whole_and_in_blocks() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let tracker = open(&collector.host, folder.path());
    thread::scope(|scope| {
        for worker in 0..4 {
            let tracker = &tracker;
            scope.spawn(move || (0..500).for_each(|number| tracker.track(format!("{worker}.{number}"), None)));
        }
    });
    assert_eq!(tracker.stats().dropped, 0);
    tracker.flush(0);
    let mut names: Vec<String> = Vec::new();
    while names.len() < 2_000 {
        let request = collector.next();
        names.extend(request.names());
        request.accept();
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 2_000);
    assert!(tracker.flush(PATIENCE_MS));
    assert_eq!(queue_files(folder.path()), 0);
}

#[test]
fn two_trackers_in_one_directory_send_each_event_once() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    let (here, there) = (open(&dead_host(), folder.path()), open(&collector.host, folder.path()));
    here.track("A".into(), None);
    assert!(!here.flush(PATIENCE_MS));
    there.track("B".into(), None);
    there.resume();
    there.flush(0);
    assert_eq!(collector.accept_until(&["B"]), ["B"]);
    assert!(there.flush(PATIENCE_MS));
    close(here);
    there.resume();
    there.flush(0);
    assert_eq!(collector.accept_until(&["A"]), ["A"]);
    assert!(there.flush(PATIENCE_MS));
    assert_eq!(queue_files(folder.path()), 0);
}

#[test]
fn a_tracker_that_ends_while_its_neighbours_begin_loses_nothing() {
    let (collector, folder) = (Collector::start(), tempfile::tempdir().unwrap());
    for _ in 0..50 {
        let tracker = open(&dead_host(), folder.path());
        tracker.track("A".into(), None);
        let (close_it, begin) = (thread::spawn(|| close(tracker)), open(&dead_host(), folder.path()));
        close_it.join().unwrap();
        close(begin);
    }
    let tracker = open(&collector.host, folder.path());
    assert_eq!(tracker.stats().queued, 50);
    tracker.flush(0);
    assert_eq!(collector.next().events().len(), 50);
}

#[test]
fn a_login_in_one_process_is_heard_in_the_other_when_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let here = open(&dead_host(), folder.path());
    here.flush(PATIENCE_MS);
    let there = open(&dead_host(), folder.path());
    there.identify(Some("u1".into()), None);
    there.flush(PATIENCE_MS);
    here.resume();
    assert_eq!(here.ids(), there.ids());
}

#[test]
fn calls_after_the_end_do_nothing_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let tracker = open(&dead_host(), folder.path());
    assert!(tracker.shut_down(PATIENCE_MS));
    tracker.track("A".into(), None);
    tracker.reset();
    assert!(tracker.flush(PATIENCE_MS));
    assert_eq!((tracker.stats().queued, tracker.stats().dropped), (0, 1));
}

#[test]
fn calls_that_race_with_the_end_are_stored_or_counted() {
    let folder = tempfile::tempdir().unwrap();
    let tracker = open(&dead_host(), folder.path());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| tracker.track("A".into(), None)));
        }
        assert!(tracker.shut_down(PATIENCE_MS));
    });
    let before = tracker.stats();
    assert_eq!(before.queued + before.dropped, 2_000);
    assert_eq!(open(&dead_host(), folder.path()).stats().queued, before.queued);
}

#[test]
fn what_a_developer_must_mend_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let good = options("https://collect.example", folder.path());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refusal = |options: Options| Tracker::new(options, None).unwrap_err();
    assert!(matches!(refusal(Options { write_key: " ".into(), ..good.clone() }), TrackerError::EmptyWriteKey));
    assert!(matches!(refusal(Options { host: "collect".into(), ..good.clone() }), TrackerError::BadHost { .. }));
    assert!(matches!(refusal(Options { context: Some("[".into()), ..good.clone() }), TrackerError::BadContext));
    let unwritable = Options { directory: file.to_str().unwrap().into(), ..good };
    assert!(matches!(refusal(unwritable), TrackerError::DirectoryNotWritable { .. }));
}

fn open(host: &str, directory: &Path) -> Tracker {
    Tracker::new(options(host, directory), None).unwrap()
}

fn close(tracker: Tracker) {
    assert!(tracker.shut_down(PATIENCE_MS));
}

/// Nothing goes by itself within a test: neither in time nor in number.
fn options(host: &str, directory: &Path) -> Options {
    Options {
        write_key: "pk_test".into(),
        host: host.into(),
        directory: directory.to_str().unwrap().into(),
        context: None,
        flush_interval_ms: 3_600_000,
        flush_at_events: 100,
        queue_limit_bytes: 20 * 1_024 * 1_024,
    }
}

/// A port at which nobody listens.
fn dead_host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Says flush and lets the collector see what comes.
fn flushed<T>(tracker: &Tracker, see: impl FnOnce() -> T) -> T {
    assert!(!tracker.flush(0));
    see()
}

/// Blocks of events on the disk; the header, which counts drops, is none.
fn queue_files(directory: &Path) -> usize {
    let names = fs::read_dir(directory).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("queue.") && name.ends_with(".entry") && !name.ends_with(".0.entry")).count()
}

/// Hears everything.
struct Ear(Mutex<Sender<(&'static str, Notice)>>);

fn ear() -> (Arc<Ear>, Receiver<(&'static str, Notice)>) {
    let (ear, heard) = channel();
    (Arc::new(Ear(Mutex::new(ear))), heard)
}

impl Listener for Ear {
    fn on_verdict(&self, notice: Notice) -> Result<(), ListenerError> {
        self.0.lock().unwrap().send(("verdict", notice)).map_err(|_| ListenerError::Failed)
    }

    fn on_drop(&self, notice: Notice) -> Result<(), ListenerError> {
        self.0.lock().unwrap().send(("drop", notice)).map_err(|_| ListenerError::Failed)
    }
}

/// Fails, but not before the test is over.
struct Deaf(Mutex<Receiver<()>>);

impl Listener for Deaf {
    fn on_verdict(&self, _: Notice) -> Result<(), ListenerError> {
        Err(ListenerError::Failed)
    }

    fn on_drop(&self, _: Notice) -> Result<(), ListenerError> {
        let _ = self.0.lock().unwrap().recv();
        Err(ListenerError::Failed)
    }
}

const PATIENCE_MS: u64 = PATIENCE.as_secs() * 1_000;
