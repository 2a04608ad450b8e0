//! Traits: which of all the values that were ever set is the one (identity.md, section 6).
//!
//! What identity.md leaves open is decided here, once: for `max` and `min`, numbers come by size, before texts, which
//! come in the order of their bytes, before all else, which comes in the order of its JSON; of equal ones the first
//! stays. A number that no double holds goes with "all else".

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::event::{Order, Strength};
use crate::identity::TraitRule;

/// One value that one event set. Sets are never overwritten.
#[derive(Debug, Clone)]
pub struct TraitSet {
    /// The trait's name.
    pub name: Box<str>,
    /// How far the event is trusted, which is the rank of the set: see [`crate::identity::strength`].
    pub strength: Strength,
    /// The order of the event.
    pub order: Order,
    /// JSON text, as it came. `null` cancels the earlier sets of its own rank.
    pub value: Box<RawValue>,
}

/// The traits that sets come to, in whatever order they are given: of each name what its rule makes of the values of
/// the strongest rank that has one left. Traits without a rule have their latest value; of them, the latest set of
/// each rank is enough.
pub fn fold_traits(
    sets: impl IntoIterator<Item = TraitSet>,
    rules: &BTreeMap<Box<str>, TraitRule>,
) -> BTreeMap<Box<str>, Box<RawValue>> {
    // The latest set of a rank is its value, and a null that is the latest leaves the rank without one: so of each
    // rank only the latest set matters, unless a rule asks for all.
    let mut latest: BTreeMap<(Box<str>, Strength), (Order, Box<RawValue>)> = BTreeMap::new();
    let mut ruled: BTreeMap<(Box<str>, Strength), Sets> = BTreeMap::new();
    for TraitSet { name, strength, order, value } in sets {
        if rules.contains_key(&name) {
            ruled.entry((name, strength)).or_default().push((order, value));
            continue;
        }
        let slot = latest.entry((name, strength)).or_insert_with(|| (order.clone(), value.clone()));
        if slot.0 < order {
            *slot = (order, value);
        }
    }
    let with_value = latest.into_iter().filter(|(_, (_, value))| value.get() != NULL);
    let latest = with_value.map(|((name, _), (_, value))| (name, value));
    let chosen = ruled.into_iter().filter_map(|((name, _), sets)| {
        let rule = rules.get(&name).copied().unwrap_or_default();
        chosen(rule, left(sets)).map(|value| (name, value))
    });
    // Weaker ranks come first, so that the strongest stays.
    latest.chain(chosen).collect()
}

/// What was set, and when.
type Sets = Vec<(Order, Box<RawValue>)>;

/// The values of one rank that no null cancelled, in order, each with what it means.
fn left(mut sets: Sets) -> Vec<Meant> {
    sets.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let cancelled = sets.iter().rposition(|(_, value)| value.get() == NULL).map_or(0, |null| null + 1);
    sets.into_iter().skip(cancelled).map(|(_, value)| Meant::by(value)).collect()
}

/// A value as it was written, and what it means.
#[derive(Debug)]
struct Meant {
    written: Box<RawValue>,
    /// `None` for a number that no double holds.
    value: Option<Value>,
}

impl Meant {
    fn by(written: Box<RawValue>) -> Self {
        let value = serde_json::from_str(written.get()).ok();
        Self { written, value }
    }

    fn size(&self, other: &Self) -> Ordering {
        match (&self.value, &other.value) {
            (Some(Value::Number(one)), Some(Value::Number(other))) => {
                one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
            }
            (Some(Value::String(one)), Some(Value::String(other))) => one.cmp(other),
            _ => (self.sort(), self.json()).cmp(&(other.sort(), other.json())),
        }
    }

    fn sort(&self) -> u8 {
        match &self.value {
            Some(Value::Number(_)) => 0,
            Some(Value::String(_)) => 1,
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => 2,
        }
    }

    fn json(&self) -> String {
        self.value.as_ref().map_or_else(|| self.written.get().to_owned(), Value::to_string)
    }
}

/// The value of those that are left, which are in order; `None` for none.
fn chosen(rule: TraitRule, left: Vec<Meant>) -> Option<Box<RawValue>> {
    let mut values = left.into_iter();
    let best = |is_better: fn(Ordering) -> bool| {
        move |best: Meant, value: Meant| if is_better(value.size(&best)) { value } else { best }
    };
    let one = match rule {
        TraitRule::Latest => values.last(),
        TraitRule::First => values.next(),
        TraitRule::Max => values.reduce(best(Ordering::is_gt)),
        TraitRule::Min => values.reduce(best(Ordering::is_lt)),
        TraitRule::Union => return union(values.collect()),
    };
    one.map(|value| value.written)
}

