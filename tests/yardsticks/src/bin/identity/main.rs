//! What stitching costs, on a ledger of any size: the collector's own committer and SQLite file, without a socket.
//! Prints a figure a line as JSON; each is the time of one commit (with its fsync), or of one read.

mod crowd;
mod house;

use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;

use self::crowd::Crowd;
use self::house::House;

/// Measures identity on a ledger of this size.
#[derive(Debug, Parser)]
struct Options {
    /// People in the ledger, each with a device and a login.
    #[arg(long, default_value_t = 10_000)]
    people: u64,
    /// Events of each.
    #[arg(long, default_value_t = 10)]
    events_per_person: u64,
    /// How often each deed is measured.
    #[arg(long, default_value_t = 200)]
    samples: u64,
    /// Events on a device before the late login that takes them all along.
    #[arg(long, default_value_t = 10_000)]
    device_events: u64,
    /// People on one device, as when an app gives all its installations one id; and beside one address, a call centre's.
    #[arg(long, default_value_t = 10_000)]
    crowd: u64,
    /// People who each share an address with the next.
    #[arg(long, default_value_t = 10_000)]
    chain: u64,
    /// Decisions that stand while people log in.
    #[arg(long, default_value_t = 500)]
    decisions: u64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut house = House::open()?;
    let mut crowd = Crowd::default();
    load(&mut house, &mut crowd, &options)?;
    events_with_and_without_identity(&mut house, &mut crowd, &options)?;
    logins(&mut house, &mut crowd, &options)?;
    late_logins(&mut house, &mut crowd, &options)?;
    crowded_device(&mut house, &mut crowd, &options)?;
    crowded_address(&mut house, &mut crowd, &options)?;
    // A small chain first, then all of it: the cost must be the same.
    for chain in [options.chain.div_ceil(100), options.chain] {
        edges_in_a_chain(&mut house, &mut crowd, (chain, options.samples))?;
    }
    decisions(&mut house, &options)?;
    logins_beside_decisions(&mut house, &mut crowd, &options)?;
    reads(&house, &crowd, &options)?;
    print("memory of the process", json!({ "peak_mib": house::peak_memory_mib()? }));
    print("ledger", json!({ "mib": house.size_mib()? }));
    Ok(())
}

/// Everyone views a few pages, logs in, views more.
fn load(house: &mut House, crowd: &mut Crowd, options: &Options) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut group = Vec::new();
    for person in 0..options.people {
        for n in 0..options.events_per_person {
            group.push(crowd.event_of(person, n));
        }
        // Each tenth shares an address with the next. The chain, in which all are one component, is measured by itself.
        if person % 10 == 0 {
            group.push(crowd.shared_address(person));
        }
        if group.len() >= GROUP {
            house.commit(std::mem::take(&mut group))?;
        }
    }
    house.commit(group)?;
    let events = options.people * options.events_per_person;
    let seconds = begun.elapsed().as_secs_f64();
    print(
        "load, groups of 2,500",
        json!({ "people": options.people, "events": events, "seconds": seconds, "events_per_s": events as f64 / seconds }),
    );
    Ok(())
}

/// As many events in groups of one size: of people who are known, and of nobody, which is intake without identity.
fn events_with_and_without_identity(house: &mut House, crowd: &mut Crowd, options: &Options) -> anyhow::Result<()> {
    let groups = 20;
    let (mut known, mut nobody) = (Duration::ZERO, Duration::ZERO);
    // In turns, because machines have moods.
    for group in 0..groups {
        let people = (0..GROUP as u64).map(|n| (group * 7_919 + n * 104_729) % options.people);
        let events = people.map(|person| crowd.event_of(person, 1_000 + group)).collect();
        known += timed(|| house.commit(events))?;
        let events = (0..GROUP).map(|_| crowd.event_of_nobody()).collect();
        nobody += timed(|| house.commit(events))?;
    }
    let per_event_us = |spent: Duration| spent.as_secs_f64() * 1e6 / (groups * GROUP as u64) as f64;
    print(
        "an event of a known person / of nobody, groups of 2,500",
        json!({ "known_us": per_event_us(known), "nobody_us": per_event_us(nobody),
                "ratio": known.as_secs_f64() / nobody.as_secs_f64() }),
    );
    Ok(())
}

fn logins(house: &mut House, crowd: &mut Crowd, options: &Options) -> anyhow::Result<()> {
    let mut first = Samples::default();
    let mut known = Samples::default();
    let mut alone = Samples::default();
    for n in 0..options.samples {
        let device = crowd.new_device();
        house.commit(vec![crowd.anonymous(&device), crowd.anonymous(&device)])?;
        let login = crowd.first_login(&device);
        first.add(timed(|| house.commit(vec![login]))?);
        let event = crowd.event_of(n % options.people, 5_000 + n);
        known.add(timed(|| house.commit(vec![event]))?);
        let event = crowd.event_of_nobody();
        alone.add(timed(|| house.commit(vec![event]))?);
    }
    first.print("a first login, a commit each");
    known.print("an event of a known person, a commit each");
    alone.print("an event of nobody, a commit each: the floor");
    Ok(())
}

