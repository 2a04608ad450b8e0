//! Rules as text: all of them, the defaults too, in one order. A ledger keeps its rules so: equal rules have equal
//! texts, and a later version with other defaults reads the same rules.

use std::collections::BTreeMap;
use std::fmt::Write;

use selvedge_core::identifier::Kind;
use serde_json::{Value, json};

use super::{DAY_MS, MINUTE_MS};
use crate::event::UnixMillis;
use crate::identity::Rules;
use crate::identity::normal::Region;

/// The rules file that states these rules.
pub fn rules_text(rules: &Rules) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{name} = {value}");
    };
    line("account_kinds", list(rules.account_kinds.iter().map(Kind::as_str)));
    line("contact_kinds", list(rules.contact_kinds.iter().map(Kind::as_str)));
    if let Some(region) = rules.default_region {
        line("default_region", quoted(region.code()));
    }
    line("contact_limit", rules.contact_limit.to_string());
    line("crowd_limit", rules.crowd_limit.to_string());
    line("device_people_limit", rules.device_people_limit.to_string());
    line("shared_device_gap_minutes", (rules.shared_device_gap_ms / MINUTE_MS).to_string());
    line("shared_device_span_days", (rules.shared_device_span_ms / DAY_MS).to_string());
    line("session_gap_minutes", (rules.session_gap_ms / MINUTE_MS).to_string());
    if let Some(guard_from) = rules.guard_from {
        line("guard_from", quoted(&guard_from.rfc3339()));
    }
    line("blocked_values", list(rules.blocked.values().iter().map(|value| &**value)));
    line("blocked_patterns", list(rules.blocked.patterns().iter().map(|pattern| &**pattern)));
    if !rules.trait_rules.is_empty() {
        text.push_str("\n[traits]\n");
        for (name, rule) in &rules.trait_rules {
            let _ = writeln!(text, "{} = {}", quoted(name), quoted(rule.as_str()));
        }
    }
    text
}

/// The same for programs.
pub fn rules_json(rules: &Rules) -> Value {
    let names = |kinds: &[Kind]| kinds.iter().map(|kind| kind.as_str().to_owned()).collect::<Vec<_>>();
    let traits: BTreeMap<&str, &str> = rules.trait_rules.iter().map(|(name, rule)| (&**name, rule.as_str())).collect();
    json!({
        "account_kinds": names(&rules.account_kinds),
        "contact_kinds": names(&rules.contact_kinds),
        "default_region": rules.default_region.map(Region::code),
        "contact_limit": rules.contact_limit,
        "crowd_limit": rules.crowd_limit,
        "device_people_limit": rules.device_people_limit,
        "shared_device_gap_minutes": rules.shared_device_gap_ms / MINUTE_MS,
        "shared_device_span_days": rules.shared_device_span_ms / DAY_MS,
        "session_gap_minutes": rules.session_gap_ms / MINUTE_MS,
        "guard_from": rules.guard_from.map(UnixMillis::rfc3339),
        "blocked_values": rules.blocked.values(),
        "blocked_patterns": rules.blocked.patterns(),
        "traits": traits,
    })
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(quoted).collect::<Vec<_>>().join(", "))
}

/// A basic string (TOML 1.0): what is no printable character stands as an escape.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            sign if sign.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(sign));
            }
            sign => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::super::parse_rules;
    use super::super::tests::EVERYTHING;
    use super::*;

    #[test]
    fn rules_read_back_from_their_text() {
        for text in ["", EVERYTHING] {
            let rules = parse_rules(text).unwrap();
            let written = rules_text(&rules);
            assert_eq!(parse_rules(&written).unwrap(), rules, "{written}");
            assert_eq!(rules_text(&parse_rules(&written).unwrap()), written);
        }
    }
}
