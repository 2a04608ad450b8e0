//! What a claim is, and which of its names speaks for it.

use selvedge_core::identifier::{Class, Kind};

use super::Rules;
use crate::event::{Claimed, Order, Source, Strength};

/// What an event says about identifiers. Events that name the same with the same strength from the same source make
/// one claim for [`super::place`]: only their first order counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The order of the first event that says so.
    pub order: Order,
    /// Every identifier that the event names, devices too.
    pub identifiers: Vec<Claimed>,
    /// The write key that it came with.
    pub source: Source,
}

/// The name that speaks for a claim: the `user_id`, else the first account or contact by (class, kind priority,
/// value). A claim of devices alone has none.
pub fn anchor<'a>(claim: impl IntoIterator<Item = &'a Claimed>, rules: &Rules) -> Option<&'a Claimed> {
    claim.into_iter().filter(|claimed| is_name(claimed, rules)).min_by_key(|claimed| {
        let by_rank = rules.rank(&claimed.identifier);
        (claimed.identifier.kind != Kind::USER_ID, by_rank)
    })
}

/// How far an event is trusted as a whole, which is the rank of the traits that it sets: as its anchor is, or, when
/// it names only devices, as the first of them. `None` for a claim without identifiers.
pub fn strength<'a>(claim: impl IntoIterator<Item = &'a Claimed> + Clone, rules: &Rules) -> Option<Strength> {
    let first_device = || claim.clone().into_iter().min_by_key(|claimed| rules.rank(&claimed.identifier));
    anchor(claim.clone(), rules).or_else(first_device).map(|claimed| claimed.strength)
}

/// Whether it is an account or a contact: what names a person, not a thing.
pub(super) fn is_name(claimed: &Claimed, rules: &Rules) -> bool {
    matches!(rules.class(&claimed.identifier.kind), Class::Account | Class::Contact)
}

#[cfg(test)]
mod tests {
    use selvedge_core::identifier::Identifier;

    use super::*;

    #[test]
    fn the_user_id_speaks_for_a_claim_even_where_another_account_kind_has_priority() {
        let rules = Rules { account_kinds: vec![Kind::new("crm_id"), Kind::USER_ID], ..Rules::default() };
        let claim = [claimed("crm_id", "c1"), claimed("user_id", "u1"), claimed("email", "e1")];
        assert_eq!(anchor(&claim, &rules), Some(&claim[1]));
        assert_eq!(anchor([&claim[0], &claim[2]], &rules), Some(&claim[0]));
    }

    #[test]
    fn devices_alone_have_no_anchor_but_lend_their_strength() {
        let rules = Rules::default();
        let device = Claimed { strength: Strength::Asserted, ..claimed("anonymous_id", "a1") };
        assert_eq!(anchor([&device], &rules), None);
        assert_eq!(strength([&device], &rules), Some(Strength::Asserted));
        assert_eq!(strength([&device, &claimed("email", "e1")], &rules), Some(Strength::Observed));
        assert_eq!(strength([], &rules), None);
    }

    fn claimed(kind: &str, value: &str) -> Claimed {
        Claimed { identifier: Identifier::new(Kind::new(kind), value), strength: Strength::Observed }
    }
}
