//! The documents and the examples against the product: links lead somewhere, named tests exist, the catalogues are
//! whole, the example settings are accepted, the example programs run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a document that cannot be read is a failed test")]

mod sources;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_tests::{Collector, wait_until};
use serde_json::json;
use sources::{RustText, files_below, read, root};

#[test]
fn every_link_leads_to_a_file_or_a_heading() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = read(&document);
        let folder = Path::new(&document).parent().unwrap();
        for link in links(&text) {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let leads = match path {
                "" => anchors(&text).contains(heading),
                path => root().join(folder).join(path).exists(),
            };
            if !link.contains("://") && !leads {
                broken.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_test_that_a_promise_names_is_in_the_file_that_it_names() {
    let text = read("README.md");
    let promises = between(&text, "## Promises", "### Not yet");
    let mut named = 0;
    for (place, _) in promises.match_indices("[`") {
        let (test, rest) = promises[place + 2..].split_once("`](").unwrap();
        let (path, _) = rest.split_once(')').unwrap();
        let file = read(path);
        let is_there = file.contains(&format!("fn {test}("))
            || file.contains(&format!("test(\"{test}\""))
            || file.contains(&format!("def {test}("));
        assert!(is_there, "{path} has no test {test:?}");
        named += 1;
    }
    assert!(named > 20, "only {named} tests are named");
}

#[test]
fn the_catalogue_of_errors_is_the_codes_of_the_source() {
    let text = read("README.md");
    let catalogue = between(&text, "## Errors", "## Metrics");
    let rows = catalogue.lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeSet<&str> = rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap())).collect();
    let wire = read("sdk-core/src/wire.rs");
    let doors = read("collector/src/http/error.rs");
    let constants = [between(&wire, "pub mod code {", "\n}"), &doors];
    let codes: BTreeSet<&str> = constants.iter().flat_map(|text| text_constants(text)).collect();
    assert_eq!(listed, codes);
}

