//! An event of the oracle as its sender wrote it: a ledger that is built again reads it once more.

use selvedge_collector::event::{Claimed, EventType, Source, Strength};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::Event;
use serde_json::{Map, Value, json};

/// The keys that events come with: as a ledger has them of which [`Source`] 1 is public and 2 is secret.
pub(super) const PUBLIC: Source = Source(1);
pub(super) const SECRET: Source = Source(2);

/// Which key it takes to say this: a public one says what a token proves, only a secret one says anything else with
/// trust.
pub(super) fn source(event: &Event) -> Source {
    let is_of_token = |kind: &Kind| [Kind::USER_ID, Kind::EMAIL, Kind::PHONE].contains(kind);
    let takes_secret = |Claimed { identifier, strength }: &Claimed| match strength {
        Strength::Observed => false,
        Strength::Proven => !is_of_token(&identifier.kind),
        Strength::Asserted => true,
    };
    if event.snapshot.is_some() || event.claim.iter().any(takes_secret) { SECRET } else { PUBLIC }
}

/// Rows state traits, even if they have none.
pub(super) fn event_type(event: &Event) -> EventType {
    match event {
        Event { alias: Some(_), .. } => EventType::Alias,
        Event { snapshot: Some(_), .. } => EventType::Identify,
        Event { traits, .. } if traits.is_empty() => EventType::Track,
        _ => EventType::Identify,
    }
}

/// The message, as a sender whose tokens are not kept wrote it.
pub(super) fn message(event: &Event) -> String {
    let mut message = json!({ "messageId": &*event.order.message_id, "type": event_type(event).as_str() });
    let (mut external, mut strengths) = (Vec::new(), Map::new());
    for Claimed { identifier, strength } in &event.claim {
        if identifier.kind == Kind::USER_ID {
            message["userId"] = json!(&*identifier.value);
        } else {
            external.push(external_id(identifier));
        }
        strengths.insert(identifier.kind.to_string(), json!(strength.as_str()));
    }
    message["context"] = json!({ "externalIds": external });
    if source(event) == SECRET {
        message["context"]["selvedge"] = json!({ "strength": strengths });
        if let Some(row) = &event.snapshot {
            message["context"]["selvedge"]["version"] = json!(row.version);
        }
    }
    if let Some(alias) = &event.alias {
        message["previousId"] = json!(alias.previous_id);
    }
    if !event.traits.is_empty() {
        message["traits"] = event.traits.iter().cloned().collect::<Map<_, _>>().into();
    }
    message.to_string()
}

fn external_id(Identifier { kind, value }: &Identifier) -> Value {
    let hashed = ["md5", "sha1", "sha256"].into_iter().find_map(|algorithm| {
        let hex = value.strip_prefix(algorithm)?.strip_prefix('.')?;
        Some((hex, algorithm))
    });
    let (id, encoding) = hashed.unwrap_or((value, "none"));
    json!({ "id": id, "type": kind.as_str(), "encoding": encoding })
}
