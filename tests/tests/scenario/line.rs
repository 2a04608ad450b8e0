//! A line of a scenario's log, and the events that it stands for.

use selvedge_collector::event::{Claimed, Strength, Trust};
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

impl Line {
    /// As many as it stands for, a minute apart.
    pub(super) fn events(&self, number: usize, start_ms: i64) -> impl Iterator<Item = Event> {
        (1..=self.times).map(move |nth| self.event(nth, number, start_ms))
    }

    /// The messageIds of its events that lose a name by a hold.
    pub(super) fn unproven(&self, number: usize) -> impl Iterator<Item = String> {
        let of = move |nth| message_id(&numbered(&self.id, nth), number);
        (1..=self.times).filter(|_| self.unproven).map(of)
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
        let minute = self.minute + i64::try_from(nth).unwrap_or_default() - 1;
        let id = message_id(&numbered(&self.id, nth), number);
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
        Event { traits, trust, alias, ..Event::naming(order, claim) }
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
}
