//! Identity keys: with what a site's own backend signs who a visitor is, and what the store keeps to check it. Knows
//! neither HTTP nor SQL, and no tokens.
//!
//! HS256 has one secret for both ends, so the ledger holds it. Of EdDSA and ES256 the ledger holds the public key
//! alone: who reads the ledger learns nothing to sign with.

mod format;

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256};

use crate::clock::{Chance, NoChance};
use crate::event::{UnixMillis, Workspace};

pub use format::{Imported, NotAPublicKey};

/// How a token is signed; the names of RFC 7518 and RFC 8037.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// HMAC with SHA-256 and a secret that both ends have.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA over P-256 with SHA-256.
    Es256,
}

impl SigningAlgorithm {
    /// The one that needs least at the site's end comes first.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::EdDsa, Self::Es256];

    /// Its name in tokens, on the command line and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of that name, exactly as written.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// What tokens are checked with: the secret of HS256, else a public key (32 bytes of Ed25519, 65 of an uncompressed
/// point of P-256).
#[derive(Clone, PartialEq, Eq)]
pub struct Material(Box<[u8]>);

impl Material {
    /// As the store holds it.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, to check with or to store. Never for a log.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A name for a key that was given none: it follows from the key, and gives nothing of it away.
    fn kid(&self) -> Box<str> {
        Sha256::digest(&self.0).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into()
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// The row of an identity key, and its name for `identity-key revoke`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityKeyId(pub i64);

/// An identity key that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewIdentityKey {
    /// Whose logins it proves.
    pub workspace: Workspace,
    /// By which a token may name it.
    pub kid: Box<str>,
    /// How tokens are signed with it.
    pub algorithm: SigningAlgorithm,
    /// What they are checked with.
    pub material: Material,
    /// When it was made or imported.
    pub created_at: UnixMillis,
}

/// An identity key as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIdentityKey {
    /// Its row.
    pub id: IdentityKeyId,
    /// By which a token may name it.
    pub kid: Box<str>,
    /// How tokens are signed with it.
    pub algorithm: SigningAlgorithm,
    /// What they are checked with.
    pub material: Material,
    /// When it was made or imported.
    pub created_at: UnixMillis,
    /// From when on nothing is proven with it.
    pub revoked_at: Option<UnixMillis>,
}

/// What the tokens of a workspace are judged by.
#[derive(Debug, Clone, Default)]
pub struct IdentityKeys {
    /// Whom a token has to be meant for.
    pub workspace_name: Arc<str>,
    /// The keys that count.
    pub keys: Vec<StoredIdentityKey>,
    /// When the first one was made, revoked or not; since then logins can be proven.
    pub first_created_at: Option<UnixMillis>,
}

impl IdentityKeys {
    /// Of all keys of a workspace, revoked ones too.
    pub fn of(workspace_name: Arc<str>, all: Vec<StoredIdentityKey>) -> Self {
        let first_created_at = all.iter().map(|key| key.created_at).min();
        let keys = all.into_iter().filter(|key| key.revoked_at.is_none()).collect();
        Self { workspace_name, keys, first_created_at }
    }
}

/// A key that was just made: what to store, and what to hand to the site's backend, once.
pub struct MadeIdentityKey {
    /// How it signs.
    pub algorithm: SigningAlgorithm,
    /// By which a token may name it.
    pub kid: Box<str>,
    /// What the store keeps.
    pub material: Material,
    signing_key: Box<str>,
}

impl MadeIdentityKey {
    /// A new key from the operating system's chance: for HS256 a text of 32 random bytes, else a pair.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, NoIdentityKey> {
        let (material, signing_key) = match algorithm {
            SigningAlgorithm::Hs256 => secret()?,
            SigningAlgorithm::EdDsa => ed25519_pair()?,
            SigningAlgorithm::Es256 => p256_pair()?,
        };
        Ok(Self { algorithm, kid: material.kid(), material, signing_key })
    }

    /// What signs: the text whose bytes are the secret of HS256, else a private key as PEM (PKCS #8), without a line
    /// break at its end. Never for a log.
    pub fn reveal(&self) -> &str {
        &self.signing_key
    }
}

/// No key could be made.
#[derive(Debug, thiserror::Error)]
pub enum NoIdentityKey {
    /// There is no chance to make it from.
    #[error(transparent)]
    Chance(#[from] NoChance),
    /// The library made none.
    #[error("no pair of keys could be made")]
    Pair,
}

/// JWT libraries take a text's bytes for the secret. The prefix tells whoever finds it what it is.
fn secret() -> Result<(Material, Box<str>), NoIdentityKey> {
    let chance: [u8; 32] = Chance::bytes()?;
    let text = format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(chance));
    Ok((Material::new(text.as_bytes()), text.into()))
}

fn ed25519_pair() -> Result<(Material, Box<str>), NoIdentityKey> {
    let seed: [u8; 32] = Chance::bytes()?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoIdentityKey::Pair)?;
    Ok((Material::new(pair.public_key().as_ref()), format::ed25519_private_pem(&seed)))
}

fn p256_pair() -> Result<(Material, Box<str>), NoIdentityKey> {
    let (chance, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &chance).map_err(|_| NoIdentityKey::Pair)?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &chance).map_err(|_| NoIdentityKey::Pair)?;
    Ok((Material::new(pair.public_key().as_ref()), format::private_pem(pkcs8.as_ref())))
}

const SECRET_PREFIX: &str = "ik_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_hs256_is_the_printed_text() {
        let made = MadeIdentityKey::generate(SigningAlgorithm::Hs256).unwrap();
        assert_eq!(made.reveal().as_bytes(), made.material.bytes());
        assert_eq!(made.reveal().len(), SECRET_PREFIX.len() + 43);
    }

    #[test]
    fn no_two_keys_are_alike() {
        for algorithm in SigningAlgorithm::ALL {
            let (one, other) = (MadeIdentityKey::generate(algorithm), MadeIdentityKey::generate(algorithm));
            assert_ne!(one.unwrap().kid, other.unwrap().kid, "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_is_not_shown_where_it_is_debugged() {
        assert_eq!(format!("{:?}", Material::new(*b"secret")), "…");
    }

    #[test]
    fn revoked_keys_prove_nothing_and_are_not_forgotten() {
        let key = |created_at, revoked_at| StoredIdentityKey {
            id: IdentityKeyId(created_at),
            kid: "k".into(),
            algorithm: SigningAlgorithm::Hs256,
            material: Material::new(*b"s"),
            created_at: UnixMillis(created_at),
            revoked_at,
        };
        let keys = IdentityKeys::of("default".into(), vec![key(7, None), key(3, Some(UnixMillis(5)))]);
        assert_eq!(keys.keys.iter().map(|key| key.id.0).collect::<Vec<_>>(), [7]);
        assert_eq!(keys.first_created_at, Some(UnixMillis(3)));
    }
}
