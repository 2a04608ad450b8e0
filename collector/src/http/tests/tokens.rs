//! identity.md, sections 3 and 8: a login that the site's backend proves, and one that it does not.

use std::path::Path;

use selvedge_core::identifier::{Identifier, Kind};
use serde_json::json;

use super::*;
use crate::event::Strength;
use crate::identity_key::{MadeIdentityKey, NewIdentityKey, SigningAlgorithm};
use crate::ingest::Signer;
use crate::store::{Reader, Seq};

/// What a backend says of a visitor for an hour from noon on.
const ADA: &str = r#"{"sub":"u1","aud":"default","iat":1767268800,"exp":1767272400}"#;

#[tokio::test]
async fn a_proven_login_joins_the_device_and_outranks_what_is_observed() {
    for algorithm in SigningAlgorithm::ALL {
        let house = House::new();
        let signer = house.new_signer(algorithm);
        house.post("/v1/track", track("m-1")).await;
        let proven = identify("m-2", r#"{"plan":"pro"}"#, Some(&signer.token(ADA)));
        assert_eq!(house.post("/v1/identify", proven).await.warnings(), [""; 0], "{algorithm:?}");
        house.clock.advance(60_000);
        let observed = identify("m-3", r#"{"plan":"free","mood":"bad"}"#, None);
        assert_eq!(house.post("/v1/identify", observed).await.warnings(), [""; 0]);
        let profile = house.get("/v1/profiles/user_id:u1").await.json();
        assert_eq!(profile["traits"]["plan"], "pro", "{algorithm:?}");
        assert_eq!(profile["event_count"], 3, "the page of a person with a token loses nothing: {profile}");
        assert_eq!(profile["traits"]["mood"], "bad", "{algorithm:?}");
    }
}

#[tokio::test]
async fn an_observed_login_of_somebody_else_does_not_get_at_a_proven_one() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    house.post("/v1/identify", identify("m-1", "{}", Some(&signer.token(ADA)))).await;
    let stranger = r#"{"messageId":"m-2","anonymousId":"a9","userId":"u1","traits":{"plan":"stolen"}}"#;
    let answer = house.post("/v1/identify", stranger).await;
    assert_eq!(answer.warnings(), [""; 0], "who may not know what is held is not told");
    let profile = house.get("/v1/profiles/user_id:u1").await.json();
    assert_eq!((&profile["traits"]["plan"], &profile["event_count"]), (&Value::Null, &1.into()));
}

#[tokio::test]
async fn a_token_of_the_batch_speaks_for_each_of_its_events() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::EdDsa);
    let events = [identify("m-1", r#"{"plan":"pro"}"#, None), identify("m-2", "{}", Some("not this one"))];
    let shared = format!(r#"{{"identityToken":"{}","locale":"de"}}"#, signer.token(ADA));
    let body = format!(r#"{{"context":{shared},"batch":[{}]}}"#, events.join(","));
    let body = body.replace(r#"{"messageId""#, r#"{"type":"identify","messageId""#);
    assert_eq!(house.post("/v1/batch", body).await.warnings(), ["1 token_invalid"]);
    let events = house.get("/v1/profiles/user_id:u1/events?raw=true").await.json();
    assert_eq!(events["events"][0]["context"]["locale"], "de");
}

#[tokio::test]
async fn what_the_site_has_verified_names_the_person_too() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Es256);
    let more = r#","email":"Ada@Example.com","email_verified":true,"phone_number":"+4930123456","phone_number_verified":false}"#;
    let token = signer.token(&ADA.replace('}', more));
    house.post("/v1/track", track("m-1").replace('}', &format!(r#","userId":"u1",{}}}"#, context(&token)))).await;
    let found = house.get("/v1/profiles/email:ada@example.com").await.json();
    assert_eq!(found["identifiers"][0]["value"], "u1", "{found}");
    assert_eq!(house.get("/v1/profiles/phone:+4930123456").await.status, 404);
}

#[tokio::test]
async fn an_observed_address_is_not_sent_on_as_proven_because_the_event_has_a_proven_one_too() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    let token = signer.token(&ADA.replace('}', r#","email":"z@own.example","email_verified":true}"#));
    for (message_id, address) in [("m-1", "a@other.example"), ("m-2", "zz@other.example")] {
        let traits = format!(r#"{{"email":"{address}"}}"#);
        house.post("/v1/identify", identify(message_id, &traits, Some(&token))).await;
    }
    let workspace = house.store.view().unwrap().workspace("default").unwrap().unwrap();
    let reader = Reader::open(&*house.store, &house.state.inside.rules, workspace).unwrap();
    let events = reader.events_after(Seq(0), 10).unwrap();
    for event in &events {
        let of = |kind| event.strengths.iter().filter(|(named, _)| *named == kind).collect::<Vec<_>>();
        assert_eq!(of(Kind::EMAIL), [&(Kind::EMAIL, Strength::Observed)]);
        assert_eq!(of(Kind::USER_ID), [&(Kind::USER_ID, Strength::Proven)]);
        assert_eq!(event.verified, [Identifier::new(Kind::EMAIL, "z@own.example")]);
    }
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn a_token_of_somebody_else_leaves_the_event_as_observed() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    let token = signer.token(&ADA.replace("u1", "u2"));
    let answer = house.post("/v1/identify", identify("m-1", r#"{"plan":"free"}"#, Some(&token))).await;
    assert_eq!(answer.warnings(), ["0 token_mismatch"]);
    let nobody = track("m-2").replace('}', &format!(",{}}}", context(&token)));
    assert_eq!(house.post("/v1/track", nobody).await.warnings(), ["0 token_mismatch"]);
    house
        .post_with("/v1/identify", &[("x-write-key", &house.secret)], identify("m-0", r#"{"plan":"pro"}"#, None))
        .await;
    assert_eq!(house.get("/v1/profiles/user_id:u1").await.json()["traits"]["plan"], "pro");
    assert_eq!(house.get("/v1/profiles/user_id:u2").await.status, 404);
}

#[tokio::test]
async fn a_token_that_is_not_valid_leaves_the_event_as_observed_and_says_why() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    let [stranger, ..] = Signer::of_each_algorithm();
    let past = ADA.replace("17672", "17671");
    for (number, (token, why)) in [
        (stranger.token(ADA), "signature"),
        (signer.token(&past), "time of the event"),
        (signer.token(&ADA.replace("default", "other")), "aud"),
        ("junk.".repeat(2_000), "bytes"),
        ("junk".to_owned(), "JWT"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = house.post("/v1/identify", identify(&format!("m-{number}"), "{}", Some(&token))).await;
        assert_eq!(answer.counts().0, 1, "{why}");
        assert_eq!(answer.warnings(), ["0 token_invalid"], "{why}");
        let warning = &answer.json()["warnings"][0];
        assert!(warning["reason"].as_str().unwrap().contains(why), "{warning}");
        assert_eq!(warning["pointer"], "/context/identityToken");
    }
    assert_eq!(house.get("/v1/profiles/user_id:u1").await.json()["event_count"], 5);
}

#[tokio::test]
async fn an_event_that_waited_offline_is_proven_by_the_token_of_its_time() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    house.clock.advance(24 * 60 * 60 * 1_000);
    let waited = identify("m-1", r#"{"plan":"pro"}"#, Some(&signer.token(ADA)));
    let waited = waited.replace("\"userId\"", "\"timestamp\":\"2026-01-01T12:30:00Z\",\"userId\"");
    assert_eq!(house.post("/v1/identify", waited).await.warnings(), [""; 0]);
    let now = identify("m-2", "{}", Some(&signer.token(ADA)));
    assert_eq!(house.post("/v1/identify", now).await.warnings(), ["0 token_invalid"]);
}

#[tokio::test]
async fn a_secret_key_needs_no_proof_and_its_token_is_not_kept_either() {
    let house = House::new();
    house.new_signer(SigningAlgorithm::Hs256);
    let key = [("x-write-key", &*house.secret)];
    let answer = house.post_with("/v1/identify", &key, identify("m-1", "{}", Some("tell-tale-token"))).await;
    assert_eq!(answer.warnings(), [""; 0]);
    assert!(!holds(house.path(), b"tell-tale"));
}

#[tokio::test]
async fn no_byte_of_a_token_is_in_the_ledger() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    let (valid, other) = (signer.token(ADA), signer.token(&ADA.replace("u1", "u2")));
    house.post("/v1/identify", identify("m-1", "{}", Some(&valid))).await;
    house.post("/v1/identify", identify("m-2", "{}", Some(&other))).await;
    house.post("/v1/identify", identify("m-3", "{}", Some("tell-tale.token.signature"))).await;
    let escaped = identify("", "{}", Some(&valid)).replace("identityToken", "identit\\u0079Token");
    house.post("/v1/identify", escaped.replace("\"messageId\":\"\",", "")).await;
    let shared = format!(r#"{{"context":{{"identityToken":"{other}"}},"batch":[{}]}}"#, track("m-4"));
    house.post("/v1/batch", shared).await;
    assert!(holds(house.path(), b"m-4"), "the search finds what is there");
    for token in [&valid, &other] {
        for part in token.split('.').skip(1) {
            assert!(!holds(house.path(), part.as_bytes()));
        }
    }
    assert!(!holds(house.path(), b"tell-tale"));
}

#[tokio::test]
async fn a_revoked_key_proves_nothing_from_the_next_request_on_and_the_guard_stays() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    house.post("/v1/identify", identify("m-1", r#"{"plan":"pro"}"#, Some(&signer.token(ADA)))).await;
    let transaction = house.store.transaction().unwrap();
    let workspace = transaction.workspace("default").unwrap().unwrap();
    let key = transaction.identity_keys(workspace).unwrap().remove(0);
    assert!(transaction.revoke_identity_key(key.id, NOON).unwrap());
    assert!(!transaction.revoke_identity_key(key.id, NOON).unwrap());
    transaction.commit().unwrap();
    let other_device = identify("m-2", "{}", Some(&signer.token(ADA))).replace("a1", "a2");
    assert_eq!(house.post("/v1/identify", other_device).await.warnings(), ["0 token_invalid"]);
    let profile = house.get("/v1/profiles/user_id:u1").await.json();
    assert_eq!((&profile["event_count"], &profile["traits"]["plan"]), (&1.into(), &"pro".into()));
}

#[tokio::test]
async fn the_first_identity_key_guards_what_was_stored_in_the_thirty_days_before() {
    let house = House::new();
    let key = [("x-write-key", &*house.secret)];
    house.post_with("/v1/identify", &key, identify("m-1", r#"{"plan":"pro"}"#, None).replace("a1", "a0")).await;
    let observed = r#"{"messageId":"m-2","anonymousId":"a9","userId":"u1"}"#;
    house.post("/v1/identify", observed).await;
    assert_eq!(house.get("/v1/profiles/user_id:u1").await.json()["event_count"], 2);
    house.new_signer(SigningAlgorithm::Hs256);
    house.post("/v1/track", track("m-3")).await;
    assert_eq!(house.get("/v1/profiles/user_id:u1").await.json()["event_count"], 1);
    let view = house.store.view().unwrap();
    let workspace = view.workspace("default").unwrap().unwrap();
    let from = view.rule(workspace, "guard_from").unwrap().unwrap();
    assert_eq!(from.parse::<i64>().unwrap(), NOON.0 - 30 * 24 * 60 * 60 * 1_000);
}

#[tokio::test]
async fn an_event_says_to_readers_which_names_it_lost_for_want_of_proof_and_to_its_sender_nothing() {
    let house = House::new();
    let key = [("x-write-key", &*house.secret)];
    house.post_with("/v1/identify", &key, identify("m-1", "{}", None)).await;
    let observed = r#"{"messageId":"m-2","anonymousId":"a9","userId":"u1"}"#;
    let unproven = async |house: &House, name: &str| {
        let page = house.get(&format!("/v1/profiles/{name}/events")).await.json();
        page["events"][0]["unproven_identity"].clone()
    };
    house.post("/v1/identify", observed).await;
    assert_eq!(unproven(&house, "anonymous_id:a9").await, Value::Null, "nobody guards yet");
    house.new_signer(SigningAlgorithm::Hs256);
    assert!(house.post("/v1/identify", observed.replace("m-2", "m-3")).await.warnings().is_empty());
    assert_eq!(unproven(&house, "anonymous_id:a9").await, json!([{"kind": "user_id", "value": "u1"}]));
    assert_eq!(unproven(&house, "user_id:u1").await, Value::Null);
    // And why they are two.
    let explained = house.get("/v1/profiles/anonymous_id:a9/explain?with=user_id:u1").await.json();
    let because = &explained["because"];
    assert_eq!(
        (&because["reason"], &because["by"], &because["messageId"]),
        (&"unproven".into(), &"mark".into(), &"m-2".into())
    );
}

#[tokio::test]
async fn more_than_a_hundred_different_tokens_in_one_request_are_not_looked_at() {
    let house = House::new();
    let signer = house.new_signer(SigningAlgorithm::Hs256);
    let event = |number: usize| {
        let user = format!("u{}", number / 2);
        let token = signer.token(&ADA.replace("u1", &user));
        format!(r#"{{"type":"page","messageId":"m-{number}","userId":"{user}",{}}}"#, context(&token))
    };
    let answer = house.post("/v1/batch", batch(&(0..204).map(event).collect::<Vec<_>>())).await;
    assert_eq!(answer.counts().0, 204);
    let late: Vec<String> = (200..204).map(|index| format!("{index} token_invalid")).collect();
    assert_eq!(answer.warnings(), late);
}

impl House {
    fn new_signer(&self, algorithm: SigningAlgorithm) -> Signer {
        let [hs256, eddsa, es256] = Signer::of_each_algorithm();
        let signer = match algorithm {
            SigningAlgorithm::Hs256 => hs256,
            SigningAlgorithm::EdDsa => eddsa,
            SigningAlgorithm::Es256 => es256,
        };
        let transaction = self.store.transaction().unwrap();
        let new = NewIdentityKey {
            workspace: transaction.workspace("default").unwrap().unwrap(),
            kid: MadeIdentityKey::generate(algorithm).unwrap().kid,
            algorithm,
            material: signer.material(),
            created_at: NOON,
        };
        transaction.insert_identity_key(&new).unwrap();
        transaction.commit().unwrap();
        signer
    }

    fn path(&self) -> &Path {
        self._directory.path()
    }
}

impl Answer {
    /// Index and code of each warning.
    fn warnings(&self) -> Vec<String> {
        let json = self.json();
        let warnings = json["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().map(|verdict| format!("{} {}", verdict["index"], verdict["code"].as_str().unwrap())).collect()
    }
}

fn identify(message_id: &str, traits: &str, token: Option<&str>) -> String {
    let context = token.map(|token| format!(",{}", context(token))).unwrap_or_default();
    format!(r#"{{"messageId":"{message_id}","anonymousId":"a1","userId":"u1","traits":{traits}{context}}}"#)
}

fn context(token: &str) -> String {
    format!(r#""context":{{"identityToken":"{token}"}}"#)
}

/// Whether any file of the ledger, its log included, holds these bytes.
fn holds(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|file| {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}
