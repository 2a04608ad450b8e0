//! One request, one answer: what a test needs of HTTP.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The body as JSON; null where it is none.
    pub json: Value,
}

impl Answer {
    /// The header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// GET with the key as bearer token; an empty key sends none.
pub fn get(url: &str, key: &str) -> anyhow::Result<Answer> {
    let mut request = AGENT.get(url);
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    answer(request.call().with_context(|| format!("GET {url}"))?)
}

/// DELETE with the key as bearer token.
pub fn delete(url: &str, key: &str) -> anyhow::Result<Answer> {
    let request = AGENT.delete(url).header("authorization", format!("Bearer {key}"));
    answer(request.call().with_context(|| format!("DELETE {url}"))?)
}

/// POST of a JSON value with the key as bearer token; an empty key sends none.
pub fn post(url: &str, key: &str, body: &Value) -> anyhow::Result<Answer> {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if !key.is_empty() {
        headers.push(("authorization", format!("Bearer {key}")));
    }
    post_bytes(url, &headers, body.to_string().as_bytes())
}

/// POST of any bytes with any headers.
pub fn post_bytes(url: &str, headers: &[(&str, String)], body: &[u8]) -> anyhow::Result<Answer> {
    let mut request = AGENT.post(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    answer(request.send(body).with_context(|| format!("POST {url}"))?)
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Answer> {
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let status = response.status().as_u16();
    let bytes = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Answer { status, headers, bytes, json })
}

static AGENT: LazyLock<ureq::Agent> = LazyLock::new(|| {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(30)))
        // A collector that a test kills leaves dead connections behind; none is used twice.
        .max_idle_connections(0);
    config.build().into()
});

const MAX_ANSWER_BYTES: u64 = 256 * 1_024 * 1_024;
