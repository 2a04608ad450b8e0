//! What operators decided, as a group of events meets it; and a decision's or a withdrawal's own way into the ledger.

use std::collections::BTreeSet;

use selvedge_core::identifier::{Class, Identifier};

use super::ground::Claims;
use super::memory::Standing;
use super::{Cause, Committer, Settling};
use crate::event::{UnixMillis, Workspace};
use crate::identity::DecisionVerb;
use crate::store::{DecisionId, DecisionRow, Flags, Name, NameId, NewDecision, Placement, Store, StoreError};

impl Settling<'_> {
    /// The decisions of this sort that stand.
    pub(super) fn decided(&mut self, verb: DecisionVerb) -> Result<Vec<DecisionRow>, StoreError> {
        let decisions = self.memory.decisions(self.transaction, self.workspace)?;
        Ok(decisions.iter().filter(|decision| decision.verb == verb).cloned().collect())
    }

    /// The pairs that decisions keep apart, as they were named.
    pub(super) fn kept_apart_rows(&mut self) -> Result<Vec<(NameId, NameId)>, StoreError> {
        let apart = self.decided(DecisionVerb::KeepApart)?;
        Ok(apart.into_iter().filter_map(|decision| Some((decision.x, decision.y?))).collect())
    }
}

/// A decision as an operator makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whose ledger.
    pub workspace: Workspace,
    /// What is decided.
    pub verb: DecisionVerb,
    /// About whom, in its normal form.
    pub x: Identifier,
    /// And whom; none for an ignored name.
    pub y: Option<Identifier>,
    /// Why, in the operator's words.
    pub reason: Box<str>,
    /// Who decides: the name of the key.
    pub author: Box<str>,
    /// When.
    pub at: UnixMillis,
}

/// Why a decision is not taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum DecisionRefusal {
    #[error("no event names {name}: check kind and value, and that the rules declare a kind of your own")]
    Unknown { name: Identifier },
    #[error("{verb} needs two names: say x and y")]
    NoSecond { verb: &'static str },
    #[error("ignore takes one name: leave y out")]
    OneTooMany,
    #[error("both names are {name}: a name cannot be decided about itself")]
    Same { name: Identifier },
    #[error("{name} is a device: people share devices, so it cannot be linked; its history follows its logins")]
    DeviceLinked { name: Identifier },
    #[error("{x} and {y} are both devices: keep a person's name apart from a device")]
    TwoDevices { x: Identifier, y: Identifier },
    #[error("a decision needs a reason: say why, for whoever asks later")]
    NoReason,
    #[error("the reason is longer than {MAX_REASON_CHARS} characters: say it in fewer")]
    ReasonTooLong,
    #[error("no decision that stands has the id {id}")]
    NoSuchDecision { id: i64 },
}

/// A reason is read in a line of a list.
const MAX_REASON_CHARS: usize = 1_000;

impl Committer {
    /// Takes a decision and draws its consequences, in one transaction.
    pub fn decide(
        &mut self,
        store: &dyn Store,
        decision: &Decision,
    ) -> Result<Result<DecisionRow, DecisionRefusal>, StoreError> {
        self.in_transaction(store, decision.workspace, |settling| settling.decide(decision))
    }

    /// Withdraws a decision, which restores what was before, in one transaction.
    pub fn withdraw(
        &mut self,
        store: &dyn Store,
        workspace: Workspace,
        (id, at): (DecisionId, UnixMillis),
    ) -> Result<Result<DecisionRow, DecisionRefusal>, StoreError> {
        self.in_transaction(store, workspace, |settling| settling.withdraw_decision(id, at))
    }

