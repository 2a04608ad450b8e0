//! Who is who, as it is asked for and as it is told, where no clear value is kept.

use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_core::identifier::Kind;
use selvedge_tests::backend::Backend;
use selvedge_tests::oracle::digest;
use selvedge_tests::{Collector, Reply, Upstream, http, wait_until};
use serde_json::{Value, json};

use super::lifting::Lifting;
use super::{CONCEALING, identify, is, named, send, start, whose};

#[test]
fn a_row_is_one_subject_whatever_each_of_its_versions_says() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = start(directory.path())?;
    for (version, traits) in [
        (1, json!({ "email": "ada@shop.example", "plan": "free" })),
        (2, json!({ "phone": "+4930123456", "plan": "gold" })),
        (3, json!({ "plan": "club" })),
    ] {
        let mut row = identify("import:crm:4930123456", "u-1", &traits);
        row["context"] = json!({ "selvedge": { "version": version } });
        send(&collector, &collector.secret_key, &[row])?;
        let path = "/v1/profiles/user_id:u-1";
        let profile = collector.get(path, &collector.secret_key)?.json;
        ensure!(profile["traits"]["plan"] == traits["plan"], "version {version}: {profile:#}");
        let names = profile["identifiers"].as_array().map_or(0, Vec::len);
        ensure!(names == traits.as_object().map_or(0, |traits| traits.len()), "version {version}: {profile:#}");
    }
    Ok(())
}

#[test]
fn a_digest_and_its_clear_value_are_one_person_whichever_came_first() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = start(directory.path())?;
    let bare = |algorithm: &str, value: &str| digest(algorithm, value).rsplit('.').next().unwrap().to_owned();
    let mut person = 0;
    for (kind, clear, hashed) in [
        ("email", "Ada.{n}@Shop.Example", "ada.{n}@shop.example"),
        ("phone", "+49 30 12345{n}", "493012345{n}"),
        ("mac", "00:1B:44:11:3A:{n}", "00:1B:44:11:3A:{n}"),
        ("gaid", "6D92078A-8246-4BA4-AE5B-76104861E7{n}", "6d92078a-8246-4ba4-ae5b-76104861e7{n}"),
    ] {
        for (algorithm, is_clear_first) in [("md5", true), ("sha1", false), ("sha256", true), ("sha256", false)] {
            person += 1;
            let number = format!("{:02}", person + 10);
            let [clear, hashed] = [clear, hashed].map(|form| form.replace("{n}", &number));
            let user = format!("u-{number}");
            let said = named(&format!("clear-{number}"), Some(&user), (kind, &clear, "none"));
            let by_digest = named(&format!("hashed-{number}"), None, (kind, &bare(algorithm, &hashed), algorithm));
            let mut events = [said, by_digest];
            if !is_clear_first {
                events.reverse();
            }
            for event in events {
                send(&collector, &collector.secret_key, &[event])?;
            }
            is(whose(&collector, &format!("user_id:{user}"))?, &user, 2)
                .with_context(|| format!("{kind}, {algorithm}"))?;
        }
    }
    Ok(())
}

