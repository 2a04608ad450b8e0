//! Ties the anchor of each claim to the other names that are left of it.

use std::collections::{BTreeMap, HashSet};

use selvedge_core::identifier::Identifier;

use super::anchor::is_name;
use super::names::{Name, Names};
use super::{Claim, Quarantine, Rules, anchor, left};
use crate::event::{Claimed, Order, Source, Strength};

/// Says that two names are one person's. Edges sort in their order, ties decided: by anchor, then by the other end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge<'a> {
    pub(super) order: &'a Order,
    pub(super) anchor: Name,
    pub(super) other: Name,
    /// That of its weaker end.
    pub(super) strength: Strength,
    pub(super) source: Source,
}

impl Edge<'_> {
    /// Its ends whichever of them is the anchor: the same pair for the same two names.
    pub(super) fn pair(&self) -> (Name, Name) {
        (self.anchor.min(self.other), self.anchor.max(self.other))
    }
}

/// The edges that claims make, sorted; of those that say the same with and without trust, the first each.
pub(super) fn edges<'a>(
    claims: &'a [Claim],
    names: &Names<'_>,
    quarantined: &BTreeMap<Identifier, Quarantine>,
    rules: &Rules,
) -> Vec<Edge<'a>> {
    let mut edges = Vec::new();
    for claim in claims {
        let left = left(&claim.identifiers, quarantined).filter(|claimed| is_name(claimed, rules));
        let Some(anchor) = anchor(left.clone(), rules) else { continue };
        let edge_to = |other: &Claimed| {
            Some(Edge {
                order: &claim.order,
                anchor: names.number(&anchor.identifier)?,
                other: names.number(&other.identifier)?,
                strength: anchor.strength.min(other.strength),
                source: claim.source,
            })
        };
        edges.extend(left.filter(|other| other.identifier != anchor.identifier).filter_map(edge_to));
    }
    edges.sort_unstable();
    let mut said = HashSet::new();
    edges.retain(|edge| said.insert((edge.pair(), edge.strength.is_trusted())));
    edges
}

#[cfg(test)]
pub(super) mod tests_only {
    //! The edges of claims as the incremental engine is given them.

    use super::*;
    use crate::identity::crowd::quarantine;
    use crate::identity::incremental::Tie;

    pub(in crate::identity) fn ties(claims: &[Claim], rules: &Rules) -> Vec<Tie> {
        let quarantined = quarantine(claims, rules);
        let names = Names::of(claims.iter().flat_map(|claim| left(&claim.identifiers, &quarantined)), rules);
        let tie = |edge: &Edge<'_>| Tie {
            order: edge.order.clone(),
            anchor: names.identifier(edge.anchor).clone(),
            other: names.identifier(edge.other).clone(),
            strength: edge.strength,
            source: edge.source,
        };
        edges(claims, &names, &quarantined, rules).iter().map(tie).collect()
    }
}
