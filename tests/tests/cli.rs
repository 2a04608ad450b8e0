//! `selvedge profile` as scripts and operators use it: beside a running server and without one, with its exit codes and
//! what it prints.

use std::process::Output;

use anyhow::{Context, ensure};
use selvedge_tests::Collector;
use selvedge_tests::collector::{command, run};
use serde_json::{Value, json};

#[test]
fn every_command_says_the_same_beside_a_server_and_without_one() -> anyhow::Result<()> {
    let mut told = Vec::new();
    for is_served in [true, false] {
        let directory = tempfile::tempdir()?;
        let mut collector = visited(directory.path())?;
        if !is_served {
            ensure!(collector.stop()?.success(), "{}", collector.log());
        }
        let mut printed = Vec::new();
        for arguments in EVERY_COMMAND {
            let output = collector.run(&[&["profile"], *arguments].concat())?;
            ensure!(output.status.code() == Some(0), "{arguments:?}: {}", complaint(&output));
            ensure!(complaint(&output).is_empty(), "{arguments:?} complains: {}", complaint(&output));
            printed.push(without_moments(&stdout(&output)));
        }
        told.push(printed);
    }
    ensure!(told[0] == told[1], "beside a server: {:#?}\nwithout one: {:#?}", told[0], told[1]);
    Ok(())
}

#[test]
fn a_decision_on_the_command_line_counts_at_once_in_a_running_server() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let id = |name: &str| -> anyhow::Result<Value> {
        Ok(collector.get(&format!("/v1/profiles/{name}"), &collector.secret_key)?.json["id"].clone())
    };
    ensure!(id("email:ada@example.com")? != id("email:eve@example.com")?);
    let link = ["profile", "link", "email:ada@example.com", "email:eve@example.com", "--reason", "one", "--json"];
    let decision = json_of(&collector.run(&link)?)?;
    ensure!(decision["op"] == "link" && decision["author"] == "command line", "{decision}");
    ensure!(id("email:ada@example.com")? == id("email:eve@example.com")?, "the link counts");
    // The server's writer knows of it: what arrives now is placed by it.
    let event = json!({"type": "page", "anonymousId": "a-2", "userId": "u-1"});
    ensure!(collector.post("/v1/track", &collector.public_key, &event)?.status == 200);
    let listed = collector.get("/v1/decisions", &collector.admin_key)?.json;
    ensure!(listed["decisions"] == json!([decision]), "{listed}");
    let withdrawn = collector.run(&["profile", "withdraw", &decision["id"].to_string()])?;
    ensure!(stdout(&withdrawn) == "decision 1 is withdrawn\n", "{}", stdout(&withdrawn));
    ensure!(id("email:ada@example.com")? != id("email:eve@example.com")?, "the withdrawal counts");
    Ok(())
}

#[test]
fn the_key_that_a_command_makes_for_itself_is_revoked_when_it_ends_well_or_badly() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    collector.run(&["profile", "ignore", "email:eve@example.com", "--reason", "nobody's"])?;
    ensure!(collector.run(&["profile", "withdraw", "99"])?.status.code() == Some(1));
    let listed = json_of(&collector.run(&["key", "list", "--json"])?)?;
    let own = listed["keys"].as_array().context("keys")?.iter().filter(|key| key["name"] == "command line");
    let own: Vec<&Value> = own.collect();
    ensure!(own.len() == 2 && own.iter().all(|key| key["revoked_at"].is_string()), "{listed}");
    Ok(())
}

#[test]
fn a_reason_is_needed_and_is_listed_whole_up_to_a_thousand_characters() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let decide = |reason: &str| {
        let ignore = json!({"op": "ignore", "x": {"kind": "email", "value": "eve@example.com"}, "reason": reason});
        collector.post("/v1/decisions", &collector.admin_key, &ignore)
    };
    for refused in ["", " \n", &"ü".repeat(1_001)] {
        let answer = decide(refused)?;
        ensure!((answer.status, &answer.json["code"]) == (400, &json!("bad_decision")), "{}", answer.text());
    }
    let reason = "ü".repeat(1_000);
    let answer = decide(&reason)?;
    ensure!(answer.status == 200, "{}", answer.text());
    let listed = collector.run(&["profile", "decisions"])?;
    ensure!(listed.status.success(), "{}", complaint(&listed));
    ensure!(stdout(&listed).contains(&reason));
    Ok(())
}

