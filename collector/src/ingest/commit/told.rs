//! What an event claims, in bytes: equal for equal claims of one source, so that events that say the same share a shape.

use selvedge_core::identifier::Identifier;
use sha2::{Digest, Sha256};

use crate::event::{AcceptedEvent, Claimed, Guard, Source, Strength, Workspace};

/// What makes two events tell the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) workspace: Workspace,
    pub(super) source: Source,
    pub(super) guard: Guard,
    /// In (class, kind priority, value) order.
    pub(super) claim: &'a [Claimed],
    pub(super) older_account: Option<&'a Identifier>,
    /// Whether it named somebody who was erased.
    pub(super) lost_names: bool,
    pub(super) subject: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// What an event tells.
    pub(super) fn by(event: &'a AcceptedEvent, (workspace, source): (Workspace, Source), guard: Guard) -> Self {
        let subject = event.snapshot.as_ref().map(|snapshot| &*snapshot.subject);
        let (claim, older_account, lost_names) = (&event.claim[..], event.older_account.as_ref(), event.lost_names);
        Self { workspace, source, guard, claim, older_account, lost_names, subject }
    }

    /// Each part with its length, so that no two claims run together.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        let mut part = |part: &[u8]| {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        };
        part(&self.workspace.0.to_le_bytes());
        part(&self.source.0.to_le_bytes());
        part(match self.guard {
            Guard::Nothing => b"n",
            Guard::NothingYet => b"y",
            Guard::Held => b"h",
            Guard::Everyone => b"e",
        });
        for Claimed { identifier, strength } in self.claim {
            part(match strength {
                Strength::Observed => b"o",
                Strength::Proven => b"p",
                Strength::Asserted => b"a",
            });
            part(identifier.kind.as_str().as_bytes());
            part(identifier.value.as_bytes());
        }
        if let Some(older) = self.older_account {
            part(b"alias");
            part(older.value.as_bytes());
        }
        if self.lost_names {
            part(b"lost");
        }
        if let Some(subject) = self.subject {
            part(b"snapshot");
            part(subject.as_bytes());
        }
        bytes
    }
}

/// Under which the ledger keeps a shape.
pub(super) fn digest(told: &[u8]) -> [u8; 16] {
    let mut cut = [0; 16];
    cut.iter_mut().zip(Sha256::digest(told)).for_each(|(byte, hashed)| *byte = hashed);
    cut
}
