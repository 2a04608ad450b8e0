//! From when on held names are taken out of what public keys observe (identity.md, section 8): from before the first
//! identity key was made, as far as a public key can date an event back.
//!
//! The key may be made beside this process or before it; so whoever asks for the keys has it settled first, and no
//! event is taken under them before it is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Refusal, State};
use crate::event::{UnixMillis, Workspace};
use crate::identity_key::IdentityKeys;

/// The workspaces of which it is known that they are guarded.
#[derive(Default)]
pub(super) struct Guarded(Mutex<HashSet<Workspace>>);

impl State {
    /// Guards a workspace that has an identity key, unless it is guarded already.
    ///
    /// # Errors
    /// When the ledger could not be read or written; it is to be tried again.
    pub async fn settle_guard_from(&self, workspace: Workspace) -> Result<(), Refusal> {
        self.identity_keys(workspace).await.map(drop)
    }

    /// What the tokens of a workspace are judged by.
    pub(super) async fn identity_keys(&self, workspace: Workspace) -> Result<Arc<IdentityKeys>, Refusal> {
        let keys = self.inside.store.identity_keys(workspace)?;
        if let Some(first) = keys.first_created_at
            && !self.guarded.holds(workspace)
        {
            let days = self.limits().public_back_date_days.max(BACK_DATE_DAYS);
            let from = UnixMillis(first.0.saturating_sub(i64::from(days).saturating_mul(DAY_MS)));
            let from = self.inside.intake.guard_from(workspace, from).await?;
            tracing::info!(workspace = workspace.0, from = %from.rfc3339(), "held names are guarded");
            self.guarded.note(workspace);
        }
        Ok(keys)
    }
}

impl Guarded {
    fn holds(&self, workspace: Workspace) -> bool {
        // A set is whole between any two statements: a panic elsewhere harms nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&workspace)
    }

    fn note(&self, workspace: Workspace) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(workspace);
    }
}

/// identity.md, section 8. Where public keys may date back further, it is as far as they may.
const BACK_DATE_DAYS: u32 = 30;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