#[test]
fn a_command_that_cannot_write_says_so_and_ends_with_1() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = visited(directory.path())?;
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let rules = directory.path().join("rules.toml");
    std::fs::write(&rules, "")?;
    let (data, rules) = (directory.path().to_string_lossy(), rules.to_string_lossy());
    let commands: [&[&str]; 6] = [
        &["key", "list"],
        &["key", "create", "public"],
        &["identity-key", "list"],
        &["rules", "show"],
        &["rules", "check", &rules],
        &["profile", "show", "email:eve@example.com"],
    ];
    for arguments in commands {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
        let output = command()?.args(arguments).args(["--data", &data]).stdout(full).output()?;
        let said = complaint(&output);
        ensure!(output.status.code() == Some(1), "{arguments:?}: {:?}, {said}", output.status);
        ensure!(said.starts_with("selvedge: cannot write to stdout: "), "{arguments:?}: {said}");
    }
    // Not even the complaint can be written: the exit code is left.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    let status = command()?.args(["key", "list", "--data", "/nowhere"]).stderr(full).status()?;
    ensure!(status.code() == Some(1), "{status:?}");
    Ok(())
}

#[test]
fn what_was_decided_without_a_server_is_there_when_it_starts() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = visited(directory.path())?;
    // Killed, it leaves its address behind, where nobody answers any more.
    collector.kill()?;
    let apart = ["profile", "keep-apart", "anonymous_id:a-1", "user_id:u-1", "--reason", "borrowed"];
    ensure!(
        stdout(&collector.run(&apart)?) == "decision 1 is taken: anonymous_id:a-1 and user_id:u-1 are kept apart\n"
    );
    collector.restart()?;
    let device = collector.get("/v1/profiles/anonymous_id:a-1", &collector.secret_key)?.json;
    ensure!(device["identifiers"].as_array().is_some_and(|names| names.len() == 1), "{device}");
    let profile = json_of(&collector.run(&["profile", "show", "anonymous_id:a-1", "--json"])?)?;
    ensure!(profile == device, "{profile}, not {device}");
    Ok(())
}

#[test]
fn json_is_what_the_api_answers() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let api = |path: &str| -> anyhow::Result<Value> { Ok(collector.get(path, &collector.admin_key)?.json) };
    let shown = json_of(&collector.run(&["profile", "show", "user_id:u-1", "--json"])?)?;
    ensure!(shown == api("/v1/profiles/user_id:u-1")?, "{shown}");
    let by_id = json_of(&collector.run(&["profile", "show", shown["id"].as_str().context("id")?, "--json"])?)?;
    ensure!(by_id == shown, "{by_id}");
    let why =
        json_of(&collector.run(&["profile", "explain", "anonymous_id:a-1", "email:ada@example.com", "--json"])?)?;
    ensure!(why == api("/v1/profiles/anonymous_id:a-1/explain?with=email:ada@example.com")?, "{why}");
    let decisions = json_of(&collector.run(&["profile", "decisions", "--json"])?)?;
    ensure!(decisions == api("/v1/decisions")?, "{decisions}");
    Ok(())
}

#[test]
fn an_explanation_for_people_is_sentences_and_a_profile_is_aligned() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let why = stdout(&collector.run(&["profile", "explain", "anonymous_id:a-1", "email:ada@example.com"])?);
    let lines: Vec<&str> = why.lines().collect();
    ensure!(lines[0].starts_with("anonymous_id:a-1 and email:ada@example.com are one person: profile "), "{why}");
    ensure!(lines[2] == "From anonymous_id:a-1 to user_id:u-1:", "{why}");
    ensure!(lines[3].starts_with("  1. Event m-1 of ") && lines[3].contains("on the device anonymous_id:a-1"), "{why}");
    let apart = stdout(&collector.run(&["profile", "explain", "user_id:u-1", "email:eve@example.com"])?);
    ensure!(apart.contains("There is no evidence"), "{apart}");
    let shown = stdout(&collector.run(&["profile", "show", "user_id:u-1"])?);
    let names: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("KIND")).take(4).collect();
    let column = names[0].find("VALUE").context("a column of values")?;
    let values: Vec<&str> = names[1..].iter().filter_map(|line| line[column..].split(' ').next()).collect();
    ensure!(values == ["u-1", "ada@example.com", "a-1"], "{shown}");
    Ok(())
}