#[test]
fn a_name_is_found_by_its_value_by_a_digest_and_as_it_is_printed() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = start(directory.path())?;
    let traits = json!({ "email": "Ada@Shop.Example", "phone": "+49 30 1234567", "plan": "pro" });
    let eve = digest("sha1", "eve@shop.example");
    send(
        &collector,
        &collector.secret_key,
        &[identify("m-1", "u-1", &traits), named("m-2", Some("u-2"), ("email", &eve, "none"))],
    )?;
    let key = Lifting::of(directory.path())?;
    let (ada, number) = (key.keyed(Kind::EMAIL, "ada@shop.example"), key.keyed(Kind::PHONE, "+49301234567"));
    for name in [
        "email:ADA@shop.example".to_owned(),
        format!("email:{ada}"),
        format!("email:{}", ada.to_ascii_uppercase()),
        "phone:%2B49%2030%201234567".to_owned(),
        format!("phone:{number}"),
    ] {
        is(whose(&collector, &name)?, "u-1", 1).with_context(|| name)?;
    }
    let printed = key.keyed(Kind::EMAIL, &eve);
    for name in [&eve, &printed] {
        is(whose(&collector, &format!("email:{name}"))?, "u-2", 1).with_context(|| name.clone())?;
        let shown = collector.run(&["profile", "show", &format!("email:{name}")])?;
        ensure!(String::from_utf8(shown.stdout)?.contains(&printed));
    }
    let profile = collector.get("/v1/profiles/user_id:u-1", &collector.secret_key)?.json;
    ensure!(profile["traits"] == json!({ "email": ada, "phone": number, "plan": "pro" }), "{profile:#}");
    let why = "/v1/profiles/user_id:u-1/explain?with=email:ada%40shop.example";
    ensure!(collector.get(why, &collector.secret_key)?.json["same"] == true);
    for shown in [
        collector.run(&["profile", "explain", "email:ada@shop.example", "phone:+49301234567"])?,
        collector.run(&["profile", "show", "email:ada@shop.example"])?,
    ] {
        let text = String::from_utf8(shown.stdout)?;
        ensure!(shown.status.success() && text.contains(&ada) && !text.contains("shop.example"), "{text}");
    }
    let export = collector.get("/v1/profiles/email:ada%40shop.example/export", &collector.secret_key)?.text();
    ensure!(export.contains(&ada) && !export.to_lowercase().contains("shop.example"), "{export}");
    Ok(())
}

#[test]
fn what_stands_for_a_value_reaches_nobody_where_an_event_says_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = start(directory.path())?;
    let key = Lifting::of(directory.path())?;
    let ada = key.keyed(Kind::EMAIL, "ada@shop.example");
    let eve = digest("md5", "eve@shop.example");
    send(
        &collector,
        &collector.secret_key,
        &[
            identify("m-1", "u-1", &json!({ "email": "ada@shop.example" })),
            named("m-2", Some("u-2"), ("email", &eve, "none")),
        ],
    )?;
    for (place, (secret, value)) in [false, true]
        .into_iter()
        .flat_map(|secret| {
            [(secret, ada.clone()), (secret, key.keyed(Kind::EMAIL, &eve)), (secret, ada.to_ascii_uppercase())]
        })
        .enumerate()
    {
        let sender = if secret { &collector.secret_key } else { &collector.public_key };
        let said = identify(&format!("guess-{place}"), "u-9", &json!({ "email": value }));
        let listed = named(&format!("listed-{place}"), Some("u-9"), ("email", &value, "none"));
        send(&collector, sender, &[said, listed])?;
    }
    is(whose(&collector, "email:ada@shop.example")?, "u-1", 1)?;
    is(whose(&collector, &format!("email:{eve}"))?, "u-2", 1)?;
    let conflicts = collector.get("/v1/conflicts", &collector.secret_key)?.json;
    ensure!(conflicts["conflicts"] == json!([]), "{conflicts:#}");
    Ok(())
}

