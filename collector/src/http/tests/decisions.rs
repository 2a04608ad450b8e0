//! Decisions that cannot be taken: each is refused with what to change, and nothing is decided.

use serde_json::json;

use super::*;
use crate::key::Right;

#[tokio::test]
async fn a_decision_about_a_name_that_nobody_said_names_it() {
    let house = House::new();
    house.post("/v1/identify", r#"{"messageId":"m-1","userId":"u1"}"#).await;
    let name = |kind: &str, value: &str| json!({"kind": kind, "value": value});
    for (x, y, unknown) in [
        (name("user_id", "u1"), name("email", "Nobody@Example.com"), "email:nobody@example.com"),
        (name("user_id", "u9"), name("user_id", "u1"), "user_id:u9"),
        (name("user_id", "u1"), name("shoe_size", "44"), "shoe_size:44"),
        (name("user_id", "null"), name("user_id", "u1"), "user_id:null"),
    ] {
        let answer = decide(&house, &json!({"op": "link", "x": x, "y": y, "reason": "told"}).to_string()).await;
        assert_eq!(answer.refusal(), (404, "not_found".into()));
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("no event names {unknown}:")), "{message}");
    }
    assert_eq!(house.get("/v1/decisions").await.json()["decisions"], json!([]));
}

#[tokio::test]
async fn what_is_no_decision_is_refused_in_the_words_of_the_protocol() {
    let house = House::new();
    for body in ["[]", "7", r#"{"op":"link","x":[]}"#, r#"{"op":"link","x":{"kind":"user_id"}}"#, "{", ""] {
        let answer = decide(&house, body).await;
        assert_eq!(answer.refusal(), (400, "bad_decision".into()), "{body}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("the body is no decision: send {"), "{message}");
        assert!(!message.contains("Asked"), "{message}");
    }
}

async fn decide(house: &House, body: &str) -> Answer {
    let admin = house.new_key(Right::Admin, &[]);
    house.post_with("/v1/decisions", &[("x-write-key", &admin)], body.to_owned()).await
}
