//! Random logs, each in several orders of arrival, sent to one collector over HTTP: its answers are those of the
//! oracle.

mod logs;
mod over_http;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use logs::{DAYS, Log, Wildness, another_arrival, log};
use over_http::{Conflicts, Proving, conflicts, differences, now_ms, send_proving};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use selvedge_tests::Collector;
use selvedge_tests::oracle::{Event, Ledger, People, Rules, replay_ledger};

#[test]
fn random_logs_over_http_in_any_order_of_arrival_equal_the_oracle() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start_with_settings(directory.path(), NO_RATE_LIMITS)?;
    let arrivals = arrivals(now_ms() - (DAYS + 1) * DAY_MS);
    let proving = Proving::at(&collector)?;
    let counted = Counted::default();
    each(&arrivals, |arrived| {
        let (proven, unproven) = send_proving(&collector, &proving, arrived)?;
        counted.proven.fetch_add(proven, Ordering::Relaxed);
        counted.unproven.fetch_add(unproven, Ordering::Relaxed);
        Ok(())
    })?;
    let conflicts = conflicts(&collector)?;
    each(&arrivals, |arrived| {
        let ledger = Ledger { events: arrived.to_vec(), ..Ledger::default() };
        let replay = replay_ledger(&ledger, &Rules::default());
        counted.add(arrived, &replay.people);
        let differences = differences(&collector, arrived, &replay, &conflicts)?;
        anyhow::ensure!(differences.is_empty(), "{differences:#?}\n{arrived:#?}");
        Ok(())
    })?;
    counted.print(&conflicts);
    Ok(())
}

/// Every log in its own order and in others, some events of those twice. Each arrival has names of its own, so that
/// one collector holds them all apart.
fn arrivals(start_ms: i64) -> Vec<Vec<Event>> {
    let mut runner = TestRunner::deterministic();
    let mut arrivals = Vec::new();
    for _ in 0..LOGS {
        let log: Log = drawn(&log(Wildness { events: 40, values_per_kind: 1 }), &mut runner);
        arrivals.push(log.events(arrivals.len(), start_ms));
        for _ in 1..ORDERS {
            let events = log.events(arrivals.len(), start_ms);
            arrivals.push(drawn(&another_arrival(events), &mut runner));
        }
    }
    arrivals
}

fn drawn<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).expect("nothing is filtered out").current()
}

/// Does something with every arrival, several at a time: logs share a collector and its commits, but no names.
fn each(arrivals: &[Vec<Event>], act: impl Fn(&[Event]) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<()> {
        while let Some(arrived) = arrivals.get(next.fetch_add(1, Ordering::Relaxed)) {
            act(arrived)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })
}

/// What the logs held, so that a reader sees that they were not tame.
#[derive(Default)]
struct Counted {
    events: AtomicUsize,
    /// By tokens.
    proven: AtomicUsize,
    /// In spite of their tokens.
    unproven: AtomicUsize,
    people: AtomicUsize,
    merged_names: AtomicUsize,
    shared_devices: AtomicUsize,
}

impl Counted {
    fn add(&self, arrived: &[Event], people: &People) {
        let mut held: BTreeMap<_, usize> = BTreeMap::new();
        people.leader.values().for_each(|leader| *held.entry(leader).or_default() += 1);
        self.events.fetch_add(arrived.len(), Ordering::Relaxed);
        self.people.fetch_add(held.len(), Ordering::Relaxed);
        self.merged_names.fetch_add(people.parent.len(), Ordering::Relaxed);
        let shared = people.marked_by.values().filter(|people| people.len() > 1).count();
        self.shared_devices.fetch_add(shared, Ordering::Relaxed);
    }

    fn print(&self, conflicts: &Conflicts) {
        println!(
            "{LOGS} random logs in {ORDERS} orders of arrival each, over HTTP, equal to the oracle: {} events sent, \
             {} proven by tokens and {} not, {} people, {} names that follow another, {} shared devices, {} conflicts",
            self.events.load(Ordering::Relaxed),
            self.proven.load(Ordering::Relaxed),
            self.unproven.load(Ordering::Relaxed),
            self.people.load(Ordering::Relaxed),
            self.merged_names.load(Ordering::Relaxed),
            self.shared_devices.load(Ordering::Relaxed),
            conflicts.len(),
        );
    }
}

/// All logs come from one address, with one public key.
const NO_RATE_LIMITS: &str = "[limits]\nip_events_per_s = 1000000\nkey_events_per_s = 1000000\n";
const LOGS: usize = 300;
const ORDERS: usize = 3;
const WORKERS: usize = 8;
const DAY_MS: i64 = 24 * 60 * 60_000;
