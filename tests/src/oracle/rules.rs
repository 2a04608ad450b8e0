//! The rules of a workspace: which kinds there are and how they rank, the limits, the gaps, how traits are chosen.

use std::collections::BTreeMap;

use selvedge_collector::event::UnixMillis;
use selvedge_core::identifier::{Identifier, Kind};

/// Settings of one workspace. The default is that of identity.md.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// By priority.
    pub account_kinds: Vec<Kind>,
    /// By priority.
    pub contact_kinds: Vec<Kind>,
    /// By priority. `cookie.` stands for every `cookie.<name>`.
    pub device_kinds: Vec<Kind>,
    /// Values of one contact kind that a person may hold.
    pub contacts_per_person: usize,
    /// Values of one kind that a contact may stand beside.
    pub beside_a_contact: usize,
    /// People that may share a device.
    pub people_per_device: usize,
    /// How long the last mark on a shared device speaks for what follows.
    pub shared_device_gap_ms: i64,
    /// How far two marks of one person may lie apart, or the first mark behind what it speaks for.
    pub device_memory_ms: i64,
    /// From when on guarded sources are guarded; before, and while it is unset, what they observe counts.
    pub guard_from: Option<UnixMillis>,
    /// Of traits that have another rule than `latest`.
    pub trait_rules: BTreeMap<String, TraitRule>,
    /// In which national numbers are read, if any.
    pub region: Option<Region>,
}

/// Which of several values a trait has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the rule's own words")]
pub enum TraitRule {
    #[default]
    Latest,
    First,
    Max,
    Min,
    Union,
}

/// How phones are dialled within a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Without `+`.
    pub calling_code: &'static str,
    /// What a national number begins with; may be empty.
    pub trunk_prefix: &'static str,
}

impl Default for Rules {
    fn default() -> Self {
        let kinds = |names: &[&str]| names.iter().map(|name| Kind::new(name)).collect();
        Self {
            account_kinds: kinds(&["user_id"]),
            contact_kinds: kinds(&["email", "phone", "openid", "unionid"]),
            device_kinds: kinds(&DEVICES),
            contacts_per_person: 5,
            beside_a_contact: 20,
            people_per_device: 20,
            shared_device_gap_ms: 30 * MINUTE_MS,
            device_memory_ms: 30 * 24 * 60 * MINUTE_MS,
            guard_from: None,
            trait_rules: BTreeMap::new(),
            region: None,
        }
    }
}

impl Rules {
    /// Where an identifier stands by (class, kind priority, value); none of a kind that the rules do not know.
    pub(super) fn rank(&self, name: &Identifier) -> Option<(usize, Kind, String)> {
        let mut kinds = self.account_kinds.iter().chain(&self.contact_kinds).chain(&self.device_kinds);
        let place = kinds.position(|kind| is_of(&name.kind, kind))?;
        Some((place, name.kind.clone(), name.value.to_string()))
    }

    pub(super) fn is_account(&self, name: &Identifier) -> bool {
        self.account_kinds.contains(&name.kind)
    }

    pub(super) fn is_contact(&self, name: &Identifier) -> bool {
        self.contact_kinds.contains(&name.kind)
    }

    pub(super) fn is_device(&self, name: &Identifier) -> bool {
        self.device_kinds.iter().any(|kind| is_of(&name.kind, kind))
    }

    /// Whether it names people: an account or a contact.
    pub(super) fn is_name(&self, name: &Identifier) -> bool {
        self.is_account(name) || self.is_contact(name)
    }
}

fn is_of(kind: &Kind, declared: &Kind) -> bool {
    match declared.as_str() {
        COOKIES => kind.as_str().len() > COOKIES.len() && kind.as_str().starts_with(COOKIES),
        name => kind.as_str() == name,
    }
}

const COOKIES: &str = "cookie.";
const DEVICES: [&str; 10] =
    ["anonymous_id", "idfa", "idfv", "gaid", "oaid", "android_id", "imei", "mac", "push_token", COOKIES];
const MINUTE_MS: i64 = 60_000;
