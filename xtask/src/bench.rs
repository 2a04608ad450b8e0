//! `cargo xtask bench`: the collector beside its yardsticks, in turns in one run, because machines differ and have moods.
//!
//! CPU is the server's own (`/proc/PID/stat`), wall time is the load's, which shares the machine with the server: ratios
//! are what to compare. After each run the database must hold exactly what was acknowledged, or the bench fails.

mod report;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use self::report::Samples;
use self::server::Server;
use crate::{process, tree};

/// Measures the collector beside a bare HTTP handler and the smallest durable collector.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// One round of short runs: a look, not a measurement.
    #[arg(long)]
    quick: bool,
    /// The figures as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Rounds of all runs, at most.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Measure stitching instead, on a ledger of so many people: logins, late logins, rivals, decisions, reads.
    #[arg(long, value_name = "PEOPLE")]
    identity: Option<u64>,
    /// No round begins that would end later than this, counted without the build.
    #[arg(long, default_value_t = 180)]
    seconds: u64,
}

/// One kind of traffic and who gets it.
#[derive(Debug)]
struct Load {
    name: &'static str,
    servers: &'static [Server],
    events: u32,
    flags: &'static [&'static str],
}

/// What one server did with one load.
#[derive(Debug, Clone, Copy)]
struct Sample {
    events_per_second: f64,
    cpu_seconds_per_million: f64,
    p50_ms: f64,
    p99_ms: f64,
    peak_memory_mib: f64,
    /// Bytes of the database for each byte of raw JSON; none where nothing is stored.
    stored_share: Option<f64>,
}

/// Builds what is measured, measures it and prints the figures.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let binaries = build()?;
    if let Some(people) = options.identity {
        let mut identity = Command::new(binaries.join("yardstick-identity"));
        identity.args(["--people", &people.to_string(), "--chain", &people.clamp(100, 1_000_000).to_string()]);
        return process::run(identity.current_dir(tree::target()));
    }
    let budget = Duration::from_secs(options.seconds);
    let rounds = if options.quick { 1 } else { options.rounds.max(1) };
    let shrink = if options.quick { 8 } else { 1 };
    let begun = Instant::now();
    let mut samples = Samples::default();
    for round in 1..=rounds {
        let round_begun = Instant::now();
        for load in LOADS {
            for &server in load.servers {
                eprintln!("round {round} of {rounds}: {}, {server}", load.name);
                let sample = measure(&binaries, server, load, load.events / shrink)
                    .with_context(|| format!("{server} under {}", load.name))?;
                samples.add(load.name, server, sample);
            }
        }
        if begun.elapsed() + round_begun.elapsed() > budget {
            break;
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&samples.to_json())?);
    } else {
        print!("{samples}");
    }
    Ok(())
}

fn build() -> anyhow::Result<PathBuf> {
    let packages = ["--package", "selvedge-collector", "--package", "selvedge-yardsticks"];
    process::run(process::cargo().args(["build", "--release"]).args(packages).current_dir(tree::root()))?;
    Ok(tree::target().join("release"))
}

fn measure(binaries: &Path, server: Server, load: &Load, events: u32) -> anyhow::Result<Sample> {
    let running = server::Running::start(binaries, server)?;
    let cpu_before_s = running.cpu_seconds()?;
    let answered = send(binaries, &running, load, events)?;
    let cpu_s = running.cpu_seconds()? - cpu_before_s;
    let peak_memory_mib = running.peak_memory_mib()?;
    let stored_share = match running.stop(binaries)? {
        Some(stored) => {
            let (held, acknowledged) = (stored.events, answered.accepted);
            let sent = answered.events;
            ensure!(held == sent && acknowledged == sent, "sent {sent}, acknowledged {acknowledged}, stored {held}");
            Some(stored.bytes as f64 / answered.body_bytes as f64)
        }
        None => None,
    };
    Ok(Sample {
        events_per_second: answered.events as f64 / answered.seconds,
        cpu_seconds_per_million: cpu_s * 1e6 / answered.events as f64,
        p50_ms: answered.p50_us as f64 / 1e3,
        p99_ms: answered.p99_us as f64 / 1e3,
        peak_memory_mib,
        stored_share,
    })
}

/// The load's own report; the field names are those of `yardstick-load`.
#[derive(Debug, serde::Deserialize)]
struct Answered {
    events: u64,
    accepted: u64,
    body_bytes: u64,
    seconds: f64,
    p50_us: u64,
    p99_us: u64,
}

fn send(binaries: &Path, running: &server::Running, load: &Load, events: u32) -> anyhow::Result<Answered> {
    let mut command = Command::new(binaries.join("yardstick-load"));
    command.arg(running.address()).args(["--key", running.write_key(), "--events", &events.to_string()]);
    let report = process::read(command.args(load.flags))?;
    serde_json::from_str(&report).context("yardstick-load printed no report")
}

const BATCHES: &str = "batches of 100";
const RANDOM_IDS: &str = "batches of 100, random messageIds";
const GZIP: &str = "batches of 100, gzip";
const SINGLES: &str = "single posts";
const PACED: &str = "1,000 single posts per second";

/// Fewer single posts: each costs thirty times an event of a batch. 48 connections stay below the limit of 64 per IP.
const LOADS: &[Load] = &[
    Load { name: BATCHES, servers: &[Server::Hello, Server::Durable, Server::Selvedge], events: 400_000, flags: &[] },
    Load { name: RANDOM_IDS, servers: &[Server::Durable, Server::Selvedge], events: 200_000, flags: &["--random-ids"] },
    Load { name: GZIP, servers: &[Server::Selvedge], events: 200_000, flags: &["--gzip"] },
    Load {
        name: SINGLES,
        servers: &[Server::Hello, Server::Durable, Server::Selvedge],
        events: 40_000,
        flags: &["--per-request", "1", "--connections", "48"],
    },
    Load {
        name: PACED,
        servers: &[Server::Hello, Server::Selvedge],
        events: 4_000,
        flags: &["--per-request", "1", "--connections", "48", "--rate", "1000"],
    },
];
