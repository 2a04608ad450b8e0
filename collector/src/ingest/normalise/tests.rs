//! The dirt that real clients send (protocol.md, section 1), one sentence per kind of it.

mod snapshots;

use super::*;
use crate::event::{Source, Workspace};
use crate::identity::Rules;
use crate::identity::normal::Veil;
use crate::identity_key::IdentityKeys;
use crate::ingest::token::Proven;
use crate::ingest::{Concealment, Limits};
use crate::key::{Right, StoredKey, Trust};

const RECEIVED_AT: UnixMillis = UnixMillis(1_767_268_800_000);

#[test]
fn a_track_call_is_accepted_with_its_parts() {
    let (event, warnings) = accepted(
        r#"{"type":"track","messageId":"m-1","event":"Paid","userId":"u1","anonymousId":"a1",
            "timestamp":"2026-01-01T11:59:59Z","properties":{"total":18446744073709551616}}"#,
    );
    assert_eq!(event.event_type, EventType::Track);
    assert_eq!(event.name.as_deref(), Some("Paid"));
    assert_eq!(&*event.order.message_id, "m-1");
    assert_eq!(event.order.time, UnixMillis(RECEIVED_AT.0 - 1_000));
    assert_eq!(names(&event), ["user_id:u1", "anonymous_id:a1"]);
    assert!(event.claim.iter().all(|claimed| claimed.strength == Strength::Observed));
    assert!(event.traits.is_empty() && warnings.is_empty());
}

#[test]
fn the_raw_message_is_kept_untouched() {
    let text = br#" {"type":"track","event":"x" , "big":18446744073709551616,"one":1.0,"nul":"\u0000","none":null}"#;
    let raw = Bytes::from_static(text);
    let event = event(&raw, 0, &mut shared(), &desk(&key(Right::Public)), &mut Vec::new()).unwrap();
    assert_eq!(event.raw, raw);
    assert_eq!(event.raw.as_ptr(), raw.as_ptr());
}

