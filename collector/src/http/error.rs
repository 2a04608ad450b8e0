//! Every way in which a request is refused, and the one place that renders it (protocol.md, section 2).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use selvedge_core::wire::{Refused, code};

use crate::ingest::RequestRefusal;
use crate::ingest::commit::DecisionRefusal;
use crate::ingest::writer::CommitError;
use crate::store::StoreError;

/// Why a request is refused as a whole. The message says what to change; an event of it may be sent again unless the
/// request itself is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body has no events to judge.
    #[error(transparent)]
    Body(#[from] RequestRefusal),
    /// The body is not what its encoding says.
    #[error("the body is not gzip as its header or its first bytes say; send plain JSON or gzip")]
    BadGzip,
    /// The body is in an encoding that is not understood here.
    #[error("this Content-Encoding is not understood; send plain JSON or gzip")]
    UnknownEncoding,
    /// No key came with the request.
    #[error("no write key: send it as the user name of HTTP Basic, as X-Write-Key, Bearer, ?writeKey= or in the body")]
    MissingKey,
    /// The key is none of ours.
    #[error("this key is not known here; check it for a missing character, or create one with `selvedge key create`")]
    UnknownKey,
    /// The key was withdrawn.
    #[error("this key was revoked; create another with `selvedge key create`")]
    RevokedKey,
    /// The key may not do that.
    #[error("a public key sends events and reads nothing; use a secret or an admin key, from a server")]
    WrongRight,
    /// The key may not decide.
    #[error("only an admin key decides about people and erases them; use one, from a server")]
    NotAdmin,
    /// A page that may not use the key.
    #[error("pages of this origin may not use this key; add it with `selvedge key create public --origin`")]
    OriginNotAllowed,
    /// The body is larger than allowed.
    #[error("the body is larger than {limit_bytes} bytes; send less at once")]
    BodyTooLarge {
        /// What is allowed, as it comes or inflated.
        limit_bytes: usize,
    },
    /// The body inflates to more than can be honest.
    #[error("the body inflates to more than {limit} times its size; send it plain or in halves")]
    BodyTooDense {
        /// What is allowed.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the body took longer than {limit_ms} ms to arrive; send it again")]
    BodyTooSlow {
        /// What is allowed.
        limit_ms: u64,
    },
    /// The connection ended before the body did.
    #[error("the body ended early, or its chunks are not framed as HTTP frames them; send it again")]
    BodyBroken,
    /// More events than a sender may send.
    #[error("too many events in a short time; wait {retry_after_s} s")]
    RateLimited {
        /// When it may go on.
        retry_after_s: u32,
    },
    /// More waits than the collector can hold.
    #[error("the collector has more waiting than it can hold; send again in {RETRY_AFTER_S} s")]
    Overloaded,
    /// The disk is full.
    #[error("the collector's disk is full; keep the events and send them later")]
    DiskLow,
    /// The collector is about to stop.
    #[error("the collector is stopping; send again in {RETRY_AFTER_S} s")]
    Draining,
    /// The ledger failed; its log says how.
    #[error("the ledger did not answer; the collector's log says why; send again in {RETRY_AFTER_S} s")]
    LedgerFailed,
    /// There is nothing here.
    #[error("nothing is here; the documents list every path")]
    NoSuchPath,
    /// The ledger never saw it, or it counts for nobody.
    #[error(
        "nobody goes by it: no event names it, or it counts for nobody (by a decision or the rules, as a crowd's, as a \
         digest of two values, for want of proof, or because the rules declare no such kind); check kind and value, \
         percent-encoded, as in /v1/profiles/user_id:u-1"
    )]
    NoSuchProfile,
    /// A decision is about a name that the ledger never saw.
    #[error("no event names {name}: check kind and value, and that the rules declare a kind of your own")]
    NeverNamed {
        /// As `kind:value`.
        name: String,
    },
    /// No decision that stands has this id.
    #[error("no decision that stands has this id; GET /v1/decisions lists them")]
    NoSuchDecision,
    /// The body is no decision.
    #[error("the body is no decision: send {{\"op\", \"x\": {{\"kind\", \"value\"}}, \"y\", \"reason\"}} ({fault})")]
    BadDecision {
        /// What is wrong with it.
        fault: serde_json::Error,
    },
    /// A verb that is none of ours.
    #[error("op is none of \"link\", \"keep_apart\", \"ignore\"")]
    UnknownDecision,
    /// It cannot be decided so.
    #[error(transparent)]
    Decision(DecisionRefusal),
    /// The path takes other methods.
    #[error("this path takes another method; see the Allow header")]
    MethodNotAllowed,
    /// A parameter of a read cannot be understood.
    #[error("the parameter `{name}` is not understood: send {wanted}")]
    BadParameter {
        /// Which.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// A parameter that the path does not have: misspelled and ignored, it would leave undone what was asked.
    #[error("the parameter `{name}` is not known here: this path takes {}", or_none(known))]
    UnknownParameter {
        /// Which.
        name: Box<str>,
        /// Those that it has.
        known: &'static [&'static str],
    },
    /// A parameter that is there twice: one of the two would be ignored.
    #[error("the parameter `{name}` is given twice; give it once")]
    RepeatedParameter {
        /// Which.
        name: Box<str>,
    },
    /// `/r` leads nowhere that an operator has allowed.
    #[error(
        "`to` is not an http or https address of a host that this collector redirects to; add it to redirect_hosts"
    )]
    RedirectNotAllowed,
    /// The tracker was not built in.
    #[error("this collector was built without the tracker; run `cargo xtask web` and build it again")]
    NoTracker,
}

