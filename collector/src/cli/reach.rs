//! The way into a ledger for commands that change it: through the server that holds its directory, over HTTP, or, where
//! none does, alone. What the writer remembers of a ledger must be true, so only one process places people at a time.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

use super::{CommandError, default_workspace, lock};
use crate::clock::Clock;
use crate::event::Source;
use crate::key::{Key, NewKey, Right, Trust};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};

/// Who changes the ledger.
pub(super) enum Reach {
    /// A server holds the directory: it is asked.
    Served(Server),
    /// Nobody does: this command, which holds it for as long as the lock.
    Alone(SqliteStore, File),
}

/// Finds out who holds the ledger of a directory that has one. Waits a moment for a server that is about to listen, and
/// for another command.
pub(super) fn reach(directory: &Path) -> Result<Reach, CommandError> {
    for _ in 0..TRIES {
        // Before the ledger is opened: who held it may have put another in its place.
        if let Some(lock) = lock::take(directory)? {
            return Ok(Reach::Alone(SqliteStore::open(directory)?, lock));
        }
        if let Some(address) = lock::announced(directory)? {
            return Ok(Reach::Served(Server::open(SqliteStore::open(directory)?, address)?));
        }
        thread::sleep(PAUSE);
    }
    Err(CommandError::Held { directory: directory.to_owned() })
}

/// A running server, and an admin key for it that lives as long as this.
pub(super) struct Server {
    store: SqliteStore,
    url: String,
    agent: Agent,
    key: Key,
    key_id: Source,
}

impl Server {
    fn open(store: SqliteStore, address: SocketAddr) -> Result<Self, CommandError> {
        let key = Key::generate(Right::Admin)?;
        let transaction = store.transaction()?;
        let key_id = transaction.insert_key(&NewKey {
            workspace: default_workspace(&*transaction)?,
            right: Right::Admin,
            digest: key.digest(),
            name: Some(AUTHOR.into()),
            origins: Vec::new(),
            trust: Trust::default(),
            created_at: Clock::System.now(),
        })?;
        transaction.commit()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // It is this machine: a proxy of the environment has no business between.
            .proxy(None)
            .timeout_global(Some(ANSWER_TIMEOUT));
        Ok(Self { store, url: format!("http://{address}"), agent: config.build().into(), key, key_id })
    }

    /// POST of a JSON value; the JSON of the answer.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        self.send("POST", path, body.to_string())
    }

    /// DELETE; the JSON of the answer.
    pub(super) fn delete(&self, path: &str) -> Result<Value, CommandError> {
        self.send("DELETE", path, String::new())
    }

    /// Leaves no trace of what was deleted in the ledger's files. The server waits meanwhile.
    pub(super) fn compact(&self) -> Result<(), CommandError> {
        Ok(self.store.compact()?)
    }

    fn send(&self, method: &str, path: &str, body: String) -> Result<Value, CommandError> {
        let unanswered = |source| CommandError::Unanswered { url: self.url.as_str().into(), source: Box::new(source) };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.key.reveal()))
            .header("content-type", "application/json")
            .body(body)
            .map_err(|fault| unanswered(fault.into()))?;
        let mut response = self.agent.run(request).map_err(unanswered)?;
        let answer = response.body_mut().read_to_vec().map_err(unanswered)?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        if response.status() == 200 {
            return Ok(answer);
        }
        let message = answer["message"].as_str().unwrap_or("its answer is not a collector's");
        Err(CommandError::Refused { status: response.status().as_u16(), message: message.into() })
    }

    fn revoke_key(&self) -> Result<(), StoreError> {
        let transaction = self.store.transaction()?;
        transaction.revoke_key(self.key_id, Clock::System.now())?;
        transaction.commit()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.revoke_key() {
            let id = self.key_id.0;
            tracing::warn!(error = &error as &dyn std::error::Error, id, "revoke this key: the command could not");
        }
    }
}

/// Who decides on the command line: the name of its keys, and the author of its decisions.
pub(super) const AUTHOR: &str = "command line";

/// A server listens within a second of its start, and a command is done within one; ten seconds are a slow disk's.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);
/// Longer than a full inbox takes to drain.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
