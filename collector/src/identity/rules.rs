//! A workspace's settings that decide who is who. Holds them; decides nothing.

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::normal::Region;

/// The rules of one workspace. Equal rules over equal claims give equal people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Kinds of accounts, by priority.
    pub account_kinds: Vec<Kind>,
    /// Kinds of contacts, by priority.
    pub contact_kinds: Vec<Kind>,
    /// Kinds of devices, by priority.
    pub device_kinds: Vec<Kind>,
    /// Values of one contact kind that a person may hold.
    pub contact_limit: usize,
    /// Values of one account or contact kind that a contact may stand beside before it is a crowd's.
    pub crowd_limit: usize,
    /// People that a device may show before it is quarantined.
    pub device_people_limit: usize,
    /// How long a mark on a shared device speaks for what follows it, in ms.
    pub shared_device_gap_ms: i64,
    /// How far apart two marks of one person may be to speak for what lies between, in ms.
    pub shared_device_span_ms: i64,
    /// Where a telephone number without a country code is from.
    pub default_region: Option<Region>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            account_kinds: vec![Kind::USER_ID],
            contact_kinds: vec![Kind::EMAIL, Kind::PHONE],
            device_kinds: vec![Kind::ANONYMOUS_ID],
            contact_limit: 5,
            crowd_limit: 20,
            device_people_limit: 20,
            shared_device_gap_ms: 30 * MINUTE_MS,
            shared_device_span_ms: 30 * 24 * 60 * MINUTE_MS,
            default_region: None,
        }
    }
}

impl Rules {
    /// What a kind can name.
    pub fn class(&self, kind: &Kind) -> Class {
        self.rank_of_kind(kind).0
    }

    /// Where an identifier stands among those of a claim: (class, kind priority, value).
    pub fn rank<'a>(&self, identifier: &'a Identifier) -> Rank<'a> {
        let (class, priority) = self.rank_of_kind(&identifier.kind);
        Rank { class, priority, value: &identifier.value }
    }

    /// The place of a kind among account and contact kinds, by priority: the rounds of a placing. Kinds that name no
    /// person come behind all that do.
    pub(super) fn place_of_kind(&self, kind: &Kind) -> usize {
        let names = self.account_kinds.iter().chain(&self.contact_kinds);
        names.into_iter().position(|named| named == kind).unwrap_or(usize::MAX)
    }

    fn rank_of_kind(&self, kind: &Kind) -> (Class, usize) {
        let classes = [
            (Class::Account, &self.account_kinds),
            (Class::Contact, &self.contact_kinds),
            (Class::Device, &self.device_kinds),
        ];
        let place_in = |kinds: &[Kind]| kinds.iter().position(|candidate| candidate == kind);
        classes
            .into_iter()
            .find_map(|(class, kinds)| place_in(kinds).map(|priority| (class, priority)))
            .unwrap_or((Class::Undeclared, 0))
    }
}

/// Sorts identifiers by (class, kind priority, value).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank<'a> {
    /// What the kind can name.
    pub class: Class,
    /// The kind's place within its class; 0 is the first.
    pub priority: usize,
    /// Compared in bytes.
    pub value: &'a str,
}

const MINUTE_MS: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_sort_by_class_then_kind_priority_then_value() {
        let rules = Rules { account_kinds: vec![Kind::USER_ID, Kind::new("crm_id")], ..Rules::default() };
        let sorted = [
            Identifier::new(Kind::USER_ID, "z"),
            Identifier::new(Kind::new("crm_id"), "a"),
            Identifier::new(Kind::EMAIL, "a"),
            Identifier::new(Kind::EMAIL, "b"),
            Identifier::new(Kind::PHONE, "a"),
            Identifier::new(Kind::ANONYMOUS_ID, "a"),
            Identifier::new(Kind::new("shoe_size"), "a"),
        ];
        assert!(sorted.is_sorted_by(|a, b| rules.rank(a) < rules.rank(b)));
    }

    #[test]
    fn a_kind_that_nobody_declared_names_no_one() {
        assert_eq!(Rules::default().class(&Kind::new("crm_id")), Class::Undeclared);
    }
}