/// All that was set, each once, in the order in which it was first set. A list sets its elements.
fn union(left: Vec<Meant>) -> Option<Box<RawValue>> {
    if left.is_empty() {
        return None;
    }
    // Whoever has a public key may have set a hundred thousand of them.
    let mut known = HashSet::new();
    let mut all: Vec<Box<RawValue>> = Vec::new();
    for value in left {
        let elements = match value.written.get().starts_with('[') {
            true => serde_json::from_str::<Vec<Box<RawValue>>>(value.written.get()).ok(),
            false => None,
        };
        let elements = elements.map(|elements| elements.into_iter().map(Meant::by).collect());
        for element in elements.unwrap_or_else(|| vec![value]) {
            let Meant { written, value } = element;
            let is_new = match value {
                Some(value) => known.insert((Some(value), None)),
                None => known.insert((None, Some(written.get().to_owned()))),
            };
            if is_new {
                all.push(written);
            }
        }
    }
    let written: Vec<&str> = all.iter().map(|element| element.get()).collect();
    RawValue::from_string(format!("[{}]", written.join(","))).ok()
}

const NULL: &str = "null";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::UnixMillis;

    #[test]
    fn the_latest_value_of_the_strongest_rank_is_the_trait() {
        let sets = [
            set("plan", Strength::Observed, 9, "\"free\""),
            set("plan", Strength::Proven, 2, "\"pro\""),
            set("plan", Strength::Proven, 1, "\"basic\""),
        ];
        assert_eq!(folded(&sets), r#"{"plan":"pro"}"#);
        assert_eq!(folded(&[&sets[..], &[set("plan", Strength::Asserted, 0, "1")]].concat()), r#"{"plan":1}"#);
    }

    #[test]
    fn a_null_cancels_the_earlier_sets_of_its_own_rank() {
        let sets = [
            set("plan", Strength::Asserted, 1, "\"pro\""),
            set("plan", Strength::Asserted, 2, "null"),
            set("city", Strength::Observed, 1, "\"Ulm\""),
            set("city", Strength::Observed, 2, "null"),
            set("city", Strength::Observed, 3, "\"Bonn\""),
        ];
        assert_eq!(folded(&sets), r#"{"city":"Bonn"}"#);
    }

    #[test]
    fn a_null_leaves_the_sets_of_weaker_ranks_to_speak() {
        let sets = [
            set("plan", Strength::Observed, 1, "\"free\""),
            set("plan", Strength::Asserted, 2, "\"pro\""),
            set("plan", Strength::Asserted, 3, "null"),
        ];
        assert_eq!(folded(&sets), r#"{"plan":"free"}"#);
    }

    #[test]
    fn events_of_one_time_are_told_apart_by_their_message_id() {
        let mut sets = [set("n", Strength::Observed, 1, "1"), set("n", Strength::Observed, 1, "2")];
        sets[0].order.message_id = "b".into();
        sets[1].order.message_id = "a".into();
        assert_eq!(folded(&sets), r#"{"n":1}"#);
    }

    #[test]
    fn the_order_in_which_sets_are_given_does_not_matter() {
        let mut sets = [
            set("a", Strength::Observed, 1, "1"),
            set("a", Strength::Observed, 2, "null"),
            set("a", Strength::Proven, 1, "{\"x\": 1.0}"),
            set("b", Strength::Observed, 3, "18446744073709551616"),
        ];
        let forwards = folded(&sets);
        sets.reverse();
        assert_eq!(folded(&sets), forwards);
        assert_eq!(forwards, r#"{"a":{"x": 1.0},"b":18446744073709551616}"#);
    }

    #[test]
    fn each_rule_chooses_from_what_was_set_in_order() {
        let sets = said(&["2", "9", "1", "3"]);
        for (rule, value) in [
            (TraitRule::Latest, "3"),
            (TraitRule::First, "2"),
            (TraitRule::Max, "9"),
            (TraitRule::Min, "1"),
            (TraitRule::Union, "[2,9,1,3]"),
        ] {
            assert_eq!(folded_by(rule, &sets), value, "{rule:?}");
        }
    }

    #[test]
    fn a_null_cancels_what_any_rule_would_choose_from() {
        let sets = said(&["9", "1", "null", "4", "3"]);
        for (rule, value) in
            [(TraitRule::First, "4"), (TraitRule::Max, "4"), (TraitRule::Min, "3"), (TraitRule::Union, "[4,3]")]
        {
            assert_eq!(folded_by(rule, &sets), value, "{rule:?}");
            assert_eq!(folded_by(rule, &said(&["1", "null"])), "", "{rule:?}");
        }
    }

    #[test]
    fn a_rule_looks_at_the_strongest_rank_that_has_a_value_left() {
        let mut sets = said(&["7", "8"]);
        sets.push(set("x", Strength::Asserted, 0, "1"));
        assert_eq!(folded_by(TraitRule::Max, &sets), "1");
        sets.push(set("x", Strength::Asserted, 1, "null"));
        assert_eq!(folded_by(TraitRule::Max, &sets), "8");
    }

    #[test]
    fn numbers_come_before_texts_and_texts_before_all_else() {
        let mixed = said(&["\"10\"", "true", "9", "1e400", "2.5", "{\"a\": 1}", "\"9\""]);
        assert_eq!(folded_by(TraitRule::Min, &mixed), "2.5");
        assert_eq!(folded_by(TraitRule::Max, &mixed), "{\"a\": 1}");
        assert_eq!(folded_by(TraitRule::Max, &said(&["\"10\"", "9", "\"9\""])), "\"9\"");
        assert_eq!(folded_by(TraitRule::Max, &said(&["-2", "-10", "0.5"])), "0.5");
    }

    #[test]
    fn a_union_takes_lists_apart_and_says_nothing_twice() {
        let sets = said(&["[\"a\", \"b\"]", "\"b\"", "{\"k\": [1]}", "[\"c\", \"a\", 18446744073709551616]", "[]"]);
        assert_eq!(folded_by(TraitRule::Union, &sets), r#"["a","b",{"k": [1]},"c",18446744073709551616]"#);
        assert_eq!(folded_by(TraitRule::Union, &said(&["[]"])), "[]");
    }

    proptest! {
        #[test]
        fn any_order_in_which_sets_are_given_comes_to_the_same_by_every_rule(
            (sets, shuffled) in some_sets().prop_flat_map(|sets| (Just(sets.clone()), Just(sets).prop_shuffle())),
        ) {
            for rule in TraitRule::ALL {
                prop_assert_eq!(folded_by(rule, &sets), folded_by(rule, &shuffled), "{:?}", rule);
            }
        }

        #[test]
        fn a_rule_of_latest_is_no_rule(sets in some_sets()) {
            let said = folded(&sets);
            let chosen = folded_by(TraitRule::Latest, &sets);
            prop_assert_eq!(said, if chosen.is_empty() { "{}".to_owned() } else { format!("{{\"x\":{chosen}}}") });
        }

        #[test]
        fn what_a_rule_chooses_was_set_by_the_strongest_rank_that_has_a_value_left(sets in some_sets()) {
            let left_of = |strength| {
                let of_rank = sets.iter().filter(|set| set.strength == strength);
                let null = of_rank.clone().filter(|set| set.value.get() == "null").map(|set| &set.order).max();
                let left = of_rank.filter(|set| null.is_none_or(|null| set.order > *null));
                left.map(|set| set.value.get().to_owned()).collect::<Vec<_>>()
            };
            let ranks = [Strength::Asserted, Strength::Proven, Strength::Observed];
            let left = ranks.into_iter().map(left_of).find(|left| !left.is_empty()).unwrap_or_default();
            for rule in [TraitRule::Latest, TraitRule::First, TraitRule::Max, TraitRule::Min] {
                let chosen = folded_by(rule, &sets);
                prop_assert!(left.contains(&chosen) || (left.is_empty() && chosen.is_empty()), "{:?} {}", rule, chosen);
            }
        }
    }

    /// Sets of one trait with few times, so that many are told apart by their messageId alone.
    fn some_sets() -> impl Strategy<Value = Vec<TraitSet>> {
        let strength = prop::sample::select(vec![Strength::Observed, Strength::Proven, Strength::Asserted]);
        let value = prop::sample::select(vec!["null", "1", "1.0", "2", "\"a\"", "\"b\"", "[1, \"a\"]", "true", "{}"]);
        let one = (strength, 0..4i64, value);
        prop::collection::vec(one, 0..12).prop_map(|sets| {
            let numbered = (0..).zip(sets).map(|(number, (strength, time, value))| {
                let mut set = set("x", strength, time, value);
                set.order.message_id = format!("m{number}").into();
                set
            });
            numbered.collect()
        })
    }

    fn set(name: &str, strength: Strength, time: i64, value: &str) -> TraitSet {
        let order = Order { time: UnixMillis(time), message_id: "m".into() };
        TraitSet { name: name.into(), strength, order, value: RawValue::from_string(value.to_owned()).unwrap() }
    }

    fn folded(sets: &[TraitSet]) -> String {
        serde_json::to_string(&fold_traits(sets.to_vec(), &BTreeMap::new())).unwrap()
    }

    fn folded_by(rule: TraitRule, sets: &[TraitSet]) -> String {
        let rules = BTreeMap::from([("x".into(), rule)]);
        let folded = fold_traits(sets.to_vec(), &rules);
        folded.get("x").map(|value| value.get().to_owned()).unwrap_or_default()
    }

    /// Values of one rank, one after another.
    fn said(values: &[&str]) -> Vec<TraitSet> {
        (0..).zip(values).map(|(time, value)| set("x", Strength::Observed, time, value)).collect()
    }
}
