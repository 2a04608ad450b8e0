//! Sends a batch and says what came back. Knows HTTP and gzip; decides nothing about trying again.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use selvedge_core::{Answer, wire};
use ureq::http::Response;
use ureq::{Agent, Body};

/// What to send, as the core wrote it.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What an upload came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// 0 when there was no answer.
    pub(crate) status: u16,
    /// `Retry-After` as it came; see [`retry_after_s`].
    pub(crate) retry_after: Option<String>,
    /// What the collector said, if it was its JSON: a captive portal answers 200 with a page of its own.
    pub(crate) answer: Option<Answer>,
}

/// The way to the collector.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    agent: Agent,
}

impl Transport {
    pub(crate) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Followed, a POST would arrive elsewhere as a GET.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("selvedge-mobile/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().new_agent() }
    }

    /// Waits for the answer, at most for [`TIMEOUT`].
    pub(crate) fn send(&self, parcel: &Parcel) -> Outcome {
        let Ok(body) = gzip(&parcel.body) else { return Outcome::default() };
        let mut request = self.agent.post(&parcel.url).header("content-encoding", "gzip");
        for (name, value) in &parcel.headers {
            request = request.header(name, value);
        }
        request.send(&body[..]).map(read).unwrap_or_default()
    }
}

/// Seconds from either form of `Retry-After` (RFC 9110, 10.2.3), rounded up; `None` if it names no time to come.
pub(crate) fn retry_after_s(header: &str, unix_ms: i64) -> Option<u32> {
    let header = header.trim();
    if header.bytes().all(|byte| byte.is_ascii_digit()) && !header.is_empty() {
        return Some(header.parse().map_or(MAX_RETRY_AFTER_S, |seconds: u32| seconds.min(MAX_RETRY_AFTER_S)));
    }
    let date = httpdate::parse_http_date(header).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let wait_ms = i64::try_from(date.as_millis()).ok()?.saturating_sub(unix_ms);
    let wait_s = u64::try_from(wait_ms).ok()?.div_ceil(1_000);
    Some(u32::try_from(wait_s).unwrap_or(u32::MAX).min(MAX_RETRY_AFTER_S))
}

fn gzip(body: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    encoder.write_all(body.as_bytes())?;
    encoder.finish()
}

fn read(mut response: Response<Body>) -> Outcome {
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let text = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().unwrap_or_default();
    let answer = serde_json::from_slice::<wire::Receipt<'_>>(&text).ok().map(Answer::from);
    Outcome { status: response.status().as_u16(), retry_after, answer }
}

/// Longer than the collector takes for any body that it accepts; a dead connection must not hold the queue.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A collector that is there answers sooner, even over a satellite.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// 2,500 verdicts with their reasons fit; a portal's endless page does not.
const MAX_ANSWER_BYTES: u64 = 2 * 1_024 * 1_024;
/// A day: more than the core waits for any wish.
const MAX_RETRY_AFTER_S: u32 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NEW_YEAR_UNIX_MS: i64 = 1_767_225_600_000;

    #[test]
    fn a_wish_in_seconds_is_read_as_it_stands_and_an_absurd_one_cut() {
        assert_eq!(retry_after_s("7", 0), Some(7));
        assert_eq!(retry_after_s(" 0 ", 0), Some(0));
        assert_eq!(retry_after_s("99999999999999999999", 0), Some(MAX_RETRY_AFTER_S));
    }

    #[test]
    fn a_wish_as_a_date_is_the_time_until_then_rounded_up() {
        let header = "Thu, 01 Jan 2026 00:00:30 GMT";
        assert_eq!(retry_after_s(header, NEW_YEAR_UNIX_MS), Some(30));
        assert_eq!(retry_after_s(header, NEW_YEAR_UNIX_MS + 1), Some(30));
        assert_eq!(retry_after_s(header, NEW_YEAR_UNIX_MS + 29_999), Some(1));
        assert_eq!(retry_after_s(header, 0), Some(MAX_RETRY_AFTER_S));
    }

    #[test]
    fn a_date_that_is_over_and_what_is_no_time_are_no_wish() {
        for header in ["Thu, 01 Jan 2015 00:00:00 GMT", "", "soon", "-3", "1.5", "NaN"] {
            assert_eq!(retry_after_s(header, NEW_YEAR_UNIX_MS), None, "{header:?}");
        }
    }
}
