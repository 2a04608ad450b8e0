//! Sends a load and prints what came of it as one line of JSON. Started by `cargo xtask bench`, or by hand.

use std::net::SocketAddr;

use clap::Parser;
use selvedge_yardsticks::load::{self, Plan};
use selvedge_yardsticks::traffic::MessageIds;

/// Sends realistic events to a collector or a yardstick.
#[derive(Parser)]
struct Arguments {
    /// Where the server listens, for example 127.0.0.1:8787.
    address: SocketAddr,
    /// Sent as `X-Write-Key`; a secret key has no rate limit.
    #[arg(long, default_value = "pk_none")]
    key: String,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Events in all.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Events in one request; 1 sends single calls.
    #[arg(long, default_value_t = 100)]
    per_request: usize,
    /// UUIDv4 messageIds instead of rising ones.
    #[arg(long)]
    random_ids: bool,
    #[arg(long)]
    gzip: bool,
    /// Requests per second; without it as fast as the answers come.
    #[arg(long)]
    rate: Option<f64>,
    /// The same seed sends the same visitors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let report = load::run(&Plan {
        address: arguments.address,
        write_key: arguments.key,
        connections: arguments.connections.max(1),
        events: arguments.events,
        per_request: arguments.per_request.max(1),
        ids: if arguments.random_ids { MessageIds::Random } else { MessageIds::Rising },
        gzip: arguments.gzip,
        rate: arguments.rate,
        seed: arguments.seed,
    })?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