impl Refusal {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Body(refusal) => refusal.code(),
            Self::BadGzip | Self::UnknownEncoding => code::BAD_GZIP,
            Self::MissingKey => code::MISSING_KEY,
            Self::UnknownKey => code::UNKNOWN_KEY,
            Self::RevokedKey => code::REVOKED_KEY,
            Self::WrongRight | Self::NotAdmin => code::WRONG_RIGHT,
            Self::OriginNotAllowed => code::ORIGIN_NOT_ALLOWED,
            Self::BodyTooLarge { .. } | Self::BodyTooDense { .. } => code::BODY_TOO_LARGE,
            Self::BodyTooSlow { .. } | Self::BodyBroken => BODY_TIMEOUT,
            Self::RateLimited { .. } => code::RATE_LIMITED,
            Self::Overloaded => code::OVERLOADED,
            Self::DiskLow => code::DISK_LOW,
            Self::Draining => code::DRAINING,
            Self::LedgerFailed => LEDGER_FAILED,
            Self::NoSuchPath | Self::NoSuchProfile | Self::NeverNamed { .. } | Self::NoSuchDecision => code::NOT_FOUND,
            Self::BadDecision { .. } | Self::UnknownDecision | Self::Decision(_) => BAD_DECISION,
            Self::MethodNotAllowed => code::METHOD_NOT_ALLOWED,
            Self::BadParameter { .. } | Self::UnknownParameter { .. } | Self::RepeatedParameter { .. } => BAD_PARAMETER,
            Self::RedirectNotAllowed => REDIRECT_NOT_ALLOWED,
            Self::NoTracker => NO_TRACKER,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Body(RequestRefusal::BatchTooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(_) | Self::BadGzip | Self::UnknownEncoding => StatusCode::BAD_REQUEST,
            Self::BadParameter { .. } | Self::UnknownParameter { .. } | Self::RepeatedParameter { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::BadDecision { .. } | Self::UnknownDecision | Self::Decision(_) => StatusCode::BAD_REQUEST,
            Self::MissingKey | Self::UnknownKey | Self::RevokedKey => StatusCode::UNAUTHORIZED,
            Self::WrongRight | Self::NotAdmin | Self::OriginNotAllowed | Self::RedirectNotAllowed => {
                StatusCode::FORBIDDEN
            }
            Self::BodyTooLarge { .. } | Self::BodyTooDense { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow { .. } | Self::BodyBroken => StatusCode::REQUEST_TIMEOUT,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::DiskLow | Self::Draining | Self::LedgerFailed | Self::NoTracker => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::NoSuchPath | Self::NoSuchProfile | Self::NeverNamed { .. } | Self::NoSuchDecision => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn retry_after_s(&self) -> Option<u32> {
        if let Self::RateLimited { retry_after_s } = self {
            return Some((*retry_after_s).clamp(1, 300));
        }
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_S)
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Overloaded => Self::Overloaded,
            CommitError::DiskLow => Self::DiskLow,
            CommitError::Draining => Self::Draining,
            CommitError::Failed => Self::LedgerFailed,
        }
    }
}

/// A read or a key look-up that failed. Logged here, where it ends.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) => Self::Overloaded,
            StoreError::DiskFull(_) => Self::DiskLow,
            StoreError::Corrupt { .. }
            | StoreError::Newer { .. }
            | StoreError::Unopened { .. }
            | StoreError::Impossible { .. }
            | StoreError::Engine(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the ledger could not be read");
                Self::LedgerFailed
            }
        }
    }
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The code of a refused answer, for the counts of `/metrics`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefusedWith(pub(super) &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let message = self.to_string();
        let refused = Refused { success: false, code: self.code().into(), message: message.into() };
        let mut response = json(&refused);
        *response.status_mut() = self.status();
        if let Some(retry_after_s) = self.retry_after_s() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response.extensions_mut().insert(RefusedWith(self.code()));
        response
    }
}

/// An answer of 200 with this JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Response {
    // Only a map with keys that are no strings could fail, and no answer has one.
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Long enough to be a relief, short enough that nobody notices.
const RETRY_AFTER_S: u32 = 5;

// Codes beside those of an SDK's conversation (sdk_core::wire::code): readers, operators and browsers meet them.
const BODY_TIMEOUT: &str = "body_timeout";
const LEDGER_FAILED: &str = "ledger_failed";
const BAD_DECISION: &str = "bad_decision";
const BAD_PARAMETER: &str = "bad_parameter";
const REDIRECT_NOT_ALLOWED: &str = "redirect_not_allowed";
const NO_TRACKER: &str = "no_tracker";
