//! The command line: what scripts and operators rely on. Thin: each command settles its settings, calls what does
//! the work, and prints. Exit 0 success, 1 failure, 2 usage.

mod key;
mod serve;

use clap::{Parser, Subcommand};

use crate::config::ConfigError;

/// The edge that stitches: collects what people do, finds out who is who, hands clean profiles upstream.
#[derive(Debug, Parser)]
#[command(name = "selvedge", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the collector; the first start prints its keys
    Serve(serve::ServeCommand),
    /// Make, list and revoke keys
    Key(key::KeyCommand),
}

/// Runs what the command line asks for. A usage error ends in clap, with exit code 2.
pub fn run() -> Result<(), CommandError> {
    match Cli::parse().command {
        Command::Serve(command) => serve::run(command),
        Command::Key(command) => key::run(command),
    }
}

/// Why a command failed: one sentence for whoever typed it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
}
