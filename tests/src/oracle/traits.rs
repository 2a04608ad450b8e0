//! Section 6, "Traits": of everyone, by the strongest rank that has a value left.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use selvedge_collector::event::Strength;
use serde_json::Value;

use super::Whose;
use super::claims::{Claim, anchor, devices};
use super::rules::{Rules, TraitRule};

/// Of everyone who has any: the value of each trait and the rank that it has it by.
pub(super) type Traits = BTreeMap<Whose, BTreeMap<String, (Value, Strength)>>;

pub(super) fn traits(claims: &[Claim], owner: &BTreeMap<String, Whose>, rules: &Rules) -> Traits {
    let mut in_order: Vec<(&Claim, Strength)> =
        claims.iter().filter_map(|claim| Some((claim, rank(claim, rules)?))).collect();
    in_order.sort_by_key(|(claim, _)| claim.event.order.clone());
    let mut sets: BTreeMap<(Whose, String, Strength), Vec<Value>> = BTreeMap::new();
    for (claim, rank) in in_order {
        for (name, value) in &claim.event.traits {
            let whose = owner[&*claim.event.order.message_id].clone();
            let earlier = sets.entry((whose, name.clone(), rank)).or_default();
            if value.is_null() {
                earlier.clear();
            } else {
                earlier.push(value.clone());
            }
        }
    }
    let mut found = Traits::new();
    // From the weakest rank to the strongest: the last that has a value left is the last to write.
    for ((whose, name, rank), values) in sets.into_iter().filter(|(_, values)| !values.is_empty()) {
        let rule = rules.trait_rules.get(&name).copied().unwrap_or_default();
        found.entry(whose).or_default().insert(name, (chosen(&values, rule), rank));
    }
    found
}

/// How far an event is believed: as its anchor is, else as the first of its devices.
pub(super) fn rank(claim: &Claim, rules: &Rules) -> Option<Strength> {
    let speaks = anchor(&claim.left, rules).or(devices(&claim.left, rules).first().copied());
    speaks.map(|claimed| claimed.strength)
}

/// The value of these, which are in order and not none.
fn chosen(values: &[Value], rule: TraitRule) -> Value {
    let first = &values[0];
    let value = match rule {
        TraitRule::Latest => &values[values.len() - 1],
        TraitRule::First => first,
        TraitRule::Max => values.iter().fold(first, |most, value| if size(value, most).is_gt() { value } else { most }),
        TraitRule::Min => {
            values.iter().fold(first, |least, value| if size(value, least).is_lt() { value } else { least })
        }
        TraitRule::Union => return union(values),
    };
    value.clone()
}

/// Numbers by size, texts by bytes after all numbers, anything else behind by its JSON.
fn size(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => (sort(a), a.to_string()).cmp(&(sort(b), b.to_string())),
    }
}

fn sort(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => 2,
    }
}

/// What was said, each once, as it was first said. A list says its elements.
fn union(values: &[Value]) -> Value {
    let mut all: Vec<Value> = Vec::new();
    for value in values {
        for element in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            if !all.contains(element) {
                all.push(element.clone());
            }
        }
    }
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_chooses_from_what_was_said_in_order() {
        let said = [json!(2), json!(9), json!(1), json!(3)];
        let chosen_by = |rule| chosen(&said, rule);
        assert_eq!(chosen_by(TraitRule::Latest), json!(3));
        assert_eq!(chosen_by(TraitRule::First), json!(2));
        assert_eq!(chosen_by(TraitRule::Max), json!(9));
        assert_eq!(chosen_by(TraitRule::Min), json!(1));
        assert_eq!(chosen_by(TraitRule::Union), json!([2, 9, 1, 3]));
    }

    #[test]
    fn a_union_takes_lists_apart_and_says_nothing_twice() {
        assert_eq!(
            chosen(&[json!(["a", "b"]), json!("b"), json!(["c", "a"])], TraitRule::Union),
            json!(["a", "b", "c"])
        );
    }
}
