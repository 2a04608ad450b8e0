//! Traits: which of all the values that were ever set is the one (identity.md, section 6).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::event::{Order, Strength};

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

/// The traits that sets come to, in whatever order they are given: of each name the latest value of the strongest
/// rank that has one left.
pub fn fold_traits(sets: impl IntoIterator<Item = TraitSet>) -> BTreeMap<Box<str>, Box<RawValue>> {
    // The latest set of a rank is its value, and a null that is the latest leaves the rank without one: so of each
    // rank only the latest set matters.
    let mut latest: BTreeMap<(Box<str>, Strength), (Order, Box<RawValue>)> = BTreeMap::new();
    for TraitSet { name, strength, order, value } in sets {
        let slot = latest.entry((name, strength)).or_insert_with(|| (order.clone(), value.clone()));
        if slot.0 < order {
            *slot = (order, value);
        }
    }
    let with_value = latest.into_iter().filter(|(_, (_, value))| value.get() != "null");
    // Weaker ranks come first, so that the strongest stays.
    with_value.map(|((name, _), (_, value))| (name, value)).collect()
}

#[cfg(test)]
mod tests {
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

    fn set(name: &str, strength: Strength, time: i64, value: &str) -> TraitSet {
        let order = Order { time: UnixMillis(time), message_id: "m".into() };
        TraitSet { name: name.into(), strength, order, value: RawValue::from_string(value.to_owned()).unwrap() }
    }

    fn folded(sets: &[TraitSet]) -> String {
        serde_json::to_string(&fold_traits(sets.to_vec())).unwrap()
    }
}
