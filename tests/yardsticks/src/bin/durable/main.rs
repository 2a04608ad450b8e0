//! The smallest collector that keeps its word: what it answers 200 to is on disk, once, and its visitor's profile
//! counts it. Parse, dedupe by messageId, identity map, profile upsert, SQLite WAL with `synchronous=FULL`, group commit
//! on one thread, answer. No keys, limits, verdicts, stitching, conflicts, reads or forwarding: that is the point.

mod ledger;
mod message;
mod writer;

use std::path::PathBuf;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use clap::Parser;
use selvedge_yardsticks::listen;

use crate::ledger::Ledger;
use crate::writer::Writer;

/// The smallest durable collector, on a free loopback port.
#[derive(Parser)]
struct Arguments {
    /// Where `ledger.db` is kept.
    #[arg(long)]
    data: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let ledger = Ledger::open(&Arguments::parse().data.join("ledger.db"))?;
    listen::serve(Router::new().fallback(collect).with_state(Writer::start(ledger))).await
}

async fn collect(State(writer): State<Writer>, path: Uri, body: Bytes) -> Response {
    let messages = match message::parse(path.path(), &body) {
        Ok(messages) => messages,
        Err(fault) => return (StatusCode::BAD_REQUEST, fault.to_string()).into_response(),
    };
    match writer.commit(messages).await {
        Some(receipt) => {
            let (accepted, duplicates) = (receipt.accepted, receipt.duplicates);
            let answer = format!(r#"{{"success":true,"accepted":{accepted},"duplicates":{duplicates}}}"#);
            ([(CONTENT_TYPE, "application/json")], answer).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "the ledger refused").into_response(),
    }
}
