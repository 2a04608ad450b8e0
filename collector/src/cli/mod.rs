//! The command line: what scripts and operators rely on. Thin: each command settles its settings, calls what does
//! the work, and prints. Exit 0 success, 1 failure, 2 usage.

mod concealing;
mod erase;
mod first_keys;
mod identity_key;
mod key;
mod lock;
mod profile;
mod reach;
mod rebuilding;
mod replay;
mod rules;
mod serve;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::clock::NoChance;
use crate::config::{ConfigError, RulesError};
use crate::event::Workspace;
use crate::identity::ProfileId;
use crate::identity_key::{NoIdentityKey, NotAPublicKey};
use crate::ingest::commit::DecisionRefusal;
use crate::rebuild::RebuildError;
use crate::store::{StoreError, View};

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
    /// Make, import, list and revoke what proves a login: your backend signs, the collector checks
    IdentityKey(identity_key::IdentityKeyCommand),
    /// Look at people: who is who and why; decide where the events do not
    Profile(profile::ProfileCommand),
    /// Show the rules of who is who, try others, change to them
    Rules(rules::RulesCommand),
    /// Derive anew what follows from the events, by the rules that the ledger has; no server may run
    Replay(replay::ReplayCommand),
    /// Erase a person: its events, and every occurrence of its identifiers, also from the bytes of the files
    Erase(erase::EraseCommand),
}

/// Runs what the command line asks for. A usage error ends in clap, with exit code 2.
pub fn run() -> Result<(), CommandError> {
    let command = Cli::parse().command;
    log_to_stderr();
    match command {
        Command::Serve(command) => serve::run(command),
        Command::Key(command) => key::run(&command),
        Command::IdentityKey(command) => identity_key::run(&command),
        Command::Profile(command) => profile::run(&command),
        Command::Rules(command) => rules::run(&command),
        Command::Replay(command) => replay::run(&command),
        Command::Erase(command) => erase::run(&command),
    }
}

/// Why a command failed: one sentence for whoever typed it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Chance(#[from] NoChance),
    #[error("{error}{}", because(error))]
    Store { error: StoreError },
    #[error("there is no ledger in {}: name its directory with --data, or start `selvedge serve` there", directory.display())]
    NoLedger { directory: PathBuf },
    #[error("--trust is of public keys: what a {right} key says is believed; leave it out")]
    TrustOfAServer { right: &'static str },
    #[error("no key has the id {id}: `selvedge key list` shows them")]
    NoSuchKey { id: i64 },
    #[error(transparent)]
    IdentityKey(#[from] NoIdentityKey),
    #[error("no identity key has the id {id}: `selvedge identity-key list` shows them")]
    NoSuchIdentityKey { id: i64 },
    #[error("{} cannot be read: {source}", file.display())]
    Unread { file: PathBuf, source: io::Error },
    #[error("{} is no key to check tokens with: {why}", file.display())]
    NotAPublicKey { file: PathBuf, why: NotAPublicKey },
    #[error("the key {id} was revoked before")]
    AlreadyRevoked { id: i64 },
    #[error("the identity key {id} was revoked before")]
    IdentityKeyRevoked { id: i64 },
    #[error("the identity key {id} has the kid {kid} and counts: revoke it first, or give this one another with --kid")]
    KnownKid { id: i64, kid: String },
    #[error(transparent)]
    Decision(#[from] DecisionRefusal),
    #[error("no profile ever had the id {id}")]
    NoSuchProfile { id: ProfileId },
    #[error(
        "nobody goes by {name}: no event names it, or it counts for nobody (by a decision or the rules, as a crowd's, as a digest of two values, or for want of proof); check kind and value"
    )]
    Nobody { name: Box<str> },
    #[error("the server that holds this ledger refuses ({status}): {message}")]
    Refused { status: u16, message: Box<str> },
    #[error("the server that holds this ledger does not answer at {url}: {source}; try again")]
    Unanswered { url: Box<str>, source: Box<ureq::Error> },
    #[error("something else changes the ledger in {} for longer than this command waits: try again", directory.display())]
    Held { directory: PathBuf },
    #[error("another `selvedge serve` runs on {}: stop it, or give this one a directory of its own", directory.display())]
    InUse { directory: PathBuf },
    #[error("a `selvedge serve` runs on {}: stop it first; its ledger cannot be exchanged under it", directory.display())]
    ServerRuns { directory: PathBuf },
    #[error(
        "[identity] of the settings says other rules than the ledger was built with: try them with `selvedge rules check FILE` and change to them with `selvedge rules apply FILE`, or make the settings say what `selvedge rules show` prints (or nothing)"
    )]
    OtherRules,
    #[error(
        "this ledger keeps keyed digests in place of clear values, and cannot go back: set store_clear = false (or --store-clear false), or give this server a directory of its own"
    )]
    KeepsNoClearValues,
    #[error(
        "this ledger holds events with clear values: store_clear = false is of a new ledger only; leave it out, or give this server a directory of its own"
    )]
    KeepsClearValues,
    #[error(
        "the key of this ledger is not there: put {} back from where you keep a copy; without it no name of the ledger can be found by its value, and nothing new would join what is there",
        file.display()
    )]
    NoVeilKey { file: PathBuf },
    #[error(
        "{} holds another key than this ledger was made with: put the right one back from where you keep a copy; nothing was changed",
        file.display()
    )]
    OtherVeilKey { file: PathBuf },
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error("{error}{}", std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default())]
    Rebuild { error: RebuildError },
    #[error("cannot listen on {address}: {source}")]
    Listen { address: std::net::SocketAddr, source: io::Error },
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
}

impl From<RebuildError> for CommandError {
    fn from(error: RebuildError) -> Self {
        Self::Rebuild { error }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Store { error }
    }
}

/// Prints a line. The macros of std would panic where nobody reads any more: `selvedge key list | head -1`.
fn say(line: std::fmt::Arguments<'_>) -> Result<(), CommandError> {
    print(&format!("{line}\n"))
}

/// Prints the text as it is.
fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(system("cannot write to stdout"))
}

fn system(what: &'static str) -> impl Fn(io::Error) -> CommandError {
    move |source| CommandError::System { what, source }
}

/// The engine's own words behind ours: whoever typed the command has no other log.
fn because(error: &StoreError) -> String {
    std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default()
}

/// `SELVEDGE_LOG` says what is logged, in `tracing`'s words: `warn`, `selvedge_collector=debug`.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("SELVEDGE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(is_terminal).init();
}

/// The workspace that commands speak about.
fn default_workspace(view: &dyn View) -> Result<Workspace, StoreError> {
    view.workspace(DEFAULT_WORKSPACE)?.ok_or(StoreError::Impossible { what: "absence of the default workspace" })
}

const DEFAULT_WORKSPACE: &str = "default";
