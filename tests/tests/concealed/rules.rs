//! A ledger without clear values is built again, by its own rules and by others.

use std::fs;
use std::path::Path;

use anyhow::ensure;
use selvedge_tests::Collector;
use selvedge_tests::oracle::digest;
use serde_json::{Value, json};

use super::{identify, is, named, send, start, whose};

#[test]
fn a_replay_changes_nothing() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = start(directory.path())?;
    tell(&collector)?;
    let before = reads(&collector)?;
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let report = report(&collector, &["replay", "--json"])?;
    ensure!(report["touched"] == 0, "{report:#}");
    collector.restart()?;
    ensure!(reads(&collector)? == before);
    // What came along with the clear values is still known.
    send(
        &collector,
        &collector.secret_key,
        &[named("later", None, ("email", &digest("sha1", "ada@shop.example"), "none"))],
    )?;
    is(whose(&collector, "user_id:u-1")?, "u-1", 4)
}

#[test]
fn a_value_that_is_blocked_names_nobody_any_more_nor_does_its_digest_and_both_come_back() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = start(directory.path())?;
    tell(&collector)?;
    let before = reads(&collector)?;
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let [blocking, first] = ["blocking.toml", "first.toml"].map(|name| directory.path().join(name));
    fs::write(&blocking, "blocked_values = [\"Ada@shop.example\", \"+49 30 1234567\"]\n")?;
    fs::write(&first, "")?;
    let [blocking, first] = [blocking, first].map(|path| path.to_string_lossy().into_owned());
    let check = report(&collector, &["rules", "check", &blocking, "--json"])?;
    let applied = report(&collector, &["rules", "apply", &blocking, "--json"])?;
    ensure!(check["touched"] == applied["touched"] && check["touched"].as_u64() > Some(0), "{check:#} {applied:#}");
    collector.restart()?;
    let (address, number) = (digest("md5", "ada@shop.example"), "phone:%2B49301234567".to_owned());
    for name in ["email:ada@shop.example".to_owned(), format!("email:{address}"), number] {
        ensure!(whose(&collector, &name)?.is_none(), "{name} counts");
    }
    is(whose(&collector, "user_id:u-1")?, "u-1", 2)?;
    ensure!(collector.stop()?.success(), "{}", collector.log());
    report(&collector, &["rules", "apply", &first, "--json"])?;
    collector.restart()?;
    let back = reads(&collector)?;
    ensure!(back == before, "{before:#?}\n{back:#?}");
    Ok(())
}

#[test]
fn a_value_that_was_blocked_when_it_came_counts_when_it_is_no_more() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let settings = "store_clear = false\n[identity]\nblocked_values = [\"ada@shop.example\"]\nblocked_patterns = [\"*@kiosk.example\"]\n";
    let mut collector = Collector::start_with_settings(directory.path(), settings)?;
    let events = ["Ada@shop.example", "desk@kiosk.example"].map(|mail| json!({ "email": mail }));
    let events = [("u-1", &events[0]), ("u-2", &events[1])].map(|(user, traits)| identify(user, user, traits));
    let answer = collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": events }))?;
    let codes = answer.json["warnings"].as_array().into_iter().flatten().map(|warning| warning["code"].as_str());
    ensure!(codes.eq([Some("blocked_identifier"); 2]), "{}", answer.text());
    let traits = |user: &str| {
        let answer = collector.get(&format!("/v1/profiles/user_id:{user}"), &collector.secret_key)?;
        Ok::<_, anyhow::Error>(answer.json["traits"]["email"].as_str().unwrap_or_default().to_owned())
    };
    ensure!(traits("u-1")?.starts_with("keyed.") && traits("u-2")? == "[concealed]");
    ensure!(whose(&collector, "email:ada@shop.example")?.is_none());
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let first = directory.path().join("first.toml");
    fs::write(&first, "")?;
    report(&collector, &["rules", "apply", &first.to_string_lossy(), "--json"])?;
    fs::write(directory.path().join("selvedge.toml"), "store_clear = false\n")?;
    collector.restart()?;
    is(whose(&collector, "email:ada@shop.example")?, "u-1", 1)?;
    ensure!(whose(&collector, "email:desk@kiosk.example")?.is_none(), "what a pattern blocked is gone");
    // By what else it may be said comes along with the next event that says it.
    let sha1 = digest("sha1", "ada@shop.example");
    send(&collector, &collector.secret_key, &[named("m-3", None, ("email", "ada@shop.example", "none"))])?;
    send(&collector, &collector.secret_key, &[named("m-4", None, ("email", &sha1, "none"))])?;
    is(whose(&collector, "user_id:u-1")?, "u-1", 3)
}

