//! The texts are what OpenSSL and Node write for one pair of each sort.

use super::*;

const ED25519_PEM: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAyJSsxMo5Ar6ba+O5z+TUc8ia5t4sL7E10yFk1F0bHfg=
-----END PUBLIC KEY-----
";
const ED25519_JWK: &str = r#"{"crv":"Ed25519","x":"yJSsxMo5Ar6ba-O5z-TUc8ia5t4sL7E10yFk1F0bHfg","kty":"OKP"}"#;
const P256_PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEK8+TcAOkFv9FN6h/zBtQqQdYplZh
4cloePZMXkxP9GhriLsSDINPufaPG4ClYHRAGvCiF78Vm+04DGFBz6CdBQ==
-----END PUBLIC KEY-----
";
const P256_JWK: &str = r#"{"kty":"EC","kid":"2026-01","use":"sig",
    "x":"K8-TcAOkFv9FN6h_zBtQqQdYplZh4cloePZMXkxP9Gg","y":"a4i7EgyDT7n2jxuApWB0QBrwohe_FZvtOAxhQc-gnQU",
    "crv":"P-256"}"#;

#[test]
fn a_pem_and_a_jwk_of_one_key_are_one_key() {
    for (pem, jwk, algorithm) in
        [(ED25519_PEM, ED25519_JWK, SigningAlgorithm::EdDsa), (P256_PEM, P256_JWK, SigningAlgorithm::Es256)]
    {
        let (of_pem, of_jwk) = (Imported::read(pem).unwrap(), Imported::read(jwk).unwrap());
        assert_eq!((of_pem.algorithm, of_jwk.algorithm), (algorithm, algorithm));
        assert_eq!(of_pem.material, of_jwk.material);
    }
}

#[test]
fn a_jwk_brings_its_kid_and_another_key_is_named_by_its_digest() {
    assert_eq!(&*Imported::read(P256_JWK).unwrap().kid, "2026-01");
    let named = Imported::read(ED25519_PEM).unwrap().kid;
    assert_eq!(named, Imported::read(ED25519_JWK).unwrap().kid);
    assert_eq!(named.len(), 16);
}

#[test]
fn lines_of_any_length_and_words_around_the_block_do_no_harm() {
    let crlf = format!("Key of the shop\r\n{}", P256_PEM.replace('\n', "\r\n"));
    assert_eq!(Imported::read(&crlf), Imported::read(P256_PEM));
}

#[test]
fn a_private_key_is_refused_before_it_is_stored() {
    let private_jwk = ED25519_JWK.replace("\"kty\"", "\"d\":\"AAAA\",\"kty\"");
    let secret_jwk = r#"{"kty":"oct","k":"c2VjcmV0"}"#;
    let pem = ed25519_private_pem(&[7; 32]);
    for text in [&*pem, &private_jwk, secret_jwk, &format!("{ED25519_PEM}{pem}")] {
        assert_eq!(Imported::read(text), Err(NotAPublicKey::Private));
    }
}

#[test]
fn what_is_no_key_of_ours_is_told_apart() {
    let p384 = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEioHd9y7UZ6D3BrEQS5xoUy2PTTQX7TDp
MlkAQhX9bf+mbciaABSJHCYjVjR2qZ0w2OFXRi+ELDg/PvXb2lBsnliHxnypsBtS
hQnSyYDdm6wkoGqZqXHbRzKEyOSsXZrY
-----END PUBLIC KEY-----";
    for (text, why) in [
        ("", NotAPublicKey::NeitherPemNorJwk),
        ("ik_secret", NotAPublicKey::NeitherPemNorJwk),
        ("-----BEGIN PUBLIC KEY-----\nMCow", NotAPublicKey::NeitherPemNorJwk),
        (&ED25519_PEM.replace("Hfg=", ""), NotAPublicKey::Broken),
        (&ED25519_PEM.replace("bHfg=", "bHfg*"), NotAPublicKey::Broken),
        (&P256_JWK.replace("K8-T", ""), NotAPublicKey::Broken),
        (&ED25519_JWK.replace("\"x\"", "\"z\""), NotAPublicKey::Broken),
        ("{", NotAPublicKey::Broken),
        (p384, NotAPublicKey::OtherSort),
        (r#"{"keys":[]}"#, NotAPublicKey::OtherSort),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, NotAPublicKey::OtherSort),
    ] {
        assert_eq!(Imported::read(text), Err(why), "{text}");
    }
}

#[test]
fn a_private_key_of_ed25519_is_written_as_openssl_writes_it() {
    let seed = STANDARD.decode("45N5Kr7Mmeyr3/cRQ14cP86vile1fHWDAlAV8FfEJ5c=").unwrap();
    let written = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIOOTeSq+zJnsq9/3EUNeHD/Or4pXtXx1gwJQFfBXxCeX
-----END PRIVATE KEY-----";
    assert_eq!(&*ed25519_private_pem(&seed.try_into().unwrap()), written);
}

#[test]
fn long_keys_are_broken_into_lines_of_64_letters() {
    let pem = private_pem(&[1; 100]);
    assert_eq!(pem.lines().map(str::len).collect::<Vec<_>>(), [27, 64, 64, 8, 25]);
}
