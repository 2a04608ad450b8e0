//! The page's tracker, embedded by `build.rs`: a small site needs one line of HTML and nothing else to run.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::routes::Head;
use super::{Refusal, query};

include!(concat!(env!("OUT_DIR"), "/tracker.rs"));

/// `GET /selvedge.js`.
pub(super) async fn script(head: Head) -> Result<Response, Refusal> {
    static SCRIPT: LazyLock<Option<Arc<Asset>>> = LazyLock::new(|| {
        TRACKER_JS.map(|plain| Arc::new(Asset::new(plain, HeaderValue::from_static("text/javascript; charset=utf-8"))))
    });
    SCRIPT.as_ref().map(|asset| asset.answer(&head)).ok_or(Refusal::NoTracker)
}

/// `GET /selvedge.wasm?v=HASH`.
pub(super) async fn module(head: Head) -> Result<Response, Refusal> {
    static MODULE: LazyLock<Option<Arc<Asset>>> = LazyLock::new(|| {
        TRACKER_WASM.map(|plain| Arc::new(Asset::new(plain, HeaderValue::from_static("application/wasm"))))
    });
    MODULE.as_ref().map(|asset| asset.answer(&head)).ok_or(Refusal::NoTracker)
}

/// A file, as it is and compressed.
struct Asset {
    plain: Bytes,
    gzip: Bytes,
    content_type: HeaderValue,
    /// Hex of its SHA-256.
    digest: String,
}

impl Asset {
    fn new(plain: &'static [u8], content_type: HeaderValue) -> Self {
        let digest = Sha256::digest(plain).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing into a Vec cannot fail; if it did, the plain file would be sent.
        let gzip = encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { plain: Bytes::from_static(plain), gzip: gzip.into(), content_type, digest }
    }

    fn answer(&self, head: &Head) -> Response {
        let tag = format!("\"{}\"", self.digest.get(..16).unwrap_or_default());
        let is_known = head.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let is_compressed = !self.gzip.is_empty() && takes_gzip(&head.headers);
        let mut response = match (is_known, is_compressed) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, true) => Response::new(Body::from(self.gzip.clone())),
            (false, false) => Response::new(Body::from(self.plain.clone())),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.insert(header::CACHE_CONTROL, if self.is_named_by(head) { FOR_EVER } else { FIVE_MINUTES });
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if is_compressed && !is_known {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// Whether the address names this very file: then it never changes. A page of the version before, which asks for
    /// another, must not keep this one under that name.
    fn is_named_by(&self, head: &Head) -> bool {
        let version = head.uri.query().and_then(|asked| query::parameter(asked, "v"));
        version.is_some_and(|version| version.len() >= 8 && self.digest.starts_with(version.as_ref()))
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|encoding| encoding.split(';').next().is_some_and(|name| name.trim() == "gzip"))
}

/// Answers that say something once.
pub(super) const NOT_STORED: HeaderValue = HeaderValue::from_static("no-store");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn a_file_is_sent_compressed_to_who_takes_it_and_not_again_to_who_has_it() {
        let asset = Asset::new(b"console.log(1)", HeaderValue::from_static("text/javascript"));
        let plain = asset.answer(&asked("/selvedge.js", &[]));
        assert_eq!(plain.headers().get(header::CONTENT_ENCODING), None);
        let packed = asset.answer(&asked("/selvedge.js", &[("accept-encoding", "br;q=1, gzip;q=0.5")]));
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
        let tag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(asset.answer(&asked("/", &[("if-none-match", &tag)])).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn only_an_address_that_names_this_very_file_is_kept_for_ever() {
        let asset = Asset::new(b"x", HeaderValue::from_static("application/wasm"));
        let kept = |uri: &str| asset.answer(&asked(uri, &[])).headers()[header::CACHE_CONTROL].clone();
        assert_eq!(kept(&format!("/selvedge.wasm?v={}", &asset.digest[..16])), FOR_EVER);
        for uri in ["/selvedge.wasm", "/selvedge.wasm?v=", "/selvedge.wasm?v=0123456789abcdef"] {
            assert_eq!(kept(uri), FIVE_MINUTES, "{uri}");
        }
    }

    fn asked(uri: &str, headers: &[(&str, &str)]) -> Head {
        let request =
            headers.iter().fold(Request::builder().uri(uri), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }
}