#[test]
fn decisions_are_about_names_by_their_values_and_what_is_proven_counts() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = start(directory.path())?;
    let backend = Backend::of(&collector)?;
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({ "sub": "u-1", "aud": "default", "iat": now - 60, "exp": now + 600,
        "email": "Ada@shop.example", "email_verified": true });
    let login = json!({ "type": "identify", "messageId": "m-1", "userId": "u-1", "anonymousId": "a-1",
        "context": { "identityToken": backend.token(&claims)? } });
    send(&collector, &collector.public_key, &[login])?;
    is(whose(&collector, "email:ada@shop.example")?, "u-1", 1)?;
    send(&collector, &collector.secret_key, &[identify("m-2", "u-2", &json!({ "phone": "+49301234567" }))])?;
    send(&collector, &collector.secret_key, &[named("m-3", None, ("email", "ben@shop.example", "none"))])?;
    let link = json!({ "op": "link", "x": { "kind": "email", "value": "BEN@shop.example" },
        "y": { "kind": "user_id", "value": "u-2" }, "reason": "ben@shop.example wrote from +49 30 1234567" });
    let taken = collector.post("/v1/decisions", &collector.admin_key, &link)?;
    ensure!(
        taken.status == 200 && !taken.text().contains("@shop") && !taken.text().contains("1234567"),
        "{}",
        taken.text()
    );
    is(whose(&collector, "email:ben@shop.example")?, "u-2", 2)?;
    let nobody = json!({ "op": "ignore", "x": { "kind": "email", "value": "eve@shop.example" }, "reason": "x" });
    let refused = collector.post("/v1/decisions", &collector.admin_key, &nobody)?;
    ensure!(refused.status == 404 && refused.text().contains("email:eve@shop.example"), "{}", refused.text());
    for is_served in [true, false] {
        ensure!(is_served || collector.stop()?.success(), "{}", collector.log());
        let ignored = collector.run(&["profile", "ignore", "phone:+49301234567", "--reason", "of ben@shop.example"])?;
        let said = String::from_utf8(ignored.stdout)?;
        ensure!(ignored.status.success(), "{}", String::from_utf8_lossy(&ignored.stderr));
        ensure!(!said.contains("@shop") && !said.contains("1234567"), "{said}");
    }
    Ok(())
}

#[test]
fn who_is_erased_is_gone_and_what_comes_late_is_refused_by_value_and_by_digest() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = start(directory.path())?;
    let traits = json!({ "email": "ada@shop.example" });
    let said = json!({ "type": "track", "event": "Wrote to ada@shop.example", "messageId": "m-3", "userId": "u-2" });
    let eve = digest("sha256", "eve@shop.example");
    send(
        &collector,
        &collector.secret_key,
        &[
            identify("m-1", "u-1", &traits),
            named("m-2", None, ("email", &digest("md5", "ada@shop.example"), "none")),
            said,
            named("m-4", None, ("email", &eve, "none")),
        ],
    )?;
    let delete = |name: &str| http::delete(&format!("{}/v1/profiles/{name}", collector.url), &collector.admin_key);
    let receipt = delete("email:ADA%40shop.example")?;
    ensure!(receipt.json["events"] == 2 && receipt.json["redacted"] == 1, "{}", receipt.text());
    ensure!(whose(&collector, "user_id:u-1")?.is_none() && whose(&collector, "email:ada@shop.example")?.is_none());
    let events = collector.get("/v1/profiles/user_id:u-2/events?raw=true", &collector.secret_key)?.text();
    ensure!(events.contains("Wrote to [erased]"), "{events}");
    // Who is known by a digest alone is found by the clear value.
    ensure!(delete("email:eve%40shop.example")?.json["events"] == 1);
    ensure!(delete(&format!("email:{eve}?suppress=true"))?.json["suppressed"] == true, "erased again");
    let late = [
        named("late of ada@shop.example", None, ("email", "ada@shop.example", "none")),
        named("late-2", None, ("email", &digest("sha1", "ada@shop.example"), "none")),
        named("late-3", None, ("email", &eve, "none")),
        named("late-4", None, ("email", "eve@shop.example", "none")),
    ];
    let late = late.map(|mut event| {
        event["timestamp"] = json!("2026-01-01T00:00:00Z");
        event
    });
    let answer = collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": late }))?;
    let codes: Vec<&Value> = answer.json["rejected"].as_array().into_iter().flatten().map(|it| &it["code"]).collect();
    ensure!(codes == ["erased"; 4] && answer.json["accepted"] == 0, "{}", answer.text());
    ensure!(answer.json["rejected"][0]["messageId"] == "late of ada@shop.example", "as it was sent: {}", answer.text());
    send(&collector, &collector.secret_key, &[named("new", Some("u-3"), ("email", "ada@shop.example", "none"))])?;
    send(
        &collector,
        &collector.secret_key,
        &[named("new-2", None, ("email", &digest("md5", "ada@shop.example"), "none"))],
    )?;
    is(whose(&collector, "email:ada@shop.example")?, "u-3", 2)
}

