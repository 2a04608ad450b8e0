//! The rules that a ledger was built with, as it keeps them.

use crate::config::{parse_rules, rules_text};
use crate::event::Workspace;
use crate::identity::Rules;
use crate::store::{Store, StoreError, View};

/// The rules that a ledger was built with; `None` for one that has none yet.
pub fn stored_rules(view: &dyn View, workspace: Workspace) -> Result<Option<Rules>, StoreError> {
    let text = view.rule(workspace, NAME)?;
    let parsed = text.map(|text| parse_rules(&text)).transpose();
    parsed.map_err(|_| StoreError::Impossible { what: "text of its rules" })
}

/// Notes the rules that a ledger is built with.
pub fn keep_rules(store: &dyn Store, workspace: Workspace, rules: &Rules) -> Result<(), StoreError> {
    let transaction = store.transaction()?;
    transaction.set_rule(workspace, NAME, &rules_text(rules))?;
    transaction.commit()
}

const NAME: &str = "rules";
