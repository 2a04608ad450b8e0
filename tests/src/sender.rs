//! A client under load: sends one post after the other on one connection, and remembers which were acknowledged.
//! What got no answer it sends again first, as every client does.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use selvedge_yardsticks::connection::{self, Connection};
use selvedge_yardsticks::traffic::{MessageIds, Post, Traffic};
use serde::Deserialize;

use crate::collector::Collector;

/// One client, over as many connections as its collector's lives take.
#[derive(Debug)]
pub struct Sender {
    traffic: Traffic,
    address: SocketAddr,
    write_key: String,
    connection: Option<Connection>,
    /// Answered with 200, in order.
    pub acknowledged: Vec<Post>,
    /// Sent, perhaps stored, never answered; in order.
    pub unanswered: VecDeque<Post>,
}

/// What the collector said about one post.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Receipt {
    /// Stored now.
    pub accepted: usize,
    /// Stored before.
    pub duplicates: usize,
}

impl Sender {
    /// With visitors of its own; sends with the secret key, which has no rate limit.
    pub fn new(collector: &Collector, seed: u64) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        // An hour back, so that no event is made after its receipt.
        let from_unix_ms = i64::try_from(now.as_millis())? - 3_600_000;
        Ok(Self {
            traffic: Traffic::new(seed, MessageIds::Random, from_unix_ms),
            address: collector.url.trim_start_matches("http://").parse()?,
            write_key: collector.secret_key.clone(),
            connection: None,
            acknowledged: Vec::new(),
            unanswered: VecDeque::new(),
        })
    }

    /// Sends the oldest unanswered post again, else a new one of that size (1: a single call, not a batch). None when
    /// the collector is gone; an answer other than a receipt for every event is an error.
    pub fn send(&mut self, size: usize) -> anyhow::Result<Option<Receipt>> {
        let post = match self.unanswered.pop_front() {
            Some(post) => post,
            None if size == 1 => self.traffic.single(),
            None => self.traffic.batch(size),
        };
        let receipt = self.exchange(&post)?;
        match receipt {
            Some(_) => self.acknowledged.push(post),
            None => self.unanswered.push_front(post),
        }
        Ok(receipt)
    }

    /// Sends everything that was ever acknowledged once more; the sum of what was said about it.
    pub fn send_all_again(&mut self) -> anyhow::Result<Receipt> {
        let mut sum = Receipt { accepted: 0, duplicates: 0 };
        let posts = std::mem::take(&mut self.acknowledged);
        for post in &posts {
            let receipt = self.exchange(post)?.context("the collector went away")?;
            sum.accepted += receipt.accepted;
            sum.duplicates += receipt.duplicates;
        }
        self.acknowledged = posts;
        Ok(sum)
    }

    fn exchange(&mut self, post: &Post) -> anyhow::Result<Option<Receipt>> {
        let request = connection::post(post.path, &self.write_key, "", &post.body);
        let connection = match self.connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(self.address, PATIENCE),
        };
        let Ok(mut connection) = connection else { return Ok(None) };
        let Ok(answer) = connection.exchange(&request) else { return Ok(None) };
        let text = String::from_utf8_lossy(answer.body);
        ensure!(answer.status == 200, "status {}: {text}", answer.status);
        let receipt: Receipt = serde_json::from_slice(answer.body).with_context(|| format!("no receipt: {text}"))?;
        ensure!(receipt.accepted + receipt.duplicates == post.mentions.len(), "not every event was settled: {text}");
        self.connection = Some(connection);
        Ok(Some(receipt))
    }
}

/// Far above any commit; after it the collector counts as gone.
const PATIENCE: Duration = Duration::from_secs(30);
