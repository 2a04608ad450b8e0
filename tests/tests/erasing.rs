//! Erasing a person as operators do it: over HTTP and on the command line, with its receipts, refusals and exit codes,
//! beside a running server and without one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use selvedge_tests::Collector;
use selvedge_tests::http::{self, Answer};
use selvedge_tests::ledger::Ledger;
use selvedge_tests::{Reply, Upstream, wait_until};
use serde_json::{Value, json};

#[test]
fn a_person_is_erased_over_http_with_a_receipt_and_late_claims_are_erased() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let receipt = delete(&collector, "/v1/profiles/email:ada%40shop.example", &collector.admin_key)?;
    ensure!(receipt.status == 200, "{}", receipt.text());
    let counted = ["events", "identifiers", "traits", "redacted", "decisions", "dead_letters"]
        .map(|name| receipt.json[name].as_u64());
    ensure!(counted == [Some(2), Some(3), Some(2), Some(1), Some(0), Some(0)], "{}", receipt.text());
    ensure!(receipt.json["profile"].is_string() && receipt.json["suppressed"] == false, "{}", receipt.text());
    ensure!(!receipt.text().contains("ada"), "it names nobody: {}", receipt.text());
    ensure!(get(&collector, "user_id:ada-0001")?.status == 404);
    let events = get(&collector, "user_id:ben-0002/events?raw=true")?.text();
    ensure!(events.contains("wrote to [erased]") && !events.contains("ada"), "{events}");

    let late =
        json!({ "type": "page", "userId": "ada-0001", "messageId": "late", "timestamp": "2026-01-01T00:00:00Z" });
    let now = json!({ "type": "page", "userId": "ada-0001", "messageId": "now" });
    let answer = collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": [late, now] }))?;
    let rejected = &answer.json["rejected"];
    ensure!(answer.status == 200 && answer.json["accepted"] == 1, "{}", answer.text());
    ensure!(
        rejected[0]["code"] == "erased" && rejected[0]["index"] == 0 && rejected[0]["messageId"] == "late",
        "{rejected}"
    );
    let person = get(&collector, "user_id:ada-0001")?.json;
    ensure!(person["event_count"] == 1 && person["identifiers"].as_array().map(Vec::len) == Some(1), "{person}");
    Ok(())
}

#[test]
fn a_suppressed_person_is_never_taken_in_again_also_after_a_restart() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = visited(directory.path())?;
    let receipt = delete(&collector, "/v1/profiles/user_id:ada-0001?suppress=true", &collector.admin_key)?;
    ensure!(receipt.json["suppressed"] == true, "{}", receipt.text());
    ensure!(collector.stop()?.success(), "{}", collector.log());
    collector.restart()?;
    let event = json!({ "type": "page", "userId": "ada-0001" });
    let answer = collector.post("/v1/track", &collector.secret_key, &event)?;
    ensure!(answer.status == 200 && answer.json["rejected"][0]["code"] == "erased", "{}", answer.text());
    ensure!(get(&collector, "user_id:ada-0001")?.status == 404);
    Ok(())
}

#[test]
fn a_public_key_is_told_the_same_of_who_was_erased_as_of_who_was_never_there() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    delete(&collector, "/v1/profiles/user_id:ada-0001?suppress=true", &collector.admin_key)?;
    let answer_to = |user: &str| -> anyhow::Result<Value> {
        let event = json!({ "event": "E", "userId": user, "messageId": format!("asks for {user}") });
        let mut answer = collector.post("/v1/track", &collector.public_key, &event)?;
        answer.json["receivedAt"].take();
        ensure!(answer.status == 200, "{}", answer.text());
        Ok(answer.json)
    };
    for time in ["first", "second"] {
        let (erased, stranger) = (answer_to("ada-0001")?, answer_to("zoe-0009")?);
        ensure!(erased == stranger, "the {time} time {erased}, and of a stranger {stranger}");
    }
    ensure!(get(&collector, "user_id:ada-0001")?.status == 404, "it is not taken in");
    ensure!(get(&collector, "user_id:zoe-0009")?.status == 200);
    Ok(())
}

