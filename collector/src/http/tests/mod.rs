//! The doors as a client meets them: the real router over a real ledger in a directory of its own.

mod cors;
mod decisions;
mod doors;
mod intake;
mod keys;
mod reads;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{Inside, Settings, State, router};
use crate::clock::Clock;
use crate::event::UnixMillis;
use crate::identity::Rules;
use crate::ingest::Limits;
use crate::ingest::writer::Writer;
use crate::key::{Key, NewKey, Origin, Right, Trust};
use crate::store::{Store, sqlite::SqliteStore};

/// 2026-01-01T12:00:00Z.
pub(in crate::http) const NOON: UnixMillis = UnixMillis(1_767_268_800_000);

/// A collector without a socket.
pub(in crate::http) struct House {
    pub(in crate::http) state: Arc<State>,
    pub(in crate::http) clock: Clock,
    pub(in crate::http) public: String,
    pub(in crate::http) secret: String,
    store: Arc<SqliteStore>,
    router: Router,
    _writer: Writer,
    _directory: tempfile::TempDir,
}

impl House {
    pub(in crate::http) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(in crate::http) fn with_limits(limits: Limits) -> Self {
        Self::with(Settings { limits, ..Settings::default() })
    }

    pub(in crate::http) fn with(settings: Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
        let rules = Arc::new(Rules::default());
        let (writer, intake) = Writer::start(store.clone(), Arc::clone(&rules)).unwrap();
        let clock = Clock::set_to(NOON);
        let inside = Inside { store: store.clone(), intake, rules, concealment: None, clock: clock.clone() };
        let state = Arc::new(State::new(inside, settings));
        let mut house = Self {
            router: router(Arc::clone(&state)),
            state,
            clock,
            public: String::new(),
            secret: String::new(),
            store,
            _writer: writer,
            _directory: directory,
        };
        house.public = house.new_key(Right::Public, &[]);
        house.secret = house.new_key(Right::Secret, &[]);
        house
    }

    pub(in crate::http) fn new_key(&self, right: Right, origins: &[&str]) -> String {
        let key = Key::generate(right).unwrap();
        let transaction = self.store.transaction().unwrap();
        let workspace = transaction.workspace("default").unwrap().unwrap();
        let new = NewKey {
            workspace,
            right,
            digest: key.digest(),
            name: Some(right.as_str().into()),
            origins: origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect(),
            trust: Trust::default(),
            created_at: NOON,
        };
        transaction.insert_key(&new).unwrap();
        transaction.commit().unwrap();
        key.reveal().to_owned()
    }

    /// Gives the ledger to a writer that remembers nothing, as after a restart.
    fn restart(&mut self) {
        let rules = Arc::clone(&self.state.inside.rules);
        let (writer, intake) = Writer::start(self.store.clone(), Arc::clone(&rules)).unwrap();
        let inside = Inside { store: self.store.clone(), intake, rules, concealment: None, clock: self.clock.clone() };
        self.state = Arc::new(State::new(inside, Settings::default()));
        self.router = router(Arc::clone(&self.state));
        self._writer = writer;
    }

    fn revoke(&self, key: &str) {
        let digest = Key::parse(key).unwrap().digest();
        let stored = self.store.key(&digest).unwrap().unwrap();
        let transaction = self.store.transaction().unwrap();
        assert!(transaction.revoke_key(stored.id, NOON).unwrap());
        transaction.commit().unwrap();
    }

    /// A POST with the public key in a header.
    pub(in crate::http) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.post_with(path, &[("x-write-key", &self.public)], body).await
    }

    async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.ask("POST", path, headers, body.into()).await
    }

    /// A GET with the secret key.
    async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[("x-write-key", &self.secret)]).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, Bytes::new()).await
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
        self.ask_with(method, path, headers, Body::from(body)).await
    }

    async fn ask_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }
}

/// What came back.
pub(in crate::http) struct Answer {
    pub(in crate::http) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(in crate::http) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    /// Status and code of a refusal; every refusal has both, and a sentence.
    fn refusal(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(json["success"], false, "{json}");
        assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        (self.status.as_u16(), json["code"].as_str().unwrap().to_owned())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// What a receipt says: accepted, duplicates, and the codes of what was rejected.
    fn counts(&self) -> (u64, u64, Vec<String>) {
        assert_eq!(self.status, 200, "{:?}", self.body);
        let json = self.json();
        assert_eq!(json["success"], true);
        let rejected = json["rejected"].as_array().cloned().unwrap_or_default();
        let codes = rejected.iter().map(|verdict| verdict["code"].as_str().unwrap().to_owned()).collect();
        (json["accepted"].as_u64().unwrap(), json["duplicates"].as_u64().unwrap(), codes)
    }
}

fn track(message_id: &str) -> String {
    format!(r#"{{"type":"track","event":"Paid","messageId":"{message_id}","anonymousId":"a1"}}"#)
}

fn batch(events: &[String]) -> String {
    format!(r#"{{"batch":[{}],"batchId":"b-1"}}"#, events.join(","))
}

fn gzip(body: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}
