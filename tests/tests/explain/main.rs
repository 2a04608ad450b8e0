//! `explain`: why two names are one person's, or why they are not (identity.md, section 7, law 5). The worked scenarios
//! over HTTP; then random logs over HTTP and random stories on a ledger, where each step must be what somebody said.

mod heard;
#[path = "../in_process/mod.rs"]
mod in_process;
#[allow(dead_code, reason = "each test draws its logs in its own way")]
#[path = "../logs/mod.rs"]
mod logs;
#[path = "../over_http/mod.rs"]
mod over_http;
mod shop;
#[path = "../logs/stories.rs"]
mod told;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use heard::{Counted, Heard, hold_refusal, hold_refused, identifier, text};
use in_process::{House, WORKSPACE, decision, rules};
use logs::{DAYS, Wildness, log};
use over_http::{now_ms, path_of, send};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use selvedge_collector::event::UnixMillis;
use selvedge_collector::store::{DecisionId, Lookup};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::Collector;
use selvedge_tests::oracle::{Event, Ledger, Rules, Whose, digest, replay_ledger};
use serde_json::{Value, json};
use shop::{Shop, with_email};
use told::{Step, Story, story};

#[test]
fn two_devices_of_one_login_are_tied_by_the_first_mark_of_each() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([json!({"anonymousId": "a1"}), json!({"anonymousId": "a1", "userId": "U1"})])?;
    shop.hear([json!({"anonymousId": "a2"}), json!({"anonymousId": "a2", "userId": "U1"})])?;
    let answer = shop.explain("anonymous_id:a1", "anonymous_id:a2")?;
    ensure!(answer["same"] == true && answer["profile"] == shop.id("user_id:U1")?, "{answer:#}");
    ensure!(steps(&answer["paths"]["x"]) == ["anonymous_id:a1 mark user_id:U1 by m2"], "{answer:#}");
    ensure!(steps(&answer["paths"]["y"]) == ["anonymous_id:a2 mark user_id:U1 by m4"], "{answer:#}");
    let first = &answer["paths"]["x"][0];
    ensure!(first["source"] == "public" && first["strength"] == "observed" && first["time"].is_string(), "{first}");
    Ok(())
}

#[test]
fn an_address_of_two_accounts_names_the_conflict_that_keeps_it_from_the_second() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([with_email("U1", "e1@x.example"), with_email("U2", "e1@x.example")])?;
    let answer = shop.explain("user_id:U2", "email:e1@x.example")?;
    ensure!(answer["same"] == false && answer["profile"].is_null(), "{answer:#}");
    ensure!(refusal(&answer) == "account_conflict: user_id:U2 edge email:e1@x.example by m2", "{answer:#}");
    ensure!(answer["inWords"].as_str().is_some_and(|words| words.contains("U2, U1")), "{answer:#}");
    ensure!(steps(&answer["paths"]["y"]) == ["email:e1@x.example edge user_id:U1 by m1"], "{answer:#}");
    // Of the two accounts themselves, it is the same edge that was refused.
    let accounts = shop.explain("user_id:U1", "user_id:U2")?;
    ensure!(refusal(&accounts) == "account_conflict: email:e1@x.example edge user_id:U2 by m2", "{accounts:#}");
    Ok(())
}

#[test]
fn one_step_beats_two_and_the_refused_edge_is_named_from_further_off_too() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([
        with_email("U1", "e1@x.example"),
        json!({"type": "identify", "traits": {"email": "e1@x.example", "phone": "+4930111"}}),
        json!({"type": "identify", "userId": "U2", "traits": {"phone": "+4930111"}}),
    ])?;
    for name in ["email:e1@x.example", "user_id:U1"] {
        let answer = shop.explain(name, "phone:+4930111")?;
        ensure!(refusal(&answer) == "account_conflict: email:e1@x.example edge phone:+4930111 by m2", "{answer:#}");
        ensure!(steps(&answer["paths"]["y"]) == ["phone:+4930111 edge user_id:U2 by m3"], "{answer:#}");
    }
    Ok(())
}