#[test]
fn a_message_id_that_was_used_before_tells_a_public_key_nothing_of_who_was_erased() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    delete(&collector, "/v1/profiles/user_id:ada-0001?suppress=true", &collector.admin_key)?;
    for (case, is_one_request) in [true, false].into_iter().enumerate() {
        for is_asked_first in [true, false] {
            let answers_to = |user: &str| -> anyhow::Result<Vec<Value>> {
                let id = format!("{case} {is_asked_first} {user}");
                let asked = json!({ "type": "track", "event": "E", "userId": user, "messageId": id });
                let other = json!({ "type": "track", "event": "E", "anonymousId": "f", "messageId": id });
                let both = if is_asked_first { [asked, other] } else { [other, asked] };
                let requests = if is_one_request { vec![both.to_vec()] } else { both.map(|one| vec![one]).to_vec() };
                let answers = requests.into_iter().map(|batch| {
                    let mut answer =
                        collector.post("/v1/batch", &collector.public_key, &json!({ "batch": batch }))?.json;
                    answer["receivedAt"].take();
                    Ok(answer)
                });
                answers.collect()
            };
            let (erased, stranger) = (answers_to("ada-0001")?, answers_to("zoe-0009")?);
            ensure!(erased == stranger, "{erased:?}, and of a stranger {stranger:?}");
        }
    }
    Ok(())
}

#[test]
fn a_receipt_says_that_a_suppression_stands_whoever_asked_for_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = visited(directory.path())?;
    let email = "/v1/profiles/email:ada%40shop.example";
    ensure!(delete(&collector, email, &collector.admin_key)?.json["suppressed"] == false);
    ensure!(delete(&collector, &format!("{email}?suppress=true"), &collector.admin_key)?.json["suppressed"] == true);
    let again = delete(&collector, email, &collector.admin_key)?;
    ensure!(again.json["suppressed"] == true, "{}", again.text());
    let other = delete(&collector, "/v1/profiles/user_id:ada-0001", &collector.admin_key)?;
    ensure!(other.json["suppressed"] == false, "only her address is: {}", other.text());
    for is_served in [true, false] {
        ensure!(is_served || collector.stop()?.success(), "{}", collector.log());
        let said = String::from_utf8(collector.run(&["erase", "email:ada@shop.example"])?.stdout)?;
        ensure!(said.ends_with("nothing that names them is taken in again\n"), "{said}");
    }
    Ok(())
}

#[test]
fn one_of_a_kind_is_counted_as_one() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let event = json!({ "type": "identify", "messageId": "m-1", "userId": "ada-0001", "traits": { "plan": "gold" } });
    ensure!(collector.post("/v1/identify", &collector.secret_key, &event)?.json["accepted"] == 1);
    let said = String::from_utf8(collector.run(&["erase", "user_id:ada-0001"])?.stdout)?;
    let counts = "1 event, 1 identifier, 1 value of a trait, 0 decisions, 0 dead letters; 0 messages of others say it";
    ensure!(said.contains(counts), "{said}");
    Ok(())
}

#[test]
fn what_cannot_be_erased_is_said_and_a_second_time_is_fine() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let unknown = delete(&collector, "/v1/profiles/user_id:nobody", &collector.admin_key)?;
    ensure!(unknown.status == 404 && unknown.json["code"] == "not_found", "{}", unknown.text());
    let by_secret = delete(&collector, "/v1/profiles/user_id:ada-0001", &collector.secret_key)?;
    ensure!(by_secret.status == 403 && by_secret.json["code"] == "wrong_right", "{}", by_secret.text());
    let odd = delete(&collector, "/v1/profiles/user_id:ada-0001?suppress=maybe", &collector.admin_key)?;
    ensure!(odd.status == 400 && odd.json["code"] == "bad_parameter", "{}", odd.text());
    let both = delete(&collector, "/v1/profiles/user_id:ada-0001?suppress=false&suppress=true", &collector.admin_key)?;
    ensure!(both.status == 400 && both.json["message"].to_string().contains("twice"), "{}", both.text());
    let id = get(&collector, "user_id:ada-0001")?.json["id"].as_str().context("an id")?.to_owned();
    for (path, events) in [(&id, 2), (&id, 0), (&"user_id:ada-0001".to_owned(), 0)] {
        let receipt = delete(&collector, &format!("/v1/profiles/{path}"), &collector.admin_key)?;
        ensure!(receipt.status == 200 && receipt.json["events"] == events, "{path}: {}", receipt.text());
    }
    Ok(())
}

