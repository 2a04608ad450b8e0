//! `selvedge replay`: what follows from the ledger's events, derived anew by the rules that it has.

use clap::Args;

use super::CommandError;
use super::key::PlaceAndForm;
use super::rebuilding::{self, What};

/// `selvedge replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayCommand {
    #[command(flatten)]
    place: PlaceAndForm,
}

pub(super) fn run(command: &ReplayCommand) -> Result<(), CommandError> {
    rebuilding::apply(&command.place, None, What { because: "replay", done: "the ledger is built again" })
}
