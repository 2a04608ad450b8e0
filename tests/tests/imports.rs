//! The import rules of ARCHITECTURE.md, held against the sources: who may know whom, what stays pure, where SQL and
//! long files end. Reads text, runs nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a source that cannot be read is a failed test")]

mod sources;

use std::collections::BTreeSet;

use sources::{RustText, files_below, read};

/// Whom each module of the collector may name, itself aside.
const COLLECTOR: [(&str, &[&str]); 15] = [
    ("main", &["selvedge_collector"]),
    ("lib", &[]),
    ("event", &[]),
    ("clock", &["event"]),
    ("key", &["event", "clock"]),
    ("identity_key", &["event", "clock"]),
    ("identity", &["event"]),
    // One way: a profile is a person's, and has its id.
    ("profile", &["event", "identity"]),
    ("store", &["identity", "profile", "event", "key", "identity_key"]),
    ("ingest", &["store", "identity", "profile", "event", "key", "identity_key", "clock", "config"]),
    ("rebuild", &["ingest", "store", "identity", "event", "config"]),
    (
        "config",
        &[
            "identity::Rules",
            "identity::TraitRule",
            "identity::normal::Blocklist",
            "identity::normal::NotAPattern",
            "identity::normal::Region",
            "identity::normal::UnknownRegion",
            "ingest::Limits",
            "event::UnixMillis",
        ],
    ),
    ("forward", &["store", "identity", "profile", "event", "clock", "config"]),
    ("http", &["ingest", "store", "identity", "profile", "event", "key", "identity_key", "clock", "config"]),
    (
        "cli",
        &[
            "rebuild",
            "http",
            "forward",
            "ingest",
            "store",
            "identity",
            "profile",
            "event",
            "key",
            "identity_key",
            "clock",
            "config",
        ],
    ),
];

/// What each module may use of the tracking core; of the rest (clients, effects) a collector has no use.
const OF_THE_CORE: [(&str, &[&str]); 2] =
    [("", &["wire", "json", "identifier"]), ("forward", &["wire", "json", "identifier", "retry"])];

