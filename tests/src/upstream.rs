//! An upstream that answers as the test tells it, goes away, comes back, and records what it got.

use std::fmt;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// A server on loopback that the collector under test sends to.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, inflated.
    pub body: Vec<u8>,
    /// The body as JSON; null where it is none.
    pub json: Value,
    /// Which status it was answered with.
    pub answered: u16,
}

/// An answer of the upstream.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Upstream {
    /// Starts on a free port; `answer` decides about every request.
    pub fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared { answer: Box::new(answer), received: Mutex::default() });
        let (runtime, address) = listen(&shared, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { address, shared, runtime: Some(runtime) })
    }

    /// One that accepts everything as our collector does.
    pub fn accepting() -> anyhow::Result<Self> {
        Self::start(Reply::receipt)
    }

    /// `http://127.0.0.1:PORT`; the same when it comes back.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes its port and every connection, answered or not. Returns when the port is free.
    pub fn go_away(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(GOING_AWAY);
        }
    }

    /// Listens again on the same port.
    pub fn come_back(&mut self) -> anyhow::Result<()> {
        self.go_away();
        let (runtime, _) = listen(&self.shared, self.address)?;
        self.runtime = Some(runtime);
        Ok(())
    }

    /// Every request so far, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received().clone()
    }

    /// The events of all batches that it answered with 200, in order of arrival.
    pub fn events(&self) -> Vec<Value> {
        let received = self.shared.received();
        let batches = received.iter().filter(|request| request.answered == 200);
        batches.flat_map(|request| request.json["batch"].as_array().cloned().unwrap_or_default()).collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upstream").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Received {
    /// The header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

impl Reply {
    /// A status with an empty JSON object.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: b"{}".to_vec() }
    }

    /// 200 as our collector gives it: with the batch's receipt.
    pub fn receipt(request: &Received) -> Self {
        let accepted = request.json["batch"].as_array().map_or(1, Vec::len);
        Self::json(
            &json!({"success": true, "accepted": accepted, "duplicates": 0, "rejected": [], "receipt": request.json["batchId"]}),
        )
    }

    /// 200 with this body.
    pub fn json(body: &Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    /// The same with a header more.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

struct Shared {
    answer: Box<dyn Fn(&Received) -> Reply + Send + Sync>,
    received: Mutex<Vec<Received>>,
}

impl Shared {
    fn received(&self) -> std::sync::MutexGuard<'_, Vec<Received>> {
        // A test that failed in its `answer` must still be able to show what came.
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(shared: &Arc<Shared>, address: SocketAddr) -> anyhow::Result<(Runtime, SocketAddr)> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(address)).with_context(|| format!("binding {address}"))?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(answer).with_state(Arc::clone(shared));
    runtime.spawn(async move { axum::serve(listener, router).await });
    Ok((runtime, address))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let body = inflate(&to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default());
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let mut received = Received { path: parts.uri.to_string(), headers: headers.collect(), body, json, answered: 0 };
    let reply = (shared.answer)(&received);
    received.answered = reply.status;
    shared.received().push(received);
    let mut response = Response::builder().status(reply.status).header("content-type", "application/json");
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn inflate(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match flate2::read::GzDecoder::new(body).read_to_end(&mut plain) {
        Ok(_) => plain,
        Err(_) => body.to_vec(),
    }
}

/// Far above what an `answer` takes that is under way.
const GOING_AWAY: Duration = Duration::from_secs(10);
const MAX_BODY_BYTES: usize = 64 * 1_024 * 1_024;