#[test]
fn a_hashed_number_is_the_clear_one() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    let hashed = digest("md5", "+4930111");
    let hex = hashed.split_once('.').context("algorithm and digits")?.1;
    let external = json!([{"id": hex, "type": "phone", "collection": "users", "encoding": "md5"}]);
    shop.hear_as_server([
        json!({"type": "identify", "traits": {"tier": "gold"}, "context": {"externalIds": external}}),
    ])?;
    shop.hear([json!({"type": "identify", "userId": "U1", "traits": {"phone": "+4930111"}})])?;
    let answer = shop.explain(&format!("phone:{hashed}"), "user_id:U1")?;
    ensure!(answer["same"] == true, "{answer:#}");
    let path = [format!("phone:{hashed} same phone:+4930111 by -"), "phone:+4930111 edge user_id:U1 by m2".to_owned()];
    ensure!(steps(&answer["paths"]["x"]) == path, "{answer:#}");
    Ok(())
}

#[test]
fn a_decision_that_keeps_a_person_off_a_device_is_named_until_it_is_withdrawn() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([json!({"anonymousId": "a2"}), json!({"anonymousId": "a2", "userId": "U1"})])?;
    let id = shop.decide("keep_apart", "anonymous_id:a2", Some("user_id:U1"))?;
    let apart = shop.explain("anonymous_id:a2", "user_id:U1")?;
    ensure!(apart["same"] == false && apart["because"]["reason"] == "decision", "{apart:#}");
    let decision = &apart["because"]["decision"];
    ensure!(decision["id"] == id && decision["author"] == "admin" && decision["reason"] == "told so", "{apart:#}");
    ensure!(apart["because"]["inWords"].as_str().is_some_and(|words| words.contains("told so")), "{apart:#}");
    shop.withdraw(id)?;
    ensure!(shop.explain("anonymous_id:a2", "user_id:U1")?["same"] == true);
    Ok(())
}

#[test]
fn an_alias_makes_one_account_of_two_only_when_a_server_says_it() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    let alias = json!({"type": "alias", "userId": "U2", "previousId": "U1"});
    shop.hear([json!({"userId": "U1"}), json!({"userId": "U2"}), alias.clone()])?;
    let two = shop.explain("user_id:U1", "user_id:U2")?;
    ensure!(two["same"] == false && two["because"]["reason"] == "no_evidence", "{two:#}");
    shop.hear_as_server([alias])?;
    let one = shop.explain("user_id:U2", "user_id:U1")?;
    ensure!(steps(&one["paths"]["x"]) == ["user_id:U2 alias user_id:U1 by m4"], "{one:#}");
    ensure!(one["paths"]["x"][0]["strength"] == "asserted" && one["paths"]["y"] == json!([]), "{one:#}");
    Ok(())
}

#[test]
fn three_steps_are_shown_and_the_fourth_is_refused_as_too_far() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    let contacts = |email: &str, phone: &str| json!({"type": "identify", "traits": {"email": email, "phone": phone}});
    shop.hear([
        with_email("U1", "e1@x.example"),
        contacts("e1@x.example", "+4930111"),
        contacts("e2@x.example", "+4930111"),
        contacts("e2@x.example", "+4930222"),
    ])?;
    let near = shop.explain("email:e2@x.example", "user_id:U1")?;
    let path = [
        "email:e2@x.example edge phone:+4930111 by m3",
        "phone:+4930111 edge email:e1@x.example by m2",
        "email:e1@x.example edge user_id:U1 by m1",
    ];
    ensure!(steps(&near["paths"]["x"]) == path, "{near:#}");
    let far = shop.explain("user_id:U1", "phone:+4930222")?;
    ensure!(refusal(&far) == "nearest: email:e2@x.example edge phone:+4930222 by m4", "{far:#}");
    ensure!(far["inWords"].as_str().is_some_and(|words| words.contains("3 steps from user_id:U1")), "{far:#}");
    Ok(())
}

