//! One HTTP request to a destination, and what it came to. Never follows a redirect: a destination is where the
//! operator says it is.

use std::io::Read;
use std::time::Duration;

use selvedge_core::retry::Outcome;
use ureq::Agent;
use ureq::http::{Response, Uri, header};
use ureq::unversioned::transport::DefaultConnector;

use super::addresses::PublicAddresses;

/// The way to a destination. Keeps its connection open between requests.
#[derive(Debug)]
pub(super) struct Post {
    agent: Agent,
    url: Uri,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// Read by the status alone; a destination may know better from the body.
    pub(super) outcome: Outcome,
    /// The beginning of the body.
    pub(super) body: Vec<u8>,
    /// What went wrong, in words, where something did.
    pub(super) complaint: Box<str>,
}

impl Post {
    /// To wherever the name leads.
    pub(super) fn anywhere(url: Uri) -> Self {
        Self { agent: settings().build().into(), url }
    }

    /// To public addresses only, and past no proxy, which would resolve the name by itself.
    pub(super) fn to_public_addresses(url: Uri) -> Self {
        let config = settings().proxy(None).build();
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), PublicAddresses::default()), url }
    }

    /// Sends a body; headers are name and value.
    pub(super) fn send(&self, headers: &[(&str, String)], body: &[u8]) -> Answer {
        let mut request = self.agent.post(self.url.clone());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        match request.send(body) {
            Ok(response) => answer(response),
            Err(error) => {
                Answer { outcome: Outcome::Unanswered, body: Vec::new(), complaint: error.to_string().into() }
            }
        }
    }
}

fn settings() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("selvedge/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_global(Some(Duration::from_secs(30)))
}

fn answer(response: Response<ureq::Body>) -> Answer {
    let status = response.status().as_u16();
    let wish = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after_s = wish.and_then(retry_after_s);
    let mut body = Vec::new();
    // Half an answer is enough to know its status by, and no reason to send again what was stored.
    let _ = response.into_body().into_reader().take(MAX_ANSWER_BYTES).read_to_end(&mut body);
    // 422 is how many APIs say 400.
    let outcome = if status == 422 { Outcome::Unreadable } else { Outcome::of(status, retry_after_s, true) };
    let complaint = if outcome == Outcome::Settled {
        Box::from("")
    } else {
        format!("answered {status}: {}", String::from_utf8_lossy(body.get(..READ_ALOUD_BYTES).unwrap_or(&body))).into()
    };
    Answer { outcome, body, complaint }
}

/// Seconds from either form of the header (RFC 9110, 10.2.3); a date is taken by the system's clock.
fn retry_after_s(value: &str) -> Option<u32> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(u32::try_from(seconds).unwrap_or(u32::MAX));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    let wait_s = at.duration_since(jiff::Timestamp::now()).as_secs();
    Some(u32::try_from(wait_s.max(0)).unwrap_or(u32::MAX))
}

/// More than is kept of a complaint.
const READ_ALOUD_BYTES: usize = 1_000;
/// A receipt with a verdict on each of 500 events is below it.
const MAX_ANSWER_BYTES: u64 = 512 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_wait_is_read_in_seconds_and_as_a_date() {
        assert_eq!(retry_after_s(" 120 "), Some(120));
        assert_eq!(retry_after_s("99999999999"), Some(u32::MAX));
        assert_eq!(retry_after_s("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert!(retry_after_s("Fri, 06 Nov 2116 08:49:37 GMT").is_some_and(|wait_s| wait_s > 1_000_000));
        assert_eq!(retry_after_s("soon"), None);
    }

    #[test]
    fn a_webhook_into_the_house_is_refused_after_resolving() {
        for url in ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "http://169.254.169.254/"] {
            let answer = Post::to_public_addresses(url.parse().unwrap()).send(&[], b"{}");
            assert_eq!(answer.outcome, Outcome::Unanswered);
            assert!(answer.complaint.contains("allow_private"), "{url}: {}", answer.complaint);
        }
    }
}