#[test]
fn traits_are_shown_and_exported_as_they_were_sent_also_numbers_that_no_program_holds() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let traits = r#"{"far":1e400,"big":18446744073709551617,"one":1.0,"deep":{"z":1,"a":[1E5]}}"#;
    let event = format!(r#"{{"messageId":"m-1","userId":"u-1","traits":{traits}}}"#);
    let url = format!("{}/v1/identify", collector.url);
    let key = ("authorization", format!("Bearer {}", collector.public_key));
    let answer = http::post_bytes(&url, &[key, ("content-type", "application/json".to_owned())], event.as_bytes())?;
    ensure!(answer.status == 200, "{}", answer.text());
    let shown = collector.run(&["profile", "show", "user_id:u-1", "--json"])?.stdout;
    let export = get(&collector, "user_id:u-1/export")?.text();
    ensure!(export.contains(r#""name":"far","value":1e400"#), "{export}");
    for (what, text) in [
        ("traits", get(&collector, "user_id:u-1/traits")?.text()),
        ("profile", get(&collector, "user_id:u-1")?.text()),
        ("export", export),
        ("command", String::from_utf8(shown)?),
    ] {
        for member in [r#""far":1e400"#, r#""big":18446744073709551617"#, r#""deep":{"z":1,"a":[1E5]}"#] {
            ensure!(text.contains(member), "{what}: {member} is not in {text}");
        }
    }
    Ok(())
}

#[test]
fn each_line_of_an_export_is_one_object_though_line_breaks_were_sent() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let event = "{\"messageId\":\"m-1\",\r\n \"userId\":\"u-1\",\"traits\":{\"said\":{\"text\":\r\n\"a\\nb\"}}}";
    let url = format!("{}/v1/identify", collector.url);
    let key = ("authorization", format!("Bearer {}", collector.public_key));
    let answer = http::post_bytes(&url, &[key, ("content-type", "application/json".to_owned())], event.as_bytes())?;
    ensure!(answer.status == 200, "{}", answer.text());
    let export = get(&collector, "user_id:u-1/export")?.text();
    let lines: Vec<Value> = export.split(['\r', '\n']).filter_map(|line| serde_json::from_str(line).ok()).collect();
    let said = json!({ "text": "a\nb" });
    ensure!(lines.len() == 3 && lines[1]["trait"]["value"] == said, "{export}");
    ensure!(lines[0]["profile"]["traits"]["said"] == said, "{export}");
    ensure!(lines[2]["event"]["raw"]["traits"]["said"] == said, "{export}");
    Ok(())
}

#[test]
fn an_export_holds_all_that_is_known_of_one_person_and_nothing_of_another() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let decision = json!({ "op": "ignore", "x": { "kind": "email", "value": "ada@shop.example" }, "reason": "a test" });
    ensure!(collector.post("/v1/decisions", &collector.admin_key, &decision)?.status == 200);
    let name = |kind: &str, value: &str| json!({ "kind": kind, "value": value });
    let of_device = json!({ "op": "keep_apart", "x": name("anonymous_id", "device-7"), "y": name("user_id", "ben-0002"),
        "reason": "her own" });
    let id = collector.get("/v1/decisions", &collector.admin_key)?.json["decisions"][0]["id"].to_string();
    delete(&collector, &format!("/v1/decisions/{id}"), &collector.admin_key)?;
    ensure!(collector.post("/v1/decisions", &collector.admin_key, &of_device)?.status == 200);
    let export = get(&collector, "user_id:ada-0001/export")?;
    ensure!(export.header("content-type") == Some("application/x-ndjson"), "{:?}", export.header("content-type"));
    let lines = export.text().lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let of = |part: &str| lines.iter().filter(|line| !line[part].is_null()).map(|line| &line[part]).collect::<Vec<_>>();
    ensure!(of("profile").len() == 1 && of("profile")[0]["event_count"] == 2, "{lines:#?}");
    let traits: Vec<&Value> = of("trait").iter().map(|set| &set["name"]).collect();
    ensure!(traits == ["email", "plan"], "{lines:#?}");
    let events: Vec<&Value> = of("event").iter().map(|event| &event["messageId"]).collect();
    ensure!(events == ["m-1", "m-2"], "{lines:#?}");
    ensure!(of("event")[1]["raw"]["traits"]["plan"] == "gold", "the message as it came: {lines:#?}");
    let reasons: Vec<&Value> = of("decision").iter().map(|decision| &decision["reason"]).collect();
    ensure!(reasons == ["a test", "her own"], "{lines:#?}");
    ensure!(!export.text().contains("wrote to") && !export.text().contains("m-3"), "{}", export.text());
    ensure!(get(&collector, "user_id:nobody/export")?.status == 404);
    let public = collector.get("/v1/profiles/user_id:ada-0001/export", &collector.public_key)?;
    ensure!(public.status == 403, "{}", public.text());
    Ok(())
}