#[test]
fn a_link_is_a_step_and_one_that_breaks_a_limit_is_a_refusal() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([json!({"userId": "U1"}), json!({"userId": "U2"}), with_email("U3", "e9@x.example")])?;
    shop.hear([json!({"type": "identify", "traits": {"email": "e1@x.example"}})])?;
    shop.decide("link", "email:e1@x.example", Some("user_id:U1"))?;
    let one = shop.explain("email:e1@x.example", "user_id:U1")?;
    ensure!(steps(&one["paths"]["x"]) == ["email:e1@x.example link user_id:U1 by -"], "{one:#}");
    ensure!(one["paths"]["x"][0]["decision"]["reason"] == "told so", "{one:#}");
    shop.decide("link", "user_id:U2", Some("user_id:U1"))?;
    let two = shop.explain("user_id:U1", "user_id:U2")?;
    ensure!(refusal(&two) == "account_conflict: user_id:U1 link user_id:U2 by -", "{two:#}");
    shop.decide("ignore", "user_id:U2", None)?;
    let gone = shop.explain("user_id:U1", "user_id:U2")?;
    ensure!(gone["because"]["reason"] == "ignored" && gone["because"]["decision"]["op"] == "ignore", "{gone:#}");
    let still = shop.explain("email:e1@x.example", "user_id:U1")?;
    ensure!(steps(&still["paths"]["x"]) == ["email:e1@x.example link user_id:U1 by -"], "{still:#}");
    Ok(())
}

#[test]
fn an_address_that_a_crowd_uses_is_named_as_that_though_a_server_said_whose_it_is() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear_as_server([with_email("U1", "e1@x.example")])?;
    for user in 2..30 {
        shop.hear([with_email(&format!("U{user}"), "e1@x.example")])?;
    }
    let crowded = shop.explain("user_id:U7", "email:e1@x.example")?;
    ensure!(crowded["because"]["reason"] == "quarantined", "{crowded:#}");
    let other = shop.explain("user_id:U1", "user_id:U7")?;
    ensure!(other["because"]["reason"] == "no_evidence", "{other:#}");
    Ok(())
}

#[test]
fn an_id_of_before_is_explained_as_the_profile_that_it_finds() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([json!({"type": "identify", "traits": {"email": "e1@x.example"}})])?;
    let id = text(&shop.id("email:e1@x.example")?);
    shop.hear([with_email("U1", "e1@x.example"), json!({"userId": "U1", "anonymousId": "a1"})])?;
    shop.decide("ignore", "email:e1@x.example", None)?;
    ensure!(shop.id(&id)? == shop.id("user_id:U1")?);
    let explained = shop.explain(&id, "anonymous_id:a1")?;
    ensure!(explained["same"] == true && explained["x"]["value"] == "U1", "{explained:#}");
    Ok(())
}

#[test]
fn a_refused_alias_is_told_by_the_names_that_it_said() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([json!({"userId": "U1"}), json!({"userId": "U2"}), json!({"userId": "U3"})])?;
    shop.decide("keep_apart", "user_id:U2", Some("user_id:U3"))?;
    let alias = |account, older| json!({"type": "alias", "userId": account, "previousId": older});
    shop.hear_as_server([alias("U3", "U1"), alias("U2", "U3")])?;
    let answer = shop.explain("user_id:U3", "user_id:U2")?;
    ensure!(refusal(&answer) == "decision: user_id:U3 alias user_id:U2 by m5", "{answer:#}");
    let listed = over_http::conflicts(&shop.collector)?;
    ensure!(listed.keys().eq([&("user_id:U1".into(), "user_id:U2".into())]), "{listed:?}");
    Ok(())
}

