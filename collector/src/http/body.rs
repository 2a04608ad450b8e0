//! Takes a body in: plain or gzip, in time, and never more of it than the limits let through.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Refusal, State};
use crate::ingest::Limits;

/// A body that is here, and its share of the bytes that may be in flight: held until the request is answered.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) bytes: Bytes,
    _share: Share,
}

/// Takes in a whole body, as it came over the network.
pub(super) async fn receive(state: &State, headers: &HeaderMap, body: Body) -> Result<Received, Refusal> {
    let limits = state.limits();
    let too_large = Refusal::BodyTooLarge { limit_bytes: limits.body_bytes };
    let declared_bytes = declared_bytes(headers);
    if declared_bytes > limits.body_bytes.saturating_mul(POLITENESS) {
        return Err(too_large);
    }
    let is_too_large = declared_bytes > limits.body_bytes;
    let limit_ms = if is_too_large { limits.body_timeout_ms.min(POLITE_MS) } else { limits.body_timeout_ms };
    let mut share = Share::of(&state.body_bytes);
    match tokio::time::timeout(Duration::from_millis(limit_ms), gather(limits, headers, body, &mut share)).await {
        Ok(bytes) => Ok(Received { bytes: bytes?, _share: share }),
        Err(_) if is_too_large => Err(too_large),
        Err(_) => Err(Refusal::BodyTooSlow { limit_ms }),
    }
}

/// How long a body says that it is; 0 for one that does not say.
fn declared_bytes(headers: &HeaderMap) -> usize {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

impl Received {
    /// The body as it was before it was compressed, if it was: by its header, or by its first bytes.
    pub(super) fn inflated(mut self, state: &State, headers: &HeaderMap) -> Result<Self, Refusal> {
        let is_declared = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().trim_ascii()) {
            None | Some(b"" | b"identity") => false,
            Some(encoding) if [&b"gzip"[..], b"x-gzip"].iter().any(|gzip| encoding.eq_ignore_ascii_case(gzip)) => true,
            Some(_) => return Err(Refusal::UnknownEncoding),
        };
        if is_declared || self.bytes.starts_with(&GZIP_MAGIC) {
            self.bytes = inflate(&self.bytes, state.limits(), &mut self._share)?;
        }
        Ok(self)
    }
}

async fn gather(limits: &Limits, headers: &HeaderMap, mut body: Body, share: &mut Share) -> Result<Bytes, Refusal> {
    let declared_bytes = declared_bytes(headers);
    let too_large = || Refusal::BodyTooLarge { limit_bytes: limits.body_bytes };
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut size_bytes = 0_usize;
    let mut is_too_large = declared_bytes > limits.body_bytes;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else { continue };
        size_bytes = size_bytes.saturating_add(data.len());
        is_too_large |= size_bytes > limits.body_bytes;
        if is_too_large {
            // Read on for a while: who is still sending would see a broken connection instead of the answer.
            (first, whole) = Default::default();
            if size_bytes > limits.body_bytes.saturating_mul(POLITENESS) {
                return Err(too_large());
            }
            continue;
        }
        share.grow(data.len())?;
        // One piece is a body already; most are.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.reserve(declared_bytes.max(first.len() + data.len()));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    match (is_too_large, whole.is_empty()) {
        (true, _) => Err(too_large()),
        (false, true) => Ok(first),
        (false, false) => Ok(whole.freeze()),
    }
}

/// Inflates piece by piece, so that a bomb costs no more than what may be inflated.
fn inflate(compressed: &[u8], limits: &Limits, share: &mut Share) -> Result<Bytes, Refusal> {
    let dense_bytes = compressed.len().saturating_mul(limits.inflate_ratio).max(PIECE_BYTES);
    let mut inflated = Vec::with_capacity(compressed.len().saturating_mul(4).min(limits.inflated_bytes));
    let mut decoder = MultiGzDecoder::new(compressed);
    loop {
        let piece = decoder.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut inflated);
        let piece_bytes = piece.map_err(|_| Refusal::BadGzip)?;
        if piece_bytes == 0 {
            return Ok(inflated.into());
        }
        if inflated.len() > limits.inflated_bytes {
            return Err(Refusal::BodyTooLarge { limit_bytes: limits.inflated_bytes });
        }
        if inflated.len() > dense_bytes {
            return Err(Refusal::BodyTooDense { limit: limits.inflate_ratio });
        }
        share.grow(piece_bytes)?;
    }
}

/// A part of the bytes that may be in flight; given back when dropped.
#[derive(Debug)]
struct Share {
    pool: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Share {
    fn of(pool: &Arc<Semaphore>) -> Self {
        Self { pool: Arc::clone(pool), held: None }
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::Overloaded)?;
        let more = Arc::clone(&self.pool).try_acquire_many_owned(bytes).map_err(|_| Refusal::Overloaded)?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What is inflated at once; a body within it may be as dense as it likes.
const PIECE_BYTES: usize = 64 * 1_024;
/// How long a body is waited for that says itself that it is too large.
const POLITE_MS: u64 = 2_000;
/// How many times the limit is read and thrown away for the sake of an answer.
const POLITENESS: usize = 8;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn what_was_compressed_comes_back_also_in_several_members() {
        let text = br#"{"batch":[]}"#.repeat(500);
        let twice = [gzip(&text[..100]), gzip(&text[100..])].concat();
        assert_eq!(inflate(&twice, &Limits::default(), &mut share()).unwrap(), text);
    }

    #[test]
    fn a_bomb_is_stopped_at_the_ratio_or_the_limit() {
        let bomb = gzip(&vec![0; 32 * 1_024 * 1_024]);
        let refusal = inflate(&bomb, &Limits::default(), &mut share()).unwrap_err();
        assert!(matches!(refusal, Refusal::BodyTooLarge { .. } | Refusal::BodyTooDense { .. }));
        let dense = gzip(&vec![0; 1_024 * 1_024]);
        let refusal = inflate(&dense, &Limits::default(), &mut share()).unwrap_err();
        assert!(matches!(refusal, Refusal::BodyTooDense { limit: 100 }));
    }

    #[test]
    fn a_small_body_may_be_dense() {
        assert!(inflate(&gzip(&vec![b' '; 60_000]), &Limits::default(), &mut share()).is_ok());
    }

    #[test]
    fn broken_gzip_is_refused_as_such() {
        let good = gzip(b"hello");
        for broken in [&b"{}"[..], &good[..good.len() - 3], &good[..5], b"\x1f\x8b"] {
            assert!(matches!(inflate(broken, &Limits::default(), &mut share()), Err(Refusal::BadGzip)), "{broken:?}");
        }
    }

    #[test]
    fn bytes_in_flight_are_given_back() {
        let pool = Arc::new(Semaphore::new(100));
        let mut one = Share::of(&pool);
        one.grow(60).unwrap();
        one.grow(40).unwrap();
        assert!(matches!(Share::of(&pool).grow(1), Err(Refusal::Overloaded)));
        drop(one);
        assert!(Share::of(&pool).grow(100).is_ok());
    }

    fn share() -> Share {
        Share::of(&Arc::new(Semaphore::new(64 * 1_024 * 1_024)))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
}
