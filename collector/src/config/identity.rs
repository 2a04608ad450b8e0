//! The rules of identity as they are written: a rules file, `[identity]` of the settings, and the text under which a
//! ledger keeps those that it was built with. One parser for all three. What the rules mean is `identity`'s.

mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::fmt::temporal::Pieces;
use selvedge_core::identifier::Kind;
use serde::Deserialize;

pub use self::text::{rules_json, rules_text};

use crate::event::UnixMillis;
use crate::identity::normal::{Blocklist, NotAPattern, Region, UnknownRegion};
use crate::identity::{Rules, TraitRule};

/// Rules that differ from the defaults. All of it may be left out; an unknown key is refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IdentityTable {
    /// Account kinds in priority order.
    account_kinds: Option<Vec<String>>,
    /// Contact kinds in priority order.
    contact_kinds: Option<Vec<String>>,
    /// Region in which a national phone number is read, such as `DE`.
    default_region: Option<String>,
    /// Values of one contact kind that a person may hold.
    contact_limit: Option<usize>,
    /// Values of one kind that a contact may stand beside.
    crowd_limit: Option<usize>,
    /// People that a device may show.
    device_people_limit: Option<usize>,
    /// How long a mark on a shared device speaks for what follows it.
    shared_device_gap_minutes: Option<u32>,
    /// How far apart two marks of one person may be to speak for what lies between.
    shared_device_span_days: Option<u32>,
    /// The longest pause within a session.
    session_gap_minutes: Option<u32>,
    /// RFC 3339.
    guard_from: Option<Moment>,
    /// What names nobody.
    blocked_values: Vec<String>,
    /// The same with `*` for any run of characters.
    blocked_patterns: Vec<String>,
    /// Of each trait that has another rule than `latest`: which.
    traits: BTreeMap<Box<str>, TraitRuleWord>,
}

/// A time in quotes, or as TOML writes one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Moment {
    Text(String),
    Toml(toml::value::Datetime),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TraitRuleWord {
    Latest,
    First,
    Max,
    Min,
    Union,
}

/// The rules of a rules file.
///
/// # Errors
/// When it cannot be read, says what no rule says, or says what cannot be.
pub fn read_rules(path: &Path) -> Result<Rules, RulesError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| RulesError::Unreadable { path: path.to_owned(), source })?;
    parse_rules(&text).map_err(|source| RulesError::Refused { path: path.to_owned(), source })
}

/// The rules that a text states.
pub fn parse_rules(text: &str) -> Result<Rules, IdentityError> {
    let table: IdentityTable = toml::from_str(text).map_err(|source| IdentityError::NotUnderstood(Box::new(source)))?;
    table.settle()
}

impl IdentityTable {
    /// The defaults with these settings in their place. Built-in kinds that a list leaves out follow behind it.
    pub(super) fn settle(&self) -> Result<Rules, IdentityError> {
        let defaults = Rules::default();
        let minutes = |minutes: u32| i64::from(minutes) * MINUTE_MS;
        let mut rules = Rules {
            account_kinds: kinds(self.account_kinds.as_deref(), &defaults.account_kinds)?,
            contact_kinds: kinds(self.contact_kinds.as_deref(), &defaults.contact_kinds)?,
            contact_limit: limit("contact_limit", self.contact_limit, defaults.contact_limit)?,
            crowd_limit: limit("crowd_limit", self.crowd_limit, defaults.crowd_limit)?,
            device_people_limit: limit("device_people_limit", self.device_people_limit, defaults.device_people_limit)?,
            shared_device_gap_ms: self.shared_device_gap_minutes.map_or(defaults.shared_device_gap_ms, minutes),
            shared_device_span_ms: self
                .shared_device_span_days
                .map_or(defaults.shared_device_span_ms, |days| i64::from(days) * DAY_MS),
            session_gap_ms: self.session_gap_minutes.map_or(defaults.session_gap_ms, minutes),
            guard_from: self.guard_from.as_ref().map(Moment::settle).transpose()?,
            default_region: self.default_region.as_deref().map(str::parse::<Region>).transpose()?,
            trait_rules: self.traits.iter().filter_map(|(name, word)| Some((name.clone(), word.rule()?))).collect(),
            ..defaults
        };
        let names = rules.account_kinds.iter().chain(&rules.contact_kinds);
        if let Some(kind) = names.into_iter().find(|kind| kind.is_cookie()) {
            return Err(IdentityError::Cookie { kind: kind.as_str().into() });
        }
        let mut seen: Vec<&Kind> = Vec::new();
        for kind in rules.account_kinds.iter().chain(&rules.contact_kinds).chain(&rules.device_kinds) {
            if seen.contains(&kind) {
                return Err(IdentityError::KindTwice { kind: kind.as_str().into() });
            }
            seen.push(kind);
        }
        rules.blocked = Blocklist::new(&self.blocked_values, &self.blocked_patterns, &rules)?;
        Ok(rules)
    }
}