#[test]
fn a_digest_that_came_before_the_value_that_is_blocked_no_more_is_the_value_once_it_is_said_again() -> anyhow::Result<()>
{
    let directory = tempfile::tempdir()?;
    let settings = "store_clear = false\n[identity]\nblocked_values = [\"ada@shop.example\"]\n";
    let mut collector = Collector::start_with_settings(directory.path(), settings)?;
    let login = |message_id| identify(message_id, "u-1", &json!({ "email": "ada@shop.example" }));
    collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": [login("m-1")] }))?;
    apply(&mut collector, directory.path(), "")?;
    fs::write(directory.path().join("selvedge.toml"), "store_clear = false\n")?;
    collector.restart()?;
    let sha1 = digest("sha1", "ada@shop.example");
    send(&collector, &collector.secret_key, &[named("m-2", None, ("email", &sha1, "none"))])?;
    is(whose(&collector, "user_id:u-1")?, "u-1", 1)?;
    send(&collector, &collector.secret_key, &[login("m-3")])?;
    is(whose(&collector, "user_id:u-1")?, "u-1", 3)
}

#[test]
fn a_number_that_is_said_again_is_known_by_the_digests_of_the_region_that_is_set_since() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = start(directory.path())?;
    let number = |message_id| named(message_id, Some("u-1"), ("phone", "+4930123456", "none"));
    send(&collector, &collector.secret_key, &[number("m-1")])?;
    apply(&mut collector, directory.path(), "default_region = \"DE\"\n")?;
    collector.restart()?;
    let national = digest("sha256", "030123456");
    send(&collector, &collector.secret_key, &[named("m-2", None, ("phone", &national, "none"))])?;
    send(&collector, &collector.secret_key, &[number("m-3")])?;
    is(whose(&collector, "user_id:u-1")?, "u-1", 3)
}

#[test]
fn what_is_blocked_when_it_comes_is_blocked_in_a_replay_too_however_it_is_written() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let settings =
        "store_clear = false\n[identity]\nblocked_values = [\"kiosk@shop.example\", \"AA:BB:CC:DD:EE:FF\"]\n";
    let mut collector = Collector::start_with_settings(directory.path(), settings)?;
    let quoted = identify("m-1", "u-1", &json!({ "email": "'kiosk@shop.example'" }));
    let half_quoted = identify("m-3", "u-3", &json!({ "email": "kiosk@shop.example'" }));
    let events = [quoted, named("m-2", Some("u-2"), ("mac", "aabbccddeeff", "none")), half_quoted];
    let answer = collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": events }))?;
    let codes = answer.json["warnings"].as_array().into_iter().flatten().map(|warning| warning["code"].as_str());
    ensure!(codes.eq([Some("blocked_identifier"); 2]), "{}", answer.text());
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let report = report(&collector, &["replay", "--json"])?;
    ensure!(report["touched"] == 0, "{report:#}");
    Ok(())
}

/// Builds the ledger again, by a file of rules.
fn apply(collector: &mut Collector, directory: &Path, rules: &str) -> anyhow::Result<()> {
    ensure!(collector.stop()?.success(), "{}", collector.log());
    let file = directory.join("rules.toml");
    fs::write(&file, rules)?;
    report(collector, &["rules", "apply", &file.to_string_lossy(), "--json"]).map(drop)
}

/// People who are known by clear values, by digests and by both.
fn tell(collector: &Collector) -> anyhow::Result<()> {
    let md5 = digest("md5", "ada@shop.example");
    let batch = json!({ "context": { "traits": { "email": "zoe@shop.example" } }, "batch": [
        identify("m-1", "u-1", &json!({ "email": "Ada@shop.example", "phone": "+49 30 1234567" })),
        named("m-2", None, ("email", &md5, "none")),
        named("m-3", Some("u-1"), ("gaid", "6d92078a-8246-4ba4-ae5b-76104861e7dc", "none")),
        named("m-4", Some("u-2"), ("phone", &digest("sha256", "49301234567"), "none")),
        named("m-5", Some("u-3"), ("email", &digest("sha1", "eve@shop.example"), "none")),
        { "type": "identify", "messageId": "m-6", "userId": "u-6" },
        { "type": "identify", "messageId": "m-7", "userId": "u-8", "traits": { "phone": "030 1234567", "email": "null" } },
    ]});
    let answer = collector.post("/v1/batch", &collector.secret_key, &batch)?;
    ensure!(answer.json["accepted"] == 7, "{}", answer.text());
    Ok(())
}

/// All that is told of everyone.
fn reads(collector: &Collector) -> anyhow::Result<Vec<Value>> {
    let names = ["user_id:u-1", "user_id:u-2", "user_id:u-3", "user_id:u-6", "user_id:u-8", "email:zoe%40shop.example"];
    let mut all = vec![collector.get("/v1/conflicts", &collector.secret_key)?.json];
    for name in names {
        let mut profile = collector.get(&format!("/v1/profiles/{name}"), &collector.secret_key)?.json;
        profile.as_object_mut().and_then(|profile| profile.remove("version"));
        all.push(profile);
        all.push(collector.get(&format!("/v1/profiles/{name}/events?raw=true"), &collector.secret_key)?.json);
    }
    Ok(all)
}

fn report(collector: &Collector, command: &[&str]) -> anyhow::Result<Value> {
    let output = collector.run(command)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