#[test]
fn the_command_leaves_no_byte_beside_a_server_and_without_one() -> anyhow::Result<()> {
    for is_served in [true, false] {
        let directory = tempfile::tempdir()?;
        let mut collector = visited(directory.path())?;
        if !is_served {
            ensure!(collector.stop()?.success(), "{}", collector.log());
            ensure!(collector.run(&["replay"])?.status.success(), "a replay keeps the ledger before");
        }
        ensure!(found(directory.path())? > 0, "it is there before");
        let output = collector.run(&["erase", "email:ada@shop.example", "--json"])?;
        ensure!(output.status.code() == Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let receipt: Value = serde_json::from_slice(&output.stdout)?;
        ensure!(receipt["events"] == 2 && receipt["redacted"] == 1 && receipt["suppressed"] == false, "{receipt}");
        ensure!(found(directory.path())? == 0, "served: {is_served}");
        let again = collector.run(&["erase", "email:ada@shop.example", "--suppress"])?;
        let said = String::from_utf8(again.stdout)?;
        ensure!(said.contains("0 events") && said.ends_with("nothing that names them is taken in again\n"), "{said}");
        let unknown = collector.run(&["erase", "email:eve@shop.example"])?;
        let complaint = String::from_utf8(unknown.stderr)?;
        ensure!(unknown.status.code() == Some(1) && complaint.contains("email:eve@shop.example"), "{complaint}");
        ensure!(collector.run(&["erase", "nobody"])?.status.code() == Some(2), "that is usage");
        ensure!(Ledger::beside(directory.path())?.integrity()? == "ok");
        if is_served {
            let event = json!({ "type": "page", "userId": "ada-0001" });
            let answer = collector.post("/v1/track", &collector.public_key, &event)?;
            ensure!(
                answer.status == 200 && answer.json["accepted"] == 1,
                "only her address is suppressed: {}",
                answer.text()
            );
        }
    }
    Ok(())
}

#[test]
fn a_name_in_the_ids_of_the_messages_that_are_erased_goes_too() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut collector = Collector::start(directory.path())?;
    let login = |user: &str, message_id: &str| json!({ "type": "identify", "userId": user, "anonymousId": "shared-1", "messageId": message_id });
    let batch = json!({ "batch": [login("ada-0001", "signup_ada-0001.m1"), login("ben-0002", "m-2"), login("ada-0001", "m-3")] });
    ensure!(collector.post("/v1/batch", &collector.secret_key, &batch)?.json["accepted"] == 3);
    ensure!(found(directory.path())? > 0, "it is there before");
    let output = collector.run(&["erase", "user_id:ada-0001"])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(collector.stop()?.success(), "{}", collector.log());
    ensure!(found(directory.path())? == 0);
    Ok(())
}

#[test]
fn what_others_said_of_her_beside_their_messages_goes_too() -> anyhow::Result<()> {
    let upstream = Upstream::start(|_| Reply::status(400))?;
    let directory = tempfile::tempdir()?;
    let flags = ["--upstream", &upstream.url(), "--upstream-key", "sk_upstream"];
    let mut collector = Collector::start_with(directory.path(), &flags)?;
    let hers = json!({ "type": "identify", "messageId": "m-1", "userId": "ada-0001", "traits": { "email": "ada@shop.example" } });
    let batch = json!({ "context": { "page": { "referrer": "from ada@shop.example" } }, "batch": [
        { "type": "track", "event": "Wrote to ada@shop.example", "messageId": "m-2", "userId": "ben-0002" },
        { "type": "track", "event": "Paid", "messageId": "m-3", "userId": "ben-0002", "properties": { "by": "card" } },
    ] });
    ensure!(collector.post("/v1/identify", &collector.secret_key, &hers)?.json["accepted"] == 1);
    ensure!(collector.post("/v1/batch", &collector.secret_key, &batch)?.json["accepted"] == 2);
    let plain = json!({ "type": "track", "event": "Left", "messageId": "m-4", "userId": "ben-0002" });
    ensure!(collector.post("/v1/track", &collector.secret_key, &plain)?.json["accepted"] == 1);
    let decision =
        json!({ "op": "ignore", "x": { "kind": "user_id", "value": "ben-0002" }, "reason": "ada@shop.example asked" });
    ensure!(collector.post("/v1/decisions", &collector.admin_key, &decision)?.status == 200);
    let letters = || Ledger::beside(directory.path()).and_then(|ledger| ledger.dead_letters("upstream"));
    wait_until(DEADLINE, "all were refused", || letters().is_ok_and(|letters| letters.len() == 4))?;
    let output = collector.run(&["erase", "user_id:ada-0001"])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept: Vec<String> = letters()?.into_iter().map(|letter| letter.message_id.to_string()).collect();
    ensure!(kept == ["m-4"], "what was refused of others and speaks of nobody stays: {kept:?}");
    let decisions = collector.get("/v1/decisions", &collector.admin_key)?.json;
    ensure!(decisions["decisions"][0]["reason"] == "[erased] asked", "{decisions}");
    ensure!(collector.stop()?.success(), "{}", collector.log());
    ensure!(found(directory.path())? == 0);
    Ok(())
}

