//! The key of a ledger that keeps no clear values: in a file of its own, so that a ledger, or a backup of one, tells
//! nothing alone. Whether a ledger keeps them is settled once, before its first event.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

use super::CommandError;
use crate::clock::Chance;
use crate::identity::Rules;
use crate::identity::normal::{KEY_BYTES, Veil};
use crate::ingest::Concealment;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

/// What a server runs by. A ledger without events becomes what the settings say; one with events stays what it is, and
/// settings that say otherwise are refused.
pub(super) fn settle(
    store: &SqliteStore,
    store_clear: bool,
    rules: Rules,
) -> Result<(Rules, Option<Concealment>), CommandError> {
    let (check, is_new) = {
        let view = store.view()?;
        (view.veil_check()?, view.sizes()?.last_seq.0 == 0)
    };
    match check {
        Some(_) if store_clear => Err(CommandError::KeepsNoClearValues),
        None if store_clear => Ok((rules, None)),
        None if !is_new => Err(CommandError::KeepsClearValues),
        None => {
            let veil = make(&key_file(store))?;
            let transaction = store.transaction()?;
            transaction.keep_veil_check(&veil.check())?;
            transaction.commit()?;
            Ok(under(veil, &rules))
        }
        Some(check) => open(&key_file(store), &check).map(|veil| under(veil, &rules)),
    }
}

/// How a ledger is to be read and asked: its rules, and how it conceals.
pub(super) fn of_ledger(store: &SqliteStore, rules: Rules) -> Result<(Rules, Option<Concealment>), CommandError> {
    match store.view()?.veil_check()? {
        Some(check) => open(&key_file(store), &check).map(|veil| under(veil, &rules)),
        None => Ok((rules, None)),
    }
}

fn under(veil: Veil, rules: &Rules) -> (Rules, Option<Concealment>) {
    (rules.clone().under(&veil), Some(Concealment::new(veil, rules)))
}

/// Beside the ledger.
fn key_file(store: &SqliteStore) -> PathBuf {
    store.file().with_file_name(FILE)
}

/// The key of a ledger, which knows it by `check`.
fn open(file: &Path, check: &[u8; 32]) -> Result<Veil, CommandError> {
    let veil = read(file)?.ok_or_else(|| CommandError::NoVeilKey { file: file.to_owned() })?;
    if bool::from(veil.check().ct_eq(check)) {
        Ok(veil)
    } else {
        Err(CommandError::OtherVeilKey { file: file.to_owned() })
    }
}

/// A new key, on disk before anything is concealed by it. One that a start left behind which came no further is taken.
fn make(file: &Path) -> Result<Veil, CommandError> {
    if let Some(veil) = read(file)? {
        return Ok(veil);
    }
    let key: [u8; KEY_BYTES] = Chance::bytes()?;
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let beside = file.with_extension("new");
    let written = || -> io::Result<()> {
        let mut made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        made.write_all(format!("{text}\n").as_bytes())?;
        made.sync_all()?;
        std::fs::rename(&beside, file)?;
        File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    written().map_err(|source| CommandError::System { what: "the key of clear values cannot be written", source })?;
    Ok(Veil::of(&key))
}

/// The key in a file; `None` where there is no file.
fn read(file: &Path) -> Result<Option<Veil>, CommandError> {
    let mut text = String::new();
    match File::open(file).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CommandError::Unread { file: file.to_owned(), source }),
    }
    let key = key(text.trim()).ok_or_else(|| CommandError::OtherVeilKey { file: file.to_owned() })?;
    Ok(Some(Veil::of(&key)))
}

fn key(text: &str) -> Option<[u8; KEY_BYTES]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !rest.is_empty() || pairs.len() != KEY_BYTES {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (byte, pair) in key.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// In the data directory.
const FILE: &str = "clear-values.key";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        let made = make(&file).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(make(&file).unwrap().check(), made.check());
        assert_eq!(open(&file, &made.check()).unwrap().check(), made.check());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_holds_another_key_or_none_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        let check = Veil::of(&[1; KEY_BYTES]).check();
        assert!(matches!(open(&file, &check), Err(CommandError::NoVeilKey { .. })));
        for text in ["", "00", &"zz".repeat(KEY_BYTES), &"+1".repeat(KEY_BYTES), &"02".repeat(KEY_BYTES)] {
            std::fs::write(&file, text).unwrap();
            assert!(matches!(open(&file, &check), Err(CommandError::OtherVeilKey { .. })), "{text}");
        }
        std::fs::write(&file, "01".repeat(KEY_BYTES)).unwrap();
        assert!(open(&file, &check).is_ok());
    }
}