#[test]
fn every_path_of_the_router_is_listed() {
    let text = read("README.md");
    let list = between(&text, "### Every path", "### Keys");
    let router = RustText::of(&read("collector/src/http/routes.rs"));
    let paths = router.strings.iter().filter(|string| string.starts_with('/') && string.len() > 1);
    let missing: Vec<_> = paths
        .filter(|path| !path.contains("{name}") && !path.contains("{short}"))
        .filter(|path| !list.contains(&format!("`{path}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_metric_and_no_other_is_listed() -> anyhow::Result<()> {
    let text = read("README.md");
    let list = between(&text, "## Metrics", "## Licence");
    let listed: BTreeSet<&str> =
        quoted(list).filter(|name| name.starts_with("selvedge_")).map(|name| first_of(name, '{')).collect();
    let directory = tempfile::tempdir()?;
    let page = Collector::start(directory.path())?.get("/metrics", "")?.text();
    let shown: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(listed, shown);
    Ok(())
}

#[test]
fn the_example_settings_are_accepted_as_they_stand_and_with_all_that_is_off() -> anyhow::Result<()> {
    let example = read("examples/collector/selvedge.toml");
    for settings in [example.clone(), with_all_switched_on(&example)] {
        let directory = tempfile::tempdir()?;
        let mut collector = Collector::start_with_settings(directory.path(), &settings)?;
        assert_eq!(collector.get("/readyz", "")?.status, 200);
        ensure!(collector.stop()?.success(), "{}", collector.log());
    }
    Ok(())
}

#[test]
fn the_example_settings_name_every_key_and_the_readme_every_limit() {
    let example = with_all_switched_on(&read("examples/collector/selvedge.toml"));
    let readme = read("README.md");
    let files = ["collector/src/config/file.rs", "collector/src/config/identity.rs", "collector/src/ingest/limits.rs"];
    for (path, structs) in files.iter().zip([&["File", "DestinationTable"][..], &["IdentityTable"], &["Limits"]]) {
        let source = read(path);
        for fields in structs.iter().map(|name| between(&source, &format!("struct {name} {{"), "\n}")) {
            for name in field_names(fields).filter(|name| !["limits", "identity", "destination"].contains(name)) {
                let name = if name == "destination_type" { "type" } else { name };
                let is_set = example.lines().any(|line| line.starts_with(&format!("{name} = ")));
                assert!(is_set || (name == "store" && example.contains("`store = ")), "selvedge.toml lacks {name}");
                assert!(!path.ends_with("limits.rs") || readme.contains(&format!("`{name}`")), "README lacks {name}");
            }
        }
    }
}

#[test]
fn the_example_servers_send_events_and_read_a_profile() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    for (program, file) in [("sh", "send.sh"), ("node", "send.mjs"), ("python3", "send.py")] {
        let mut command = Command::new(program);
        command.arg(root().join("examples/server").join(file));
        command.env("SELVEDGE_URL", &collector.url).env("SELVEDGE_KEY", &collector.secret_key);
        let output = command.output().with_context(|| format!("{program} is not here"))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{file}: {printed}{complaint}");
        let profile: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap_or_default())?;
        ensure!(
            profile["traits"]["plan"].is_string() && profile["event_count"].as_u64() >= Some(2),
            "{file}: {printed}"
        );
    }
    Ok(())
}

#[test]
fn the_example_receivers_believe_the_collector_and_nobody_else() -> anyhow::Result<()> {
    let receivers = [Receiver::start("node", "webhook.mjs")?, Receiver::start("python3", "webhook.py")?];
    let tables = receivers.iter().map(|receiver| {
        let Receiver { name, url, .. } = receiver;
        format!(
            "[[destination]]\nname = \"{name}\"\ntype = \"webhook\"\nurl = \"{url}\"\nsecret = \"{SECRET}\"\nallow_private = true\n"
        )
    });
    let directory = tempfile::tempdir()?;
    let collector = Collector::start_with_settings(directory.path(), &tables.collect::<String>())?;
    collector.post("/v1/track", &collector.public_key, &json!({"anonymousId": "a", "event": "Seen"}))?;
    collector.post("/v1/identify", &collector.public_key, &json!({"anonymousId": "a", "userId": "u"}))?;
    for receiver in receivers {
        let forged = selvedge_tests::http::post(&receiver.url, "", &json!({"type": "profile.deleted"}))?;
        assert_eq!(forged.status, 401, "{}", receiver.name);
        let mut printed = String::new();
        wait_until(Duration::from_secs(30), "both changes of the profile", || {
            printed.extend(receiver.lines.try_iter().map(|line| line + "\n"));
            printed.contains("profile.merged") && printed.contains("profile.updated")
        })
        .with_context(|| format!("{} printed {printed}", receiver.name))?;
    }
    Ok(())
}

/// A running example receiver. Killed when dropped.
struct Receiver {
    name: &'static str,
    url: String,
    lines: std::sync::mpsc::Receiver<String>,
    process: Child,
}

impl Receiver {
    fn start(program: &str, name: &'static str) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.arg(root().join("examples/server").join(name));
        command.env("SELVEDGE_SECRET", SECRET).env("PORT", "0").env("PYTHONDONTWRITEBYTECODE", "1");
        let mut process = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{program} is not here"))?;
        let stdout = process.stdout.take().context("no stdout")?;
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let first = lines.recv_timeout(Duration::from_secs(30))?;
        let url = first.strip_prefix("listening ").context("no address")?.to_owned();
        Ok(Self { name, url, lines, process })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn documents() -> Vec<String> {
    let own = |path: &String| !path.contains("/tests/");
    files_below("", &[".md"]).into_iter().filter(own).collect()
}

/// The targets of `[text](target)`, outside of code blocks.
fn links(text: &str) -> Vec<String> {
    let mut is_code = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence && !line.starts_with("    ")
    });
    let prose: String = prose.collect::<Vec<_>>().join("\n");
    prose.match_indices("](").filter_map(|(at, _)| Some(prose[at + 2..].split_once(')')?.0.to_owned())).collect()
}

/// The anchors of headings, as they are made of their texts.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    headings.map(anchor).collect()
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("nothing says {from:?}"));
    rest.split_once(to).unwrap_or_else(|| panic!("nothing says {to:?} after {from:?}")).0
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn first_of(text: &str, end: char) -> &str {
    text.split(end).next().unwrap_or_default()
}

/// The values of `const NAME: &str = "value";`.
fn text_constants(text: &str) -> impl Iterator<Item = &str> {
    text.split(": &str = \"").skip(1).filter_map(|rest| Some(rest.split_once("\";")?.0))
}

fn field_names(fields: &str) -> impl Iterator<Item = &str> {
    let code = fields.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    code.filter_map(|line| line.split_once(": ")?.0.split(' ').next_back())
}

/// A line that begins with `#` and no space is a setting that is off.
fn with_all_switched_on(settings: &str) -> String {
    let is_off = |line: &str| line.starts_with('#') && line[1..].starts_with(|c: char| c == '[' || c.is_lowercase());
    settings.lines().map(|line| if is_off(line) { &line[1..] } else { line }).collect::<Vec<_>>().join("\n")
}

const SECRET: &str = "a secret of the example receivers";
