//! The repository's own sources, for tests that read them: where they are, and Rust text parted into code and strings.

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file by its path from the top.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Files below a folder whose names end so, as paths from the top; what is built, fetched or generated is left out.
pub(crate) fn files_below(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder && !name.starts_with('.') && !name.starts_with("target") && !NOT_OURS.contains(&&*name) {
                open.push(entry.path());
            } else if !is_folder && endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(entry.path().strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// Rust text in which comments are gone and every string is empty, and those strings.
pub(crate) struct RustText {
    pub(crate) code: String,
    pub(crate) strings: Vec<String>,
}

impl RustText {
    pub(crate) fn of(text: &str) -> Self {
        let mut parted = Self { code: String::with_capacity(text.len()), strings: Vec::new() };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            rest = if rest.starts_with("//") {
                &rest[rest.find('\n').unwrap_or(rest.len())..]
            } else if rest.starts_with("/*") {
                rest.split_once("*/").map_or("", |(_, after)| after)
            } else if let Some((string, after)) = string_at(rest, &parted.code) {
                parted.strings.push(string);
                parted.code.push_str("\"\"");
                after
            } else if let Some(length) = character_at(rest) {
                parted.code.push_str("' '");
                &rest[length..]
            } else {
                parted.code.push(next);
                &rest[next.len_utf8()..]
            };
        }
        parted
    }
}

/// The string that begins here and what follows it. A `b` or `c` before the quote is code, and harms nothing.
fn string_at<'a>(text: &'a str, before: &str) -> Option<(String, &'a str)> {
    let word = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    if let Some(raw) = text.strip_prefix('r').filter(|_| matches!(word, "" | "b" | "c")) {
        let hashes = "#".repeat(raw.len() - raw.trim_start_matches('#').len());
        let inner = raw[hashes.len()..].strip_prefix('"')?;
        let (string, after) = inner.split_once(&format!("\"{hashes}"))?;
        return Some((string.to_owned(), after));
    }
    let inner = text.strip_prefix('"')?;
    let mut is_escaped = false;
    for (at, character) in inner.char_indices() {
        match (is_escaped, character) {
            (false, '"') => return Some((inner[..at].to_owned(), &inner[at + 1..])),
            (false, '\\') => is_escaped = true,
            _ => is_escaped = false,
        }
    }
    None
}

/// The length of the character literal that begins here; a lifetime is none.
fn character_at(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let mut characters = inner.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        return inner.char_indices().skip(2).find(|(_, c)| *c == '\'').map(|(at, _)| at + 2);
    }
    let (at, second) = characters.next()?;
    (second == '\'').then_some(at + 2)
}

/// Folders whose content is fetched, built or generated.
const NOT_OURS: [&str; 5] = ["node_modules", "dist", "generated", "build", "__pycache__"];