impl Moment {
    fn settle(&self) -> Result<UnixMillis, IdentityError> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Toml(datetime) => datetime.to_string(),
        };
        match text.trim().parse::<jiff::Timestamp>() {
            Ok(moment) => Ok(UnixMillis(moment.as_millisecond())),
            Err(_) if is_a_time(text.trim()) => Err(IdentityError::TooLate { text: text.into() }),
            Err(_) => Err(IdentityError::NotATime { text: text.into() }),
        }
    }
}

impl TraitRuleWord {
    /// Where nothing is said, the latest value counts: to say so is to say nothing.
    fn rule(self) -> Option<TraitRule> {
        Some(match self {
            Self::Latest => return None,
            Self::First => TraitRule::First,
            Self::Max => TraitRule::Max,
            Self::Min => TraitRule::Min,
            Self::Union => TraitRule::Union,
        })
    }
}

/// A rules file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum RulesError {
    #[error("the rules file {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the rules file {} is refused: {source}", path.display())]
    Refused { path: PathBuf, source: IdentityError },
}

/// A rule of identity that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum IdentityError {
    #[error("{0}")]
    NotUnderstood(Box<toml::de::Error>),
    #[error("\"{kind}\" is no kind: write lower case letters, digits, _ and ., such as \"crm_id\"")]
    NotAKind { kind: Box<str> },
    #[error("the kind \"{kind}\" stands in two places: each kind belongs to one class, once")]
    KindTwice { kind: Box<str> },
    #[error(
        "\"{kind}\" is a cookie, and names a device: take it off account_kinds and contact_kinds, and let what names a \
         person come as another kind, such as \"crm_id\""
    )]
    Cookie { kind: Box<str> },
    #[error("default_region: {0}")]
    Region(#[from] UnknownRegion),
    #[error("{name} = 0 lets nobody be named: write 1 or more")]
    Zero { name: &'static str },
    #[error("guard_from = \"{text}\" is no time: write RFC 3339, such as 2026-01-31T00:00:00Z")]
    NotATime { text: Box<str> },
    #[error("guard_from = \"{text}\" is too late: the latest time that counts is {LATEST}")]
    TooLate { text: Box<str> },
    #[error("blocked_patterns: {0}")]
    Pattern(#[from] NotAPattern),
}

/// Whether a text is a time of some calendar's, which need not be one that can be counted.
fn is_a_time(text: &str) -> bool {
    let pieces = Pieces::parse(text);
    pieces.is_ok_and(|pieces| pieces.time().is_some() && pieces.offset().is_some())
}

fn limit(name: &'static str, given: Option<usize>, default: usize) -> Result<usize, IdentityError> {
    match given {
        Some(0) => Err(IdentityError::Zero { name }),
        given => Ok(given.unwrap_or(default)),
    }
}

fn kinds(named: Option<&[String]>, built_in: &[Kind]) -> Result<Vec<Kind>, IdentityError> {
    let mut kinds = named.unwrap_or_default().iter().map(|name| kind(name)).collect::<Result<Vec<_>, _>>()?;
    let left_out: Vec<Kind> = built_in.iter().filter(|kind| !kinds.contains(kind)).cloned().collect();
    kinds.extend(left_out);
    Ok(kinds)
}

fn kind(name: &str) -> Result<Kind, IdentityError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.');
    let is_kind = (1..=MAX_KIND_BYTES).contains(&name.len()) && name.bytes().all(is_plain);
    if is_kind { Ok(Kind::new(name)) } else { Err(IdentityError::NotAKind { kind: name.into() }) }
}

/// The last second of `jiff::Timestamp::MAX`: no offset from UTC leads out of the year 9999.
const LATEST: &str = "9999-12-30T22:00:00Z";
/// Kinds stand in paths, logs and every row of an identifier.
const MAX_KIND_BYTES: usize = 64;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_kinds_come_in_their_order_and_built_in_ones_behind() {
        let rules = parse_rules("account_kinds = [\"crm_id\"]").unwrap();
        assert_eq!(rules.account_kinds, [Kind::new("crm_id"), Kind::USER_ID]);
    }

    #[test]
    fn an_empty_file_states_the_defaults() {
        assert_eq!(parse_rules("").unwrap(), Rules::default());
    }

    #[test]
    fn every_rule_is_read() {
        let rules = parse_rules(EVERYTHING).unwrap();
        assert_eq!(rules.account_kinds, [Kind::USER_ID, Kind::new("crm_id")]);
        assert_eq!(rules.contact_kinds[0], Kind::PHONE);
        assert_eq!(rules.default_region.map(Region::code), Some("DE"));
        assert_eq!((rules.contact_limit, rules.crowd_limit, rules.device_people_limit), (3, 7, 9));
        assert_eq!((rules.shared_device_gap_ms, rules.shared_device_span_ms), (45 * MINUTE_MS, 7 * DAY_MS));
        assert_eq!(rules.session_gap_ms, 20 * MINUTE_MS);
        assert_eq!(rules.guard_from, Some(UnixMillis(1_767_225_600_000)));
        assert!(rules.blocked.has("KIOSK") && rules.blocked.has("test-9"));
        let rule_of = |name: &str| rules.trait_rules.get(name).copied();
        assert_eq!(rule_of("tags"), Some(TraitRule::Union));
        assert_eq!(rule_of("first source"), Some(TraitRule::First));
        assert_eq!(rule_of("plan"), None);
    }

    #[test]
    fn a_time_may_stand_without_quotes() {
        let quoted = parse_rules("guard_from = \"2026-01-01T01:00:00+01:00\"").unwrap();
        assert_eq!(parse_rules("guard_from = 2026-01-01T00:00:00Z").unwrap(), quoted);
        assert!(matches!(parse_rules("guard_from = \"soon\""), Err(IdentityError::NotATime { .. })));
        assert!(matches!(parse_rules("guard_from = 2026-01-01"), Err(IdentityError::NotATime { .. })));
    }

    #[test]
    fn a_time_that_is_too_late_is_not_called_none() {
        for text in ["\"9999-12-31T23:59:59Z\"", "9999-12-31T23:59:59+00:00"] {
            let refusal = parse_rules(&format!("guard_from = {text}")).unwrap_err().to_string();
            assert!(refusal.contains("too late") && refusal.contains(LATEST), "{refusal}");
        }
        let latest = parse_rules(&format!("guard_from = \"{LATEST}\"")).unwrap().guard_from;
        assert_eq!(latest, Some(UnixMillis(jiff::Timestamp::MAX.as_second() * 1_000)));
    }

    #[test]
    fn a_cookie_is_no_account_and_no_contact() {
        for list in ["account_kinds", "contact_kinds"] {
            let refusal = parse_rules(&format!("{list} = [\"cookie._ga\"]")).unwrap_err().to_string();
            assert!(refusal.contains("cookie._ga") && refusal.contains("take it off"), "{refusal}");
        }
    }

    #[test]
    fn an_unknown_key_or_rule_is_refused_by_its_name_and_line() {
        for (text, name, line) in [
            ("contact_limit = 5\ncontact_limits = 6", "contact_limits", "line 2"),
            ("[traits]\nplan = \"newest\"", "newest", "line 2"),
            ("\nshared_device_gap = \"30m\"", "shared_device_gap", "line 2"),
        ] {
            let refusal = parse_rules(text).unwrap_err().to_string();
            assert!(refusal.contains(name) && refusal.contains(line), "{refusal}");
        }
    }

    #[test]
    fn a_limit_of_nothing_and_a_pattern_of_everything_are_refused() {
        assert!(matches!(parse_rules("crowd_limit = 0"), Err(IdentityError::Zero { name: "crowd_limit" })));
        assert!(matches!(parse_rules("blocked_patterns = [\"*\"]"), Err(IdentityError::Pattern(_))));
    }

    #[test]
    fn a_kind_of_two_classes_or_twice_in_one_is_refused() {
        for text in [
            "account_kinds = [\"email\"]",
            "account_kinds = [\"a\", \"a\"]",
            "account_kinds = [\"a\"]\ncontact_kinds = [\"a\"]",
            "contact_kinds = [\"anonymous_id\"]",
        ] {
            assert!(matches!(parse_rules(text), Err(IdentityError::KindTwice { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_no_kind_and_no_region_is_refused_by_its_name() {
        for name in ["", "CRM", "crm id", "crm:id"] {
            let refused = parse_rules(&format!("account_kinds = [\"{name}\"]"));
            assert!(matches!(refused, Err(IdentityError::NotAKind { .. })), "{name}");
        }
        assert!(parse_rules("default_region = \"ZZ\"").unwrap_err().to_string().contains("ZZ"));
    }

    pub(super) const EVERYTHING: &str = r#"
account_kinds = ["user_id", "crm_id"]
contact_kinds = ["phone"]
default_region = "de"
contact_limit = 3
crowd_limit = 7
device_people_limit = 9
shared_device_gap_minutes = 45
shared_device_span_days = 7
session_gap_minutes = 20
guard_from = "2026-01-01T00:00:00Z"
blocked_values = ["Kiosk", "a\"b\\c\u007f"]
blocked_patterns = ["test-*"]

[traits]
tags = "union"
"first source" = "first"
plan = "latest"
"#;
}
