//! What was answered 200 is on disk, once: kill -9 in the middle of the load, again and again (promise P1).
//! `SELVEDGE_KILLS` says how often; 30 times when it is not set.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_tests::ledger::Ledger;
use selvedge_tests::sender::Sender;
use selvedge_tests::{Collector, wait_until};
use selvedge_yardsticks::traffic::Mention;

#[test]
fn kill_under_load_loses_no_acknowledged_event_and_doubles_none() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = Collector::start(directory.path())?;
    let mut senders = (0..SENDERS).map(|seed| Sender::new(&collector, seed)).collect::<Result<Vec<_>, _>>()?;
    let kills = kills()?;
    let mut unanswered = 0;
    for round in 0..kills {
        if round > 0 {
            collector.restart()?;
        }
        load_until_killed(&mut collector, &mut senders, requests_before_kill(round))?;
        let held = check_ledger(&directory, &senders).with_context(|| format!("after kill {round}"))?;
        unanswered += senders.iter().map(|sender| sender.unanswered.len()).sum::<usize>();
        eprintln!("kill {}: {held} events stored, none missing, none twice, integrity ok", round + 1);
    }

    collector.restart()?;
    let resent = settle_and_resend(&mut senders)?;
    let held = check_ledger_of_running(&directory, &senders)?;
    check_profiles(&collector, &senders)?;
    println!("{kills} kills over {SENDERS} connections: {held} events acknowledged and stored, 0 missing, 0 twice");
    println!("{unanswered} requests went unanswered; {resent} events sent again afterwards: 0 stored anew");
    println!("integrity check ok {kills} times");
    Ok(())
}

/// All senders at once, until the collector is killed after so many requests have begun.
fn load_until_killed(collector: &mut Collector, senders: &mut [Sender], requests: usize) -> anyhow::Result<()> {
    let begun = AtomicUsize::new(0);
    let broken = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = senders
            .iter_mut()
            .map(|sender| {
                scope.spawn(|| send_until_gone(sender, &begun).inspect_err(|_| broken.store(true, Ordering::Relaxed)))
            })
            .collect();
        let loaded = wait_until(DEADLINE, "the load came under way", || {
            begun.load(Ordering::Relaxed) >= requests || broken.load(Ordering::Relaxed)
        });
        // Also when the load never came: a sender ends with its collector.
        collector.kill()?;
        loaded?;
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a sender panicked")))
    })
}

/// Sizes from single calls to more than a hundred: a kill meets groups of every kind.
fn send_until_gone(sender: &mut Sender, begun: &AtomicUsize) -> anyhow::Result<()> {
    loop {
        let turn = begun.fetch_add(1, Ordering::Relaxed);
        if sender.send(BATCH_SIZES[turn % BATCH_SIZES.len()])?.is_none() {
            return Ok(());
        }
    }
}

/// The number of events in the ledger, once it is found whole.
fn check_ledger(directory: &tempfile::TempDir, senders: &[Sender]) -> anyhow::Result<usize> {
    let ledger = Ledger::copy_of(directory.path())?;
    let integrity = ledger.integrity()?;
    ensure!(integrity == "ok", "integrity check: {integrity}");
    compare(&ledger, senders)
}

fn check_ledger_of_running(directory: &tempfile::TempDir, senders: &[Sender]) -> anyhow::Result<usize> {
    let held = compare(&Ledger::beside(directory.path())?, senders)?;
    let acknowledged = mentions(senders).count();
    ensure!(held == acknowledged, "{held} events stored, {acknowledged} acknowledged");
    Ok(held)
}

fn compare(ledger: &Ledger, senders: &[Sender]) -> anyhow::Result<usize> {
    let stored = ledger.message_ids()?;
    let distinct: HashSet<&str> = stored.iter().map(|id| &**id).collect();
    ensure!(distinct.len() == stored.len(), "{} events stored twice", stored.len() - distinct.len());
    let missing = mentions(senders).filter(|mention| !distinct.contains(&*mention.message_id)).count();
    ensure!(missing == 0, "{missing} acknowledged events missing");
    Ok(stored.len())
}

/// First what was never answered, then everything once more: nothing of the latter may be new. How much that was.
fn settle_and_resend(senders: &mut [Sender]) -> anyhow::Result<usize> {
    let mut resent = 0;
    for sender in senders {
        while !sender.unanswered.is_empty() {
            sender.send(1)?.context("the collector went away")?;
        }
        let receipt = sender.send_all_again()?;
        ensure!(receipt.accepted == 0, "{} events were stored a second time", receipt.accepted);
        resent += receipt.duplicates;
    }
    Ok(resent)
}

/// Profiles are folded in the transaction that stores their events: a kill can not set them apart.
fn check_profiles(collector: &Collector, senders: &[Sender]) -> anyhow::Result<()> {
    let mut events_by_device: HashMap<&str, usize> = HashMap::new();
    for mention in mentions(senders) {
        *events_by_device.entry(&mention.anonymous_id).or_default() += 1;
    }
    let every = events_by_device.len().div_ceil(PROFILES_CHECKED);
    for (device, events) in events_by_device.into_iter().step_by(every) {
        let profile = collector.get(&format!("/v1/profiles/anonymous_id:{device}"), &collector.secret_key)?;
        let counted = profile.json["event_count"].as_u64().with_context(|| profile.text())?;
        ensure!(counted == events as u64, "the profile of {device} counts {counted} events of {events}");
    }
    Ok(())
}

fn mentions(senders: &[Sender]) -> impl Iterator<Item = &Mention> {
    senders.iter().flat_map(|sender| &sender.acknowledged).flat_map(|post| &post.mentions)
}

/// From the very first requests to well under way, in an order without a pattern.
fn requests_before_kill(round: usize) -> usize {
    3 + round * 37 % 101
}

fn kills() -> anyhow::Result<usize> {
    match std::env::var("SELVEDGE_KILLS") {
        Ok(text) => text.parse().context("SELVEDGE_KILLS is no number"),
        Err(_) => Ok(30),
    }
}

const SENDERS: u64 = 6;
const BATCH_SIZES: [usize; 7] = [100, 1, 40, 120, 7, 100, 3];
/// Spread over all visitors.
const PROFILES_CHECKED: usize = 300;
const DEADLINE: Duration = Duration::from_secs(60);
