//! Who was erased, as an event meets it: by keyed hashes of the names that it says. A clear value and its digests are
//! one name.

use hmac::{Hmac, KeyInit, Mac};
use selvedge_core::identifier::Identifier;
use sha2::Sha256;

use super::Settling;
use crate::event::{AcceptedEvent, UnixMillis};
use crate::identity::{ProfileId, profile_id};
use crate::store::{NameHash, StoreError};

impl Settling<'_> {
    /// Until when an event must not be from, since one of its names was erased then.
    pub(super) fn erased_until(&mut self, event: &AcceptedEvent) -> Result<UnixMillis, StoreError> {
        let Some(key) = self.memory.erasure_key(self.transaction)? else { return Ok(NEVER) };
        let mut until = NEVER;
        if self.admits_erased {
            return Ok(until);
        }
        let said = event.claim.iter().map(|claimed| &claimed.identifier).chain(&event.older_account);
        for name in said {
            until = until.max(self.name_erased_until(name, &key)?);
        }
        Ok(until)
    }

    fn name_erased_until(&self, name: &Identifier, key: &[u8; 32]) -> Result<UnixMillis, StoreError> {
        let ask = |name: &Identifier| self.transaction.erasure(self.workspace, &self.hash_of(name, key));
        let mut erasures = Vec::new();
        erasures.extend(ask(name)?);
        for digest in self.said_by(name)? {
            let digest = Identifier::new(name.kind.clone(), digest.to_string());
            // Two clear values may have one digest: that of another is no reason to refuse this one.
            erasures.extend(ask(&digest)?.filter(|erasure| !erasure.is_derived));
        }
        let until = |at, is_suppressed| if is_suppressed { ALWAYS } else { at };
        Ok(erasures.iter().map(|erasure| until(erasure.at, erasure.is_suppressed)).max().unwrap_or(NEVER))
    }

    /// The hash of a name by the ledger's key. Of the id of the profile that it would lead, which is another for each
    /// workspace, kind and value.
    pub(super) fn hash_of(&self, name: &Identifier, key: &[u8; 32]) -> NameHash {
        hash_of_id(&profile_id(&self.workspace_name, name), key)
    }
}

/// The same of a name that only the id of its profile is known of.
pub(super) fn hash_of_id(id: &ProfileId, key: &[u8; 32]) -> NameHash {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return NameHash([0; 32]) };
    mac.update(id.as_bytes());
    NameHash(mac.finalize().into_bytes().into())
}

/// In the place of a messageId that holds a name.
pub(super) fn hash_of_message(message_id: &str, key: &[u8; 32]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(message_id.as_bytes());
    mac.finalize().into_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

const NEVER: UnixMillis = UnixMillis(i64::MIN);
const ALWAYS: UnixMillis = UnixMillis(i64::MAX);
