//! Real signatures of every algorithm, and everything that is no proof.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::*;
use crate::identity_key::{IdentityKeyId, Material};

/// 2026-01-01T12:00:00Z, in s.
const NOON_S: i64 = 1_767_268_800;

#[test]
fn a_token_of_each_algorithm_proves_its_subject() {
    for signer in Signer::of_each_algorithm() {
        let proven = verify(&signer.token(&claims()), &keys(&[&signer])).unwrap();
        assert_eq!(&*proven.user_id, "u1", "{:?}", signer.algorithm());
        assert_eq!((proven.email, proven.phone), (None, None));
    }
}

#[test]
fn a_token_of_another_key_proves_nothing() {
    for (signer, other) in Signer::of_each_algorithm().iter().zip(Signer::of_each_algorithm()) {
        let refused = verify(&other.token(&claims()), &keys(&[signer]));
        assert_eq!(refused, Err(NotProven::Signature), "{:?}", signer.algorithm());
    }
}

#[test]
fn a_token_whose_claims_were_changed_proves_nothing() {
    for signer in Signer::of_each_algorithm() {
        let token = signer.token(&claims());
        let mut parts: Vec<&str> = token.split('.').collect();
        let forged = encode(claims().replace("u1", "u2").as_bytes());
        parts[1] = &forged;
        assert_eq!(verify(&parts.join("."), &keys(&[&signer])), Err(NotProven::Signature));
    }
}

#[test]
fn no_algorithm_and_no_signature_prove_nothing() {
    let signer = Signer::hs256(b"secret");
    for alg in ["none", "None", "NONE", "nOnE", "HS384", "RS256", "hs256", ""] {
        let header = encode(format!(r#"{{"alg":"{alg}"}}"#).as_bytes());
        let token = format!("{header}.{}.", encode(claims().as_bytes()));
        assert_eq!(verify(&token, &keys(&[&signer])), Err(NotProven::Algorithm), "{alg}");
    }
    for header in [r#"{"typ":"JWT"}"#, r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#] {
        assert_eq!(verify(&signer.token_of(header, &claims()), &keys(&[&signer])), Err(NotProven::Algorithm));
    }
    let token = signer.token(&claims());
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{signed}."), &keys(&[&signer])), Err(NotProven::Signature));
}

/// The old trick: the public key is known, so sign with its text as if it were a secret.
#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    for signer in Signer::of_each_algorithm().into_iter().skip(1) {
        let public = signer.material();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", encode(public.bytes()));
        for secret in [public.bytes(), pem.as_bytes()] {
            let forged = Signer::hs256(secret).token(&claims());
            assert_eq!(verify(&forged, &keys(&[&signer])), Err(NotProven::NoKey));
            let beside_a_secret = keys(&[&signer, &Signer::hs256(b"another")]);
            assert_eq!(verify(&forged, &beside_a_secret), Err(NotProven::Signature));
        }
    }
}

