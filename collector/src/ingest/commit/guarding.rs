//! From when on what guarded sources observe of held names is taken out (identity.md, section 8): a rule that is set
//! once, when logins can be proven, for what is stored too.

use super::told::{Told, digest};
use super::{Cause, Committer, Settling};
use crate::event::{Claimed, Guard, UnixMillis, Workspace};
use crate::store::{Role, Shape, ShapeName, Store, StoreError, View};

impl Committer {
    /// Guards a workspace from this moment on, unless it is guarded already. Returns from when on it is.
    pub fn guard_from(
        &mut self,
        store: &dyn Store,
        workspace: Workspace,
        from: UnixMillis,
    ) -> Result<UnixMillis, StoreError> {
        let guarded = self.in_transaction(store, workspace, |settling| settling.guard(from).map(Ok::<_, ()>));
        // Which shapes are remembered by which claims has changed.
        self.memory.forget();
        guarded.map(|guarded| guarded.unwrap_or(from))
    }
}

impl Settling<'_> {
    fn guard(&mut self, from: UnixMillis) -> Result<UnixMillis, StoreError> {
        if let Some(guarded) = self.guard_from {
            return Ok(guarded);
        }
        self.transaction.set_rule(self.workspace, GUARD_FROM, &from.0.to_string())?;
        self.guard_from = Some(from);
        self.cause = Cause { arrival: 1, message_id: "rule:guard_from".into() };
        for device in self.transaction.guard_nameless(from)? {
            self.remark(device)?;
        }
        for shape in self.transaction.shapes_to_guard(self.workspace, from)? {
            let names = self.transaction.names_of(shape.id)?;
            let guarded = self.transaction.guard_shape(&shape, &self.retold(&shape, &names, Guard::Held)?, from)?;
            if guarded != shape.id {
                self.first_new_shape.get_or_insert(guarded);
            }
            for named in names {
                match named.role {
                    Role::Device => self.remark(named.name)?,
                    Role::Lone | Role::Tied | Role::Alias => self.unsettle(&[named.name]),
                }
            }
            self.reguarded.insert(guarded);
        }
        Ok(from)
    }

    /// Under which a shape is found by events that tell the same, with these names and under this guard.
    pub(super) fn retold(&self, shape: &Shape, names: &[ShapeName], guard: Guard) -> Result<[u8; 16], StoreError> {
        let (mut claim, mut older_account) = (Vec::new(), None);
        for named in names {
            let identifier = self.transaction.name(named.name)?.identifier;
            match named.role {
                Role::Alias => older_account = Some(identifier),
                Role::Device | Role::Lone | Role::Tied => {
                    claim.push(Claimed { identifier, strength: named.strength });
                }
            }
        }
        claim.sort_unstable_by(|one, other| self.rules.rank(&one.identifier).cmp(&self.rules.rank(&other.identifier)));
        // A snapshot's shape is never looked for: only that no other has its digest matters.
        let row = shape.id.0.to_string();
        let told = Told {
            workspace: self.workspace,
            source: shape.source,
            guard,
            claim: &claim,
            older_account: older_account.as_ref(),
            lost_names: shape.lost_names,
            subject: shape.is_snapshot.then_some(&*row),
        };
        Ok(digest(&told.bytes()))
    }
}

/// From when on a workspace is guarded, as was set while a server ran; what its rules say goes first.
pub fn guarded_from(view: &dyn View, workspace: Workspace) -> Result<Option<UnixMillis>, StoreError> {
    let guard_from = view.rule(workspace, GUARD_FROM)?;
    Ok(guard_from.and_then(|text| text.parse().ok()).map(UnixMillis))
}

/// The rule's name in the ledger; its value is a time in ms since 1970.
const GUARD_FROM: &str = "guard_from";
