//! Connections as the accept loop meets them: real sockets on loopback.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::http::tests::House;
use crate::ingest::Limits;

#[tokio::test]
async fn a_request_is_answered_over_a_socket() {
    let open = Open::with(Limits::default()).await;
    assert!(
        open.ask("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.starts_with("HTTP/1.1 200 OK")
    );
}

#[tokio::test]
async fn one_address_has_no_more_connections_than_allowed_and_gets_them_back() {
    let open = Open::with(Limits { connections_per_ip: 2, ..Limits::default() }).await;
    let (mut one, two) = (open.connect().await, open.connect().await);
    assert!(keeps_alive(&mut one).await);
    let mut three = open.connect().await;
    assert_eq!(three.read(&mut [0; 1]).await.unwrap_or(0), 0);
    drop(two);
    // The loop learns of the end a moment later.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !keeps_alive(&mut open.connect().await).await {
        assert!(tokio::time::Instant::now() < deadline, "the place was not given back");
    }
}

#[tokio::test]
async fn who_sends_no_head_is_not_waited_for() {
    let open = Open::with(Limits { head_timeout_ms: 50, ..Limits::default() }).await;
    let mut silent = open.connect().await;
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let mut slow = open.connect().await;
    slow.write_all(b"POST /v1/batch HTT").await.unwrap();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_refused() {
    let open = Open::with(Limits { body_timeout_ms: 50, ..Limits::default() }).await;
    let answer = open.ask("POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body_timeout"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_gets_its_answer() {
    let open = Open::with(Limits { body_bytes: 1_000, ..Limits::default() }).await;
    let request = format!("POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{}", "x".repeat(5_000));
    assert!(open.ask(&request).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_chunked_body_is_a_body() {
    let open = Open::with(Limits::default()).await;
    let head = "POST /v1/m HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    assert!(open.ask(&format!("{head}2\r\n{{}}\r\n0\r\n\r\n")).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn stopping_answers_the_open_request_and_ends() {
    let open = Open::with(Limits::default()).await;
    let mut stream = open.connect().await;
    stream.write_all(b"POST /v1/m HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{").await.unwrap();
    assert!(keeps_alive(&mut open.connect().await).await);
    let Open { stop, served, .. } = open;
    stop.send(()).unwrap();
    stream.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    served.await.unwrap();
}

/// A collector behind a socket.
struct Open {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _house: House,
}

impl Open {
    async fn with(limits: Limits) -> Self {
        let house = House::with_limits(limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, Arc::clone(&house.state), async { drop(stopped.await) }));
        Self { address, stop, served, _house: house }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes back until the connection ends.
    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Whether a request on this connection is answered.
async fn keeps_alive(stream: &mut TcpStream) -> bool {
    let mut start = [0; 12];
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok()
        && stream.read_exact(&mut start).await.is_ok()
        && start.starts_with(b"HTTP/1.1 200")
}
