//! `[identity]` of the settings file, settled into the rules of identity. What the rules mean is `identity`'s.

use selvedge_core::identifier::Kind;
use serde::Deserialize;

use crate::identity::Rules;
use crate::identity::normal::{Region, UnknownRegion};

/// Rules that differ from the defaults (identity.md, section 2).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityTable {
    /// Account kinds in priority order.
    pub(super) account_kinds: Option<Vec<String>>,
    /// Contact kinds in priority order.
    pub(super) contact_kinds: Option<Vec<String>>,
    /// Region in which a national phone number is read, such as `DE`.
    pub(super) default_region: Option<String>,
}

impl IdentityTable {
    /// The defaults with these settings in their place. Built-in kinds that a list leaves out follow behind it.
    pub(super) fn settle(&self) -> Result<Rules, IdentityError> {
        let defaults = Rules::default();
        let rules = Rules {
            account_kinds: kinds(self.account_kinds.as_deref(), &defaults.account_kinds)?,
            contact_kinds: kinds(self.contact_kinds.as_deref(), &defaults.contact_kinds)?,
            default_region: self.default_region.as_deref().map(str::parse::<Region>).transpose()?,
            ..defaults
        };
        let mut seen: Vec<&Kind> = Vec::new();
        for kind in rules.account_kinds.iter().chain(&rules.contact_kinds).chain(&rules.device_kinds) {
            if seen.contains(&kind) {
                return Err(IdentityError::KindTwice { kind: kind.as_str().into() });
            }
            seen.push(kind);
        }
        Ok(rules)
    }
}

/// A rule of identity that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum IdentityError {
    #[error("[identity]: \"{kind}\" is no kind: write lower case letters, digits, _ and ., such as \"crm_id\"")]
    NotAKind { kind: Box<str> },
    #[error("[identity]: the kind \"{kind}\" stands in two places: each kind belongs to one class, once")]
    KindTwice { kind: Box<str> },
    #[error("[identity]: default_region: {0}")]
    Region(#[from] UnknownRegion),
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

/// Kinds stand in paths, logs and every row of an identifier.
const MAX_KIND_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_kinds_come_in_their_order_and_built_in_ones_behind() {
        let table = IdentityTable { account_kinds: Some(vec!["crm_id".to_owned()]), ..IdentityTable::default() };
        assert_eq!(table.settle().unwrap().account_kinds, [Kind::new("crm_id"), Kind::USER_ID]);
        assert_eq!(IdentityTable::default().settle().unwrap(), Rules::default());
    }

    #[test]
    fn a_kind_of_two_classes_or_twice_in_one_is_refused() {
        for (accounts, contacts) in [(vec!["email"], vec![]), (vec!["a", "a"], vec![]), (vec!["a"], vec!["a"])] {
            let owned = |kinds: Vec<&str>| Some(kinds.into_iter().map(str::to_owned).collect());
            let table =
                IdentityTable { account_kinds: owned(accounts), contact_kinds: owned(contacts), default_region: None };
            assert!(matches!(table.settle(), Err(IdentityError::KindTwice { .. })), "{table:?}");
        }
    }

    #[test]
    fn what_is_no_kind_and_no_region_is_refused_by_its_name() {
        for name in ["", "CRM", "crm id", "crm:id"] {
            let table = IdentityTable { account_kinds: Some(vec![name.to_owned()]), ..IdentityTable::default() };
            assert!(matches!(table.settle(), Err(IdentityError::NotAKind { .. })), "{name}");
        }
        let table = IdentityTable { default_region: Some("ZZ".to_owned()), ..IdentityTable::default() };
        assert!(table.settle().unwrap_err().to_string().contains("ZZ"));
    }
}
