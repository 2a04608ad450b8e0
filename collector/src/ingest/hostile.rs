//! Whatever arrives, nothing panics, and one poisoned event costs itself only.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::event::{EventType, Source, Workspace};
use crate::identity::normal::Veil;
use crate::identity_key::IdentityKeys;
use crate::key::Trust;

proptest! {
    #[test]
    fn no_bytes_make_the_intake_panic(body in prop::collection::vec(any::<u8>(), 0..256)) {
        let body = Bytes::from(body);
        judge(&body, Shape::Batch);
        judge(&body, Shape::One(Some(EventType::Track)));
    }

    #[test]
    fn a_mutated_batch_is_refused_or_judged_event_by_event(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut body = batch(&[GOOD; 5]).to_vec();
        for (place, byte) in places {
            let at = place.index(body.len());
            body[at] = byte;
        }
        if let Some(accepted) = judge(&body.into(), Shape::Batch) {
            prop_assert!(accepted.events.iter().all(|event| event.raw.len() <= Limits::default().event_bytes));
        }
    }

    #[test]
    fn what_is_stored_of_a_concealed_event_says_what_it_claimed(
        values in prop::collection::vec(prop::sample::select(SAID.to_vec()), 6),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut body = saying(&values).into_bytes();
        for (place, byte) in places {
            let at = place.index(body.len());
            body[at] = byte;
        }
        let body = Bytes::from(body);
        let (clear, concealed) = (judge(&body, Shape::Batch), judge_concealing(&body));
        prop_assert_eq!(clear.is_some(), concealed.is_some());
        if let (Some(clear), Some(concealed)) = (clear, concealed) {
            prop_assert_eq!(&clear.rejected, &concealed.rejected);
            prop_assert_eq!(clear.warnings.len(), concealed.warnings.len());
            for event in &concealed.events {
                let context = if concealed.frame.context.is_empty() { &b"{}"[..] } else { &concealed.frame.context };
                let again = [b"{\"context\":", context, b",\"batch\":[", &event.raw, b"]}"].concat();
                let again = judge(&again.into(), Shape::Batch).unwrap();
                let again = &again.events[0];
                prop_assert_eq!(&again.claim, &event.claim);
                prop_assert_eq!(&again.traits, &event.traits);
                prop_assert_eq!(&again.name, &event.name);
            }
        }
    }

    #[test]
    fn a_truncated_batch_is_refused_whole(length in 0_usize..400) {
        let body = batch(&[GOOD; 3]);
        prop_assert!(judge(&body.slice(..length.min(body.len() - 1)), Shape::Batch).is_none());
    }

    #[test]
    fn one_poison_event_costs_itself_only(place in 0_usize..500, poison in prop::sample::select(POISON.to_vec())) {
        let mut events = vec![GOOD; 499];
        events.insert(place, poison);
        let accepted = judge(&batch(&events), Shape::Batch).unwrap();
        prop_assert_eq!(accepted.events.len(), 499);
        prop_assert_eq!(accepted.rejected.len(), 1);
        prop_assert_eq!(accepted.rejected[0].index as usize, place);
    }
}

#[test]
fn a_bomb_of_brackets_is_refused_without_recursion() {
    let bomb = |open: &str| Bytes::from(format!("{{\"batch\":[{},{GOOD}]}}", open.repeat(100_000)));
    assert!(judge(&bomb("["), Shape::Batch).is_none());
    let closed = format!("{{\"batch\":[{{\"x\":{}{}}},{GOOD}]}}", "[".repeat(10_000), "]".repeat(10_000));
    let accepted = judge(&closed.into(), Shape::Batch).unwrap();
    assert_eq!((accepted.events.len(), accepted.rejected[0].code), (1, "too_deep"));
}

const GOOD: &str =
    r#"{"type":"track","event":"Paid","anonymousId":"a1","properties":{"text":"größe \"x\" \\","n":[1,2.5e3,null]}}"#;

/// Each is an event that no neighbour should suffer for.
const POISON: [&str; 10] = [
    r#"{"type":"track","event":"x","properties":{"a":NaN}}"#,
    r#"{"type":"track","event":"x","properties":{"a":-Infinity}}"#,
    r#"{"type":"track","event":"x","properties":[1]}"#,
    r#"{"type":"track","event":"x","n":01}"#,
    r#"{"type":"track","event":"x","n":tru}"#,
    "{\"type\":\"track\",\"event\":\"a\u{1}b\"}",
    r#"{"type":"track","event":"\q"}"#,
    r#"{"type":"nothing"}"#,
    "null",
    "[[[]]]",
];

fn batch(events: &[&str]) -> Bytes {
    format!(r#"{{"sentAt":"2026-01-01T12:00:00Z","batch":[{}],"writeKey":"pk_x"}}"#, events.join(",")).into()
}

/// A batch that says values in the places where they name someone, and in others.
fn saying(values: &[&str]) -> String {
    let [mail, number, listed, kind, shared, text] = values else { return String::new() };
    let kind = ["email", "phone", "mac", "idfa"][kind.len() % 4];
    let encoding = ["none", "md5", "sha256"][listed.len() % 3];
    format!(
        r#"{{"context":{{"traits":{{"email":"{shared}"}},"x":"{text}"}},"batch":[{{"type":"identify","messageId":"{text}","userId":"u-1","traits":{{"email":"{mail}","phone":"{number}","{text}":["{mail}"]}},"context":{{"externalIds":[{{"id":"{listed}","type":"{kind}","encoding":"{encoding}"}}]}}}},{{"type":"identify","userId":"u-2","timestamp":1}},{{"type":"track","event":"x {text}","anonymousId":"{mail}"}}]}}"#
    )
}

/// Values of all sorts, as senders write them.
const SAID: [&str; 16] = [
    "ada@shop.example",
    " Ada@Shop.Example ",
    "\u{fc}n@\u{fc}.example",
    "null",
    "",
    "+49 30 1234567",
    "030 1234567",
    "00:1B:44:11:3A:B7",
    "6D92078A-8246-4BA4-AE5B-76104861E7DC",
    "0123456789abcdef0123456789ABCDEF",
    "md5.0123456789abcdef0123456789abcdef",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "keyed.9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "call +49 30 1234567 or ada%40shop.example",
    "[concealed]",
    "a\\u0000b",
];

fn judge_concealing(body: &Bytes) -> Option<Accepted> {
    let rules = Rules::default();
    judge_by(body, Shape::Batch, Some(&Concealment::new(Veil::of(&[7; 32]), &rules)))
}

fn judge(body: &Bytes, shape: Shape) -> Option<Accepted> {
    judge_by(body, shape, None)
}

fn judge_by(body: &Bytes, shape: Shape, concealment: Option<&Concealment>) -> Option<Accepted> {
    let key = StoredKey {
        id: Source(1),
        workspace: Workspace(1),
        right: Right::Public,
        name: None,
        origins: Vec::new(),
        trust: Trust::default(),
        created_at: UnixMillis(0),
        revoked_at: None,
    };
    let (rules, limits) = (Rules::default(), Limits::default());
    let envelope = Envelope::open(body, shape, &limits).ok()?;
    let desk = Desk {
        key: &key,
        rules: &rules,
        identity_keys: &IdentityKeys::default(),
        concealment,
        limits: &limits,
        received_at: UnixMillis(1_767_268_800_000),
    };
    Some(accept(&envelope, &desk))
}
