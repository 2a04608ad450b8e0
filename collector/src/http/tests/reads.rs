//! protocol.md, section 5: profiles, their parts, conflicts.

use selvedge_core::identifier::{Identifier, Kind};
use serde_json::json;

use super::*;
use crate::store::{Fold, Role};

#[tokio::test]
async fn a_profile_is_found_by_any_identifier_and_by_its_id() {
    let house = House::new();
    house.visit().await;
    let profile = house.get("/v1/profiles/user_id:u1").await.json();
    assert_eq!(profile["event_count"], 3);
    assert_eq!(profile["traits"], json!({"plan": "pro", "email": "Ann@Example.com"}));
    assert_eq!(profile["first_seen"], "2026-01-01T11:00:00.000Z");
    let id = profile["id"].as_str().unwrap();
    for name in ["anonymous_id:a1", "email:ann@example.com", "email:%20ANN%40example.com", id, "user_id:u1/"] {
        assert_eq!(house.get(&format!("/v1/profiles/{name}")).await.json(), profile, "{name}");
    }
}

#[tokio::test]
async fn the_parts_of_a_profile_stand_alone() {
    let house = House::new();
    house.visit().await;
    let traits = house.get("/v1/profiles/user_id:u1/traits").await.json();
    assert_eq!(traits["traits"]["plan"], "pro");
    let identifiers = house.get("/v1/profiles/user_id:u1/identifiers").await.json();
    let names: Vec<String> = identifiers["identifiers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| format!("{}:{}", name["kind"].as_str().unwrap(), name["value"].as_str().unwrap()))
        .collect();
    assert_eq!(names, ["user_id:u1", "email:ann@example.com", "anonymous_id:a1"]);
    assert_eq!(identifiers["identifiers"][0]["source"], "public");
    assert_eq!(identifiers["identifiers"][2]["shared"], false);
}

#[tokio::test]
async fn what_was_never_seen_is_not_found() {
    let house = House::new();
    let id = "00000000-0000-8000-8000-000000000000";
    for name in ["user_id:nobody", id, "nonsense", "user_id:null", "shoe_size:44", "%FF", "user_id:%C3"] {
        for part in ["", "/traits", "/identifiers", "/events"] {
            let answer = house.get(&format!("/v1/profiles/{name}{part}")).await;
            assert_eq!(answer.refusal(), (404, "not_found".into()), "{name}{part}");
        }
    }
}

#[tokio::test]
async fn an_explanation_says_which_of_its_two_names_was_never_seen() {
    let house = House::new();
    house.visit().await;
    for (x, y) in [("user_id:nobody", "anonymous_id:a1"), ("anonymous_id:a1", "user_id:nobody")] {
        let answer = house.get(&format!("/v1/profiles/{x}/explain?with={y}")).await;
        assert_eq!(answer.refusal(), (404, "not_found".into()), "{x} {y}");
        assert!(answer.json()["message"].as_str().unwrap().contains("user_id:nobody"), "{x} {y}");
    }
}

#[tokio::test]
async fn events_come_newest_first_in_pages_that_join_without_a_gap() {
    let house = House::new();
    house.visit().await;
    let mut seen = Vec::new();
    let mut path = "/v1/profiles/user_id:u1/events?limit=2".to_owned();
    loop {
        let page = house.get(&path).await.json();
        let events = page["events"].as_array().unwrap();
        seen.extend(events.iter().map(|event| event["messageId"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/profiles/user_id:u1/events?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["m-3", "m-2", "m-1"]);
}

#[tokio::test]
async fn an_event_is_shown_with_its_parts_and_raw_as_it_came() {
    let house = House::new();
    house.visit().await;
    let page = house.get("/v1/profiles/user_id:u1/events?event=Paid&raw=true").await;
    let event = &page.json()["events"][0];
    assert_eq!(event["type"], "track");
    assert_eq!(event["time"], "2026-01-01T11:20:00.000Z");
    assert_eq!(event["receivedAt"], "2026-01-01T12:00:00.000Z");
    assert_eq!(event["anonymousId"], "a1");
    assert_eq!(event["context"], json!({"library": "test", "page": {"path": "/"}}));
    assert_eq!(event["via"], "key");
    let raw = r#""raw":{ "type":"track","event":"Paid","messageId":"m-3","anonymousId":"a1","timestamp":"2026-01-01T11:20:00Z","properties":{"total":1.0,"big":18446744073709551616,"nul":"\u0000"},"context":{"page":{"path":"/"}}}"#;
    assert!(String::from_utf8_lossy(&page.body).contains(raw), "{:?}", page.body);
    assert_eq!(house.get("/v1/profiles/user_id:u1/events").await.json()["events"][0].get("raw"), None);
}

#[tokio::test]
async fn events_can_be_asked_for_by_time() {
    let house = House::new();
    house.visit().await;
    let path = "/v1/profiles/user_id:u1/events?from=2026-01-01T11:10:00Z&to=2026-01-01T11:20:00Z";
    let page = house.get(path).await.json();
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
    assert_eq!(page["events"][0]["messageId"], "m-2");
}

#[tokio::test]
async fn a_parameter_that_cannot_be_understood_is_named() {
    let house = House::new();
    house.visit().await;
    for asked in ["limit=0", "limit=501", "limit=x", "cursor=x", "from=soon", "to=then", "raw=yes"] {
        let answer = house.get(&format!("/v1/profiles/user_id:u1/events?{asked}")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".into()), "{asked}");
        let name = asked.split('=').next().unwrap();
        assert!(answer.json()["message"].as_str().unwrap().contains(name), "{asked}");
    }
}

#[tokio::test]
async fn a_parameter_that_a_path_does_not_have_is_named_and_a_key_is_none() {
    let house = House::new();
    house.visit().await;
    let paths = [
        ("/v1/profiles/user_id:u1", "none"),
        ("/v1/profiles/user_id:u1/traits", "none"),
        ("/v1/profiles/user_id:u1/identifiers", "none"),
        ("/v1/decisions", "none"),
        ("/v1/profiles/user_id:u1/events", "limit, cursor, from, to, event, raw"),
        ("/v1/profiles/user_id:u1/sessions", "limit, cursor"),
        ("/v1/profiles/user_id:u1/explain?with=anonymous_id:a1", "with"),
        ("/v1/profiles/user_id:u1/export", "none"),
        ("/v1/conflicts", "limit, cursor"),
    ];
    for (path, known) in paths {
        let and = if path.contains('?') { '&' } else { '?' };
        let answer = house.get(&format!("{path}{and}limits=1")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".into()), "{path}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("`limits`") && message.ends_with(&format!(" takes {known}")), "{path}: {message}");
        let with_key = house.get_with(&format!("{path}{and}writeKey={}", house.secret), &[]).await;
        assert_eq!(with_key.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_misspelled_suppression_erases_nobody() {
    let house = House::new();
    house.visit().await;
    let admin = house.new_key(Right::Admin, &[]);
    let erase = async |asked: &str| {
        let path = format!("/v1/profiles/user_id:u1?writeKey={admin}&{asked}");
        house.ask("DELETE", &path, &[], Bytes::new()).await
    };
    let answer = erase("supress=true").await;
    assert_eq!(answer.refusal(), (400, "bad_parameter".into()));
    assert!(answer.json()["message"].as_str().unwrap().contains("`supress`"));
    assert_eq!(house.get("/v1/profiles/user_id:u1").await.status, 200);
    assert_eq!(erase("suppress=true").await.json()["suppressed"], true);
}

#[tokio::test]
async fn conflicts_say_who_why_and_by_which_event() {
    let house = House::new();
    for (message_id, user) in [("m-1", "u1"), ("m-2", "u2")] {
        let body = format!(
            r#"{{"messageId":"{message_id}","userId":"{user}","timestamp":"2026-01-01T11:00:00Z","traits":{{"email":"e@x.example"}}}}"#
        );
        house.post("/v1/identify", body).await;
    }
    let page = house.get("/v1/conflicts").await.json();
    assert_eq!(page["next"], Value::Null);
    assert_eq!(
        page["conflicts"],
        json!([{
            "x": {"kind": "user_id", "value": "u2"},
            "y": {"kind": "email", "value": "e@x.example"},
            "reason": "account_conflict",
            "messageId": "m-2",
            "time": "2026-01-01T11:00:00.000Z",
            "source": "public",
            "strength": "observed",
        }])
    );
}

#[tokio::test]
async fn a_refused_link_is_a_conflict_with_its_decision_until_that_is_withdrawn() {
    let house = House::new();
    for user in ["u1", "u2"] {
        house.post("/v1/identify", format!(r#"{{"messageId":"m-{user}","userId":"{user}"}}"#)).await;
    }
    let admin = house.new_key(Right::Admin, &[]);
    let link = json!({
        "op": "link",
        "x": {"kind": "user_id", "value": "u2"},
        "y": {"kind": "user_id", "value": "u1"},
        "reason": "one household",
    });
    let decision = house.post_with("/v1/decisions", &[("x-write-key", &admin)], link.to_string()).await.json();
    assert_eq!(
        house.get("/v1/conflicts").await.json()["conflicts"],
        json!([{
            "x": {"kind": "user_id", "value": "u1"},
            "y": {"kind": "user_id", "value": "u2"},
            "reason": "account_conflict",
            "messageId": null,
            "time": "2026-01-01T12:00:00.000Z",
            "source": "admin",
            "strength": null,
            "decision": decision,
        }])
    );
    let explained = house.get("/v1/profiles/user_id:u1/explain?with=user_id:u2").await.json();
    assert_eq!(explained["because"]["by"], "link");
    assert_eq!(explained["because"]["decision"], decision);
    let path = format!("/v1/decisions/{}", decision["id"]);
    assert_eq!(house.ask("DELETE", &path, &[("x-write-key", &admin)], Bytes::new()).await.status, 200);
    assert_eq!(house.get("/v1/conflicts").await.json()["conflicts"], json!([]));
}

#[tokio::test]
async fn a_refused_alias_is_a_conflict_by_its_event() {
    let house = House::new();
    for user in ["u1", "u2"] {
        house.post("/v1/identify", format!(r#"{{"messageId":"m-{user}","userId":"{user}"}}"#)).await;
    }
    let admin = house.new_key(Right::Admin, &[]);
    let apart = r#"{"op":"keep_apart","x":{"kind":"user_id","value":"u1"},"y":{"kind":"user_id","value":"u2"},"reason":"told"}"#;
    assert_eq!(house.post_with("/v1/decisions", &[("x-write-key", &admin)], apart).await.status, 200);
    let alias = r#"{"messageId":"m-3","userId":"u2","previousId":"u1","timestamp":"2026-01-01T11:00:00Z"}"#;
    assert_eq!(house.post_with("/v1/alias", &[("x-write-key", &house.secret)], alias).await.status, 200);
    assert_eq!(
        house.get("/v1/conflicts").await.json()["conflicts"],
        json!([{
            "x": {"kind": "user_id", "value": "u1"},
            "y": {"kind": "user_id", "value": "u2"},
            "reason": "decision",
            "messageId": "m-3",
            "time": "2026-01-01T11:00:00.000Z",
            "source": "secret",
            "strength": "asserted",
        }])
    );
    let explained = house.get("/v1/profiles/user_id:u1/explain?with=user_id:u2").await.json();
    assert_eq!(explained["because"]["by"], "alias");
    assert_eq!(explained["because"]["messageId"], "m-3");
}

impl House {
    /// A page view, a login, a purchase.
    async fn visit(&self) {
        let events = [
            r#"{"type":"page","messageId":"m-1","anonymousId":"a1","timestamp":"2026-01-01T11:00:00Z"}"#,
            r#"{"type":"identify","messageId":"m-2","anonymousId":"a1","userId":"u1","timestamp":"2026-01-01T11:10:00Z","traits":{"plan":"pro","email":"Ann@Example.com"}}"#,
            r#"{ "type":"track","event":"Paid","messageId":"m-3","anonymousId":"a1","timestamp":"2026-01-01T11:20:00Z","properties":{"total":1.0,"big":18446744073709551616,"nul":"\u0000"},"context":{"page":{"path":"/"}}}"#,
        ];
        let body = format!(r#"{{"context":{{"library":"test"}},"batch":[{}]}}"#, events.join(","));
        assert_eq!(self.post("/v1/batch", body).await.counts(), (3, 0, vec![]));
    }
}

/// From some number on a shape's row says how many events it has; before that they are counted.
#[tokio::test]
async fn thousands_of_events_are_counted_as_exactly_as_a_few_whatever_the_writer_remembers() {
    let mut house = House::new();
    let mut sent = 0;
    for size in [998, 1, 1_000] {
        house.post("/v1/batch", minutes(sent..sent + size)).await;
        sent += size;
        assert_eq!(house.get("/v1/profiles/anonymous_id:a1").await.json()["event_count"], sent);
    }
    house.post("/v1/batch", minutes(0..1)).await;
    house.restart();
    let view = house.store.view().unwrap();
    let workspace = view.workspace("default").unwrap().unwrap();
    let device = view.name_id(workspace, &Identifier::new(Kind::ANONYMOUS_ID, "a1")).unwrap().unwrap();
    let shape = view.shapes_naming(device, Role::Device).unwrap()[0];
    drop(view);
    house.post("/v1/batch", minutes(sent..sent + 1)).await;
    let fold = |shape| {
        let view = house.store.view().unwrap();
        view.fold_of_shape(&view.shape(shape).unwrap()).unwrap()
    };
    assert_eq!(fold(shape).event_count, sent + 1);

    let from = minute(1_500);
    let transaction = house.store.transaction().unwrap();
    let whole = transaction.shape(shape).unwrap();
    let guarded = transaction.guard_shape(&whole, &[7; 16], from).unwrap();
    transaction.commit().unwrap();
    assert_eq!(fold(shape), Fold { event_count: 1_500, span: Some((minute(0), minute(1_499))) });
    assert_eq!(fold(guarded), Fold { event_count: 500, span: Some((from, minute(1_999))) });
}

/// A visitor's events, one a minute.
fn minutes(minutes: std::ops::Range<u64>) -> String {
    let event = |number: u64| {
        let timestamp = minute(number).rfc3339();
        let named = r#""type":"track","event":"Clicked","anonymousId":"a1""#;
        format!(r#"{{{named},"messageId":"m-{number}","timestamp":"{timestamp}"}}"#)
    };
    batch(&minutes.map(event).collect::<Vec<_>>())
}

fn minute(number: u64) -> UnixMillis {
    UnixMillis(NOON.0 - (3_000 - number as i64) * 60_000)
}

#[tokio::test]
async fn sessions_come_newest_first_whatever_the_order_of_arrival_and_join_when_a_late_event_closes_the_gap() {
    let house = House::new();
    let seen = |id: &str, time: &str| {
        format!(r#"{{"messageId":"{id}","userId":"u1","event":"Seen","timestamp":"2026-01-01T{time}:00Z"}}"#)
    };
    for (id, time) in [("m1", "11:50"), ("m2", "08:00"), ("m3", "11:10"), ("m4", "08:30")] {
        assert_eq!(house.post("/v1/track", seen(id, time)).await.status, 200);
    }
    let session = |start: &str, end: &str, event_count: u64| {
        let moment = |time: &str| format!("2026-01-01T{time}:00.000Z");
        json!({"start": moment(start), "end": moment(end), "event_count": event_count})
    };
    let path = "/v1/profiles/user_id:u1/sessions";
    let first = house.get(&format!("{path}?limit=1")).await.json();
    assert_eq!(first["sessions"], json!([session("11:50", "11:50", 1)]));
    let next = first["next"].as_str().unwrap();
    let rest = house.get(&format!("{path}?cursor={next}")).await.json();
    assert_eq!(rest, json!({"sessions": [session("11:10", "11:10", 1), session("08:00", "08:30", 2)], "next": null}));
    house.post("/v1/track", seen("m5", "11:30")).await;
    let all = house.get(path).await.json();
    assert_eq!(all["sessions"], json!([session("11:10", "11:50", 3), session("08:00", "08:30", 2)]));
    assert_eq!(house.get(&format!("{path}?limit=0")).await.refusal(), (400, "bad_parameter".into()));
    assert_eq!(house.get("/v1/profiles/user_id:nobody/sessions").await.refusal(), (404, "not_found".into()));
}
