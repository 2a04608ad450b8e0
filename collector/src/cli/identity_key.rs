//! `selvedge identity-key`: makes, imports, lists and revokes what logins are proven with, beside a running server too:
//! it asks the ledger at every request.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::key::{PlaceAndForm, existing};
use super::{CommandError, default_workspace, say};
use crate::clock::Clock;
use crate::config::settle_place;
use crate::identity_key::{
    IdentityKeyId, Imported, MadeIdentityKey, Material, NewIdentityKey, SigningAlgorithm, StoredIdentityKey,
};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// `selvedge identity-key`.
#[derive(Debug, Args)]
pub(super) struct IdentityKeyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print what signs, alone: the secret of HS256 or a private key (PEM); it is shown only now
    Create(CreateFlags),
    /// Take the public key of a pair that your backend has: a PEM file or a JWK, of Ed25519 or P-256
    Import(ImportFlags),
    /// Show all identity keys, without the keys themselves
    List(PlaceAndForm),
    /// Let nothing be proven with a key from now on
    Revoke(RevokeFlags),
}

#[derive(Debug, Args)]
struct CreateFlags {
    /// How your backend signs: HS256 with a secret that the ledger holds too, else with a key that stays with you
    #[arg(long, default_value = "HS256", ignore_case = true)]
    alg: AlgorithmWord,
    #[command(flatten)]
    place: PlaceAndForm,
}

#[derive(Debug, Args)]
struct ImportFlags {
    /// The file that holds the public key
    file: PathBuf,
    /// The `kid` that its tokens carry [default: that of the JWK, else one that follows from the key]
    #[arg(long)]
    kid: Option<String>,
    #[command(flatten)]
    place: PlaceAndForm,
}

#[derive(Debug, Args)]
struct RevokeFlags {
    /// The id that `selvedge identity-key list` shows
    id: i64,
    #[command(flatten)]
    place: PlaceAndForm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AlgorithmWord {
    #[value(name = "HS256")]
    Hs256,
    #[value(name = "EdDSA")]
    EdDsa,
    #[value(name = "ES256")]
    Es256,
}

pub(super) fn run(command: &IdentityKeyCommand) -> Result<(), CommandError> {
    match &command.action {
        Action::Create(flags) => create(flags),
        Action::Import(flags) => import(flags),
        Action::List(flags) => list(flags),
        Action::Revoke(flags) => revoke(flags),
    }
}

/// A script may make keys before the first start: it makes the ledger as well.
fn create(flags: &CreateFlags) -> Result<(), CommandError> {
    let store = SqliteStore::open(&settle_place(&flags.place.place)?)?;
    let made = MadeIdentityKey::generate(match flags.alg {
        AlgorithmWord::Hs256 => SigningAlgorithm::Hs256,
        AlgorithmWord::EdDsa => SigningAlgorithm::EdDsa,
        AlgorithmWord::Es256 => SigningAlgorithm::Es256,
    })?;
    let id = insert(&store, &made.kid, made.algorithm, &made.material)?;
    match flags.place.json {
        true => say(format_args!(
            "{}",
            json!({ "id": id.0, "alg": made.algorithm.as_str(), "kid": made.kid, "key": made.reveal() })
        ))?,
        false => say(format_args!("{}", made.reveal()))?,
    }
    Ok(())
}

fn import(flags: &ImportFlags) -> Result<(), CommandError> {
    let imported = read(&flags.file)?;
    let store = SqliteStore::open(&settle_place(&flags.place.place)?)?;
    let kid = flags.kid.as_deref().unwrap_or(&imported.kid);
    let id = insert(&store, kid, imported.algorithm, &imported.material)?;
    let algorithm = imported.algorithm.as_str();
    match flags.place.json {
        true => say(format_args!("{}", json!({ "id": id.0, "alg": algorithm, "kid": kid })))?,
        false => say(format_args!("identity key {} ({algorithm}, kid {kid}) is imported", id.0))?,
    }
    Ok(())
}

fn read(file: &Path) -> Result<Imported, CommandError> {
    let text = std::fs::read(file).map_err(|source| CommandError::Unread { file: file.to_owned(), source })?;
    Imported::read(&String::from_utf8_lossy(&text))
        .map_err(|why| CommandError::NotAPublicKey { file: file.to_owned(), why })
}

fn insert(
    store: &SqliteStore,
    kid: &str,
    algorithm: SigningAlgorithm,
    material: &Material,
) -> Result<IdentityKeyId, CommandError> {
    let transaction = store.transaction()?;
    let workspace = default_workspace(&*transaction)?;
    // Whoever revokes a key means all that it signs.
    let known =
        transaction.identity_keys(workspace)?.into_iter().find(|key| &*key.kid == kid && key.revoked_at.is_none());
    if let Some(StoredIdentityKey { id, .. }) = known {
        return Err(CommandError::KnownKid { id: id.0, kid: kid.to_owned() });
    }
    let id = transaction.insert_identity_key(&NewIdentityKey {
        workspace,
        kid: kid.into(),
        algorithm,
        material: material.clone(),
        created_at: Clock::System.now(),
    })?;
    transaction.commit()?;
    Ok(id)
}

fn list(flags: &PlaceAndForm) -> Result<(), CommandError> {
    let store = existing(&flags.place)?;
    let view = store.view()?;
    let keys = view.identity_keys(default_workspace(&*view)?)?;
    if flags.json {
        say(format_args!("{}", json!({ "identity_keys": keys.iter().map(as_json).collect::<Vec<_>>() })))?;
        return Ok(());
    }
    say(format_args!("{:>4}  {:<5}  {:<24}  {:<24}  KID", "ID", "ALG", "CREATED", "REVOKED"))?;
    for key in keys {
        let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), |at| at.rfc3339());
        let (algorithm, created) = (key.algorithm.as_str(), key.created_at.rfc3339());
        say(format_args!("{:>4}  {algorithm:<5}  {created:<24}  {revoked:<24}  {}", key.id.0, key.kid))?;
    }
    Ok(())
}

fn revoke(flags: &RevokeFlags) -> Result<(), CommandError> {
    let store = existing(&flags.place.place)?;
    let transaction = store.transaction()?;
    let keys = transaction.identity_keys(default_workspace(&*transaction)?)?;
    if !keys.iter().any(|key| key.id.0 == flags.id) {
        return Err(CommandError::NoSuchIdentityKey { id: flags.id });
    }
    if !transaction.revoke_identity_key(IdentityKeyId(flags.id), Clock::System.now())? {
        return Err(CommandError::IdentityKeyRevoked { id: flags.id });
    }
    transaction.commit()?;
    match flags.place.json {
        true => say(format_args!("{}", json!({ "id": flags.id, "revoked": true })))?,
        false => say(format_args!("identity key {} is revoked", flags.id))?,
    }
    Ok(())
}

fn as_json(key: &StoredIdentityKey) -> serde_json::Value {
    json!({
        "id": key.id.0,
        "alg": key.algorithm.as_str(),
        "kid": key.kid,
        "created_at": key.created_at.rfc3339(),
        "revoked_at": key.revoked_at.map(|at| at.rfc3339()),
    })
}
