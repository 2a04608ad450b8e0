//! `selvedge serve`: wires the parts together and runs them until it is told to stop.

use super::CommandError;
use crate::config::{Config, ServeFlags};

/// `selvedge serve`.
#[derive(Debug, clap::Args)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    flags: ServeFlags,
}

pub(super) fn run(command: ServeCommand) -> Result<(), CommandError> {
    let config = Config::settle(command.flags)?;
    tracing::info!(data = %config.data.display(), "starting");
    Ok(())
}
