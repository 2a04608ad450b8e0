//! The id of a profile, made from the name of its leader alone: every collector gives the same.

use std::fmt;
use std::str::FromStr;

use selvedge_core::identifier::Identifier;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// A UUIDv8 (RFC 9562, section 5.8) that names a profile, in its hyphenated lower-case form when printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(Uuid);

/// The id of the profile that `leader` leads, or of a device's anonymous profile (identity.md, section 6):
/// the first 16 bytes of SHA-256(workspace, 0x00, kind, 0x00, canonical value). `workspace` is its name.
pub fn profile_id(workspace: &str, leader: &Identifier) -> ProfileId {
    let digest = Sha256::new()
        .chain_update(workspace)
        .chain_update([0])
        .chain_update(leader.kind.as_str())
        .chain_update([0])
        .chain_update(&*leader.value)
        .finalize();
    let mut first = [0; 16];
    first.iter_mut().zip(digest).for_each(|(byte, hashed)| *byte = hashed);
    ProfileId(Builder::from_custom_bytes(first).into_uuid())
}

impl ProfileId {
    /// Its 16 bytes, the form in which the ledger keeps it.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id of these 16 bytes, as the ledger kept it.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

/// Reads a hyphenated UUID; anything else names no profile.
impl FromStr for ProfileId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl serde::Serialize for ProfileId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::identifier::Kind;

    use super::*;

    /// From `printf 'default\0user_id\0U1' | sha256sum`, with version 8 and the RFC's variant set.
    #[test]
    fn the_id_of_a_profile_is_the_digest_of_its_leaders_name() {
        let id = profile_id("default", &Identifier::new(Kind::USER_ID, "U1"));
        assert_eq!(id.to_string(), "3ea1f19a-5904-8d94-9318-b7120adc2579");
    }

    #[test]
    fn workspaces_kinds_and_values_have_ids_of_their_own() {
        let id = |workspace, kind: &str, value| profile_id(workspace, &Identifier::new(Kind::new(kind), value));
        assert_ne!(id("default", "user_id", "U1"), id("shop", "user_id", "U1"));
        assert_ne!(id("default", "user_id", "U1"), id("default", "crm_id", "U1"));
        assert_ne!(id("default", "user_id", "U1"), id("default", "user_id", "U2"));
    }

    #[test]
    fn an_id_is_read_back_from_its_text_and_from_its_bytes() {
        let id = profile_id("default", &Identifier::new(Kind::EMAIL, "a@example.com"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(ProfileId::from_bytes(*id.as_bytes()), id);
    }
}
