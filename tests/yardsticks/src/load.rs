//! Sends a plan's traffic over several keep-alive connections and reports what was answered, and how soon.
//! All bodies are built before the clock starts: two cores are shared with the server that is measured.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use flate2::{Compression, write::GzEncoder};
use serde::{Deserialize, Serialize};

use crate::connection::{self, Connection};
use crate::traffic::{MessageIds, Traffic};

/// What to send, to whom and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// Goes along as `X-Write-Key`.
    pub write_key: String,
    /// Open at the same time, each with visitors of its own.
    pub connections: usize,
    /// All connections together.
    pub events: usize,
    /// 1 sends single calls, without a batch around them.
    pub per_request: usize,
    /// How messageIds are made.
    pub ids: MessageIds,
    /// Bodies compressed, as mobile and server clients do.
    pub gzip: bool,
    /// Requests per second over all connections; none: as fast as answers come.
    pub rate: Option<f64>,
    /// The same seed sends the same visitors.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Events sent, each answered with 200.
    pub events: usize,
    /// The sum of `accepted` in the answers; 0 from a server that does not say.
    pub accepted: u64,
    /// The sum of `duplicates` in the answers.
    pub duplicates: u64,
    /// Bytes of all bodies before compression.
    pub body_bytes: u64,
    /// From the first request's start to the last answer.
    pub seconds: f64,
    /// Of one request, from when it was due.
    pub p50_us: u64,
    /// Of one request, from when it was due.
    pub p99_us: u64,
}

/// Runs the plan; the first answer other than 200 ends it as an error.
pub fn run(plan: &Plan) -> anyhow::Result<Report> {
    let streams: Vec<Stream> =
        (0..plan.connections).map(|place| Stream::build(plan, place)).collect::<Result<_, _>>()?;
    let body_bytes = streams.iter().map(|stream| stream.body_bytes).sum();
    let gate = Barrier::new(plan.connections);
    let outcomes: Vec<anyhow::Result<Outcome>> = thread::scope(|scope| {
        let threads: Vec<_> = streams.into_iter().map(|stream| scope.spawn(|| stream.send(plan, &gate))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a sender panicked"))).collect()
    });
    let outcomes = outcomes.into_iter().collect::<anyhow::Result<Vec<Outcome>>>()?;
    let begun = outcomes.iter().map(|outcome| outcome.begun).min().context("no connection")?;
    let ended = outcomes.iter().map(|outcome| outcome.ended).max().context("no connection")?;
    let mut latencies_us: Vec<u64> = outcomes.iter().flat_map(|outcome| outcome.latencies_us.iter().copied()).collect();
    latencies_us.sort_unstable();
    Ok(Report {
        events: outcomes.iter().map(|outcome| outcome.events).sum(),
        accepted: outcomes.iter().map(|outcome| outcome.accepted).sum(),
        duplicates: outcomes.iter().map(|outcome| outcome.duplicates).sum(),
        body_bytes,
        seconds: (ended - begun).as_secs_f64(),
        p50_us: quantile(&latencies_us, 0.5),
        p99_us: quantile(&latencies_us, 0.99),
    })
}

/// One connection's share, ready to go out.
struct Stream {
    place: usize,
    events: usize,
    body_bytes: u64,
    requests: Vec<Vec<u8>>,
}

struct Outcome {
    begun: Instant,
    ended: Instant,
    events: usize,
    accepted: u64,
    duplicates: u64,
    latencies_us: Vec<u64>,
}

/// What the load reads of an answer (protocol.md, section 2).
#[derive(Deserialize)]
struct Receipt {
    #[serde(default)]
    accepted: u64,
    #[serde(default)]
    duplicates: u64,
}

impl Stream {
    fn build(plan: &Plan, place: usize) -> anyhow::Result<Self> {
        let requests_in_all = plan.events / plan.per_request;
        let count = requests_in_all / plan.connections + usize::from(place < requests_in_all % plan.connections);
        let seed = plan.seed.wrapping_mul(1_000).wrapping_add(place as u64);
        let mut traffic = Traffic::new(seed, plan.ids, started_unix_ms()?);
        let mut body_bytes = 0;
        let mut requests = Vec::with_capacity(count);
        for _ in 0..count {
            let post = if plan.per_request == 1 { traffic.single() } else { traffic.batch(plan.per_request) };
            body_bytes += post.body.len() as u64;
            requests.push(if plan.gzip {
                connection::post(post.path, &plan.write_key, "content-encoding: gzip\r\n", &gzip(&post.body)?)
            } else {
                connection::post(post.path, &plan.write_key, "", &post.body)
            });
        }
        Ok(Self { place, events: count * plan.per_request, body_bytes, requests })
    }

    fn send(self, plan: &Plan, gate: &Barrier) -> anyhow::Result<Outcome> {
        let opened = Connection::open(plan.address, PATIENCE);
        // Every thread passes the gate, also one that could not connect: the others wait for it.
        gate.wait();
        let mut connection = opened.with_context(|| format!("cannot connect to {}", plan.address))?;
        let begun = Instant::now();
        let mut outcome =
            Outcome { begun, ended: begun, events: self.events, accepted: 0, duplicates: 0, latencies_us: Vec::new() };
        for (turn, request) in self.requests.iter().enumerate() {
            let due = match plan.rate {
                // Latency counts from here, so that a server that stalls pays for all whom it kept waiting.
                Some(rate) => begun + Duration::from_secs_f64((turn * plan.connections + self.place) as f64 / rate),
                None => Instant::now(),
            };
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let answer = connection.exchange(request).context("no answer")?;
            if answer.status != 200 {
                bail!("status {}: {}", answer.status, String::from_utf8_lossy(answer.body));
            }
            let receipt: Receipt = serde_json::from_slice(answer.body).context("the answer is not a receipt")?;
            outcome.accepted += receipt.accepted;
            outcome.duplicates += receipt.duplicates;
            outcome.latencies_us.push(due.elapsed().as_micros() as u64);
        }
        outcome.ended = Instant::now();
        Ok(outcome)
    }
}

/// An hour ago, so that no event is made after its receipt, however long the stream.
fn started_unix_ms() -> anyhow::Result<i64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(now.as_millis() as i64 - 3_600_000)
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

/// The value below which `share` of the sorted values lie; 0 of none.
fn quantile(sorted: &[u64], share: f64) -> u64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Longer than any commit; an exchange that takes longer is a failed run, not a slow one.
const PATIENCE: Duration = Duration::from_secs(20);