#[test]
fn an_empty_or_null_user_is_no_user() {
    for user_id in ["null", r#""""#, r#""  ""#] {
        let (event, warnings) =
            accepted(&format!(r#"{{"type":"track","event":"x","userId":{user_id},"anonymousId":"a1"}}"#));
        assert_eq!(names(&event), ["anonymous_id:a1"], "{user_id}");
        assert!(warnings.is_empty(), "{user_id}");
    }
}

#[test]
fn a_numeric_user_is_its_decimal_text() {
    assert_eq!(
        names(&accepted(r#"{"type":"page","userId":12345678901234567890}"#).0),
        ["user_id:12345678901234567890"]
    );
}

#[test]
fn a_word_for_nobody_is_kept_as_data_and_named_in_a_warning() {
    for user_id in [r#""null""#, r#""undefined""#, "false", r#""00000000-0000-0000-0000-000000000000""#] {
        let (event, warnings) = accepted(&format!(r#"{{"type":"page","userId":{user_id},"anonymousId":"a1"}}"#));
        assert_eq!(names(&event), ["anonymous_id:a1"], "{user_id}");
        assert_eq!(warnings, ["blocked_identifier /userId"], "{user_id}");
    }
}

#[test]
fn an_event_that_names_nobody_is_stored_with_a_warning() {
    let (event, warnings) = accepted(r#"{"type":"page"}"#);
    assert!(event.claim.is_empty());
    assert_eq!(warnings, ["no_identifier "]);
}

#[test]
fn a_lone_surrogate_becomes_the_replacement_character() {
    let (event, _) = accepted(r#"{"type":"track","event":"a\ud800b","userId":"u\udc00"}"#);
    assert_eq!(event.name.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(names(&event), ["user_id:u\u{fffd}"]);
}

#[test]
fn a_bare_nan_or_infinity_rejects_the_event_and_says_where() {
    for value in ["NaN", "Infinity", "-Infinity"] {
        let refusal = refused(&format!(r#"{{"type":"track","event":"x","properties":{{"a":[1,{value}]}}}}"#));
        assert_eq!((refusal.code(), refusal.pointer()), ("bad_value", "/properties/a/1"), "{value}");
    }
}

#[test]
fn identify_takes_its_traits_from_traits_else_from_its_context() {
    let (event, _) = accepted(
        r#"{"type":"identify","userId":"u1","traits":{"plan":"pro","email":"Ann@Example.COM "},
            "context":{"traits":{"plan":"stale","phone":"+4930123456"}}}"#,
    );
    assert_eq!(trait_texts(&event), [r#"plan="pro""#, r#"email="Ann@Example.COM ""#]);
    assert_eq!(names(&event), ["user_id:u1", "email:ann@example.com"]);

    let (event, _) = accepted(r#"{"type":"identify","userId":"u1","context":{"traits":{"plan":"pro"}}}"#);
    assert_eq!(trait_texts(&event), [r#"plan="pro""#]);
}

#[test]
fn other_calls_set_no_traits_and_name_nobody_by_them() {
    for event_type in ["track", "page", "screen", "group", "alias"] {
        let (event, _) = accepted(&format!(
            r#"{{"type":"{event_type}","event":"x","userId":"u1","traits":{{"email":"a@b.example"}},
                "context":{{"traits":{{"email":"c@d.example"}}}}}}"#
        ));
        assert!(event.traits.is_empty(), "{event_type}");
        assert_eq!(names(&event), ["user_id:u1"], "{event_type}");
    }
}

#[test]
fn php_empty_arrays_stand_for_empty_objects() {
    let (event, warnings) = accepted(r#"{"type":"identify","userId":"u1","traits":[],"context":[],"properties":[]}"#);
    assert!(event.traits.is_empty() && warnings.is_empty());
}

#[test]
fn an_alias_names_the_user_and_the_device_that_it_was() {
    let (event, warnings) = accepted(r#"{"type":"alias","userId":"u1","previousId":"a1"}"#);
    assert_eq!(names(&event), ["user_id:u1", "anonymous_id:a1"]);
    assert_eq!(warnings, ["untrusted_alias /previousId"]);
}

#[test]
fn an_alias_of_oneself_changes_nothing() {
    let (event, warnings) = accepted(r#"{"type":"alias","userId":"u1","previousId":"u1"}"#);
    assert_eq!(names(&event), ["user_id:u1"]);
    assert!(warnings.is_empty());
    let (spaced, warnings) = accepted(r#"{"type":"alias","userId":"u1","previousId":"u1 "}"#);
    assert_eq!((names(&spaced), warnings), (names(&event), Vec::new()));
}

#[test]
fn a_second_account_is_ignored_with_a_warning() {
    let (event, warnings) = accepted(
        r#"{"type":"page","userId":"u1","context":{"externalIds":[
            {"id":"u2","type":"user_id","collection":"users","encoding":"none"},
            {"id":"B@example.com","type":"email"},
            {"id":"acc","type":"email","collection":"accounts"},
            {"id":"x","type":"shoe_size"}, 7, {"id":[],"type":"email"}]}}"#,
    );
    assert_eq!(names(&event), ["user_id:u1", "email:b@example.com"]);
    assert_eq!(warnings, ["second_account /context/externalIds"]);
}

#[test]
fn a_number_names_whom_its_decimal_text_names() {
    let (event, _) = accepted(
        r#"{"type":"identify","userId":1.0e+15,"anonymousId":7.0,"traits":{"phone":"+4930123456"},
            "context":{"externalIds":[{"id":42.0,"type":"openid"},{"id":490154203237518,"type":"imei"}]}}"#,
    );
    let expected =
        ["user_id:1000000000000000", "phone:+4930123456", "openid:42", "anonymous_id:7", "imei:490154203237518"];
    assert_eq!(names(&event), expected);
}

#[test]
fn a_device_names_itself_by_what_its_platform_calls_its_parts() {
    let named = |device: &str| {
        let (event, warnings) = accepted(&format!(r#"{{"type":"screen","context":{{"device":{device}}}}}"#));
        (names(&event).join(" "), warnings.join(" "))
    };
    let ids = r#""id":"F-1","advertisingId":"6D92078A-8246-4BA4-AE5B-76104861E7DC","token":"tok-1""#;
    assert_eq!(
        named(&format!(r#"{{"type":"iOS",{ids}}}"#)).0,
        "idfa:6d92078a-8246-4ba4-ae5b-76104861e7dc idfv:F-1 push_token:tok-1"
    );
    assert_eq!(
        named(&format!(r#"{{{ids},"type":"android"}}"#)).0,
        "gaid:6d92078a-8246-4ba4-ae5b-76104861e7dc android_id:F-1 push_token:tok-1"
    );
    for device in [r#"{"id":"x"}"#, r#"{"type":"desktop","id":"x"}"#, r#"{"type":7,"id":"x"}"#, "[]", "null"] {
        assert_eq!(named(device), (String::new(), "no_identifier ".to_owned()), "{device}");
    }
    assert_eq!(
        named(r#"{"type":"ios","id":null,"token":"","advertisingId":"00000000-0000-0000-0000-000000000000"}"#),
        (String::new(), "blocked_identifier /context/device/advertisingId no_identifier ".to_owned())
    );
    assert_eq!(named(r#"{"type":"ios","id":[],"token":"t"}"#).1, "blocked_identifier /context/device/id");
}

#[test]
fn external_ids_name_every_kind_in_the_order_of_the_kinds() {
    let (event, warnings) = accepted(
        r#"{"type":"page","anonymousId":"a1","context":{"externalIds":[
            {"id":"GA1.2.3.4","type":"cookie._ga","collection":"users","encoding":"none"},
            {"id":"fb.1","type":"cookie._fbp","collection":"users"},
            {"id":"49-015420-323751-8","type":"imei"}, {"id":"00:1A:2B:3C:4D:5E","type":"mac"},
            {"id":"AB12","type":"oaid"}, {"id":"Ab","type":"android_id"}, {"id":"Tok","type":"push_token"},
            {"id":"o-1","type":"openid"}, {"id":"n-1","type":"unionid"},
            {"id":"x","type":"cookie."}, {"id":"x","type":"cookie.a b"}, {"id":"x","type":"crm_id"}]}}"#,
    );
    assert_eq!(
        names(&event).join(" "),
        "openid:o-1 unionid:n-1 anonymous_id:a1 oaid:ab12 android_id:Ab imei:490154203237518 mac:001a2b3c4d5e \
         push_token:Tok cookie._fbp:fb.1 cookie._ga:GA1.2.3.4"
    );
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn hashed_external_ids_are_known_by_their_digests() {
    let (md5, sha1, sha256) = ("0123456789abcdeF".repeat(2), "0123456789".repeat(4), "fedcba9876543210".repeat(4));
    let entry = |kind: &str, encoding: &str, id: &str| {
        format!(r#"{{"id":"{id}","type":"{kind}","collection":"users","encoding":"{encoding}"}}"#)
    };
    let named = |entries: &[String]| {
        let ids = entries.join(",");
        accepted(&format!(r#"{{"type":"page","userId":"u1","context":{{"externalIds":[{ids}]}}}}"#))
    };
    let (event, warnings) =
        named(&[entry("email", "sha256", &sha256), entry("phone", "MD5", &md5), entry("idfa", "sha1", &sha1)]);
    let lower = md5.to_lowercase();
    let expected = format!("user_id:u1 email:sha256.{sha256} phone:md5.{lower} idfa:sha1.{sha1}");
    assert_eq!(names(&event).join(" "), expected);
    assert!(warnings.is_empty());

    let of_nobody = "d41d8cd98f00b204e9800998ecf8427e";
    for (kind, encoding, id) in [
        ("email", "sha256", md5.as_str()),
        ("email", "sha512", &sha256),
        ("email", "sha256", "ann@example.com"),
        ("user_id", "sha256", &sha256),
        ("openid", "md5", &md5),
        ("email", "md5", of_nobody),
        ("phone", "none", of_nobody),
    ] {
        let (event, warnings) = named(&[entry(kind, encoding, id)]);
        assert_eq!(names(&event), ["user_id:u1"], "{kind} {encoding} {id}");
        assert_eq!(warnings, ["blocked_identifier /context/externalIds"], "{kind} {encoding} {id}");
    }
}

#[test]
fn a_hashed_trait_names_whom_its_digest_names() {
    let sha256 = "fedcba9876543210".repeat(4);
    let text = format!(r#"{{"type":"identify","userId":"u1","traits":{{"email":"{}"}}}}"#, sha256.to_uppercase());
    assert_eq!(names(&accepted(&text).0), ["user_id:u1".to_owned(), format!("email:sha256.{sha256}")]);
}

#[test]
fn an_event_may_name_sixty_four_and_no_more() {
    let with = |count: usize, selvedge: &str| {
        let entries: Vec<String> = (0..count).map(|n| format!(r#"{{"id":"id{n}","type":"cookie._ga"}}"#)).collect();
        format!(r#"{{"type":"page","userId":"u1","context":{{{selvedge}"externalIds":[{}]}}}}"#, entries.join(","))
    };
    assert_eq!(accepted(&with(63, "")).0.claim.len(), 64);
    let refusal = refused(&with(64, ""));
    assert_eq!((refusal.code(), refusal.pointer()), ("too_many_identifiers", "/context/externalIds"));
    let twice = with(63, "").replace(r#"{"id":"id0","#, r#"{"id":"id0","type":"cookie._ga"},{"id":"id0","#);
    assert_eq!(accepted(&twice).0.claim.len(), 64);

    // What the site has verified comes on top.
    let text = with(63, "");
    let (from, until) = (RECEIVED_AT, RECEIVED_AT);
    let verified = Proven { user_id: "u1".into(), email: Some("ada@x.example".into()), phone: None, from, until };
    let (key, mut warnings) = (key(Right::Public), Warnings::default());
    let parts = Parts::of(text.as_bytes()).unwrap();
    let said = claim::of(&parts, EventType::Page, Some(&verified), &desk(&key), &mut warnings).unwrap();
    assert_eq!(said.claim.len(), 65);

    let snapshot = with(250, r#""selvedge":{"profileId":"p"},"#);
    assert_eq!(accepted_with(Right::Secret, &snapshot).claim.len(), 251);
    assert_eq!(refused(&snapshot).code(), "too_many_identifiers", "with a public key");
}

#[test]
fn a_hundred_blocked_values_in_one_list_are_one_warning() {
    let entries = vec![r#"{"id":"null","type":"email"}"#; 100].join(",");
    let (event, warnings) =
        accepted(&format!(r#"{{"type":"page","userId":"u1","context":{{"externalIds":[{entries}]}}}}"#));
    assert_eq!(names(&event), ["user_id:u1"]);
    assert_eq!(warnings, ["blocked_identifier /context/externalIds"]);
}

#[test]
fn a_national_number_without_a_region_is_ambiguous() {
    let (event, warnings) = accepted(r#"{"type":"identify","userId":"u1","traits":{"phone":"030 123456"}}"#);
    assert_eq!(names(&event), ["user_id:u1"]);
    assert_eq!(warnings, ["ambiguous_phone /traits/phone"]);
}

#[test]
fn the_type_of_the_path_serves_events_that_say_none() {
    let mut of_path = Shared { default_type: Some(EventType::Page), ..shared() };
    let mut judge = |text: &'static str| {
        let raw = Bytes::from_static(text.as_bytes());
        event(&raw, 0, &mut of_path, &desk(&key(Right::Public)), &mut Vec::new()).map(|event| event.event_type)
    };
    assert_eq!(judge("{}"), Ok(EventType::Page));
    assert_eq!(judge(r#"{"type":"identify"}"#), Ok(EventType::Identify));
    assert_eq!(refused("{}"), EventRefusal::UnknownType);
}

#[test]
fn what_breaks_a_rule_is_refused_with_code_and_place() {
    let long = "x".repeat(201);
    for (text, code, pointer) in [
        ("[]".to_owned(), "not_an_object", ""),
        ("7".to_owned(), "not_an_object", ""),
        (r#"{"type":"click"}"#.to_owned(), "unknown_type", "/type"),
        (r#"{"type":"track"}"#.to_owned(), "missing_event_name", "/event"),
        (r#"{"type":"track","event":" "}"#.to_owned(), "missing_event_name", "/event"),
        (r#"{"type":"track","event":{}}"#.to_owned(), "bad_value", "/event"),
        (r#"{"type":"page","userId":{}}"#.to_owned(), "bad_value", "/userId"),
        (r#"{"type":"page","timestamp":{}}"#.to_owned(), "bad_value", "/timestamp"),
        (r#"{"type":"page","properties":"x"}"#.to_owned(), "bad_value", "/properties"),
        (format!(r#"{{"type":"track","event":"{long}"}}"#), "name_too_long", "/event"),
        (format!(r#"{{"type":"page","messageId":"{long}"}}"#), "message_id_too_long", "/messageId"),
        (format!(r#"{{"type":"page","x":"{}"}}"#, "x".repeat(33_000)), "event_too_large", ""),
        (format!(r#"{{"x":{}{}}}"#, "[".repeat(32), "]".repeat(32)), "too_deep", &format!("/x{}", "/0".repeat(31))),
        (format!("{{{}}}", vec![r#""k":1"#; 513].join(",")), "too_many_keys", ""),
        (r#"{"type":"page","a":01}"#.to_owned(), "bad_value", "/a"),
    ] {
        let refusal = refused(&text);
        assert_eq!((refusal.code(), refusal.pointer()), (code, pointer), "{text}");
    }
}

#[test]
fn an_event_that_a_collector_sends_on_may_carry_its_batchs_context_in_itself() {
    let of = |context: &str| format!(r#"{{"type":"page","context":{{{context}"x":"{}"}}}}"#, "x".repeat(60_000));
    let forwarded = of(r#""selvedge":{"guarded":true},"#);
    assert!(
        event(&Bytes::from(forwarded.clone()), 0, &mut shared(), &desk(&key(Right::Secret)), &mut Vec::new()).is_ok()
    );
    for (right, text) in [(Right::Public, forwarded), (Right::Secret, of(""))] {
        let refusal = event(&Bytes::from(text), 0, &mut shared(), &desk(&key(right)), &mut Vec::new()).unwrap_err();
        assert_eq!(refusal.code(), "event_too_large", "{right:?}");
    }
}

#[test]
fn a_public_key_may_not_use_the_message_ids_of_servers() {
    for message_id in ["profile:x:1", "import:crm:7"] {
        let text = format!(r#"{{"type":"identify","userId":"u1","messageId":"{message_id}"}}"#);
        assert_eq!(refused(&text), EventRefusal::ReservedMessageId);
        assert!(accepted_with(Right::Secret, &text).snapshot.is_some());
    }
}

#[test]
fn of_a_member_that_is_said_twice_the_last_names_somebody_as_everywhere() {
    let text = r#"{"type":"identify","userId":"u1","traits":{"email":"a@x.example","email":"b@x.example"},
        "context":{"device":{"type":"ios","id":"F-1","id":"F-2"}}}"#;
    assert_eq!(names(&accepted(text).0), ["user_id:u1", "email:b@x.example", "idfv:F-2"]);
}

#[test]
fn a_secret_key_lowers_its_strength_and_a_public_key_never_raises_its_own() {
    let text = r#"{"type":"identify","userId":"u1","anonymousId":"a1","traits":{"email":"a@b.example"},
        "context":{"selvedge":{"strength":{"user_id":"proven","email":"observed","phone":"asserted"}}}}"#;
    let strengths = |event: AcceptedEvent| event.claim.iter().map(|claimed| claimed.strength).collect::<Vec<_>>();
    assert_eq!(
        strengths(accepted_with(Right::Secret, text)),
        [Strength::Proven, Strength::Observed, Strength::Asserted]
    );
    assert_eq!(strengths(accepted_with(Right::Public, text)), [Strength::Observed; 3]);
}

#[test]
fn a_public_key_dates_nothing_back_more_than_thirty_days() {
    let text = r#"{"type":"page","anonymousId":"a1","timestamp":"2020-01-01T00:00:00Z"}"#;
    let (event, warnings) = accepted(text);
    assert_eq!(event.order.time, UnixMillis(RECEIVED_AT.0 - 30 * 86_400_000));
    assert_eq!(warnings, ["clock_clamped /timestamp"]);
    assert_eq!(accepted_with(Right::Secret, text).order.time, UnixMillis(1_577_836_800_000));
}

#[test]
fn a_time_that_cannot_be_read_is_no_reason_to_lose_the_event() {
    let (event, warnings) = accepted(r#"{"type":"page","anonymousId":"a1","timestamp":"yesterday"}"#);
    assert_eq!(event.order.time, RECEIVED_AT);
    assert_eq!(warnings, ["clock_clamped /timestamp"]);
}

#[test]
fn a_resend_of_an_event_without_a_message_id_is_the_same_event_if_it_has_a_time() {
    let id = |text: &str| accepted(text).0.order.message_id;
    let timed = r#"{"type":"page","anonymousId":"a1","timestamp":"2026-01-01T11:00:00Z"}"#;
    assert_eq!(id(timed), id(timed));
    let timeless = r#"{"type":"page","anonymousId":"a1"}"#;
    assert_ne!(id(timeless), id(timeless));
}

#[test]
fn the_context_of_the_batch_stands_beneath_that_of_the_event() {
    let context = br#"{"traits":{"plan":"batch"},"externalIds":[{"id":"c@d.example","type":"email"}]}"#;
    let mut shared = Shared { context: ContextParts::of(context), ..shared() };
    let raw = Bytes::from_static(br#"{"type":"identify","userId":"u1","context":{"traits":{"plan":"own"}}}"#);
    let event = event(&raw, 0, &mut shared, &desk(&key(Right::Public)), &mut Vec::new()).unwrap();
    assert_eq!(trait_texts(&event), [r#"plan="own""#]);
    assert_eq!(names(&event), ["user_id:u1", "email:c@d.example"]);
}

#[test]
fn the_device_of_the_batch_stands_whole_beneath_that_of_the_event() {
    let context = br#"{"device":{"type":"ios","id":"F-1","token":"tok-1"}}"#;
    let mut shared = Shared { context: ContextParts::of(context), ..shared() };
    let mut named = |text: &'static str| {
        let raw = Bytes::from_static(text.as_bytes());
        names(&event(&raw, 0, &mut shared, &desk(&key(Right::Public)), &mut Vec::new()).unwrap()).join(" ")
    };
    assert_eq!(named(r#"{"type":"page","context":{"locale":"de"}}"#), "idfv:F-1 push_token:tok-1");
    assert_eq!(named(r#"{"type":"page","context":{"device":{"type":"android","id":"9"}}}"#), "android_id:9");
}

#[test]
fn a_message_id_that_is_made_of_the_content_is_of_what_is_stored() {
    let rules = Rules::default();
    let id = |veil: u8| {
        let concealment = Concealment::new(Veil::of(&[veil; 32]), &rules);
        let key = key(Right::Public);
        let desk = Desk { concealment: Some(&concealment), ..desk(&key) };
        let raw = br#"{"type":"identify","timestamp":"2026-01-01T11:00:00Z","traits":{"email":"ada@shop.example"}}"#;
        let event = event(&Bytes::from_static(raw), 0, &mut shared(), &desk, &mut Vec::new()).unwrap();
        assert!(event.order.message_id.starts_with("hash-"));
        event.order.message_id
    };
    assert_eq!(id(1), id(1));
    // Else whoever has the rest of the message could test a guess.
    assert_ne!(id(1), id(2));
}

fn accepted(text: &str) -> (AcceptedEvent, Vec<String>) {
    let mut warnings = Vec::new();
    let raw = Bytes::copy_from_slice(text.as_bytes());
    let event = event(&raw, 0, &mut shared(), &desk(&key(Right::Public)), &mut warnings).unwrap();
    (event, warnings.iter().map(|warning| format!("{} {}", warning.code, warning.pointer)).collect())
}

fn accepted_with(right: Right, text: &str) -> AcceptedEvent {
    event(&Bytes::copy_from_slice(text.as_bytes()), 0, &mut shared(), &desk(&key(right)), &mut Vec::new()).unwrap()
}

fn refused(text: &str) -> EventRefusal {
    let raw = Bytes::copy_from_slice(text.as_bytes());
    event(&raw, 0, &mut shared(), &desk(&key(Right::Public)), &mut Vec::new()).unwrap_err()
}

fn names(event: &AcceptedEvent) -> Vec<String> {
    event.claim.iter().map(|claimed| claimed.identifier.to_string()).collect()
}

fn trait_texts(event: &AcceptedEvent) -> Vec<String> {
    event.traits.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn shared() -> Shared<'static> {
    Shared {
        default_type: None,
        sent_at: None,
        context: ContextParts::default(),
        stored_context: ContextParts::default(),
        stored_context_text: b"",
        beside: None,
        tokens: Tokens::default(),
        said_by: SaidBy::new(),
    }
}

fn desk(key: &StoredKey) -> Desk<'_> {
    static RULES: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(Rules::default);
    static KEYS: std::sync::LazyLock<IdentityKeys> = std::sync::LazyLock::new(IdentityKeys::default);
    static LIMITS: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);
    Desk { key, rules: &RULES, identity_keys: &KEYS, concealment: None, limits: &LIMITS, received_at: RECEIVED_AT }
}

fn key(right: Right) -> StoredKey {
    StoredKey {
        id: Source(1),
        workspace: Workspace(1),
        right,
        name: None,
        origins: Vec::new(),
        trust: Trust::default(),
        created_at: UnixMillis(0),
        revoked_at: None,
    }
}
