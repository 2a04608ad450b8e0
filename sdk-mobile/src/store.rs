//! Keeps entries as files in one directory: written to another name, synced, renamed. Never fails its caller: what
//! the disk does not take stays in memory and is tried again. Knows nothing of what the entries mean.
//!
//! A file is synced before it takes its name, so that a power cut leaves the old value or the new one and no torn
//! one; the directory is synced before anything is removed, so that what took its place is there. That is a sync per
//! write, on the driver's thread, and writes that follow each other under one key become one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use selvedge_core::Entry;

/// Entries in a directory.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    /// Where a value is written before it takes its name.
    draft: PathBuf,
    limit_bytes: u64,
    /// Bytes of each file, by name.
    sizes: BTreeMap<String, u64>,
    used_bytes: u64,
    /// The latest put: another one under the same key may come at once.
    held: Option<Entry>,
    /// What the disk would not take, oldest first; no value: to be removed.
    waiting: Vec<(String, Option<String>)>,
    /// A write of this turn failed: the rest of it waits, or a removal could outlive the put that it relied on.
    stuck: bool,
    /// Names changed since the directory was synced.
    renamed: bool,
}

impl Store {
    /// Takes a directory, made if need be.
    ///
    /// # Errors
    /// It cannot be written. A full disk is none: it passes.
    pub(crate) fn open(directory: &Path, limit_bytes: u64) -> io::Result<Self> {
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let draft = directory.join(format!("{}-{number}{DRAFT}", process::id()));
        match fs::create_dir_all(directory).and_then(|()| File::create(&draft)) {
            Ok(_) => {
                // A neighbour may have swept it away already.
                let _ = fs::remove_file(&draft);
            }
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            directory: directory.to_owned(),
            draft,
            limit_bytes,
            sizes: BTreeMap::new(),
            used_bytes: 0,
            held: None,
            waiting: Vec::new(),
            stuck: false,
            renamed: false,
        })
    }

    /// Sweeps away drafts that a crash left. A living neighbour whose draft goes with them writes it again.
    pub(crate) fn sweep(&self) {
        for (name, file) in self.files() {
            if name.ends_with(DRAFT) {
                // Should it stay, the next start sweeps again.
                let _ = fs::remove_file(file.path());
            }
        }
    }

    /// What is there, of all processes.
    pub(crate) fn keys(&mut self) -> Vec<String> {
        let entries = self.files().filter(|(name, _)| name.ends_with(ENTRY));
        self.sizes = entries.map(|(name, file)| (name, file.metadata().map_or(0, |metadata| metadata.len()))).collect();
        self.used_bytes = self.sizes.values().sum();
        self.sizes.keys().filter_map(|name| decode(name.strip_suffix(ENTRY)?)).collect()
    }

    /// The entry as it is on the disk; none if it cannot be read.
    pub(crate) fn read(&self, key: &str) -> Option<Entry> {
        let bytes = fs::read(self.directory.join(file_name(key)?)).ok()?;
        // What is no text any more is damaged, and the core counts what was lost of it.
        Some(Entry { key: key.to_owned(), value: String::from_utf8_lossy(&bytes).into_owned() })
    }

    /// Puts and removals from here on do not depend on earlier ones.
    pub(crate) fn begin_turn(&mut self) {
        self.stuck = false;
    }

    /// Writes before [`Self::write`] returns, at the latest.
    pub(crate) fn put(&mut self, key: String, value: String) {
        if self.held.as_ref().is_none_or(|held| held.key != key) {
            self.write_held();
        }
        self.held = Some(Entry { key, value });
    }

    /// Removes after all that was put before.
    pub(crate) fn delete(&mut self, key: String) {
        self.write_held();
        self.keep(key, None);
    }

    /// Writes what is held, and tries again what could not be kept before.
    pub(crate) fn write(&mut self) {
        self.write_held();
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        while let Some((key, value)) = waiting.next() {
            if self.perform(&key, value.as_deref()).is_err() {
                self.waiting.push((key, value));
                self.waiting.extend(waiting);
                break;
            }
        }
    }

    /// Entries that are in memory only.
    pub(crate) fn unstored(&self) -> usize {
        self.waiting.iter().filter(|(_, value)| value.is_some()).count()
    }

    fn write_held(&mut self) {
        if let Some(Entry { key, value }) = self.held.take() {
            self.keep(key, Some(value));
        }
    }

    fn keep(&mut self, key: String, value: Option<String>) {
        if !self.stuck && self.perform(&key, value.as_deref()).is_ok() {
            self.waiting.retain(|(waiting, _)| *waiting != key);
            return;
        }
        self.stuck = true;
        match self.waiting.iter_mut().find(|(waiting, _)| *waiting == key) {
            Some((_, waiting)) => *waiting = value,
            None => self.waiting.push((key, value)),
        }
    }

    fn perform(&mut self, key: &str, value: Option<&str>) -> io::Result<()> {
        let name = file_name(key).ok_or(ErrorKind::InvalidFilename)?;
        match value {
            Some(value) => self.write_file(name, value),
            None => self.remove_file(&name),
        }
    }

    fn write_file(&mut self, name: String, value: &str) -> io::Result<()> {
        let size = value.len() as u64;
        let used_bytes = self.used_bytes - self.sizes.get(&name).unwrap_or(&0) + size;
        if used_bytes > self.limit_bytes {
            return Err(ErrorKind::QuotaExceeded.into());
        }
        let home = self.directory.join(&name);
        match self.write_draft(value, &home) {
            // A neighbour that began at this moment swept the draft away; it does so once.
            Err(error) if error.kind() == ErrorKind::NotFound => self.write_draft(value, &home)?,
            written => written?,
        }
        self.sizes.insert(name, size);
        self.used_bytes = used_bytes;
        self.renamed = true;
        Ok(())
    }

    fn write_draft(&self, value: &str, home: &Path) -> io::Result<()> {
        let mut file = File::create(&self.draft)?;
        file.write_all(value.as_bytes())?;
        file.sync_data()?;
        fs::rename(&self.draft, home)
    }

    fn remove_file(&mut self, name: &str) -> io::Result<()> {
        if self.renamed {
            // Some systems cannot sync a directory; they order renames and removals by themselves.
            let _ = File::open(&self.directory).and_then(|directory| directory.sync_all());
            self.renamed = false;
        }
        match fs::remove_file(self.directory.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        self.used_bytes -= self.sizes.remove(name).unwrap_or_default();
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = (String, fs::DirEntry)> + use<> {
        let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        files.filter_map(|file| Some((file.file_name().into_string().ok()?, file)))
    }
}

/// A name that means one file on every system: those of Apple and Windows do not tell `A` from `a`, so that only
/// small letters stand as they are. None when it would be longer than systems take.
fn file_name(key: &str) -> Option<String> {
    let name = encode(key) + ENTRY;
    (name.len() <= MAX_NAME_BYTES).then_some(name)
}

/// Percent-encodes all but small letters, digits, dots and hyphens.
pub(crate) fn encode(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

/// The reverse of [`encode`]; none for a name that it never gives.
fn decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        let digits = if byte == b'%' { Some([rest.next()?, rest.next()?]) } else { None };
        let hex = digits.map(|digits| u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok());
        bytes.push(hex.unwrap_or(Some(byte))?);
    }
    String::from_utf8(bytes).ok().filter(|key| encode(key) == name)
}