    /// Does something to the ledger and draws the consequences, all of it or, when it is refused, nothing.
    pub(super) fn in_transaction<T, R>(
        &mut self,
        store: &dyn Store,
        workspace: Workspace,
        act: impl FnOnce(&mut Settling<'_>) -> Result<Result<T, R>, StoreError>,
    ) -> Result<Result<T, R>, StoreError> {
        let act_and_settle = || {
            let transaction = store.transaction()?;
            let mut settling = Settling::new(&*transaction, &self.rules, &mut self.memory, workspace)?;
            let done = act(&mut settling)?;
            if done.is_ok() {
                settling.settle()?;
                transaction.commit()?;
            }
            Ok(done)
        };
        let done = act_and_settle();
        if !matches!(done, Ok(Ok(_))) {
            // What was remembered since the transaction began may be rows that are not there.
            self.memory.forget();
        }
        done
    }
}

fn refused_reason(reason: &str) -> Option<DecisionRefusal> {
    if reason.trim().is_empty() {
        return Some(DecisionRefusal::NoReason);
    }
    (reason.chars().count() > MAX_REASON_CHARS).then_some(DecisionRefusal::ReasonTooLong)
}

impl Settling<'_> {
    fn decide(&mut self, decision: &Decision) -> Result<Result<DecisionRow, DecisionRefusal>, StoreError> {
        if let Some(refusal) = refused_reason(&decision.reason) {
            return Ok(Err(refusal));
        }
        let (x, y) = match self.names_of_decision(decision)? {
            Ok(names) => names,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Decision { verb, reason, author, at, .. } = decision.clone();
        let (x, y) = (x.id, y.map(|y| y.id));
        let new = NewDecision { verb, x, y, reason, author, at };
        let id = self.transaction.insert_decision(self.workspace, &new)?;
        let NewDecision { verb, x, y, reason, author, at } = new;
        let row = DecisionRow { id, verb, x, y, reason, author, at, withdrawn_at: None };
        self.unsettle_decided(&row)?;
        Ok(Ok(row))
    }

    fn withdraw_decision(
        &mut self,
        id: DecisionId,
        at: UnixMillis,
    ) -> Result<Result<DecisionRow, DecisionRefusal>, StoreError> {
        let decisions = self.transaction.decisions(self.workspace)?;
        let row = decisions.into_iter().find(|decision| decision.id == id);
        match row {
            Some(row) if self.transaction.withdraw_decision(self.workspace, id, at)? => {
                self.unsettle_decided(&row)?;
                Ok(Ok(DecisionRow { withdrawn_at: Some(at), ..row }))
            }
            _ => Ok(Err(DecisionRefusal::NoSuchDecision { id: id.0 })),
        }
    }

    /// The rows of the names that a decision is about, if it can be about them.
    fn names_of_decision(
        &self,
        decision: &Decision,
    ) -> Result<Result<(Name, Option<Name>), DecisionRefusal>, StoreError> {
        let known = |name: &Identifier| -> Result<Result<Name, DecisionRefusal>, StoreError> {
            let row = self.transaction.name_id(self.workspace, name)?;
            let row = row.map(|row| self.transaction.name(row)).transpose()?;
            Ok(row.ok_or_else(|| DecisionRefusal::Unknown { name: name.clone() }))
        };
        let is_device = |name: &Name| name.class == Class::Device;
        let x = match known(&decision.x)? {
            Ok(x) => x,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let y = match decision.y.as_ref().map(known).transpose()? {
            Some(Err(refusal)) => return Ok(Err(refusal)),
            Some(Ok(y)) => Some(y),
            None => None,
        };
        let refusal = match (decision.verb, &y) {
            (DecisionVerb::Ignore, None) => None,
            (DecisionVerb::Ignore, Some(_)) => Some(DecisionRefusal::OneTooMany),
            (verb, None) => Some(DecisionRefusal::NoSecond { verb: verb.as_str() }),
            (_, Some(y)) if y.id == x.id => Some(DecisionRefusal::Same { name: x.identifier.clone() }),
            (DecisionVerb::Link, Some(y)) => [&x, y]
                .into_iter()
                .find(|name| is_device(name))
                .map(|device| DecisionRefusal::DeviceLinked { name: device.identifier.clone() }),
            (DecisionVerb::KeepApart, Some(y)) if is_device(&x) && is_device(y) => {
                Some(DecisionRefusal::TwoDevices { x: x.identifier.clone(), y: y.identifier.clone() })
            }
            (DecisionVerb::KeepApart, Some(_)) => None,
        };
        Ok(refusal.map_or(Ok((x, y)), Err))
    }

    /// Has the names of a decision, and the devices, looked at again.
    pub(super) fn unsettle_decided(&mut self, row: &DecisionRow) -> Result<(), StoreError> {
        self.memory.forget_decisions();
        self.cause = Cause { arrival: 1, message_id: row.id.said_as() };
        self.unsettle_names_of(row)
    }

    /// The same, because of what is at hand.
    pub(super) fn unsettle_names_of(&mut self, row: &DecisionRow) -> Result<(), StoreError> {
        for name in [Some(row.x), row.y].into_iter().flatten() {
            if self.transaction.name(name)?.class != Class::Device {
                let claims = Claims::new(self.transaction, self.rules, self.workspace);
                let about = self.decided_about(name, &claims)?;
                self.unsettle(&[name, about]);
                if row.verb == DecisionVerb::KeepApart {
                    // It is, or was, why any two names of theirs are not one person's.
                    let leader = self.memory.leader(self.transaction, name)?;
                    let members = leader.map(|leader| self.transaction.members(leader)).transpose()?;
                    self.unsettle(&members.unwrap_or_default());
                }
                continue;
            }
            let forms = self.forms_of_device(name)?;
            if row.verb == DecisionVerb::Ignore {
                self.settle_ignored_devices(&forms)?;
            }
            self.new_devices.insert(name);
            forms.into_iter().try_for_each(|form| self.remark(form))?;
        }
        // Whom a device shows, or no more, is seen when its history is looked at: but a person kept apart from it loses
        // what the device gave.
        if let Some(y) = row.y {
            for name in [row.x, y] {
                if let Some(leader) = self.memory.leader(self.transaction, name)? {
                    self.changes.renew(leader, &self.cause.message_id.clone());
                }
            }
        }
        Ok(())
    }

    /// A device that a decision is about, in every form that the ledger has of it.
    fn forms_of_device(&self, named: NameId) -> Result<BTreeSet<NameId>, StoreError> {
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        let mut forms = BTreeSet::from([named, claims.placed(named)?, self.decided_about(named, &claims)?]);
        for form in forms.clone() {
            forms.extend(self.transaction.other_names_of(form)?);
        }
        Ok(forms)
    }

    /// Notes of the forms of a device whether they are ignored, and then asks their claims anew who is left in them.
    pub(super) fn settle_ignored_devices(&mut self, forms: &BTreeSet<NameId>) -> Result<(), StoreError> {
        let claims = Claims::new(self.transaction, self.rules, self.workspace);
        let ignored = self.ignored_in_any_form(&claims)?;
        for &form in forms {
            let before = self.transaction.placement(form)?.unwrap_or_default();
            let after = Placement { is_ignored: ignored.contains(&form), ..before };
            self.transaction.set_placement(form, (after != Placement::default()).then_some(&after))?;
            self.memory.set_standing(form, Standing { leader: None, flags: Flags::of(&after) });
        }
        let (claims, cause) = (Claims::new(self.transaction, self.rules, self.workspace), self.cause.clone());
        forms.iter().try_for_each(|form| self.anchor_anew(*form, &cause, &claims))
    }
}