#[test]
fn a_kid_chooses_and_without_one_every_key_of_the_algorithm_is_tried() {
    let (one, other) = (Signer::hs256(b"one"), Signer::hs256(b"other"));
    let both = keys(&[&one, &other]);
    assert!(verify(&other.token(&claims()), &both).is_ok());
    let of_kid = |kid: &str| verify(&other.token_of(&format!(r#"{{"alg":"HS256","kid":{kid}}}"#), &claims()), &both);
    assert!(of_kid("\"k1\"").is_ok());
    assert_eq!(of_kid("\"k0\""), Err(NotProven::Signature));
    for unknown in ["\"k9\"", "\"\"", "null", "1"] {
        assert_eq!(of_kid(unknown), Err(NotProven::NoKey), "{unknown}");
    }
    assert_eq!(verify(&other.token(&claims()), &keys(&[])), Err(NotProven::NoKey));
}

#[test]
fn what_has_to_be_understood_and_is_not_proves_nothing() {
    let signer = Signer::hs256(b"secret");
    let token = signer.token_of(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, &claims());
    assert_eq!(verify(&token, &keys(&[&signer])), Err(NotProven::Critical));
}

#[test]
fn the_audience_is_the_workspace_alone_or_among_others() {
    for audience in [r#""default""#, r#"["default"]"#, r#"["other","default"]"#] {
        assert!(judged(&claims().replace(r#""default""#, audience)).is_ok(), "{audience}");
    }
    for audience in [r#""Default""#, r#""other""#, r#"["other"]"#, "[]", r#"[["default"]]"#, "1", "null", r#""""#] {
        assert_eq!(judged(&claims().replace(r#""default""#, audience)), Err(NotProven::Audience), "{audience}");
    }
    assert_eq!(judged(&claims().replace("aud", "audience")), Err(NotProven::Audience));
}

#[test]
fn a_subject_is_a_text_or_a_number_as_a_user_id_is_read() {
    for (subject, user_id) in
        [(r#""ü 1""#, "ü 1"), ("7", "7"), ("7.0", "7"), ("18446744073709551616", "18446744073709551616")]
    {
        assert_eq!(&*judged(&claims().replace(r#""u1""#, subject)).unwrap().user_id, user_id);
    }
    for subject in [r#""""#, "null", "true", r#"["u1"]"#, r#"{"id":"u1"}"#] {
        assert_eq!(judged(&claims().replace(r#""u1""#, subject)), Err(NotProven::Subject), "{subject}");
    }
}

#[test]
fn it_speaks_for_events_from_its_beginning_to_its_end_with_two_minutes_of_leeway() {
    let proven = judged(&claims()).unwrap();
    for (second, covered) in [(-121, false), (-120, true), (0, true), (3_600, true), (3_720, true), (3_721, false)] {
        assert_eq!(proven.covers(UnixMillis((NOON_S + second) * 1_000)), covered, "{second}");
    }
    let later = judged(&claims().replace("\"iat\"", &format!("\"nbf\":{},\"iat\"", NOON_S + 600))).unwrap();
    assert!(!later.covers(UnixMillis((NOON_S + 400) * 1_000)));
    assert!(later.covers(UnixMillis((NOON_S + 500) * 1_000)));
}

#[test]
fn a_token_for_more_than_an_hour_or_for_no_time_proves_nothing() {
    for lifetime_s in [3_601, 86_400, -1] {
        assert_eq!(judged(&claims_for(lifetime_s)), Err(NotProven::Lifetime), "{lifetime_s}");
    }
    assert!(judged(&claims_for(0)).is_ok());
    for exp in ["1e400", "-1e400", "9223372036854775807"] {
        let claims = claims().replace(&(NOON_S + 3_600).to_string(), exp);
        assert_eq!(judged(&claims), Err(NotProven::Lifetime), "{exp}");
    }
}

#[test]
fn times_are_numbers_and_both_are_needed() {
    let iat = NOON_S.to_string();
    assert!(judged(&claims().replace(&iat, &format!("{iat}.25"))).is_ok());
    for time in ["null", "true", &format!("\"{iat}\""), "[]"] {
        assert_eq!(judged(&claims().replace(&iat, time)), Err(NotProven::Times), "{time}");
    }
    assert_eq!(judged(&claims().replace("iat", "i")), Err(NotProven::Times));
    assert_eq!(judged(&claims().replace("exp", "e")), Err(NotProven::Times));
}

#[test]
fn an_address_counts_when_the_site_has_verified_it() {
    let with = |verified: &str| {
        let more = format!(
            r#","email":"Ada@Example.com","email_verified":{verified},"phone_number":"+49301","phone_number_verified":{verified}}}"#
        );
        judged(&claims().replace('}', &more)).unwrap()
    };
    let proven = with("true");
    assert_eq!((proven.email.as_deref(), proven.phone.as_deref()), (Some("Ada@Example.com"), Some("+49301")));
    for unverified in ["false", "null", "1", "\"true\""] {
        assert_eq!((with(unverified).email, with(unverified).phone), (None, None), "{unverified}");
    }
}

#[test]
fn what_is_no_token_is_refused_without_harm() {
    let signer = Signer::hs256(b"secret");
    let token = signer.token(&claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let padded = format!("{signed}.{signature}=");
    let not_base64 = format!("{signed}.{}*", &signature[1..]);
    let fourth = format!("{token}.e30");
    let array = signer.token_of("[]", &claims());
    for text in ["", ".", "..", "...", "a", "a.b", "a.b.c", "ü.ü.ü", "e30", &padded, &not_base64, &fourth, &array] {
        assert_eq!(verify(text, &keys(&[&signer])), Err(NotProven::Malformed), "{text}");
    }
    assert_eq!(verify(&signer.token("[]"), &keys(&[&signer])), Err(NotProven::Malformed));
    assert_eq!(verify(&"x.".repeat(5_000), &keys(&[&signer])), Err(NotProven::TooLong));
}

fn judged(claims: &str) -> Result<Proven, NotProven> {
    let signer = Signer::hs256(b"secret");
    verify(&signer.token(claims), &keys(&[&signer]))
}

fn claims() -> String {
    claims_for(3_600)
}

fn claims_for(lifetime_s: i64) -> String {
    format!(r#"{{"sub":"u1","aud":"default","iat":{NOON_S},"exp":{}}}"#, NOON_S + lifetime_s)
}

/// The keys of these signers, named k0, k1, …
fn keys(signers: &[&Signer]) -> IdentityKeys {
    let stored = (0..).zip(signers).map(|(id, signer)| StoredIdentityKey {
        id: IdentityKeyId(id),
        kid: format!("k{id}").into(),
        algorithm: signer.algorithm(),
        material: signer.material(),
        created_at: UnixMillis(0),
        revoked_at: None,
    });
    IdentityKeys::of("default".into(), stored.collect())
}

/// A site's backend.
pub(crate) enum Signer {
    Hs256(Vec<u8>),
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
}

impl Signer {
    pub(crate) fn hs256(secret: &[u8]) -> Self {
        Self::Hs256(secret.to_vec())
    }

    /// New ones.
    pub(crate) fn of_each_algorithm() -> [Self; 3] {
        let chance = SystemRandom::new();
        let secret: [u8; 32] = crate::clock::Chance::bytes().unwrap();
        let seed: [u8; 32] = crate::clock::Chance::bytes().unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &chance).unwrap();
        [
            Self::Hs256(secret.to_vec()),
            Self::EdDsa(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()),
            Self::Es256(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &chance).unwrap()),
        ]
    }

    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Hs256(_) => SigningAlgorithm::Hs256,
            Self::EdDsa(_) => SigningAlgorithm::EdDsa,
            Self::Es256(_) => SigningAlgorithm::Es256,
        }
    }

    pub(crate) fn material(&self) -> Material {
        match self {
            Self::Hs256(secret) => Material::new(&secret[..]),
            Self::EdDsa(pair) => Material::new(pair.public_key().as_ref()),
            Self::Es256(pair) => Material::new(pair.public_key().as_ref()),
        }
    }

    pub(crate) fn token(&self, claims: &str) -> String {
        self.token_of(&format!(r#"{{"alg":"{}","typ":"JWT"}}"#, self.algorithm().as_str()), claims)
    }

    pub(crate) fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = match self {
            Self::Hs256(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes()).as_ref().to_vec()
            }
            Self::EdDsa(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Self::Es256(pair) => pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", encode(&signature))
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
