//! Says which queues were left behind: each owner of one holds a lock for as long as it lives. Reads no entry.
//!
//! Several processes of an app (or two trackers in one) may share a directory: the queue of a dead one is taken in by
//! one of them, that of a living one by none. The lock files stay, empty: removing one while another process opens it
//! would give two of them the same lock.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::store;

/// The owners that live here.
#[derive(Debug)]
pub(crate) struct Owners {
    directory: PathBuf,
    /// No file where the system gives no locks.
    ours: BTreeMap<String, Option<File>>,
}

impl Owners {
    pub(crate) fn of(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), ours: BTreeMap::new() }
    }

    /// Whether an owner lives here.
    pub(crate) fn has(&self, owner: &str) -> bool {
        self.ours.contains_key(owner)
    }

    /// Becomes that owner until the end; false if it lives elsewhere.
    pub(crate) fn become_owner(&mut self, owner: &str) -> bool {
        if self.has(owner) {
            return true;
        }
        let path = self.directory.join(store::encode(owner) + ".lock");
        let file = File::options().create(true).append(true).open(path).ok();
        let lock = match file.as_ref().map(File::try_lock) {
            Some(Ok(())) => file,
            Some(Err(TryLockError::WouldBlock)) => return false,
            // Without locks an app of one process, which is nearly every one, must still find its queue.
            Some(Err(TryLockError::Error(_))) | None => None,
        };
        self.ours.insert(owner.to_owned(), lock);
        true
    }
}

/// The owner in the key of a queue's entry.
pub(crate) fn owner_of(key: &str) -> Option<&str> {
    key.strip_prefix("queue.")?.rsplit_once('.').map(|(owner, _)| owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_in_one_place_and_can_be_followed_when_it_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let (mut here, mut there) = (Owners::of(folder.path()), Owners::of(folder.path()));
        assert!(here.become_owner("a") && here.become_owner("a"));
        assert!(!there.become_owner("a"));
        assert!(there.become_owner("b"));
        drop(here);
        assert!(there.become_owner("a"));
    }

    #[test]
    fn without_files_everything_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Owners::of(&folder.path().join("absent")).become_owner("a"));
    }

    #[test]
    fn only_entries_of_queues_have_an_owner() {
        assert_eq!(owner_of("queue.ab12.7"), Some("ab12"));
        assert_eq!(owner_of("identity"), None);
    }
}