/// The libraries that belong to few modules.
const LIBRARIES: [(&str, &[&str]); 6] = [
    ("rusqlite", &["store"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("tower", &["http"]),
    // Settings are parsed into the address type that the client of `forward` takes; a command asks the server that holds
    // its ledger.
    ("ureq", &["forward", "config", "cli"]),
    ("tokio", &["http", "forward", "cli", "ingest"]),
];

#[test]
fn modules_of_the_collector_name_only_what_stands_below_them() {
    let mut broken = Vec::new();
    for Module { name, path, text } in modules("collector/src") {
        let (_, allowed) = COLLECTOR.iter().find(|(module, _)| *module == name).unwrap_or_else(|| {
            panic!("{path}: the module {name} has no line in the table of imports.rs: where does it stand?")
        });
        let named = paths_behind("crate", &text.code).into_iter().filter(|_| name != "lib");
        let named = named.filter(|named| first(named) != name);
        broken
            .extend(named.filter(|named| !is_below_any(named, allowed)).map(|named| format!("{path}: crate::{named}")));
    }
    assert!(broken.is_empty(), "these name what they may not know:\n{}", broken.join("\n"));
}

#[test]
fn no_module_reaches_the_others_through_super() {
    let mut broken = Vec::new();
    for Module { path, text, .. } in modules("collector/src") {
        let inside = path.strip_prefix("collector/src/").unwrap().trim_end_matches(".rs").trim_end_matches("/mod");
        let depth = inside.split('/').count();
        // Within its test module one step more leads to the file itself.
        let (code, tests) = text.code.split_once("mod tests {").unwrap_or((&text.code, ""));
        let is_root = ["main", "lib"].contains(&inside);
        if !is_root && (longest_climb(code) >= depth || longest_climb(tests) > depth) {
            broken.push(path);
        }
    }
    assert!(broken.is_empty(), "these climb to the root of the crate: {broken:?}");
}

#[test]
fn the_collector_uses_of_the_core_what_both_ends_speak() {
    let mut broken = Vec::new();
    for Module { name, path, text } in modules("collector/src") {
        let of = |module: &str| OF_THE_CORE.iter().find(|(named, _)| *named == module).map(|(_, allowed)| *allowed);
        let allowed = of(&name).or(of("")).unwrap();
        let named = paths_behind("selvedge_core", &text.code).into_iter();
        broken.extend(named.filter(|named| !is_below_any(named, allowed)).map(|named| format!("{path}: {named}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn libraries_stay_in_the_modules_that_they_are_for() {
    let mut broken = Vec::new();
    for Module { name, path, text } in modules("collector/src") {
        for (library, at_home) in LIBRARIES {
            if !at_home.contains(&&*name) && words(&text.code).any(|word| word == library) {
                broken.push(format!("{path}: {library}"));
            }
        }
        if ["event", "identity", "profile"].contains(&&*name) {
            let impure = ["fs", "net", "thread", "SystemTime", "Instant", "getrandom", "tracing"];
            broken.extend(words(&text.code).filter(|word| impure.contains(word)).map(|word| format!("{path}: {word}")));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_statement_of_sql_stands_outside_the_store() {
    let mut broken = Vec::new();
    for Module { name, path, text } in modules("collector/src") {
        let statements = text.strings.iter().filter(|string| name != "store" && is_sql(string));
        broken.extend(statements.map(|string| format!("{path}: {string}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_core_knows_no_platform_and_no_clock() {
    let foreign =
        ["std::time", "std::fs", "std::net", "std::thread", "target_arch", "feature =", "uniffi", "wasm_bindgen"];
    let mut broken = Vec::new();
    for Module { path, text, .. } in modules("sdk-core/src") {
        broken.extend(foreign.iter().filter(|word| text.code.contains(**word)).map(|word| format!("{path}: {word}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn shells_know_the_core_and_not_each_other() {
    let all = ["selvedge-core", "selvedge-wasm", "selvedge-mobile", "selvedge-collector"];
    for (folder, known) in [("sdk-core", &[][..]), ("sdk-wasm", &["selvedge-core"]), ("sdk-mobile", &["selvedge-core"])]
    {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        let dependencies: Vec<&str> = manifest.split("[dependencies]").skip(1).collect();
        for package in all.iter().filter(|package| !known.contains(package)) {
            assert!(!dependencies.concat().contains(package), "{folder} depends on {package}");
            let crate_name = package.replace('-', "_");
            for Module { path, text, .. } in modules(&format!("{folder}/src")) {
                assert!(!words(&text.code).any(|word| word == crate_name), "{path} names {crate_name}");
            }
        }
    }
}

#[test]
fn no_source_is_longer_than_500_lines() {
    let endings = [".rs", ".ts", ".js", ".mjs", ".py", ".kt", ".swift", ".sql"];
    let lengths = files_below("", &endings).into_iter().map(|path| (read(&path).lines().count(), path));
    let long: Vec<_> = lengths.filter(|(lines, _)| *lines > 500).collect();
    assert!(long.is_empty(), "a part of each of these has a name and a file of its own: {long:?}");
}

#[test]
fn paths_are_found_in_groups_and_not_in_comments_or_strings() {
    let text =
        "use crate::{a::B, c};\n// crate::d\nfn f() -> crate::e::F { \"crate::g\"; r#\"crate::\"h\"#; '\"'; crate::i }";
    let found = paths_behind("crate", &RustText::of(text).code);
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ["a::B", "c", "e::F", "i"]);
    assert_eq!(longest_climb("super::super::x; use super::*; self::super"), 2);
}

/// One file of a crate.
struct Module {
    /// The first step of its path: `http` for `http/keys.rs`.
    name: String,
    path: String,
    text: RustText,
}

fn modules(folder: &str) -> Vec<Module> {
    let paths = files_below(folder, &[".rs"]).into_iter();
    let module = |path: String| {
        let inside = path.strip_prefix(folder).unwrap().trim_start_matches('/');
        let name = inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        Module { name, text: RustText::of(&read(&path)), path }
    };
    paths.map(module).collect()
}

/// What follows `start::` in the code, groups taken apart.
fn paths_behind(start: &str, code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(&format!("{start}::")) {
        let is_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if is_word {
            found.extend(paths_of(&code[at + start.len() + 2..]));
        }
    }
    found
}

/// The path, or the paths of the group, that the text begins with.
fn paths_of(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (path, rest) = (text[..end].trim_end_matches(':'), &text[end..]);
    let Some(group) = rest.strip_prefix('{') else { return vec![path.to_owned()] };
    let mut depth = 0;
    let mut members = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => members.push(String::new()),
            _ => {}
        }
        if !(character == ',' && depth == 0) {
            members.last_mut().unwrap().push(character);
        }
    }
    let members = members.iter().map(|member| member.trim()).filter(|member| !member.is_empty());
    let prefix = if path.is_empty() { String::new() } else { format!("{path}::") };
    members.flat_map(paths_of).map(|inner| format!("{prefix}{inner}").trim_end_matches("::self").to_owned()).collect()
}

/// Whether a path is one of these, or leads into one of them.
fn is_below_any(path: &str, allowed: &[&str]) -> bool {
    allowed.iter().any(|above| path == *above || path.strip_prefix(above).is_some_and(|rest| rest.starts_with("::")))
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap()
}

/// The most `super::` that follow each other.
fn longest_climb(code: &str) -> usize {
    let climbs = code.match_indices("super::").map(|(at, _)| {
        let mut rest = &code[at..];
        let mut steps = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, steps) = (after, steps + 1);
        }
        steps
    });
    climbs.max().unwrap_or_default()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// Texts that only a database reads.
fn is_sql(string: &str) -> bool {
    let text = string.trim_start().to_ascii_lowercase();
    let begins = ["select ", "insert into ", "insert or ", "update ", "delete from ", "create table ", "pragma "];
    begins.iter().any(|begin| text.starts_with(begin))
}
