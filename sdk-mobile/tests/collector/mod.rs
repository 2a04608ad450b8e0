//! A collector that does what the test tells it: every request waits for the answer that the test gives.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

/// A server on a free loopback port.
pub(crate) struct Collector {
    /// Where it listens.
    pub(crate) host: String,
    arrivals: Receiver<Request>,
}

/// One request, waiting for its answer.
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, inflated and parsed.
    pub(crate) body: Value,
    answer: Sender<String>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let (arrived, arrivals) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let arrived = arrived.clone();
                // A client that gives up ends its connection in any state.
                thread::spawn(move || serve(&stream, &arrived).ok());
            }
        });
        Self { host, arrivals }
    }

    /// The next request. Waits for it: the tracker sends it when it sees fit.
    pub(crate) fn next(&self) -> Request {
        self.arrivals.recv_timeout(PATIENCE).expect("no request came")
    }

    /// Answers as a collector does until all of these names have come; gives every name that came, in order.
    pub(crate) fn accept_until(&self, names: &[&str]) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        while !names.iter().all(|name| seen.iter().any(|seen| seen == name)) {
            let request = self.next();
            seen.extend(request.names());
            request.accept();
        }
        seen
    }

    /// Whether nothing more has come so far.
    pub(crate) fn is_quiet(&self) -> bool {
        self.arrivals.try_recv().is_err()
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn events(&self) -> &[Value] {
        self.body["batch"].as_array().unwrap()
    }

    /// The names of its events; the type of those without one.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |event: &Value| event["event"].as_str().or(event["type"].as_str()).unwrap().to_owned();
        self.events().iter().map(name).collect()
    }

    /// Everything is stored.
    pub(crate) fn accept(self) {
        self.accept_but(&json!([]));
    }

    /// Everything is stored but for what is `rejected`.
    pub(crate) fn accept_but(self, rejected: &Value) {
        let receipt = json!({
            "success": true, "accepted": self.events().len(), "duplicates": 0, "rejected": rejected,
            "receipt": self.body["batchId"], "receivedAt": "2026-01-01T00:00:00Z",
        });
        self.respond("200 OK", &receipt.to_string());
    }

    /// `status` is the code and the phrase, with further header lines behind it if need be.
    pub(crate) fn respond(self, status: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        self.answer.send(head + body).unwrap();
    }
}

/// One connection: one request, as `connection: close` says. A request that the test drops gets no answer.
fn serve(stream: &TcpStream, arrived: &Sender<Request>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut packed = vec![0; length];
    reader.read_exact(&mut packed)?;
    let body = serde_json::from_reader(GzDecoder::new(&packed[..])).unwrap();
    let (answer, answered) = channel();
    let request = Request { line: line.trim().to_owned(), headers, body, answer };
    if arrived.send(request).is_ok()
        && let Ok(answer) = answered.recv()
    {
        (&*stream).write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Far beyond what any of it takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
