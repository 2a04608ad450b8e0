//! Keys: what they look like, what each may do, and the digest under which the store keeps them. Knows neither
//! HTTP nor SQL. A key's text exists in the hands of its owner and in the request that carries it, nowhere else.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::{Chance, NoChance};
pub use crate::event::Trust;
use crate::event::{Source, UnixMillis, Workspace};

/// A key as its owner holds it: `pk_`, `sk_` or `ak_` and 32 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    right: Right,
    text: Box<str>,
}

impl Key {
    /// A new key of this right: 160 bits of chance.
    pub fn generate(right: Right) -> Result<Self, NoChance> {
        let chance: [u8; SECRET_CHARACTERS] = Chance::bytes()?;
        let secret = chance.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Ok(Self { right, text: right.prefix().chars().chain(secret).collect() })
    }

    /// Reads a key from where a request or a setting carries it. The right is in its prefix; whether it is known
    /// is for the store to say.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        let right = Right::ALL.into_iter().find(|right| text.starts_with(right.prefix())).ok_or(NotAKey)?;
        let secret = text.get(right.prefix().len()..).unwrap_or_default().as_bytes();
        if secret.len() != SECRET_CHARACTERS || !secret.iter().all(|byte| ALPHABET.contains(byte)) {
            return Err(NotAKey);
        }
        Ok(Self { right, text: text.into() })
    }

    /// What its prefix says that it may do.
    pub fn right(&self) -> Right {
        self.right
    }

    /// Under which the store keeps it.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.text.as_bytes()).into())
    }

    /// The key itself, to hand it to its owner or to an upstream. Never for a log.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}…", self.right.prefix())
    }
}

/// The text is no key of ours: not the prefix, the length or the letters of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a key: a key is pk_, sk_ or ak_ and {SECRET_CHARACTERS} characters")]
pub struct NotAKey;

/// SHA-256 of a key. A key is 160 bits of chance, so that no salt or slow hash has anything to protect.
#[derive(Debug, Clone, Copy)]
pub struct KeyDigest(pub [u8; 32]);

impl PartialEq for KeyDigest {
    /// In constant time (protocol.md, section 4).
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyDigest {}

impl Hash for KeyDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// What a key may do (protocol.md, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// `pk_`: sends events, as observed. Never reads.
    Public,
    /// `sk_`: sends events as asserted, and reads.
    Secret,
    /// `ak_`: everything.
    Admin,
}

impl Right {
    /// In the order in which the first start prints them.
    pub const ALL: [Self; 3] = [Self::Public, Self::Secret, Self::Admin];

    /// What its keys begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Public => "pk_",
            Self::Secret => "sk_",
            Self::Admin => "ak_",
        }
    }

    /// Its name on the command line and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Secret => "secret",
            Self::Admin => "admin",
        }
    }

    /// The right of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == name)
    }

    /// May it read profiles?
    pub fn may_read(self) -> bool {
        self != Self::Public
    }
}

/// Where a page that uses a key may come from: `https://shop.example`, as a browser writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// Reads `scheme://host[:port]`; a path, a query or a missing scheme is refused.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let text = text.trim();
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            return Err(NotAnOrigin);
        }
        Ok(Self(text.into()))
    }

    /// As a browser writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an origin: write https://shop.example, without a path")]
pub struct NotAnOrigin;

/// A key that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Whose ledger it opens.
    pub workspace: Workspace,
    /// What it may do.
    pub right: Right,
    /// In place of the key itself.
    pub digest: KeyDigest,
    /// For people: `shop`, `old app`.
    pub name: Option<Box<str>>,
    /// Pages that may use it; empty: all.
    pub origins: Vec<Origin>,
    /// How far what it observes is believed.
    pub trust: Trust,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// A key as the store knows it: all but the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The source of every event that comes with it, and its name for `key revoke`.
    pub id: Source,
    /// Whose ledger it opens.
    pub workspace: Workspace,
    /// What it may do.
    pub right: Right,
    /// For people.
    pub name: Option<Box<str>>,
    /// Pages that may use it; empty: all.
    pub origins: Vec<Origin>,
    /// How far what it observes is believed.
    pub trust: Trust,
    /// When it was made.
    pub created_at: UnixMillis,
    /// From when on it is refused.
    pub revoked_at: Option<UnixMillis>,
}

/// What reads call a source: the name of its key, else `key 4`.
pub fn source_name(source: Source, keys: &[StoredKey]) -> Box<str> {
    let name = keys.iter().find(|key| key.id == source).and_then(|key| key.name.clone());
    name.unwrap_or_else(|| format!("key {}", source.0).into())
}

/// 32 letters, so that five bits of chance choose one evenly; without 0, 1, l and o, which people confuse.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 32 times five bits: 160, beyond guessing.
const SECRET_CHARACTERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_reads_back_with_its_right_and_digest() {
        for right in Right::ALL {
            let key = Key::generate(right).unwrap();
            let read = Key::parse(&format!(" {} ", key.reveal())).unwrap();
            assert_eq!(read.right(), right);
            assert_eq!(read.digest(), key.digest());
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let good = Key::generate(Right::Public).unwrap();
        let long = format!("{}a", good.reveal());
        let shouted = good.reveal().to_uppercase();
        for text in ["", "pk_", "xk_abcdefghijkmnpqrstuvwxyz23456789", "pk_абв", &long, &shouted] {
            assert_eq!(Key::parse(text), Err(NotAKey), "{text}");
        }
    }

    #[test]
    fn the_debug_form_keeps_the_secret() {
        let key = Key::generate(Right::Secret).unwrap();
        assert_eq!(format!("{key:?}"), "sk_…");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(Origin::parse("HTTPS://Shop.Example/").unwrap().as_str(), "https://shop.example");
        assert_eq!(Origin::parse("http://localhost:3000").unwrap().as_str(), "http://localhost:3000");
        for text in ["shop.example", "https://", "https://shop.example/cart", "ftp://shop.example", "*"] {
            assert_eq!(Origin::parse(text), Err(NotAnOrigin), "{text}");
        }
    }

    #[test]
    fn names_of_rights_and_trust_read_back() {
        assert!(Right::ALL.into_iter().all(|right| Right::parse(right.as_str()) == Some(right)));
        assert!(Trust::ALL.into_iter().all(|trust| Trust::parse(trust.as_str()) == Some(trust)));
    }
}
