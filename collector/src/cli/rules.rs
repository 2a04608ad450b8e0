//! `selvedge rules`: the rules that a ledger was built with, what others would change, and changing to them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::key::{PlaceAndForm, existing};
use super::rebuilding::{self, What};
use super::{CommandError, print, say};
use crate::config::{read_rules, rules_text};
use crate::event::Workspace;
use crate::identity::Rules;
use crate::ingest::commit::guarded_from;
use crate::rebuild::{keep_rules, stored_rules};
use crate::store::{Store, StoreError, View};

/// `selvedge rules`.
#[derive(Debug, Args)]
pub(super) struct RulesCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the ledger's rules, as a rules file
    Show(PlaceAndForm),
    /// Say who would merge and who would split by other rules; changes nothing
    Check(FileFlags),
    /// Build the ledger again by other rules and say what that changed; no server may run
    Apply(FileFlags),
}

#[derive(Debug, Args)]
struct FileFlags {
    /// A rules file; what it leaves out is as by default
    file: PathBuf,
    #[command(flatten)]
    place: PlaceAndForm,
}

pub(super) fn run(command: &RulesCommand) -> Result<(), CommandError> {
    match &command.action {
        Action::Show(flags) => show(flags),
        Action::Check(flags) => {
            let rules = read_rules(&flags.file)?;
            rebuilding::check(&flags.place, rules)
        }
        Action::Apply(flags) => {
            let rules = read_rules(&flags.file)?;
            rebuilding::apply(&flags.place, Some(rules), What { because: "rules:apply", done: "the rules are applied" })
        }
    }
}

fn show(flags: &PlaceAndForm) -> Result<(), CommandError> {
    let store = existing(&flags.place)?;
    let view = store.view()?;
    let workspace = super::default_workspace(&*view)?;
    let mut rules = of_ledger(&*view, workspace)?;
    // The first identity key sets it, beside the rules that were applied.
    rules.guard_from = rules.guard_from.or(guarded_from(&*view, workspace)?);
    match flags.json {
        true => say(format_args!("{}", crate::config::rules_json(&rules)))?,
        false => print(&rules_text(&rules))?,
    }
    Ok(())
}

/// The rules by which a ledger is to be read: those that it was built with.
pub(super) fn of_ledger(view: &dyn View, workspace: Workspace) -> Result<Rules, StoreError> {
    Ok(stored_rules(view, workspace)?.unwrap_or_default())
}

/// The rules that a server runs by: the ledger's. A new ledger takes those of the settings; later the settings may only
/// say the same.
pub(super) fn settle(store: &dyn Store, workspace: Workspace, settings: Option<Rules>) -> Result<Rules, CommandError> {
    let stored = stored_rules(&*store.view()?, workspace)?;
    match (stored, settings) {
        (Some(stored), Some(settings)) if stored != settings => Err(CommandError::OtherRules),
        (Some(stored), _) => Ok(stored),
        (None, settings) => {
            let rules = settings.unwrap_or_default();
            keep_rules(store, workspace, &rules)?;
            Ok(rules)
        }
    }
}