fn late_logins(house: &mut House, crowd: &mut Crowd, options: &Options) -> anyhow::Result<()> {
    let mut joins = Samples::default();
    let mut cuts = Samples::default();
    for _ in 0..options.samples.div_ceil(10) {
        let device = crowd.new_device();
        let mut left = options.device_events;
        while left > 0 {
            let size = left.min(GROUP as u64);
            house.commit((0..size).map(|_| crowd.anonymous(&device)).collect())?;
            left -= size;
        }
        let login = crowd.login_in_the_past(&device);
        joins.add(timed(|| house.commit(vec![login]))?);
        // A second person in the middle: the device is shared from now on, and its history cut again.
        let login = crowd.login_in_the_past(&device);
        cuts.add(timed(|| house.commit(vec![login]))?);
    }
    joins.print(&format!("a late login that takes a device of {} events along", options.device_events));
    cuts.print(&format!("a late login that re-cuts a device of {} events", options.device_events));
    Ok(())
}

/// A device that far too many people mark: it is nobody's, and one more costs what the first did.
fn crowded_device(house: &mut House, crowd: &mut Crowd, options: &Options) -> anyhow::Result<()> {
    let device = crowd.new_device();
    let mut left = options.crowd;
    while left > 0 {
        let size = left.min(GROUP as u64);
        house.commit((0..size).map(|_| crowd.first_login(&device)).collect())?;
        left -= size;
    }
    let (mut logins, mut views) = (Samples::default(), Samples::default());
    for _ in 0..options.samples {
        let login = crowd.first_login(&device);
        logins.add(timed(|| house.commit(vec![login]))?);
        let view = crowd.anonymous(&device);
        views.add(timed(|| house.commit(vec![view]))?);
    }
    logins.print(&format!("a first login on a device of {} people", options.crowd));
    views.print("an event that names nobody on it");
    Ok(())
}

/// The same of an address: it names nobody any more.
fn crowded_address(house: &mut House, crowd: &mut Crowd, options: &Options) -> anyhow::Result<()> {
    let mut left = options.crowd;
    while left > 0 {
        let size = left.min(GROUP as u64);
        house.commit((0..size).map(|_| crowd.call_of_the_centre()).collect())?;
        left -= size;
    }
    let mut calls = Samples::default();
    for _ in 0..options.samples {
        let call = crowd.call_of_the_centre();
        calls.add(timed(|| house.commit(vec![call]))?);
    }
    calls.print(&format!("a first login with an address of {} people", options.crowd));
    Ok(())
}

/// People who each share their address with the next: a back-dated claim moves one address, and nobody else.
fn edges_in_a_chain(house: &mut House, crowd: &mut Crowd, (chain, samples): (u64, u64)) -> anyhow::Result<()> {
    let mut group = Vec::new();
    for link in crowd.links()..chain {
        group.extend(crowd.link_of_the_chain(link));
        if group.len() >= GROUP {
            house.commit(std::mem::take(&mut group))?;
        }
    }
    house.commit(group)?;
    let mut moves = Samples::default();
    for n in 0..samples {
        let link = (n * 7_919) % chain.max(2) / 2 + chain / 4;
        let claim = crowd.back_dated_rival(link);
        moves.add(timed(|| house.commit(vec![claim]))?);
    }
    moves.print(&format!("one back-dated event in a chain of {} rivals", chain));
    Ok(())
}

fn decisions(house: &mut House, options: &Options) -> anyhow::Result<()> {
    let (mut taken, mut withdrawn) = (Samples::default(), Samples::default());
    for n in 0..options.samples.div_ceil(4) {
        let (x, y) = (crowd::chain_account(n * 31 % options.chain), crowd::chain_address(n * 31 % options.chain));
        let begun = Instant::now();
        let id = house.keep_apart(&x, &y)?;
        taken.add(begun.elapsed());
        withdrawn.add(timed(|| house.withdraw(id))?);
    }
    taken.print("a decision in the chain");
    withdrawn.print("its withdrawal");
    Ok(())
}

/// A first login where many decisions stand: what is decided about others is nothing to it.
fn logins_beside_decisions(house: &mut House, crowd: &mut Crowd, options: &Options) -> anyhow::Result<()> {
    // From now on a name may be said by its digest: decisions may be about other names than they say.
    house.commit(vec![crowd.hashed_address()])?;
    // Each about two of the chain.
    let decisions = options.decisions.min(options.chain / 2);
    for n in 0..decisions {
        house.keep_apart(&crowd::chain_account(n), &crowd::chain_address(n + 1))?;
    }
    let mut first = Samples::default();
    for _ in 0..options.samples {
        let device = crowd.new_device();
        house.commit(vec![crowd.anonymous(&device)])?;
        let login = crowd.first_login(&device);
        first.add(timed(|| house.commit(vec![login]))?);
    }
    first.print(&format!("a first login where {decisions} decisions stand"));
    Ok(())
}

fn reads(house: &House, crowd: &Crowd, options: &Options) -> anyhow::Result<()> {
    let mut by_any = Samples::default();
    for n in 0..options.samples * 5 {
        let name = crowd.any_name(n * 104_729 % options.people, n);
        by_any.add(timed(|| house.read(&name))?);
    }
    by_any.print("a profile by any identifier");
    Ok(())
}

fn timed<T>(deed: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    deed()?;
    Ok(begun.elapsed())
}

/// Times of one deed.
#[derive(Debug, Default)]
struct Samples(Vec<Duration>);

impl Samples {
    fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    fn print(mut self, what: &str) {
        self.0.sort_unstable();
        let at = |share: f64| {
            let place = ((self.0.len() as f64 - 1.0) * share).round() as usize;
            self.0.get(place).map_or(0.0, |sample| sample.as_secs_f64() * 1e3)
        };
        print(what, json!({ "samples": self.0.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0) }));
    }
}

fn print(what: &str, mut figures: serde_json::Value) {
    figures["what"] = json!(what);
    println!("{figures}");
}

/// As the collector's writer gathers.
const GROUP: usize = 2_500;
