//! protocol.md, section 4: what carries a key, and what it opens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

#[tokio::test]
async fn every_way_to_carry_the_key_opens_the_door() {
    let house = House::new();
    let key = house.public.clone();
    let basic = format!("Basic {}", STANDARD.encode(format!("{key}:")));
    let bearer = format!("Bearer {key}");
    let headers: [(&str, &str); 3] = [("authorization", &basic), ("authorization", &bearer), ("x-write-key", &key)];
    for (number, header) in headers.into_iter().enumerate() {
        let answer = house.post_with("/v1/track", &[header], track(&format!("m-{number}"))).await;
        assert_eq!(answer.counts().0, 1, "{header:?}");
    }
    let path = format!("/beacon/v1/batch?writeKey={key}");
    assert_eq!(house.post_with(&path, &[], batch(&[track("m-query")])).await.counts().0, 1);
    let in_body = format!(r#"{{"batch":[{}],"writeKey":"{key}"}}"#, track("m-body"));
    assert_eq!(house.post_with("/v1/batch", &[], in_body).await.counts().0, 1);
    let in_event = format!(r#"{{"event":"x","userId":"u1","writeKey":"{key}"}}"#);
    assert_eq!(house.post_with("/v1/track", &[], gzip(in_event.as_bytes())).await.counts().0, 1);
}

#[tokio::test]
async fn a_key_in_a_header_wins_over_one_in_the_body() {
    let house = House::new();
    let body = format!(r#"{{"batch":[{}],"writeKey":"{}"}}"#, track("m-1"), house.public);
    let unknown = Key::generate(Right::Public).unwrap();
    let answer = house.post_with("/v1/batch", &[("x-write-key", unknown.reveal())], body.clone()).await;
    assert_eq!(answer.refusal(), (401, "unknown_key".into()));
    let other = body.replace(&house.public, unknown.reveal());
    assert_eq!(house.post("/v1/batch", other).await.counts().0, 1);
}

#[tokio::test]
async fn no_key_an_unknown_key_and_a_revoked_key_are_told_apart() {
    let house = House::new();
    let body = || batch(&[track("m-1")]);
    assert_eq!(house.post_with("/v1/batch", &[], body()).await.refusal(), (401, "missing_key".into()));
    for unknown in [Key::generate(Right::Secret).unwrap().reveal(), "pk_short", "hello"] {
        let answer = house.post_with("/v1/batch", &[("x-write-key", unknown)], body()).await;
        assert_eq!(answer.refusal(), (401, "unknown_key".into()), "{unknown}");
    }
    assert_eq!(house.post("/v1/batch", body()).await.counts().0, 1);
    house.revoke(&house.public);
    assert_eq!(house.post("/v1/batch", body()).await.refusal(), (401, "revoked_key".into()));
}

#[tokio::test]
async fn a_new_key_counts_at_once() {
    let house = House::new();
    let key = house.new_key(Right::Public, &[]);
    assert_eq!(house.post_with("/v1/track", &[("x-write-key", &key)], track("m-1")).await.counts().0, 1);
}

#[tokio::test]
async fn a_public_key_reads_nothing() {
    let house = House::new();
    house.post("/v1/track", track("m-1")).await;
    for path in [
        "/v1/profiles/anonymous_id:a1",
        "/v1/profiles/anonymous_id:a1/traits",
        "/v1/profiles/anonymous_id:a1/identifiers",
        "/v1/profiles/anonymous_id:a1/events?raw=true",
        "/v1/profiles/nothing:like-it",
        "/v1/conflicts",
    ] {
        let answer = house.get_with(path, &[("x-write-key", &house.public)]).await;
        assert_eq!(answer.refusal(), (403, "wrong_right".into()), "{path}");
        assert_eq!(house.get_with(path, &[]).await.refusal(), (401, "missing_key".into()), "{path}");
    }
}

#[tokio::test]
async fn a_page_uses_a_key_only_from_its_origins() {
    let house = House::new();
    let key = house.new_key(Right::Public, &["https://shop.example"]);
    let from = async |origin: &str| {
        house.post_with("/v1/track", &[("x-write-key", &key), ("origin", origin)], track("m-1")).await
    };
    assert_eq!(from("https://shop.example").await.counts().0, 1);
    for origin in ["https://evil.example", "null", "http://shop.example", "https://shop.example.evil.example"] {
        let answer = from(origin).await;
        assert_eq!(answer.refusal(), (403, "origin_not_allowed".into()), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{origin}");
    }
    assert_eq!(house.post_with("/v1/track", &[("x-write-key", &key)], track("m-2")).await.counts().0, 1);
}

#[tokio::test]
async fn a_key_in_a_single_event_is_not_stored_with_it() {
    let house = House::new();
    let body = format!(r#"{{"writeKey":"{}","event":"x","messageId":"m-1","userId":"u1"}}"#, house.public);
    house.post_with("/v1/track", &[], body).await;
    let events = house.get("/v1/profiles/user_id:u1/events?raw=true").await;
    assert_eq!(events.json()["events"][0]["raw"]["event"], "x");
    assert!(!String::from_utf8_lossy(&events.body).contains(&house.public));
}