#[test]
fn a_shared_device_is_nobodys_and_names_who_shares_it() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([json!({"anonymousId": "a1", "userId": "U1"}), json!({"anonymousId": "a1", "userId": "U2"})])?;
    let answer = shop.explain("anonymous_id:a1", "user_id:U2")?;
    ensure!(answer["same"] == false && answer["because"]["reason"] == "shared_device", "{answer:#}");
    let people: BTreeSet<String> = shop.ids(["user_id:U1", "user_id:U2"])?;
    ensure!(answer["because"]["people"].as_array().context("people")?.len() == people.len(), "{answer:#}");
    ensure!(answer["because"]["people"].as_array().into_iter().flatten().all(|id| people.contains(&text(id))));
    Ok(())
}

#[test]
fn a_key_without_a_name_is_called_by_its_number_wherever_a_source_is_shown() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    let made = shop.collector.run(&["key", "create", "public", "--json"])?;
    let made: Value = serde_json::from_slice(&made.stdout)?;
    let called = format!("key {}", made["id"]);
    let events = [with_email("U1", "e1@x.example"), with_email("U2", "e1@x.example")];
    shop.hear_with(&text(&made["key"]), events)?;
    let profile = over_http::read(&shop.collector, "/v1/profiles/user_id:U1")?.context("no profile")?;
    let conflicts = over_http::read(&shop.collector, "/v1/conflicts")?.context("no conflicts")?;
    let answer = shop.explain("user_id:U2", "email:e1@x.example")?;
    ensure!(profile["identifiers"][0]["source"] == called, "{profile:#}");
    ensure!(conflicts["conflicts"][0]["source"] == called, "{conflicts:#}");
    ensure!(answer["because"]["source"] == called, "{answer:#}");
    ensure!(answer["paths"]["y"][0]["source"] == called, "{answer:#}");
    Ok(())
}

#[test]
fn what_cannot_be_explained_is_refused_like_any_read() -> anyhow::Result<()> {
    let shop = Shop::open()?;
    shop.hear([json!({"userId": "U1"})])?;
    let status = |path: &str, key: &str| -> anyhow::Result<(u16, String)> {
        let answer = shop.collector.get(&format!("/v1/profiles/{path}"), key)?;
        Ok((answer.status, text(&answer.json["code"])))
    };
    let secret = &shop.collector.secret_key;
    ensure!(status("user_id:U1/explain?with=user_id:U9", secret)? == (404, "not_found".into()));
    ensure!(status("user_id:U9/explain?with=user_id:U1", secret)? == (404, "not_found".into()));
    ensure!(status("user_id:U1/explain", secret)? == (400, "bad_parameter".into()));
    ensure!(status("user_id:U1/explain?with=user_id:U1", &shop.collector.public_key)? == (403, "wrong_right".into()));
    ensure!(shop.explain("user_id:U1", "user_id:U1")?["same"] == true);
    let by_id = shop.explain(&text(&shop.id("user_id:U1")?), "user_id:U1")?;
    ensure!(by_id["same"] == true && by_id["x"]["value"] == "U1", "{by_id:#}");
    Ok(())
}

