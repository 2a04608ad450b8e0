//! A workspace's settings that decide who is who. Holds them; decides nothing.

use std::collections::BTreeMap;

use selvedge_core::identifier::{Class, Identifier, Kind};

use super::normal::{Blocklist, Region, Veil};
use crate::event::UnixMillis;

/// The rules of one workspace. Equal rules over equal claims give equal people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Kinds of accounts, by priority.
    pub account_kinds: Vec<Kind>,
    /// Kinds of contacts, by priority.
    pub contact_kinds: Vec<Kind>,
    /// Kinds of devices, by priority. [`Kind::COOKIES`] stands for all cookies, which come by name.
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
    /// The longest pause within a session, in ms.
    pub session_gap_ms: i64,
    /// From when on what guarded sources observe of held names is taken out; unset until logins are proven.
    pub guard_from: Option<UnixMillis>,
    /// Where a telephone number without a country code is from.
    pub default_region: Option<Region>,
    /// What names nobody here, beside what names nobody anywhere.
    pub blocked: Blocklist,
    /// Of traits that have another rule than `latest`.
    pub trait_rules: BTreeMap<Box<str>, TraitRule>,
}

/// Which of the values that were set a trait has (identity.md, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraitRule {
    /// The one that was set last.
    #[default]
    Latest,
    /// The one that was set first.
    First,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// All of them, each once.
    Union,
}

impl TraitRule {
    /// In the order of the documents.
    pub const ALL: [Self; 5] = [Self::Latest, Self::First, Self::Max, Self::Min, Self::Union];

    /// Its name in a rules file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::First => "first",
            Self::Max => "max",
            Self::Min => "min",
            Self::Union => "union",
        }
    }

    /// The rule of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            account_kinds: vec![Kind::USER_ID],
            contact_kinds: vec![Kind::EMAIL, Kind::PHONE, Kind::OPENID, Kind::UNIONID],
            device_kinds: vec![
                Kind::ANONYMOUS_ID,
                Kind::IDFA,
                Kind::IDFV,
                Kind::GAID,
                Kind::OAID,
                Kind::ANDROID_ID,
                Kind::IMEI,
                Kind::MAC,
                Kind::PUSH_TOKEN,
                Kind::COOKIES,
            ],
            contact_limit: 5,
            crowd_limit: 20,
            device_people_limit: 20,
            shared_device_gap_ms: 30 * MINUTE_MS,
            shared_device_span_ms: 30 * 24 * 60 * MINUTE_MS,
            session_gap_ms: 30 * MINUTE_MS,
            guard_from: None,
            default_region: None,
            blocked: Blocklist::default(),
            trait_rules: BTreeMap::new(),
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
        Rank { class, priority, kind: identifier.kind.as_str(), value: &identifier.value }
    }

    /// The same rules for a ledger that keeps no clear values: what names nobody is known there by what stands for it.
    #[must_use]
    pub fn under(mut self, veil: &Veil) -> Self {
        self.blocked = self.blocked.clone().under(veil, &self);
        self
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
        let is_it = |listed: &Kind| if *listed == Kind::COOKIES { kind.is_cookie() } else { listed == kind };
        let place_in = |kinds: &[Kind]| kinds.iter().position(is_it);
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
    /// Parts kinds of one place: cookies, and kinds that nobody declared.
    pub kind: &'a str,
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
            Identifier::new(Kind::PUSH_TOKEN, "a"),
            Identifier::new(Kind::new("cookie._fbp"), "b"),
            Identifier::new(Kind::new("cookie._ga"), "a"),
            Identifier::new(Kind::new("shoe_size"), "a"),
        ];
        assert!(sorted.is_sorted_by(|a, b| rules.rank(a) < rules.rank(b)));
    }

    #[test]
    fn the_kinds_of_every_class_have_the_order_of_the_specification() {
        let names = |kinds: &[Kind]| kinds.iter().map(Kind::to_string).collect::<Vec<_>>().join(" ");
        let rules = Rules::default();
        assert_eq!(names(&rules.account_kinds), "user_id");
        assert_eq!(names(&rules.contact_kinds), "email phone openid unionid");
        let devices = "anonymous_id idfa idfv gaid oaid android_id imei mac push_token cookie.";
        assert_eq!(names(&rules.device_kinds), devices);
    }

    #[test]
    fn a_cookie_of_any_name_is_a_device_unless_it_is_declared_to_name_a_person() {
        let rules = Rules { account_kinds: vec![Kind::USER_ID, Kind::new("cookie.login")], ..Rules::default() };
        assert_eq!(rules.class(&Kind::new("cookie._ga")), Class::Device);
        assert_eq!(rules.class(&Kind::new("cookie.login")), Class::Account);
        assert_eq!((rules.place_of_kind(&Kind::new("cookie.login")), rules.place_of_kind(&Kind::EMAIL)), (1, 2));
        assert_eq!(rules.place_of_kind(&Kind::new("cookie._ga")), usize::MAX);
    }

    #[test]
    fn a_kind_that_nobody_declared_names_no_one() {
        for kind in ["crm_id", "cookie.", "cookie.a b", "cookie"] {
            assert_eq!(Rules::default().class(&Kind::new(kind)), Class::Undeclared, "{kind}");
        }
    }
}
