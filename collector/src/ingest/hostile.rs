//! Whatever arrives, nothing panics, and one poisoned event costs itself only.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::event::{EventType, Source, Workspace};
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

fn judge(body: &Bytes, shape: Shape) -> Option<Accepted> {
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
        limits: &limits,
        received_at: UnixMillis(1_767_268_800_000),
    };
    Some(accept(&envelope, &desk))
}
