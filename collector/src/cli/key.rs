//! `selvedge key`: makes, lists and revokes keys, beside a running server too: it asks the ledger at every request.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{CommandError, default_workspace, say};
use crate::clock::Clock;
use crate::config::{PlaceFlags, settle_place};
use crate::event::Source;
use crate::key::{Key, NewKey, NotAnOrigin, Origin, Right, StoredKey, Trust};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// `selvedge key`.
#[derive(Debug, Args)]
pub(super) struct KeyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it, the key alone; it is shown only now
    Create(CreateFlags),
    /// Show all keys, without the keys themselves
    List(PlaceAndForm),
    /// Refuse a key from now on
    Revoke(RevokeFlags),
}

#[derive(Debug, Args)]
struct CreateFlags {
    /// What it may do: public sends events, secret also reads, admin does everything
    right: RightWord,
    /// For people: which site, app or server has it
    #[arg(long)]
    name: Option<String>,
    /// Pages that may use it, such as https://shop.example; several are given one by one [default: all]
    #[arg(long, value_parser = origin)]
    origin: Vec<Origin>,
    /// How far what a public key says is believed [default: guarded]
    #[arg(long)]
    trust: Option<TrustWord>,
    #[command(flatten)]
    place: PlaceAndForm,
}

#[derive(Debug, Args)]
struct RevokeFlags {
    /// The id that `selvedge key list` shows
    id: i64,
    #[command(flatten)]
    place: PlaceAndForm,
}

#[derive(Debug, Args)]
pub(super) struct PlaceAndForm {
    #[command(flatten)]
    pub(super) place: PlaceFlags,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RightWord {
    Public,
    Secret,
    Admin,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TrustWord {
    Open,
    Guarded,
    Strict,
}

pub(super) fn run(command: &KeyCommand) -> Result<(), CommandError> {
    match &command.action {
        Action::Create(flags) => create(flags),
        Action::List(flags) => list(flags),
        Action::Revoke(flags) => revoke(flags),
    }
}

/// A script may make keys before the first start: it makes the ledger as well.
fn create(flags: &CreateFlags) -> Result<(), CommandError> {
    let right = match flags.right {
        RightWord::Public => Right::Public,
        RightWord::Secret => Right::Secret,
        RightWord::Admin => Right::Admin,
    };
    if flags.trust.is_some() && right != Right::Public {
        return Err(CommandError::TrustOfAServer { right: right.as_str() });
    }
    let trust = flags.trust.map_or(Trust::default(), |trust| match trust {
        TrustWord::Open => Trust::Open,
        TrustWord::Guarded => Trust::Guarded,
        TrustWord::Strict => Trust::Strict,
    });
    let store = SqliteStore::open(&settle_place(&flags.place.place)?)?;
    let key = Key::generate(right)?;
    let transaction = store.transaction()?;
    let id = transaction.insert_key(&NewKey {
        workspace: default_workspace(&*transaction)?,
        right,
        digest: key.digest(),
        name: flags.name.as_deref().map(Into::into),
        origins: flags.origin.clone(),
        trust,
        created_at: Clock::System.now(),
    })?;
    transaction.commit()?;
    match flags.place.json {
        true => say(format_args!("{}", json!({ "id": id.0, "right": right.as_str(), "key": key.reveal() })))?,
        false => say(format_args!("{}", key.reveal()))?,
    }
    Ok(())
}

fn list(flags: &PlaceAndForm) -> Result<(), CommandError> {
    let store = existing(&flags.place)?;
    let view = store.view()?;
    let keys = view.keys(default_workspace(&*view)?)?;
    if flags.json {
        say(format_args!("{}", json!({ "keys": keys.iter().map(as_json).collect::<Vec<_>>() })))?;
        return Ok(());
    }
    say(format_args!(
        "{:>4}  {:<7}  {:<8}  {:<24}  {:<24}  NAME AND ORIGINS",
        "ID", "RIGHT", "TRUST", "CREATED", "REVOKED"
    ))?;
    for key in keys {
        let trust = if key.right == Right::Public { key.trust.as_str() } else { "-" };
        let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), |at| at.rfc3339());
        let mut line = format!("{:>4}  {:<7}  {trust:<8}  ", key.id.0, key.right.as_str());
        line.push_str(&format!("{:<24}  {revoked:<24}  ", key.created_at.rfc3339()));
        line.push_str(key.name.as_deref().unwrap_or("-"));
        key.origins.iter().for_each(|origin| line.extend([" ", origin.as_str()]));
        say(format_args!("{line}"))?;
    }
    Ok(())
}

fn revoke(flags: &RevokeFlags) -> Result<(), CommandError> {
    let store = existing(&flags.place.place)?;
    let transaction = store.transaction()?;
    let workspace = default_workspace(&*transaction)?;
    let known = transaction.keys(workspace)?.into_iter().any(|key| key.id.0 == flags.id);
    if !known {
        return Err(CommandError::NoSuchKey { id: flags.id });
    }
    if !transaction.revoke_key(Source(flags.id), Clock::System.now())? {
        return Err(CommandError::AlreadyRevoked { id: flags.id });
    }
    transaction.commit()?;
    match flags.place.json {
        true => say(format_args!("{}", json!({ "id": flags.id, "revoked": true })))?,
        false => say(format_args!("key {} is revoked", flags.id))?,
    }
    Ok(())
}

/// The ledger that is there: a mistyped directory must not become a new one.
pub(super) fn existing(place: &PlaceFlags) -> Result<SqliteStore, CommandError> {
    let directory = settle_place(place)?;
    if !SqliteStore::exists(&directory) {
        return Err(CommandError::NoLedger { directory });
    }
    Ok(SqliteStore::open(&directory)?)
}

fn as_json(key: &StoredKey) -> serde_json::Value {
    json!({
        "id": key.id.0,
        "right": key.right.as_str(),
        "name": key.name,
        "origins": key.origins.iter().map(Origin::as_str).collect::<Vec<_>>(),
        "trust": key.trust.as_str(),
        "created_at": key.created_at.rfc3339(),
        "revoked_at": key.revoked_at.map(|at| at.rfc3339()),
    })
}

fn origin(text: &str) -> Result<Origin, NotAnOrigin> {
    Origin::parse(text)
}