/// Two stores of one process must not share a draft.
static OPENED: AtomicU64 = AtomicU64::new(0);
const ENTRY: &str = ".entry";
const DRAFT: &str = ".draft";
/// Every file system in use takes 255.
const MAX_NAME_BYTES: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_safe_name_of_its_own_and_comes_back() {
        for key in ["identity", "queue.ab12.7", "../../etc/passwd", "A", "a", "ä\u{0}/\\:%", "", "."] {
            let name = encode(key);
            assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && !br#"/\:"*?<>|"#.contains(&byte)), "{name}");
            assert_eq!(decode(&name).as_deref(), Some(key));
        }
        assert_ne!(encode("A").to_lowercase(), encode("a"));
    }

    #[test]
    fn names_that_are_no_keys_are_left_alone() {
        for name in ["A", "%", "%4", "%zz", "%61", "%ff", "a b"] {
            assert_eq!(decode(name), None, "{name}");
        }
    }

    #[test]
    fn what_was_put_is_there_after_a_restart_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        put(&mut store, "a", "1");
        put(&mut store, "b", "2");
        store.delete("a".into());
        let mut again = open(&folder);
        assert_eq!(again.keys(), ["b"]);
        assert_eq!(again.read("b").unwrap().value, "2");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn puts_under_one_key_become_one_write_and_none_passes_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        store.put("a".into(), "1".into());
        store.put("a".into(), "2".into());
        assert_eq!(store.read("a"), None);
        store.put("b".into(), "3".into());
        assert_eq!(store.read("a").unwrap().value, "2");
        assert_eq!(store.read("b"), None);
    }

    #[test]
    fn a_draft_that_a_crash_left_is_swept_away_and_never_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("9-9.draft"), "half").unwrap();
        let mut store = open(&folder);
        store.sweep();
        assert!(store.keys().is_empty());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_removal_waits_for_the_put_before_it_in_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        put(&mut store, "old", "1");
        store.begin_turn();
        store.put("new".into(), "x".repeat(LIMIT + 1));
        store.delete("old".into());
        assert!(store.read("old").is_some());
        assert_eq!(store.unstored(), 1);
        store.begin_turn();
        put(&mut store, "new", "1");
        assert_eq!(store.read("old"), None);
        assert_eq!((store.unstored(), store.keys()), (0, vec!["new".to_owned()]));
    }

    #[test]
    fn what_exceeds_the_bound_waits_for_room_and_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        put(&mut store, "a", &"x".repeat(LIMIT));
        store.begin_turn();
        put(&mut store, "b", "y");
        assert_eq!((store.unstored(), store.read("b")), (1, None));
        store.begin_turn();
        store.delete("a".into());
        store.write();
        assert_eq!((store.unstored(), store.read("b").unwrap().value), (0, "y".to_owned()));
    }

    #[test]
    fn a_directory_that_vanishes_fails_nobody_and_gets_all_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("files");
        let mut store = Store::open(&directory, LIMIT as u64).unwrap();
        fs::remove_dir(&directory).unwrap();
        put(&mut store, "a", "1");
        put(&mut store, "b", "2");
        assert_eq!(store.unstored(), 2);
        fs::create_dir(&directory).unwrap();
        store.write();
        assert_eq!((store.unstored(), store.keys()), (0, vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(Store::open(&path, 1).is_err());
    }

    fn open(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path(), LIMIT as u64).unwrap()
    }

    fn put(store: &mut Store, key: &str, value: &str) {
        store.put(key.into(), value.into());
        store.write();
    }

    const LIMIT: usize = 100;
}