#[test]
fn a_name_goes_as_a_number_too_and_a_count_stays() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let ada = json!({ "type": "page", "messageId": "m-1", "userId": 12_345_678_901_u64 });
    let properties = json!({ "referrer": 12_345_678_901_u64, "note": "12345678901", "cents": 4_711 });
    let ben = json!({ "type": "track", "event": "E", "messageId": "m-2", "userId": "ben", "properties": properties });
    ensure!(collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": [ada, ben] }))?.json["accepted"] == 2);
    collector.run(&["erase", "user_id:12345678901"])?;
    let events = get(&collector, "user_id:ben/events?raw=true")?.json;
    let expected = json!({ "referrer": "[erased]", "note": "[erased]", "cents": 4_711 });
    ensure!(events["events"][0]["raw"]["properties"] == expected, "{events}");
    Ok(())
}

#[test]
fn what_a_batch_says_of_another_in_its_context_stays_though_it_looks_like_her_name() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    fs::write(directory.path().join("rules.toml"), "account_kinds = [\"user_id\", \"crm_id\"]\n")?;
    let mut collector = Collector::start(directory.path())?;
    ensure!(collector.stop()?.success());
    let rules = directory.path().join("rules.toml");
    collector.run(&["rules", "apply", rules.to_str().context("a path that is no text")?])?;
    collector.restart()?;
    let ada = json!({
        "type": "identify", "messageId": "m-1", "userId": "ada", "traits": { "email": "ada@shop.example" },
    });
    ensure!(collector.post("/v1/identify", &collector.secret_key, &ada)?.json["accepted"] == 1);
    let external = json!([{ "id": "ada@shop.example", "type": "crm_id", "collection": "users", "encoding": "none" }]);
    let page = |id: &str| json!({ "type": "page", "messageId": id, "anonymousId": "a-2" });
    let batch = json!({ "batch": [page("m-2"), page("m-3")], "context": { "externalIds": external } });
    ensure!(collector.post("/v1/batch", &collector.secret_key, &batch)?.json["accepted"] == 2);
    let other = || get(&collector, "crm_id:ada@shop.example/identifiers");
    let before = other()?.text();
    delete(&collector, "/v1/profiles/user_id:ada", &collector.admin_key)?;
    ensure!(other()?.text() == before, "live: {}", other()?.text());
    ensure!(collector.stop()?.success());
    collector.run(&["replay"])?;
    collector.restart()?;
    let other = get(&collector, "crm_id:ada@shop.example/identifiers")?.text();
    ensure!(other == before, "built again: {other}");
    Ok(())
}

#[test]
fn who_is_known_by_a_digest_alone_is_found_by_the_clear_value_and_the_other_way_round() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = visited(directory.path())?;
    let digest = |value: &str| format!("sha256.{}", sha256(value));
    let event = json!({ "type": "page", "anonymousId": "a-9", "context": { "externalIds": [
        { "id": digest("eve@shop.example"), "type": "email", "collection": "users", "encoding": "none" } ] } });
    ensure!(collector.post("/v1/page", &collector.secret_key, &event)?.json["accepted"] == 1);
    for name in ["email:eve%40shop.example".to_owned(), format!("email:{}", digest("ada@shop.example"))] {
        let receipt = delete(&collector, &format!("/v1/profiles/{name}"), &collector.admin_key)?;
        ensure!(receipt.status == 200 && receipt.json["events"].as_u64() > Some(0), "{name}: {}", receipt.text());
    }
    ensure!(get(&collector, "user_id:ada-0001")?.status == 404);
    ensure!(get(&collector, &format!("email:{}", digest("eve@shop.example")))?.status == 404);
    Ok(())
}

