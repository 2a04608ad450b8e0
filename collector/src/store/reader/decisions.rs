//! What operators decided, as it is read.

use selvedge_core::identifier::Identifier;
use serde::{Serialize, Serializer};

use super::{Reader, Said};
use crate::event::UnixMillis;
use crate::store::{DecisionRow, StoreError};

/// A decision with the names that it is about (protocol.md, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownDecision {
    /// Withdraws it.
    pub id: i64,
    /// `link`, `keep_apart` or `ignore`.
    pub op: &'static str,
    /// About whom.
    pub x: Identifier,
    /// And whom; `None` for an ignored name.
    pub y: Option<Identifier>,
    /// Why, in the operator's words.
    pub reason: Box<str>,
    /// The name of the key that it was taken with.
    pub author: Box<str>,
    /// When; RFC 3339.
    #[serde(serialize_with = "rfc3339")]
    pub at: UnixMillis,
    /// From when on it counts no more; RFC 3339.
    #[serde(serialize_with = "rfc3339_if_any")]
    pub withdrawn_at: Option<UnixMillis>,
}

impl Reader<'_> {
    /// All decisions, withdrawn ones too, oldest first.
    pub fn decisions(&self) -> Result<Vec<ShownDecision>, StoreError> {
        self.view.decisions(self.workspace)?.iter().map(|row| self.shown(row)).collect()
    }

    /// A decision as it is read.
    pub fn shown(&self, row: &DecisionRow) -> Result<ShownDecision, StoreError> {
        let name = |name| self.view.name(name).map(|name| name.identifier);
        Ok(ShownDecision {
            id: row.id.0,
            op: row.verb.as_str(),
            x: name(row.x)?,
            y: row.y.map(name).transpose()?,
            reason: row.reason.clone(),
            author: row.author.clone(),
            at: row.at,
            withdrawn_at: row.withdrawn_at,
        })
    }

    /// A decision as one of those who say something.
    pub(super) fn said_by_decision(&self, row: &DecisionRow) -> Result<Said, StoreError> {
        Ok(Said {
            message_id: None,
            time: Some(row.at),
            source: Some(row.author.clone()),
            strength: None,
            decision: Some(self.shown(row)?),
        })
    }
}

fn rfc3339<S: Serializer>(time: &UnixMillis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.rfc3339())
}

fn rfc3339_if_any<S: Serializer>(time: &Option<UnixMillis>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(UnixMillis::rfc3339).serialize(serializer)
}
