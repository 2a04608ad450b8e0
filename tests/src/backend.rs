//! A site's own backend, which proves logins: makes an identity key and signs tokens with it.

use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::Collector;

/// Holds a secret that a collector believes.
#[derive(Debug)]
pub struct Backend {
    secret: String,
}

impl Backend {
    /// Has a collector make a key: from 30 days before now on, guarded sources are guarded.
    pub fn of(collector: &Collector) -> anyhow::Result<Self> {
        let made = collector.run(&["identity-key", "create"])?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Ok(Self { secret: String::from_utf8(made.stdout)?.trim().to_owned() })
    }

    /// One that no collector believes.
    pub fn of_nobody() -> Self {
        Self { secret: "what nobody ever made a key of, and long enough to be one".to_owned() }
    }

    /// A JWT as the README says: HS256, with the bytes of the secret as it was printed.
    pub fn token(&self, claims: &Value) -> anyhow::Result<String> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
        let mut signature = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())?;
        signature.update(signed.as_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.finalize().into_bytes())))
    }
}
