//! An upstream that goes away under load and comes back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use selvedge_tests::sender::Sender;
use selvedge_tests::{Collector, Reply, Upstream, wait_until};
use serde_json::Value;

use super::{behind, once_each, wait_for_all_heard};

/// `SELVEDGE_OUTAGE_S` says how long the upstream is away; 10 s when it is not set.
#[test]
fn an_upstream_that_is_away_under_load_misses_nothing_and_hears_each_visitor_in_order() -> anyhow::Result<()> {
    let arrived = Arc::new(AtomicUsize::new(0));
    let mut upstream = counting(Arc::clone(&arrived))?;
    let directory = tempfile::tempdir()?;
    let flags = ["--upstream", &upstream.url(), "--upstream-key", "sk_of_the_upstream"];
    let collector = Collector::start_with(directory.path(), &flags)?;
    let mut senders = (0..SENDERS).map(|seed| Sender::new(&collector, seed)).collect::<Result<Vec<_>, _>>()?;
    let outage = outage()?;
    let missed = under_load(&mut senders, || {
        blink(&mut upstream, &arrived)?;
        wait_for_more(&arrived)?;
        upstream.go_away();
        // Real time is the point: the outage lasts while events keep coming.
        let begun = Instant::now();
        wait_until(outage * 2, "the outage ended", || begun.elapsed() >= outage)?;
        let missed = behind(&collector, "events", "upstream")?;
        upstream.come_back()?;
        wait_for_more(&arrived)?;
        Ok(missed)
    })?;
    let catching_up = Instant::now();
    let already = arrived.load(Ordering::Relaxed);
    wait_for_all_heard(&collector, "events", "upstream")?;
    let rate = (arrived.load(Ordering::Relaxed) - already) as f64 / catching_up.elapsed().as_secs_f64();

    let sent: usize = senders.iter().flat_map(|sender| &sender.acknowledged).map(|post| post.mentions.len()).sum();
    let events = upstream.events();
    let resent = events.len() - check(&senders, events)?;
    println!(
        "{sent} events over {SENDERS} connections, the upstream away {BLINKS} times for a blink and for {outage:?}"
    );
    println!("{missed} waited when it came back, 0 lost, {resent} came again; caught up at {rate:.0} events/s");
    Ok(())
}

/// A receiver that counts the events it takes.
fn counting(arrived: Arc<AtomicUsize>) -> anyhow::Result<Upstream> {
    Upstream::start(move |request| {
        arrived.fetch_add(request.json["batch"].as_array().map_or(0, Vec::len), Ordering::Relaxed);
        Reply::receipt(request)
    })
}

/// All senders at a steady pace while `act` runs, and until it ends.
fn under_load<T>(senders: &mut [Sender], act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> =
            senders.iter_mut().map(|sender| scope.spawn(|| send_steadily(sender, &is_over))).collect();
        let acted = act();
        is_over.store(true, Ordering::Relaxed);
        let join =
            |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|_| anyhow::bail!("a sender panicked"));
        let sent = threads.into_iter().map(join).collect::<anyhow::Result<Vec<()>>>();
        // What went wrong first is what was done: a sender fails behind it.
        let acted = acted?;
        sent.map(|_| acted)
    })
}

/// A pace, not a race: what waits grows with the length of the outage, not with the speed of the machine.
fn send_steadily(sender: &mut Sender, is_over: &AtomicBool) -> anyhow::Result<()> {
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        sender.send(BATCH)?.context("the collector went away")?;
        wait_until(PACE * 10, "the next batch was due", || begun.elapsed() >= PACE)?;
    }
    Ok(())
}

/// Connections that break in the middle of a request, again and again.
fn blink(upstream: &mut Upstream, arrived: &AtomicUsize) -> anyhow::Result<()> {
    for _ in 0..BLINKS {
        wait_for_more(arrived)?;
        upstream.go_away();
        upstream.come_back()?;
    }
    Ok(())
}

fn wait_for_more(arrived: &AtomicUsize) -> anyhow::Result<()> {
    let before = arrived.load(Ordering::Relaxed);
    // The last pause before it came back may be as long as all the others together.
    let patience = Duration::from_secs(30) + outage()? * 2;
    Ok(wait_until(patience, "more arrived upstream", || arrived.load(Ordering::Relaxed) > before)?)
}

/// How many different events arrived; an error unless they are the acknowledged ones, each visitor's in order.
fn check(senders: &[Sender], events: Vec<Value>) -> anyhow::Result<usize> {
    let events = once_each(events);
    let arrived: HashSet<&str> = events.iter().filter_map(|event| event["messageId"].as_str()).collect();
    let mentions = senders.iter().flat_map(|sender| &sender.acknowledged).flat_map(|post| &post.mentions);
    let lost = mentions.clone().filter(|mention| !arrived.contains(&*mention.message_id)).count();
    ensure!(lost == 0, "{lost} acknowledged events never arrived");
    ensure!(arrived.len() == mentions.count(), "events arrived that nobody sent");
    let mut last_step: HashMap<&str, u64> = HashMap::new();
    for event in &events {
        let visitor = event["anonymousId"].as_str().context("an event without its visitor")?;
        let said = if event["type"] == "identify" { &event["traits"] } else { &event["properties"] };
        let step = said["step"].as_u64().context("an event without its step")?;
        let last = last_step.insert(visitor, step).unwrap_or(0);
        ensure!(step > last, "step {step} of {visitor} arrived after step {last}");
    }
    Ok(events.len())
}

fn outage() -> anyhow::Result<Duration> {
    let seconds = match std::env::var("SELVEDGE_OUTAGE_S") {
        Ok(text) => text.parse().context("SELVEDGE_OUTAGE_S is no number")?,
        Err(_) => 10,
    };
    Ok(Duration::from_secs(seconds))
}

const SENDERS: u64 = 4;
const BATCH: usize = 50;
/// With four senders, 2,000 events a second.
const PACE: Duration = Duration::from_millis(100);
const BLINKS: usize = 3;