#[test]
fn every_pair_of_names_of_random_logs_is_explained_as_the_log_and_the_conflicts_say() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start_with_settings(directory.path(), NO_RATE_LIMITS)?;
    let mut runner = TestRunner::deterministic();
    let strategy = log(Wildness { events: 25, values_per_kind: 1 });
    let drawn = |number| {
        let log = strategy.new_tree(&mut runner).expect("nothing is filtered out").current();
        log.events(number, now_ms() - (DAYS + 1) * DAY_MS)
    };
    let logs: Vec<Vec<Event>> = (0..LOGS).map(drawn).collect();
    logs.iter().try_for_each(|log| send(&collector, log))?;
    let conflicts = over_http::conflicts(&collector)?;
    let mut counted = Counted::default();
    for log in &logs {
        let replay = replay_ledger(&Ledger { events: log.clone(), ..Ledger::default() }, &Rules::default());
        let heard = Heard { events: log, decisions: &BTreeMap::new(), replay: &replay };
        let people = &replay.people;
        let whose = |name: &Identifier| {
            let marked_by: Vec<_> = people.marked_by.get(name).into_iter().flatten().collect();
            match (people.leader.get(name), &marked_by[..]) {
                (Some(leader), _) => Some(Whose::Person(leader.clone())),
                (None, [person]) => Some(Whose::Person((*person).clone())),
                (None, _) if name.kind == Kind::ANONYMOUS_ID => Some(Whose::Device(name.clone())),
                (None, _) => None,
            }
        };
        for (x, y) in pairs(heard.names()) {
            let path = format!("/v1/profiles/{}/explain?with={}", path_of(&x), path_of(&y).replace('+', "%2B"));
            let answer = over_http::read(&collector, &path)?.with_context(|| format!("{path} is not found"))?;
            let (one, another) = (whose(&x), whose(&y));
            let is_same = one.is_some() && one == another;
            ensure!(answer["same"] == is_same, "{answer:#}\n{log:#?}");
            for (end, whose) in [("x", &one), ("y", &another)] {
                let Some(Whose::Person(leader) | Whose::Device(leader)) = whose else { continue };
                heard.hold(&answer, end, leader).with_context(|| format!("{answer:#}\n{log:#?}"))?;
            }
            if !is_same {
                hold_refusal(&answer, &people.leader, [&one, &another], &conflicts)
                    .with_context(|| format!("{answer:#}\n{log:#?}"))?;
            }
            counted.add(&answer);
        }
    }
    println!("{LOGS} random logs over HTTP: {counted:?}");
    Ok(())
}

#[test]
fn every_step_of_an_explanation_is_what_an_event_or_a_decision_of_the_story_said() -> anyhow::Result<()> {
    let mut runner = TestRunner::deterministic();
    let mut counted = Counted::default();
    let stories = stories()?;
    for _ in 0..stories {
        let told = story(40).new_tree(&mut runner).expect("nothing is filtered out").current();
        hold_story(&told, &mut counted)?;
    }
    println!("{stories} random stories: {counted:?}");
    // Few stories need not hold all of them.
    for by in ["edge", "mark", "same", "alias", "link"].into_iter().filter(|_| stories >= STORIES) {
        ensure!(counted.steps.contains_key(by), "no step by {by}: {counted:?}");
    }
    Ok(())
}

