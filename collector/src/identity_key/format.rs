//! How keys stand in files: PEM (RFC 7468, with the structures of RFC 8410 and RFC 5480) and JWK (RFC 7517). Of the
//! two sorts of keys there is one structure each, so that a fixed head is all that has to be known of DER.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::{Material, SigningAlgorithm};

/// A public key from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// How tokens are signed with its private half.
    pub algorithm: SigningAlgorithm,
    /// By which tokens may name it.
    pub kid: Box<str>,
    /// The key.
    pub material: Material,
}

impl Imported {
    /// Reads the text of a file: a PEM block `PUBLIC KEY`, or a JWK.
    pub fn read(text: &str) -> Result<Self, NotAPublicKey> {
        let text = text.trim();
        if text.starts_with('{') { Self::of_jwk(text) } else { Self::of_pem(text) }
    }

    fn of_pem(text: &str) -> Result<Self, NotAPublicKey> {
        if text.contains("PRIVATE KEY-----") {
            return Err(NotAPublicKey::Private);
        }
        let body = text.split_once(BEGIN_PUBLIC).and_then(|(_, rest)| rest.split_once(END_PUBLIC));
        let (body, _) = body.ok_or(NotAPublicKey::NeitherPemNorJwk)?;
        let body: String = body.split_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| NotAPublicKey::Broken)?;
        if let Some(key) = der.strip_prefix(ED25519_PUBLIC_HEAD) {
            Self::new(SigningAlgorithm::EdDsa, key, None)
        } else if let Some(key) = der.strip_prefix(P256_PUBLIC_HEAD) {
            Self::new(SigningAlgorithm::Es256, key, None)
        } else {
            Err(NotAPublicKey::OtherSort)
        }
    }

    fn of_jwk(text: &str) -> Result<Self, NotAPublicKey> {
        let jwk: Jwk = serde_json::from_str(text).map_err(|_| NotAPublicKey::Broken)?;
        if jwk.d.is_some() || jwk.k.is_some() {
            return Err(NotAPublicKey::Private);
        }
        let number = |text: Option<Box<str>>| {
            URL_SAFE_NO_PAD.decode(text.unwrap_or_default().as_bytes()).map_err(|_| NotAPublicKey::Broken)
        };
        match (&*jwk.kty, jwk.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => Self::new(SigningAlgorithm::EdDsa, &number(jwk.x)?, jwk.kid),
            ("EC", Some("P-256")) => {
                let (x, y) = (number(jwk.x)?, number(jwk.y)?);
                let is_point = x.len() == 32 && y.len() == 32;
                let point = if is_point { [&[UNCOMPRESSED], &x[..], &y[..]].concat() } else { Vec::new() };
                Self::new(SigningAlgorithm::Es256, &point, jwk.kid)
            }
            _ => Err(NotAPublicKey::OtherSort),
        }
    }

    fn new(algorithm: SigningAlgorithm, key: &[u8], kid: Option<Box<str>>) -> Result<Self, NotAPublicKey> {
        let is_whole = match algorithm {
            SigningAlgorithm::EdDsa => key.len() == 32,
            SigningAlgorithm::Es256 => key.len() == 65 && key.first() == Some(&UNCOMPRESSED),
            SigningAlgorithm::Hs256 => false,
        };
        if !is_whole {
            return Err(NotAPublicKey::Broken);
        }
        let material = Material::new(key);
        let kid = kid.filter(|kid| !kid.is_empty()).unwrap_or_else(|| material.kid());
        Ok(Self { algorithm, kid, material })
    }
}

/// The file holds no public key that tokens could be checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum NotAPublicKey {
    #[error("it holds neither a PEM block `-----BEGIN PUBLIC KEY-----` nor one JWK")]
    NeitherPemNorJwk,
    #[error(
        "it holds a private key or a secret, which stays with your backend: give its public key, as `openssl pkey -pubout` prints it"
    )]
    Private,
    #[error("its key is damaged or cut short")]
    Broken,
    #[error("its key is neither Ed25519 (EdDSA) nor P-256 (ES256)")]
    OtherSort,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    kty: Box<str>,
    crv: Option<Box<str>>,
    kid: Option<Box<str>>,
    x: Option<Box<str>>,
    y: Option<Box<str>>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

/// A private key of Ed25519 in PKCS #8.
pub(super) fn ed25519_private_pem(seed: &[u8; 32]) -> Box<str> {
    private_pem(&[ED25519_PRIVATE_HEAD, seed].concat())
}

/// A private key in PKCS #8, as PEM without a line break at its end.
pub(super) fn private_pem(pkcs8: &[u8]) -> Box<str> {
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (place, letter) in STANDARD.encode(pkcs8).chars().enumerate() {
        if place > 0 && place % PEM_LINE == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PRIVATE KEY-----");
    pem.into()
}

const BEGIN_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----";
const END_PUBLIC: &str = "-----END PUBLIC KEY-----";
/// RFC 7468, section 2.
const PEM_LINE: usize = 64;
/// RFC 8410, section 4: what stands before the 32 bytes of the key.
const ED25519_PUBLIC_HEAD: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// RFC 8410, section 7: what stands before the 32 bytes of the seed.
const ED25519_PRIVATE_HEAD: &[u8] =
    &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// RFC 5480, section 2: what stands before the 65 bytes of the point.
const P256_PUBLIC_HEAD: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// SEC 1, section 2.3.3.
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests;
