//! One keep-alive HTTP connection, as cheap as it goes: the load must not take the CPU that it measures.
//! Speaks what the servers here answer: a status line, `content-length`, a body. Never retries.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One open connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// The body, whole.
    pub body: &'a [u8],
}

/// The bytes of a POST with a write key; build it before the clock starts.
pub fn post(path: &str, write_key: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: collector\r\ncontent-type: application/json\r\nx-write-key: {write_key}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

impl Connection {
    /// Connects; an exchange gives up after `patience`.
    pub fn open(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream, received: Vec::with_capacity(4_096) })
    }

    /// Sends one request and waits for its answer. After an error the connection is of no use.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request)?;
        self.received.clear();
        let head = loop {
            self.receive()?;
            if let Some(head) = Head::parse(&self.received)? {
                break head;
            }
        };
        let end = head.bytes + head.content_length;
        while self.received.len() < end {
            self.receive()?;
        }
        let body = self.received.get(head.bytes..end).unwrap_or_default();
        Ok(Answer { status: head.status, body })
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4_096];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.received.extend_from_slice(&chunk[..count]);
                Ok(())
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    content_length: usize,
    bytes: usize,
}

impl Head {
    /// None while the head is not complete.
    fn parse(received: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&received[..end]).map_err(io::Error::other)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let content_length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok());
        match (status, content_length) {
            (Some(status), Some(content_length)) => Ok(Some(Self { status, content_length, bytes: end + 4 })),
            _ => Err(io::Error::other(format!("not an answer with a length: {text}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete_whatever_the_case_of_its_names() {
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap(), None);
        let head = Head::parse(b"HTTP/1.1 503 Busy\r\nX: y\r\nContent-LENGTH: 2\r\n\r\n{}").unwrap().unwrap();
        assert_eq!((head.status, head.content_length), (503, 2));
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