fn sha256(value: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_erasure_during_a_delivery_neither_skips_what_comes_after_nor_drops_what_was_refused() -> anyhow::Result<()> {
    let upstream = Upstream::start(|request| {
        std::thread::sleep(Duration::from_millis(700));
        let is_refused = String::from_utf8_lossy(&request.body).contains("\"Refused\"");
        if is_refused { Reply::status(400) } else { Reply::receipt(request) }
    })?;
    let directory = tempfile::tempdir()?;
    let flags = ["--upstream", &upstream.url(), "--upstream-key", "sk_upstream"];
    let collector = Collector::start_with(directory.path(), &flags)?;
    let event =
        |user: &str, name: &str, id: &str| json!({ "type": "track", "event": name, "userId": user, "messageId": id });
    // The first time nobody else is in the ledger; the second time a message of somebody else is refused meanwhile.
    for round in 0..2 {
        let mut sent = vec![event("ada-0001", "Kept", &format!("a-{round}"))];
        sent.extend((round == 1).then(|| event("ben-0002", "Refused", "r-1")));
        ensure!(collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": sent }))?.status == 200);
        // The delivery has begun by then, and is not answered yet.
        std::thread::sleep(Duration::from_millis(300));
        let receipt = delete(&collector, "/v1/profiles/user_id:ada-0001", &collector.admin_key)?;
        ensure!(receipt.status == 200 && receipt.json["events"] == 1, "{}", receipt.text());
        let later: Vec<Value> = (0..5).map(|n| event("ben-0002", "Kept", &format!("n-{round}-{n}"))).collect();
        ensure!(collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": later }))?.json["accepted"] == 5);
        let arrived = |id: &str| upstream.events().iter().any(|event| event["messageId"] == id);
        wait_until(DEADLINE, "all that came after arrived", || (0..5).all(|n| arrived(&format!("n-{round}-{n}"))))?;
    }
    wait_until(DEADLINE, "what was refused is kept", || {
        Ledger::beside(directory.path())
            .and_then(|ledger| ledger.dead_letters("upstream"))
            .is_ok_and(|letters| letters.iter().any(|letter| &*letter.message_id == "r-1"))
    })?;
    Ok(())
}

/// Her two events, with all that names her, and one of somebody else that mentions her.
fn visited(directory: &Path) -> anyhow::Result<Collector> {
    let collector = Collector::start(directory)?;
    let traits = json!({ "email": "Ada@Shop.example", "plan": "gold" });
    let time = |minute: i64| format!("2026-01-01T00:{minute:02}:00Z");
    let batch = json!({ "batch": [
        { "type": "page", "messageId": "m-1", "anonymousId": "device-7", "timestamp": time(0) },
        { "type": "identify", "messageId": "m-2", "userId": "ada-0001", "anonymousId": "device-7", "traits": traits, "timestamp": time(1) },
        { "type": "track", "event": "Sent", "messageId": "m-3", "userId": "ben-0002", "timestamp": time(2),
          "properties": { "text": "wrote to ada@shop.example" } },
    ]});
    let answer = collector.post("/v1/batch", &collector.secret_key, &batch)?;
    ensure!(answer.json["accepted"] == 3, "{}", answer.text());
    Ok(collector)
}

fn get(collector: &Collector, path: &str) -> anyhow::Result<Answer> {
    collector.get(&format!("/v1/profiles/{path}"), &collector.secret_key)
}

fn delete(collector: &Collector, path: &str, key: &str) -> anyhow::Result<Answer> {
    http::delete(&format!("{}{path}", collector.url), key)
}

/// How many files of a directory hold her name, in any form.
fn found(directory: &Path) -> anyhow::Result<usize> {
    let mut holding = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path)?.to_ascii_lowercase();
        let holds = |name: &str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
        holding += usize::from(["ada@shop.example", "ada-0001", "device-7"].into_iter().any(holds));
    }
    Ok(holding)
}

const DEADLINE: Duration = Duration::from_secs(60);
