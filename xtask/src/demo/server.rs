//! A loopback HTTP server on a free port, with one handler. Ends when it is dropped.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};
use tiny_http::Request;

/// Running until it is dropped.
pub(super) struct Server {
    /// `http://127.0.0.1:PORT`.
    pub(super) url: String,
    listener: Arc<tiny_http::Server>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Hands every request to `answer`, one at a time: a demo has one visitor.
    pub(super) fn listen(answer: impl Fn(Request) + Send + 'static) -> Result<Self> {
        let listener = tiny_http::Server::http("127.0.0.1:0").map_err(|error| anyhow!("could not listen: {error}"))?;
        let listener = Arc::new(listener);
        let url = format!("http://{}", listener.server_addr());
        let requests = Arc::clone(&listener);
        let thread = thread::spawn(move || requests.incoming_requests().for_each(answer));
        Ok(Self { url, listener, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listener.unblock();
        // A handler that panicked has said so on stderr.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
