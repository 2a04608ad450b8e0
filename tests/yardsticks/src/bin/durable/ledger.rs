//! The SQLite file: events, the identity map and the profiles, one transaction per group.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, Transaction, named_params};

use crate::message::Message;

/// What became of one request's messages.
#[derive(Debug, Default)]
pub(crate) struct Receipt {
    pub(crate) accepted: u32,
    pub(crate) duplicates: u32,
}

/// The open database and the identities it has seen.
#[derive(Debug)]
pub(crate) struct Ledger {
    connection: Connection,
    identities: Identities,
}

/// Whose profile an id is; all of them are kept in memory.
#[derive(Debug, Default)]
struct Identities {
    devices: HashMap<Box<str>, i64>,
    accounts: HashMap<Box<str>, i64>,
    last_profile: i64,
}

/// What a group adds to one profile: one upsert, however many events.
#[derive(Debug, Default)]
struct Fold<'group> {
    events: u32,
    first_seen: &'group str,
    last_seen: &'group str,
    traits: Option<&'group str>,
}

impl Ledger {
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(SCHEMA)?;
        let mut identities = Identities::default();
        for (kind, map) in [(DEVICE, &mut identities.devices), (ACCOUNT, &mut identities.accounts)] {
            let mut rows = connection.prepare("select value, profile from identity where kind = ?")?;
            *map = rows.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        }
        identities.last_profile =
            connection.query_row("select coalesce(max(profile), 0) from identity", [], |row| row.get(0))?;
        Ok(Self { connection, identities })
    }

    /// One receipt for each request, in order. After an error nothing of the group is stored.
    pub(crate) fn commit<'group>(
        &mut self,
        requests: impl Iterator<Item = &'group [Message]>,
    ) -> rusqlite::Result<Vec<Receipt>> {
        let transaction = self.connection.transaction()?;
        let mut folds: HashMap<i64, Fold<'group>> = HashMap::new();
        let mut receipts = Vec::new();
        for messages in requests {
            let mut receipt = Receipt::default();
            for message in messages {
                let profile = self.identities.resolve(&transaction, message)?;
                if insert_event(&transaction, message, profile)? {
                    receipt.accepted += 1;
                    folds.entry(profile).or_default().add(message);
                } else {
                    receipt.duplicates += 1;
                }
            }
            receipts.push(receipt);
        }
        for (profile, fold) in &folds {
            upsert_profile(&transaction, *profile, fold)?;
        }
        transaction.commit()?;
        Ok(receipts)
    }
}

impl Identities {
    /// The account's profile; else the device's, which a first login so takes along; else a new one.
    fn resolve(&mut self, transaction: &Transaction<'_>, message: &Message) -> rusqlite::Result<i64> {
        let of_account = message.user_id.as_deref().and_then(|id| self.accounts.get(id).copied());
        let of_device = message.anonymous_id.as_deref().and_then(|id| self.devices.get(id).copied());
        let profile = of_account.or(of_device).unwrap_or_else(|| {
            self.last_profile += 1;
            self.last_profile
        });
        if let Some(user_id) = message.user_id.as_deref()
            && of_account.is_none()
        {
            put_identity(transaction, ACCOUNT, user_id, profile)?;
            self.accounts.insert(user_id.into(), profile);
        }
        if let Some(anonymous_id) = message.anonymous_id.as_deref()
            && of_device != Some(profile)
        {
            put_identity(transaction, DEVICE, anonymous_id, profile)?;
            self.devices.insert(anonymous_id.into(), profile);
        }
        Ok(profile)
    }
}

impl<'group> Fold<'group> {
    fn add(&mut self, message: &'group Message) {
        if self.events == 0 || *message.time < *self.first_seen {
            self.first_seen = &message.time;
        }
        if *message.time > *self.last_seen {
            self.last_seen = &message.time;
        }
        self.events += 1;
        self.traits = message.traits.as_deref().or(self.traits);
    }
}

/// False for a messageId that the ledger holds.
fn insert_event(transaction: &Transaction<'_>, message: &Message, profile: i64) -> rusqlite::Result<bool> {
    let mut statement = transaction.prepare_cached(INSERT_EVENT)?;
    let inserted = statement.execute(named_params! {
        ":message_id": message.message_id,
        ":profile": profile,
        ":type": message.kind,
        ":name": message.name,
        ":time": message.time,
        ":raw": &message.raw[..],
    })?;
    Ok(inserted == 1)
}

fn put_identity(transaction: &Transaction<'_>, kind: i64, value: &str, profile: i64) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(PUT_IDENTITY)?;
    statement.execute(named_params! { ":kind": kind, ":value": value, ":profile": profile })?;
    Ok(())
}

fn upsert_profile(transaction: &Transaction<'_>, profile: i64, fold: &Fold<'_>) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(UPSERT_PROFILE)?;
    statement.execute(named_params! {
        ":id": profile,
        ":first_seen": fold.first_seen,
        ":last_seen": fold.last_seen,
        ":events": fold.events,
        ":traits": fold.traits,
    })?;
    Ok(())
}

const DEVICE: i64 = 0;
const ACCOUNT: i64 = 1;

const SCHEMA: &str = "
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma cache_size = -65536;
    pragma wal_autocheckpoint = 4000;
    create table if not exists event (
        id integer primary key, message_id text not null unique, profile integer not null,
        type text not null, name text, time text not null, raw blob not null
    );
    create table if not exists identity (
        kind integer not null, value text not null, profile integer not null, primary key (kind, value)
    ) without rowid;
    create table if not exists profile (
        id integer primary key, first_seen text not null, last_seen text not null, event_count integer not null, traits text
    );
";

const INSERT_EVENT: &str = "
    insert into event (message_id, profile, type, name, time, raw)
    values (:message_id, :profile, :type, :name, :time, :raw)
    on conflict (message_id) do nothing
";

const PUT_IDENTITY: &str = "
    insert into identity (kind, value, profile) values (:kind, :value, :profile)
    on conflict (kind, value) do update set profile = excluded.profile
";

const UPSERT_PROFILE: &str = "
    insert into profile (id, first_seen, last_seen, event_count, traits)
    values (:id, :first_seen, :last_seen, :events, :traits)
    on conflict (id) do update set
        first_seen = min(first_seen, excluded.first_seen),
        last_seen = max(last_seen, excluded.last_seen),
        event_count = event_count + excluded.event_count,
        traits = coalesce(excluded.traits, traits)
";
