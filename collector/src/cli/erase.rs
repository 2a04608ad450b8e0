//! `selvedge erase`: takes a person out of the ledger, and out of the bytes of its files.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::key::{PlaceAndForm, existing};
use super::profile::{Ledger, Named};
use super::reach::{Reach, reach};
use super::{CommandError, print};
use crate::clock::Clock;
use crate::config::settle_place;
use crate::ingest::commit::{Committer, Erasure};
use crate::store::Store;

/// `selvedge erase`.
#[derive(Debug, Args)]
pub(super) struct EraseCommand {
    /// KIND:VALUE, or a profile's id
    name: Named,
    /// Never take in again what names them
    #[arg(long)]
    suppress: bool,
    #[command(flatten)]
    place: PlaceAndForm,
}

pub(super) fn run(command: &EraseCommand) -> Result<(), CommandError> {
    let EraseCommand { name, suppress, place } = command;
    let whom = name.lookup(&Ledger::of(existing(&place.place)?)?)?;
    let receipt = match reach(&settle_place(&place.place)?)? {
        Reach::Served(server) => {
            let answer =
                server.delete(&format!("/v1/profiles/{}?suppress={suppress}", percent_encoded(&name.to_string())));
            let receipt = match answer {
                Err(CommandError::Refused { status: 404, .. }) => return Err(name.never_seen()),
                answer => answer?,
            };
            server.compact()?;
            receipt
        }
        Reach::Alone(store, _lock) => {
            let Ledger { store, workspace, rules, .. } = Ledger::of(store)?;
            let at = Clock::System.now();
            let erasure = Erasure { workspace, whom, at, is_suppression: *suppress };
            let erased = Committer::new(Arc::new(rules)).erase(&store, &erasure)?.map_err(|_| name.never_seen())?;
            store.compact()?;
            let mut receipt = json!(erased);
            receipt["at"] = json!(at.rfc3339());
            receipt
        }
    };
    print(&if place.json { format!("{receipt}\n") } else { in_words(&receipt) })
}

fn in_words(receipt: &Value) -> String {
    let counted = |name: &str, one: &str, more: &str| match receipt[name].as_u64().unwrap_or_default() {
        1 => format!("1 {one}"),
        count => format!("{count} {more}"),
    };
    let mut text = format!(
        "erased at {}: {}, {}, {}, {}, {}; {} no more\n",
        receipt["at"].as_str().unwrap_or_default(),
        counted("events", "event", "events"),
        counted("identifiers", "identifier", "identifiers"),
        counted("traits", "value of a trait", "values of traits"),
        counted("decisions", "decision", "decisions"),
        counted("dead_letters", "dead letter", "dead letters"),
        counted("redacted", "message of others says it", "messages of others say it"),
    );
    text.push_str(if receipt["suppressed"] == json!(true) {
        "nothing that names them is taken in again\n"
    } else {
        "events from before this moment are not taken in again\n"
    });
    text
}

/// As a part of a path.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