#[test]
fn after_an_erasure_no_byte_of_the_files_holds_what_stood_for_a_value() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = start(directory.path())?;
    let wrote = json!({ "type": "track", "event": "Wrote", "messageId": "m-2", "userId": "u-2",
        "properties": { "to": "ada@shop.example", "number": "+49301234567" } });
    let traits = json!({ "email": "ada@shop.example", "phone": "+49301234567" });
    send(&collector, &collector.secret_key, &[identify("m-1", "u-1", &traits), wrote])?;
    let key = Lifting::of(directory.path())?;
    let digests = ["md5", "sha1", "sha256"].map(|by| key.keyed(Kind::EMAIL, &digest(by, "ada@shop.example")));
    let values = [key.keyed(Kind::EMAIL, "ada@shop.example"), key.keyed(Kind::PHONE, "+49301234567")];
    let sought: Vec<Vec<u8>> = values.iter().chain(&digests).map(|text| text.clone().into_bytes()).collect();
    let found = || -> anyhow::Result<usize> {
        let mut found = 0;
        for entry in std::fs::read_dir(directory.path())?.flatten().filter(|entry| entry.path().is_file()) {
            let bytes = std::fs::read(entry.path())?;
            found +=
                sought.iter().filter(|text| bytes.windows(text.len()).any(|window| window == text.as_slice())).count();
        }
        Ok(found)
    };
    ensure!(found()? >= sought.len(), "they are there before");
    let erased = collector.run(&["erase", "email:ada@shop.example"])?;
    ensure!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    ensure!(collector.stop()?.success(), "{}", collector.log());
    ensure!(found()? == 0);
    Ok(())
}

#[test]
fn another_collector_takes_what_is_sent_on_for_values_of_its_own() -> anyhow::Result<()> {
    let [edge, centre] = [tempfile::tempdir()?, tempfile::tempdir()?];
    let centre = Collector::start(centre.path())?;
    let flags = [&CONCEALING[..], &["--upstream", &centre.url, "--upstream-key", &centre.secret_key]].concat();
    let collector = Collector::start_with(edge.path(), &flags)?;
    let traits = json!({ "email": "ada@shop.example", "phone": "+49 30 1234567" });
    let mac = named("m-2", Some("u-1"), ("mac", "00:1B:44:11:3A:B7", "none"));
    send(&collector, &collector.secret_key, &[identify("of ada@shop.example", "u-1", &traits), mac])?;
    let key = Lifting::of(edge.path())?;
    let values = [
        format!("email:{}", key.keyed(Kind::EMAIL, "ada@shop.example")),
        format!("phone:{}", key.keyed(Kind::PHONE, "+49301234567")),
        format!("mac:{}", key.keyed(Kind::MAC, "001b44113ab7")),
    ];
    let is_there = || values.iter().all(|name| whose(&centre, name).is_ok_and(|found| found.is_some()));
    wait_until(Duration::from_secs(60), "all three are known there", is_there)?;
    for name in values {
        is(whose(&centre, &name)?, "u-1", 2).with_context(|| name)?;
    }
    Ok(())
}

#[test]
fn what_is_sent_on_says_what_the_ledger_has() -> anyhow::Result<()> {
    let upstream = Upstream::start(Reply::receipt)?;
    let directory = tempfile::tempdir()?;
    let url = upstream.url();
    let flags = [&CONCEALING[..], &["--upstream", &url, "--upstream-key", "sk_upstream"]].concat();
    let collector = Collector::start_with(directory.path(), &flags)?;
    let ada = Lifting::of(directory.path())?.keyed(Kind::EMAIL, "ada@shop.example");
    send(
        &collector,
        &collector.secret_key,
        &[
            identify("m-1", "u-1", &json!({ "email": "ada@shop.example" })),
            named("m-2", Some("u-1"), ("phone", "+49301234567", "none")),
        ],
    )?;
    wait_until(Duration::from_secs(60), "both are sent on", || upstream.events().len() == 2)?;
    let events = json!(upstream.events()).to_string();
    ensure!(events.contains(&ada) && !events.contains("ada@") && !events.contains("1234567"), "{events}");
    Ok(())
}
