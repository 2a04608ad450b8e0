//! The keys of a new ledger: one of each right, made once, printed once.

use super::{CommandError, default_workspace};
use crate::event::UnixMillis;
use crate::key::{Key, NewKey, Right, Trust};
use crate::store::Store;

/// Makes one key of each right if the ledger has none; they are in it before they are returned.
pub(super) fn make_if_none(store: &dyn Store, now: UnixMillis) -> Result<Vec<Key>, CommandError> {
    let transaction = store.transaction()?;
    let workspace = default_workspace(&*transaction)?;
    if !transaction.keys(workspace)?.is_empty() {
        return Ok(Vec::new());
    }
    let mut made = Vec::new();
    for right in Right::ALL {
        let key = Key::generate(right)?;
        transaction.insert_key(&NewKey {
            workspace,
            right,
            digest: key.digest(),
            name: Some(right.as_str().into()),
            origins: Vec::new(),
            trust: Trust::default(),
            created_at: now,
        })?;
        made.push(key);
    }
    transaction.commit()?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;

    #[test]
    fn a_new_ledger_gets_a_key_of_each_right_once() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        let made = make_if_none(&store, UnixMillis(1)).unwrap();
        assert_eq!(made.iter().map(Key::right).collect::<Vec<_>>(), Right::ALL);
        for key in &made {
            assert_eq!(store.key(&key.digest()).unwrap().unwrap().right, key.right());
        }
        assert!(make_if_none(&store, UnixMillis(2)).unwrap().is_empty());
    }
}
