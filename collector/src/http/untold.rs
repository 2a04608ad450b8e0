//! Events of erased people that public keys sent. Such a key is told what an event alone shows, never what the ledger
//! knows: by a verdict, whoever reads a page's key could ask which addresses were erased. So the event is forgotten and
//! counts as taken in, and as a duplicate when it comes again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::event::{AcceptedEvent, Verdict, Workspace};
use crate::ingest::writer::Committed;

/// The latest messageIds of events that were forgotten without a word, since the server started.
#[derive(Default)]
pub(super) struct Untold(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    known: HashSet<[u8; 32]>,
    in_order: VecDeque<[u8; 32]>,
}

impl Untold {
    /// Takes out what the sender knows to be sent before: events whose messageId another of the request had, or one that
    /// was forgotten. How many.
    pub(super) fn take_out_repeated(&self, workspace: Workspace, events: &mut Vec<AcceptedEvent>) -> u32 {
        let known = &self.0.lock().unwrap_or_else(PoisonError::into_inner).known;
        let is_forgotten = |message_id: &str| !known.is_empty() && known.contains(&hash(workspace, message_id));
        let mut in_request = HashSet::new();
        let mut repeated = 0_u32;
        events.retain(|event| {
            let message_id = &event.order.message_id;
            let is_new = in_request.insert(message_id.clone()) && !is_forgotten(message_id);
            repeated = repeated.saturating_add(u32::from(!is_new));
            is_new
        });
        repeated
    }

    /// Answers for events that were refused as if they had been taken in.
    pub(super) fn count(&self, workspace: Workspace, erased: &[Verdict], committed: &mut Committed) {
        for verdict in erased {
            let is_new = verdict.message_id.as_deref().is_none_or(|id| self.note(workspace, id));
            let counted = if is_new { &mut committed.accepted } else { &mut committed.duplicates };
            *counted = counted.saturating_add(1);
        }
    }

    /// Whether a messageId is new.
    fn note(&self, workspace: Workspace, message_id: &str) -> bool {
        let hash = hash(workspace, message_id);
        // A set and a queue are whole between any two statements: a panic elsewhere harms nothing.
        let Latest { known, in_order } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.insert(hash) {
            return false;
        }
        in_order.push_back(hash);
        if in_order.len() > REMEMBERED
            && let Some(oldest) = in_order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }
}

fn hash(workspace: Workspace, message_id: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(workspace.0.to_le_bytes());
    hash.update(message_id);
    hash.finalize().into()
}

/// Some 6 MiB at most, and more than an address may send in two minutes.
const REMEMBERED: usize = 65_536;
