use bytes::Bytes;
use selvedge_core::json::{Limits, check_text};
use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::event::{EventType, Order, Source, Trust, UnixMillis, Via};
use crate::profile::{Profile, SeenIdentifier};
use crate::store::{ChangeSeq, Seq, ShapeId, StoredEvent};

#[test]
fn an_event_goes_on_with_its_own_members_and_the_time_it_was_given() {
    let text = event_text(&ledger_event(
        r#"{"messageId":"x","userId":7,"event":"Paid","timestamp":"2020","sentAt":"2021","writeKey":"pk_x","properties":{"big":18446744073709551616,"one":1.0},"context":{"page":{"a":1},"selvedge":{"strength":{}}}}"#,
        r#"{"page":{"b":2},"library":"x","selvedge":1}"#,
    ))
    .unwrap();
    assert_eq!(
        text,
        r#"{"type":"track","messageId":"m-1","timestamp":"2026-01-01T00:00:00.000Z","userId":7,"event":"Paid","properties":{"big":18446744073709551616,"one":1.0},"context":{"selvedge":{"strength":{"user_id":"proven","email":"observed"},"guarded":true,"profileId":"00000000-0000-0000-0000-000000000000"},"page":{"a":1},"library":"x"}}"#
    );
}

#[test]
fn an_event_whose_type_came_with_the_path_and_whose_context_is_phps_is_whole() {
    let text = event_text(&ledger_event(r#"{"event":"Paid","context":[]}"#, "")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["type"], &value["messageId"]), (&json!("track"), &json!("m-1")));
    assert!(value["context"]["selvedge"].is_object());
}

#[test]
fn what_a_token_proved_goes_on_without_it() {
    let raw = r#"{"event":"Paid","context":{"externalIds":[{"id":"c-1","type":"crm_id"}],"locale":"de"}}"#;
    let mut event = ledger_event(raw, r#"{"externalIds":[{"id":"c-2","type":"crm_id"}]}"#);
    event.verified = vec![Identifier::new(Kind::EMAIL, "a@b.example")];
    let text = event_text(&event).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let verified = json!({"id": "a@b.example", "type": "email", "collection": "users", "encoding": "none"});
    assert_eq!(value["context"]["externalIds"], json!([{"id": "c-1", "type": "crm_id"}, verified]));
    assert_eq!((text.matches("externalIds").count(), &value["context"]["locale"]), (1, &json!("de")));
}

#[test]
fn a_member_of_the_batch_goes_on_where_the_events_own_says_nothing() {
    let batch = r#"{"traits":{"email":"a@b.example"},"externalIds":[{"id":"c-2","type":"crm_id"}],"locale":"de"}"#;
    let mut event = ledger_event(r#"{"context":{"traits":null,"externalIds":"?","locale":null}}"#, batch);
    for proven in [vec![], vec![Identifier::new(Kind::PHONE, "+49301")]] {
        event.verified = proven;
        let text = event_text(&event).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["context"]["traits"], json!({"email": "a@b.example"}));
        assert_eq!(value["context"]["externalIds"][0]["id"], "c-2");
        assert_eq!((text.matches("\"traits\"").count(), &value["context"]["locale"]), (1, &Value::Null));
    }
}

#[test]
fn what_the_event_alone_says_goes_on_though_nobody_understands_it() {
    let text = event_text(&ledger_event(r#"{"context":{"device":"Pixel 7"}}"#, r#"{"locale":"de"}"#)).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["context"]["device"], &value["context"]["locale"]), (&json!("Pixel 7"), &json!("de")));
}

#[test]
fn a_row_of_an_import_goes_with_its_version() {
    let mut event = ledger_event(r#"{"context":{"selvedge":{"version":7.0,"profileId":"p"}}}"#, "");
    let version = |event: &LedgerEvent| {
        let value: Value = serde_json::from_str(&event_text(event).unwrap()).unwrap();
        value["context"]["selvedge"]["version"].clone()
    };
    assert_eq!(version(&event), Value::Null);
    event.is_snapshot = true;
    assert_eq!(version(&event), 7.0);
    let mut unversioned = ledger_event(r#"{"context":{"selvedge":{}}}"#, r#"{"selvedge":{"version":7}}"#);
    unversioned.is_snapshot = true;
    assert_eq!(version(&unversioned), Value::Null);
}

#[test]
fn a_profile_goes_as_an_identify_of_its_version_that_names_all_of_it() {
    let message = identify(&snapshot(&[("user_id", "u1"), ("email", "a@b.example"), ("anonymous_id", "a1")]));
    assert_eq!(&*message.id, "profile:00000000-0000-0000-0000-000000000000:3");
    let value: Value = serde_json::from_str(&message.text).unwrap();
    assert_eq!(value["userId"], "u1");
    assert_eq!(value["traits"], json!({"plan": "gold"}));
    assert_eq!(
        value["context"]["externalIds"],
        json!([
            {"id": "a@b.example", "type": "email", "collection": "users", "encoding": "none"},
            {"id": "a1", "type": "anonymous_id", "collection": "users", "encoding": "none"},
        ])
    );
    assert_eq!(value["context"]["selvedge"]["strength"], json!({"user_id": "observed"}));
}

#[test]
fn a_profile_without_an_account_goes_by_its_browser() {
    let message = identify(&snapshot(&[("email", "a@b.example"), ("anonymous_id", "a1")]));
    let value: Value = serde_json::from_str(&message.text).unwrap();
    assert_eq!((&value["userId"], &value["anonymousId"]), (&Value::Null, &json!("a1")));
    assert_eq!(value["context"]["externalIds"][0]["type"], "email");
}

#[test]
fn an_ended_profile_leaves_one_that_names_nobody_unless_it_stands_again() {
    let segment = Segment::new("http://127.0.0.1:9/v1/batch".parse().unwrap(), &Secret::from("k"));
    let id = ProfileId::from_bytes([0; 16]);
    let merged = |ended_at_version| Change {
        seq: ChangeSeq(1),
        kind: ChangeKind::Merged { from: id, into: id, because: "m".into(), ended_at_version },
    };
    let message = segment.change(&merged(Some(4))).unwrap();
    let value: Value = serde_json::from_str(&message.text).unwrap();
    assert_eq!(value["messageId"], "profile:00000000-0000-0000-0000-000000000000:4");
    assert_eq!((&value["userId"], &value["anonymousId"]), (&Value::Null, &Value::Null));
    assert_eq!(value["context"]["selvedge"]["ended"], true);
    assert_eq!(segment.change(&merged(None)), None);
}

#[test]
fn a_proxys_page_and_another_batchs_receipt_are_no_answer() {
    for body in [&b"<!doctype html>"[..], b" \n<html>", b"\xef\xbb\xbf\r\n<html>", br#"{"receipt":"other"}"#] {
        assert_eq!(verdicts("b", body).outcome, Outcome::Unanswered, "{}", String::from_utf8_lossy(body));
    }
    for body in [&b"OK"[..], b"", br#"{"success":true}"#, br#"{"receipt":"b"}"#] {
        assert_eq!(verdicts("b", body).outcome, Outcome::Settled, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn what_the_other_side_refuses_is_told_by_its_place() {
    let answer = br#"{"success":true,"rejected":[{"index":3,"code":"event_too_large","reason":"send less"}]}"#;
    assert_eq!(verdicts("b", answer).refused, [(3, "event_too_large: send less".into())]);
}

fn ledger_event(raw: &'static str, batch_context: &'static str) -> LedgerEvent {
    let event = StoredEvent {
        seq: Seq(1),
        shape: ShapeId(1),
        order: Order { time: UnixMillis(1_767_225_600_000), message_id: "m-1".into() },
        event_type: EventType::Track,
        name: None,
        received_at: UnixMillis(0),
        source: Source(1),
        via: Via::Key,
        batch_context: Bytes::from_static(batch_context.as_bytes()),
        raw: Bytes::from_static(raw.as_bytes()),
    };
    LedgerEvent {
        event,
        strengths: vec![(Kind::USER_ID, Strength::Proven), (Kind::EMAIL, Strength::Observed)],
        verified: Vec::new(),
        trust: Trust::Guarded,
        profile: Some(ProfileId::from_bytes([0; 16])),
        is_snapshot: false,
    }
}

#[test]
fn a_snapshot_of_hundreds_of_devices_has_no_more_keys_than_a_collector_takes_of_a_forwarded_event() {
    let devices: Vec<String> = (0..400).map(|number| format!("a-{number:03}")).collect();
    let names: Vec<(&str, &str)> = devices.iter().map(|device| ("anonymous_id", &**device)).collect();
    let message = identify(&snapshot(&[&[("user_id", "u-1"), ("email", "ada@example.com")][..], &names].concat()));
    let limits = Limits { keys: 2 * MAX_KEYS_PER_EVENT, ..Limits::EVENT };
    assert!(check_text(&message.text, &limits).is_ok());
    let said: Value = serde_json::from_str(&message.text).unwrap();
    let ids = said["context"]["externalIds"].as_array().unwrap();
    assert_eq!((&said["userId"], &ids[0]["type"], &ids[1]["id"]), (&"u-1".into(), &"email".into(), &"a-000".into()));
    assert!(ids.len() > 240, "{}", ids.len());
}

fn snapshot(names: &[(&str, &str)]) -> ProfileSnapshot {
    let seen = |(kind, value): &(&str, &str)| SeenIdentifier {
        identifier: Identifier::new(Kind::new(kind), *value),
        first_seen: None,
        last_seen: None,
        source: "public".into(),
        shared: false,
    };
    let profile = Profile {
        id: ProfileId::from_bytes([0; 16]),
        version: 3,
        identifiers: names.iter().map(seen).collect(),
        traits: [("plan".into(), RawValue::from_string("\"gold\"".to_owned()).unwrap())].into(),
        tags: Vec::new(),
        audiences: Vec::new(),
        first_seen: None,
        last_seen: Some(UnixMillis(1_767_225_600_000)),
        event_count: 1,
        people: Vec::new(),
    };
    ProfileSnapshot { profile, strengths: vec![(Kind::USER_ID, Strength::Observed)] }
}
