//! What operators decided, as a group of events meets it; and a decision's or a withdrawal's own way into the ledger.

use std::collections::BTreeSet;

use super::Settling;
use super::ground::Claims;
use crate::identity::{DecisionVerb, Decisions};
use crate::store::{DecisionRow, NameId, StoreError};

impl Settling<'_> {
    fn decided(&mut self, verb: DecisionVerb) -> Result<Vec<DecisionRow>, StoreError> {
        let decisions = self.memory.decisions(self.transaction, self.workspace)?;
        Ok(decisions.iter().filter(|decision| decision.verb == verb).cloned().collect())
    }

    /// The names that a decision takes out of every claim.
    pub(super) fn ignored(&mut self) -> Result<BTreeSet<NameId>, StoreError> {
        Ok(self.decided(DecisionVerb::Ignore)?.into_iter().map(|decision| decision.x).collect())
    }

    /// The pairs that decisions keep apart, as they were named.
    pub(super) fn kept_apart_rows(&self) -> Result<Vec<(NameId, NameId)>, StoreError> {
        let decisions = self.transaction.decisions(self.workspace)?;
        let stands =
            |decision: &&DecisionRow| decision.verb == DecisionVerb::KeepApart && decision.withdrawn_at.is_none();
        Ok(decisions.iter().filter(stands).filter_map(|decision| Some((decision.x, decision.y?))).collect())
    }

    /// The decisions that stand, about the names that are placed.
    pub(super) fn standing_decisions(&mut self, claims: &Claims<'_>) -> Result<Decisions, StoreError> {
        let placed = |name| claims.identifier(claims.placed(name)?);
        let mut decisions = Decisions::default();
        let mut links = self.decided(DecisionVerb::Link)?;
        links.sort_by_key(|link| std::cmp::Reverse((link.at, link.id)));
        for link in links {
            if let Some(y) = link.y {
                decisions.links.push((placed(link.x)?, placed(y)?));
            }
        }
        for apart in self.decided(DecisionVerb::KeepApart)? {
            if let Some(y) = apart.y {
                decisions.part(placed(apart.x)?, placed(y)?);
            }
        }
        Ok(decisions)
    }
}