#[test]
fn a_link_that_breaks_a_limit_is_taken_and_says_what_it_meets() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let other = json!({"type": "page", "userId": "u-2"});
    ensure!(collector.post("/v1/page", &collector.secret_key, &other)?.status == 200);
    let taken = stdout(&collector.run(&["profile", "link", "user_id:u-1", "user_id:u-2", "--reason", "one"])?);
    let lines: Vec<&str> = taken.lines().collect();
    ensure!(lines[0] == "decision 1 is taken: user_id:u-1 and user_id:u-2 are linked", "{taken}");
    ensure!(lines[1].starts_with("they are not one person all the same.") && lines[1].contains("u-1, u-2"), "{taken}");
    collector.run(&["profile", "ignore", "user_id:u-2", "--reason", "a test"])?;
    let why = stdout(&collector.run(&["profile", "explain", "user_id:u-1", "user_id:u-2"])?);
    ensure!(why.contains("No profile holds user_id:u-2.") && why.contains("user_id:u-1 leads the profile "), "{why}");
    Ok(())
}

#[test]
fn a_failure_ends_with_1_a_usage_error_with_2_and_neither_prints_to_stdout() -> anyhow::Result<()> {
    for is_served in [true, false] {
        let directory = tempfile::tempdir()?;
        let mut collector = visited(directory.path())?;
        if !is_served {
            ensure!(collector.stop()?.success());
        }
        let failures: &[(&[&str], &str)] = &[
            (&["show", "user_id:nobody"], "nobody goes by user_id:nobody: "),
            (&["show", "shoe_size:44"], "nobody goes by shoe_size:44: "),
            (&["show", "00000000-0000-8000-8000-000000000000"], "nobody goes by 00000000-0000-8000-8000-"),
            (&["explain", "user_id:u-1", "user_id:nobody"], "no event names user_id:nobody"),
            (&["link", "user_id:u-1", "user_id:nobody", "--reason", "r"], "no event names user_id:nobody"),
            (&["link", "user_id:u-1", "anonymous_id:a-1", "--reason", "r"], "anonymous_id:a-1 is a device"),
            (&["keep-apart", "user_id:u-1", "user_id:u-1", "--reason", "r"], "both names are user_id:u-1"),
            (&["withdraw", "7"], "no decision that stands has the id 7"),
        ];
        for (arguments, sentence) in failures {
            let output = collector.run(&[&["profile"], *arguments].concat())?;
            ensure!(output.status.code() == Some(1), "{arguments:?}: {:?}", output.status);
            ensure!(complaint(&output).contains(sentence), "{arguments:?}: {}", complaint(&output));
            ensure!(output.stdout.is_empty(), "{arguments:?}: {}", stdout(&output));
        }
        for arguments in [&["show", "u-1"][..], &["show"], &["link", "a:b", "c:d"], &["withdraw", "x"], &["merge"]] {
            let output = collector.run(&[&["profile"], arguments].concat())?;
            ensure!(output.status.code() == Some(2), "{arguments:?}: {:?}", output.status);
            ensure!(output.stdout.is_empty(), "{arguments:?}: {}", stdout(&output));
        }
    }
    Ok(())
}

#[test]
fn of_a_name_that_counts_for_nobody_it_is_not_said_that_no_event_named_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    collector.run(&["profile", "ignore", "email:eve@example.com", "--reason", "nobody's"])?;
    let strict = collector.run(&["key", "create", "public", "--trust", "strict"])?;
    let unproven = json!({"type": "page", "userId": "u-2", "anonymousId": "a-2"});
    let answer = collector.post("/v1/page", stdout(&strict).trim(), &unproven)?;
    ensure!(answer.json["accepted"] == 1, "{}", answer.text());
    for (name, why) in [("email:eve@example.com", "by a decision"), ("user_id:u-2", "for want of proof")] {
        let said = complaint(&collector.run(&["profile", "show", name])?);
        ensure!(said.contains(&format!("nobody goes by {name}: ")) && said.contains(why), "{said}");
        let answer = collector.get(&format!("/v1/profiles/{name}"), &collector.secret_key)?;
        ensure!((answer.status, &answer.json["code"]) == (404, &json!("not_found")), "{}", answer.text());
        let message = answer.json["message"].as_str().unwrap_or_default();
        ensure!(message.starts_with("nobody goes by it: ") && message.contains(why), "{message}");
    }
    Ok(())
}

