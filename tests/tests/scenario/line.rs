//! A line of a scenario's log, and what it stands for: events as the oracle hears them, and the messages that make them.

use selvedge_collector::event::{Claimed, Snapshot, Strength, Trust};
use selvedge_core::identifier::is_blocked;
use selvedge_tests::oracle::Alias;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    id: String,
    minute: i64,
    #[serde(default)]
    key: Right,
    #[serde(default)]
    trust: Mode,
    /// The kinds that an identity token proves.
    #[serde(default)]
    token: Vec<String>,
    user_id: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    anonymous_id: Option<String>,
    /// `previousId` of an alias.
    alias: Option<String>,
    /// What an identify sets beside its contacts.
    #[serde(default)]
    traits: Map<String, Value>,
    /// Of a row of an import: which version of it.
    row: Option<u64>,
    /// The codes that its sender is warned with.
    #[serde(default)]
    warnings: Vec<String>,
    /// Whether it loses a name by a hold.
    #[serde(default)]
    unproven: bool,
    #[serde(default = "once")]
    times: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Right {
    #[default]
    Public,
    Secret,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Open,
    #[default]
    Guarded,
    Strict,
}

/// One event of a scenario, as it is sent and as it is to be understood.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) event: Event,
    pub(crate) message: Value,
    pub(crate) sender: Sender,
    /// The claims of the identity token that goes with it.
    pub(crate) proves: Option<Value>,
    /// The codes of all warnings that it is answered with.
    warnings: Vec<String>,
}

/// Who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    /// With a secret key.
    Server,
    /// With a public key of this trust.
    Page(Trust),
}

impl Said {
    pub(crate) fn message_id(&self) -> &str {
        &self.event.order.message_id
    }

    /// MessageId and code of each warning.
    pub(super) fn warned(&self) -> impl Iterator<Item = (&str, &str)> {
        self.warnings.iter().map(|code| (self.message_id(), &**code))
    }
}

impl Line {
    /// As many as it stands for, a minute apart.
    pub(super) fn said(&self, number: usize, start_ms: i64) -> impl Iterator<Item = Said> {
        (1..=self.times).map(move |nth| {
            let event = self.event(nth, number, start_ms);
            let mut message = self.message(&event, nth, number);
            message["timestamp"] = json!(at_minute(self.minute(nth), start_ms).rfc3339());
            Said {
                message,
                sender: match self.key {
                    Right::Secret => Sender::Server,
                    Right::Public => Sender::Page(event.trust),
                },
                proves: self.proves(&event),
                warnings: self.warnings.clone(),
                event,
            }
        })
    }

    /// The messageIds of its events that lose a name by a hold.
    pub(super) fn unproven(&self, number: usize) -> impl Iterator<Item = String> {
        (1..=self.times).filter(|_| self.unproven).map(move |nth| self.message_id(nth, number))
    }

    /// Whether it is of the plainest sort: what it says is said in clear, by an event that is no alias.
    pub(super) fn is_plain(&self) -> bool {
        let mut contacts = [&self.email, &self.phone].into_iter().flatten();
        self.alias.is_none() && self.row.is_none() && contacts.all(|contact| !contact.contains('('))
    }

    pub(super) fn is(&self, id: &str) -> bool {
        self.id == id
    }

    pub(super) fn times(&self) -> usize {
        self.times
    }

    fn minute(&self, nth: usize) -> i64 {
        self.minute + i64::try_from(nth).unwrap_or_default() - 1
    }

    fn message_id(&self, nth: usize, number: usize) -> String {
        let id = message_id(&numbered(&self.id, nth), number);
        if self.row.is_some() { format!("{ROWS}{id}") } else { id }
    }

