//! The key, and the one moment at which it is settled whether a ledger keeps clear values.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::ensure;
use selvedge_tests::Collector;
use selvedge_tests::collector::{command, run};
use selvedge_tests::wait_until;
use serde_json::json;

use super::lifting::KEY;
use super::{CONCEALING, identify, is, send, start, whose};

#[test]
fn the_first_start_makes_a_key_for_its_owner_alone_which_is_not_in_the_ledger() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = start(directory.path())?;
    let key = fs::read_to_string(directory.path().join(KEY))?;
    ensure!(fs::metadata(directory.path().join(KEY))?.permissions().mode() & 0o777 == 0o600);
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let hex = key.trim();
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let ledger = fs::read(directory.path().join("ledger.db"))?;
    ensure!(!ledger.windows(32).any(|window| window == bytes) && !ledger.windows(64).any(|at| at == hex.as_bytes()));
    collector.restart()?;
    ensure!(fs::read_to_string(directory.path().join(KEY))? == key, "one key, for ever");
    Ok(())
}

#[test]
fn a_missing_or_another_key_is_refused_by_every_command_and_the_right_one_is_taken_again() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = start(directory.path())?;
    let mail = json!({ "email": "ada@shop.example" });
    send(&collector, &collector.secret_key, &[identify("m-1", "u-1", &mail)])?;
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let file = directory.path().join(KEY);
    let key = fs::read_to_string(&file)?;
    for (other, wanted) in
        [(None, "is not there"), (Some("0".repeat(64)), "holds another key"), (Some("x".into()), "holds another key")]
    {
        match &other {
            Some(text) => fs::write(&file, text)?,
            None => fs::remove_file(&file)?,
        }
        for command in [&["profile", "show", "email:ada@shop.example"][..], &["replay"], &["erase", "user_id:u-1"]] {
            let output = collector.run(command)?;
            let complaint = String::from_utf8(output.stderr)?;
            ensure!(output.status.code() == Some(1) && complaint.contains(wanted), "{command:?}: {complaint}");
        }
        let complaint = refused(directory.path(), &CONCEALING)?;
        ensure!(complaint.contains(wanted) && complaint.contains(KEY), "{complaint}");
        ensure!(file.exists() == other.is_some(), "no start makes another key");
    }
    fs::write(&file, key)?;
    collector.restart()?;
    is(whose(&collector, "email:ada@shop.example")?, "u-1", 1)
}

#[test]
fn a_ledger_with_events_stays_what_it_is_in_both_directions() -> anyhow::Result<()> {
    let mail = json!({ "email": "ada@shop.example" });
    for (first, then, wanted) in [
        (&CONCEALING[..], &[][..], "set store_clear = false"),
        (&CONCEALING[..], &["--store-clear", "true"][..], "set store_clear = false"),
        (&[][..], &CONCEALING[..], "of a new ledger only"),
    ] {
        let directory = tempfile::tempdir()?;
        let mut collector = Collector::start_with(directory.path(), first)?;
        send(&collector, &collector.secret_key, &[identify("m-1", "u-1", &mail)])?;
        ensure!(collector.stop()?.success(), "{}", collector.log());
        let has_key = directory.path().join(KEY).exists();
        let complaint = refused(directory.path(), then)?;
        ensure!(complaint.contains(wanted), "{complaint}");
        ensure!(directory.path().join(KEY).exists() == has_key, "nothing is made");
        collector.restart()?;
        is(whose(&collector, "email:ada@shop.example")?, "u-1", 1)?;
    }
    Ok(())
}

#[test]
fn a_ledger_without_events_becomes_what_the_settings_say_and_a_file_may_say_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = Collector::start(directory.path())?;
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let key = collector.run(&["key", "create", "secret"])?;
    let key = String::from_utf8(key.stdout)?.trim().to_owned();
    let settings = directory.path().join("settings.toml");
    fs::write(&settings, "store_clear = false\n")?;
    let complaint = refused(directory.path(), &["--store-clear", "maybe"])?;
    ensure!(complaint.contains("maybe") && !directory.path().join(KEY).exists(), "{complaint}");
    let settings = settings.to_string_lossy();
    // It prints no keys any more: those of the first start count.
    let flags =
        ["serve", "--listen", "192.0.2.1:1", "--data", &directory.path().to_string_lossy(), "--config", &settings];
    ensure!(run(&flags)?.status.code() == Some(1), "it cannot listen there");
    ensure!(!directory.path().join(KEY).exists(), "what does not start changes nothing");
    let collector = Collector::start_on(directory.path(), &["--config", &settings])?;
    send(&collector, &key, &[identify("m-1", "u-1", &json!({ "email": "ada@shop.example" }))])?;
    let profile = collector.get("/v1/profiles/email:ada%40shop.example", &key)?.json;
    ensure!(profile["traits"]["email"].as_str().is_some_and(|mail| mail.starts_with("keyed.")), "{profile:#}");
    Ok(())
}

/// What a start that is refused says.
fn refused(directory: &Path, flags: &[&str]) -> anyhow::Result<String> {
    let directory = directory.to_string_lossy();
    let arguments = [&["serve", "--listen", "127.0.0.1:0", "--data", &directory], flags].concat();
    let mut process = command()?.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let ended = wait_until(DEADLINE, "it ends by itself", || process.try_wait().is_ok_and(|status| status.is_some()));
    if ended.is_err() {
        process.kill()?;
    }
    let output = process.wait_with_output()?;
    ensure!(output.status.code().is_some_and(|code| code > 0), "it starts");
    ensure!(output.stdout.is_empty(), "it prints nothing");
    Ok(String::from_utf8(output.stderr)?)
}

/// Far above what a refusal takes.
const DEADLINE: Duration = Duration::from_secs(10);