#[test]
fn trust_is_of_public_keys_and_no_other_key_is_made_with_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let data = directory.path().join("new");
    let data = data.to_str().context("a path")?;
    for right in ["secret", "admin"] {
        let output = run(&["key", "create", right, "--trust", "strict", "--data", data])?;
        ensure!(output.status.code() == Some(1) && output.stdout.is_empty(), "{}", stdout(&output));
        ensure!(complaint(&output).starts_with("selvedge: --trust is of public keys"), "{}", complaint(&output));
    }
    ensure!(!std::path::Path::new(data).exists());
    ensure!(run(&["key", "create", "public", "--trust", "strict", "--data", data])?.status.success());
    let listed = stdout(&run(&["key", "list", "--data", data])?);
    ensure!(listed.contains("strict") && listed.lines().count() == 2, "{listed}");
    Ok(())
}

#[test]
fn a_directory_without_a_ledger_is_left_without_one() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let data = directory.path().join("typo");
    let data = data.to_str().context("a path")?;
    for arguments in [&["show", "user_id:u"][..], &["ignore", "user_id:u", "--reason", "r"], &["withdraw", "1"]] {
        let output = run(&[&["profile"], arguments, &["--data", data]].concat())?;
        ensure!(output.status.code() == Some(1) && complaint(&output).contains("there is no ledger in"));
    }
    ensure!(!std::path::Path::new(data).exists());
    Ok(())
}

#[test]
fn what_a_visitor_sends_moves_no_terminal() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let event =
        json!({"type": "identify", "userId": "u-1", "traits": {"\u{1b}[2J": "x"}, "messageId": "m\u{1b}]0;x\u{7}"});
    collector.post("/v1/identify", &collector.public_key, &event)?;
    let shown = stdout(&collector.run(&["profile", "show", "user_id:u-1"])?);
    ensure!(shown.contains("\\u{1b}[2J") && !shown.contains('\u{1b}'), "{shown:?}");
    Ok(())
}

/// A collector that saw Ada log in, and knows Eve's address.
fn visited(directory: &std::path::Path) -> anyhow::Result<Collector> {
    let collector = Collector::start(directory)?;
    let login = json!({"type": "identify", "messageId": "m-1", "anonymousId": "a-1", "userId": "u-1",
        "timestamp": "2026-01-01T11:00:00Z", "traits": {"email": "ada@example.com", "plan": "pro"}});
    let other = json!({"type": "identify", "messageId": "m-2", "timestamp": "2026-01-01T11:10:00Z",
        "traits": {"email": "eve@example.com"}});
    let answer = collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": [login, other] }))?;
    ensure!(answer.json["accepted"] == 2, "{}", answer.text());
    Ok(collector)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json_of(output: &Output) -> anyhow::Result<Value> {
    ensure!(output.status.success(), "{}", complaint(output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Times as `(then)`: two runs are never at the same.
fn without_moments(text: &str) -> String {
    let is_moment = |word: &str| word.len() == 24 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
    let words = text.split_inclusive([' ', '\n', '"']);
    words
        .map(|word| {
            if is_moment(&word[..word.len() - 1]) {
                "(then)".to_owned() + &word[word.len() - 1..]
            } else {
                word.to_owned()
            }
        })
        .collect()
}

const EVERY_COMMAND: &[&[&str]] = &[
    &["show", "email:ada@example.com"],
    &["show", "email:ada@example.com", "--json"],
    &["explain", "anonymous_id:a-1", "email:ada@example.com"],
    &["explain", "user_id:u-1", "email:eve@example.com", "--json"],
    &["link", "email:ada@example.com", "email:eve@example.com", "--reason", "one person"],
    &["explain", "user_id:u-1", "email:eve@example.com"],
    &["keep-apart", "anonymous_id:a-1", "user_id:u-1", "--reason", "borrowed", "--json"],
    &["explain", "anonymous_id:a-1", "user_id:u-1"],
    &["ignore", "email:eve@example.com", "--reason", "a shop's own"],
    &["decisions"],
    &["withdraw", "1"],
    &["withdraw", "3", "--json"],
    &["decisions", "--json"],
    &["explain", "user_id:u-1", "email:eve@example.com"],
];