/// Tells a ledger a story and has every pair of its names explained.
fn hold_story(told: &Story, counted: &mut Counted) -> anyhow::Result<()> {
    let mut house = House::open(rules(&told.rules))?;
    let mut events = Vec::new();
    let mut ids: BTreeMap<u64, DecisionId> = BTreeMap::new();
    let mut decisions = BTreeMap::new();
    for step in &told.steps {
        match step {
            Step::Hear(event) => {
                house.commit(std::slice::from_ref(event))?;
                events.push(event.clone());
            }
            Step::Decide(decided) => {
                if let Ok(row) = house.committer.decide(&house.store, &decision(decided))? {
                    ids.insert(decided.number, row.id);
                    decisions.insert(row.id.0, decided.op.clone());
                }
            }
            Step::Withdraw(number) => {
                if let Some(id) = ids.remove(number) {
                    let withdrawn = house.committer.withdraw(&house.store, WORKSPACE, (id, UnixMillis(0)))?;
                    ensure!(withdrawn.is_ok(), "decision {number} stood");
                    decisions.remove(&id.0);
                }
            }
            // These stories have none.
            Step::Erase(..) | Step::Guard(_) | Step::Rule(_) => {}
        }
    }
    let mut ledger = told.ledger();
    ledger.decisions.retain(|decision| ids.contains_key(&decision.number));
    let replay = replay_ledger(&ledger, &told.rules);
    let heard = Heard { events: &events, decisions: &decisions, replay: &replay };
    let refused = house.conflicts()?;
    for (x, y) in pairs(heard.names()) {
        let lookups = [&x, &y].map(|name| Lookup::Identifier(name.clone()));
        let explained = house.reader()?.explain(&lookups[0], &lookups[1]);
        let explained = explained.with_context(|| format!("{x} and {y}: {told:#?}"))?;
        // A row's newer version may have taken the only claim of a name along.
        let Ok(explained) = explained else { continue };
        let answer = json!(explained);
        let ids = [house.profile(&x)?["id"].clone(), house.profile(&y)?["id"].clone()];
        let is_same = ids[0].is_string() && ids[0] == ids[1];
        ensure!(answer["profiles"] == json!({"x": ids[0], "y": ids[1]}), "{answer:#}\n{told:#?}");
        ensure!(answer["same"] == is_same, "{answer:#}\n{told:#?}");
        for (end, id) in ["x", "y"].into_iter().zip(&ids).filter(|(_, id)| id.is_string()) {
            let leader = house.reader()?.profile(&lookups[usize::from(end == "y")])?.context("a profile")?;
            let leader = leader.identifiers.first().context("a leader")?.identifier.clone();
            let ends = answer["paths"][end].as_array().and_then(|path| Some(path.last()?["to"].clone()));
            let leader = ends.map_or(leader, |end| identifier(&end));
            let led = selvedge_collector::identity::profile_id("default", &leader).to_string();
            let is_alone = answer["paths"][end] == json!([]);
            ensure!(is_alone || *id == led, "{end} ends at {leader}: {answer:#}\n{told:#?}");
            heard.hold(&answer, end, &leader).with_context(|| format!("{answer:#}\n{told:#?}"))?;
        }
        let because = &answer["because"];
        if because["reason"] == "unproven" && because["by"] == "edge" {
            heard.hold_unproven(because).with_context(|| format!("{answer:#}\n{told:#?}"))?;
        } else if because["by"].is_string() && because["by"] != "mark" {
            hold_refused(&answer["because"], &refused).with_context(|| format!("{answer:#}\n{told:#?}"))?;
        }
        counted.add(&answer);
    }
    Ok(())
}

/// Each step as `from by to by messageId`.
fn steps(path: &Value) -> Vec<String> {
    path.as_array().into_iter().flatten().map(said).collect()
}

fn said(step: &Value) -> String {
    let ends =
        [["from", "x"], ["to", "y"]].map(|ends| ends.map(|end| &step[end]).into_iter().find(|end| end.is_object()));
    let [from, to] = ends.map(|end| end.map(|end| identifier(end).to_string()).unwrap_or_default());
    format!("{from} {} {to} by {}", text(&step["by"]), step["messageId"].as_str().unwrap_or("-"))
}

fn refusal(answer: &Value) -> String {
    format!("{}: {}", text(&answer["because"]["reason"]), said(&answer["because"]))
}

/// Names, each with every other and with itself; where a test has no time for all, some of every kind.
fn pairs(names: BTreeSet<Identifier>) -> Vec<(Identifier, Identifier)> {
    let every = names.len().div_ceil(NAMES).max(1);
    let names: Vec<Identifier> = names.into_iter().step_by(every).collect();
    names.iter().enumerate().flat_map(|(at, x)| names[at..].iter().map(|y| (x.clone(), y.clone()))).collect()
}

/// As many as `SELVEDGE_STORIES` says.
fn stories() -> anyhow::Result<usize> {
    std::env::var("SELVEDGE_STORIES").map_or(Ok(STORIES), |text| Ok(text.parse()?))
}

const NO_RATE_LIMITS: &str = "[limits]\nip_events_per_s = 1000000\nkey_events_per_s = 1000000\n";
const LOGS: usize = 40;
const STORIES: usize = 120;
/// Of one log or story: 300 pairs.
const NAMES: usize = 24;
const DAY_MS: i64 = 24 * 60 * 60_000;