    fn event(&self, nth: usize, number: usize, start_ms: i64) -> Event {
        let claim = self.claim(nth, number);
        // An address in clear is said by its trait, so it sets that too. A digest is said as an external id.
        let is_said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.contains('('));
        let (email, phone) = (is_said(&self.email), is_said(&self.phone));
        let contacts = claim.iter().map(|claimed| &claimed.identifier);
        let contacts = contacts.filter(|name| name.kind == Kind::EMAIL && email || name.kind == Kind::PHONE && phone);
        let contacts = contacts.map(|name| (name.kind.to_string(), json!(&*name.value)));
        let traits = contacts.chain(self.traits.clone()).collect();
        let minute = match self.key {
            Right::Public => self.minute(nth).max(EARLIEST_MINUTE),
            Right::Secret => self.minute(nth),
        };
        let id = self.message_id(nth, number);
        let snapshot = self.row.map(|version| Snapshot { subject: id.as_str().into(), version });
        let order = Order { time: at_minute(minute, start_ms), message_id: id.into() };
        let trust = match self.trust {
            Mode::Open => Trust::Open,
            Mode::Guarded => Trust::Guarded,
            Mode::Strict => Trust::Strict,
        };
        let alias = self.alias.as_ref().map(|previous| Alias {
            previous_id: renamed_value("user_id", previous, number),
            is_asserted: self.key == Right::Secret,
        });
        Event { traits, trust, alias, snapshot, ..Event::naming(order, claim) }
    }

    fn claim(&self, nth: usize, number: usize) -> Vec<Claimed> {
        let names = [
            (Kind::USER_ID, &self.user_id),
            (Kind::EMAIL, &self.email),
            (Kind::PHONE, &self.phone),
            (Kind::ANONYMOUS_ID, &self.anonymous_id),
        ];
        let mut claim = Vec::new();
        for (kind, value) in names {
            let Some(value) = value.as_ref().filter(|value| !is_blocked(value)) else { continue };
            let strength = match self.key {
                Right::Secret => Strength::Asserted,
                Right::Public if self.token.iter().any(|proven| proven == kind.as_str()) => Strength::Proven,
                Right::Public => Strength::Observed,
            };
            let value = renamed_value(kind.as_str(), &numbered(value, nth), number);
            claim.push(Claimed { identifier: Identifier::new(kind, value), strength });
        }
        claim
    }

    /// As a stock client writes it.
    fn message(&self, event: &Event, nth: usize, number: usize) -> Value {
        let mut message = json!({"messageId": &*event.order.message_id, "context": {}});
        let names_someone = self.user_id.is_some() || self.email.is_some() || self.phone.is_some();
        if let Some(alias) = &event.alias {
            message["type"] = json!("alias");
            message["previousId"] = json!(alias.previous_id);
        } else if names_someone || self.row.is_some() {
            message["type"] = json!("identify");
            message["traits"] = event.traits.iter().cloned().collect::<Map<_, _>>().into();
        } else {
            message["type"] = json!("track");
            message["event"] = json!("Seen");
        }
        for (member, value) in [("userId", &self.user_id), ("anonymousId", &self.anonymous_id)] {
            let Some(value) = value else { continue };
            let name = renamed_value("", &numbered(value, nth), number);
            // Another value would be no word for nobody.
            message[member] = json!(if is_blocked(value) { value } else { &name });
        }
        message["context"]["externalIds"] = self.hashed(number).collect::<Vec<_>>().into();
        if let Some(version) = self.row {
            message["context"]["selvedge"] = json!({ "version": version });
        }
        message
    }

    /// The contacts that it gives as digests, as external ids.
    fn hashed(&self, number: usize) -> impl Iterator<Item = Value> {
        [("email", &self.email), ("phone", &self.phone)].into_iter().filter_map(move |(kind, value)| {
            let value = renamed_value(kind, value.as_ref().filter(|value| value.contains('('))?, number);
            let (algorithm, hex) = value.split_once('.')?;
            Some(json!({"id": hex, "type": kind, "collection": "users", "encoding": algorithm}))
        })
    }

    /// What the site's backend states of the person who is logged in: for an hour around the event.
    fn proves(&self, event: &Event) -> Option<Value> {
        let proven = event.claim.iter().filter(|claimed| claimed.strength == Strength::Proven);
        let proven: BTreeMap<&str, &str> =
            proven.map(|claimed| (claimed.identifier.kind.as_str(), &*claimed.identifier.value)).collect();
        let from_s = event.order.time.0 / 1_000 - 60;
        let mut claims = json!({"sub": proven.get("user_id")?, "aud": "default", "iat": from_s, "exp": from_s + 3_600});
        for (kind, stated) in [("email", "email"), ("phone", "phone_number")] {
            if let Some(value) = proven.get(kind) {
                claims[stated] = json!(value);
                claims[format!("{stated}_verified")] = json!(true);
            }
        }
        Some(claims)
    }
}

/// What the messageIds of rows begin with: that of an import from a source of this name.
pub(super) const ROWS: &str = "import:vectors:";
