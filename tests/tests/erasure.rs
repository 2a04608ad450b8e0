//! Law 7 of identity.md and P10: what an erasure takes, what it leaves, and that no byte of the files knows of it.

mod former_names;
mod in_process;
mod logs;
mod rules_ledger;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use in_process::{Consumer, WORKSPACE, without_version};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rules_ledger::{Kept, Said, log, names, pile};
use selvedge_collector::config::parse_rules;
use selvedge_collector::event::UnixMillis;
use selvedge_collector::identity::normal::may_name;
use selvedge_collector::identity::{DecisionVerb, ProfileId, Rules};
use selvedge_collector::ingest::commit::{Decision, Erased, Erasure, ErasureRefusal};
use selvedge_collector::store::{DecisionId, Lookup, Store};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::digest;
use serde_json::{Value, json};

#[test]
fn after_erasure_and_compaction_no_byte_of_the_files_holds_a_name_of_the_erased() -> anyhow::Result<()> {
    let (mut erased, mut bytes) = (0, 0);
    each_log(|log, _| {
        let mut kept = Kept::telling(&Rules::default(), log)?;
        for name in some(&names(log)) {
            let profile = kept.house.profile(&name)?;
            if profile.is_null() {
                continue;
            }
            let gone: Vec<Identifier> = identifiers(&profile);
            erase(&mut kept, &name, false)?.expect("it was there");
            kept.house.store.compact()?;
            bytes += hold_clean(&kept, &gone)?;
            erased += gone.len();
        }
        Ok(())
    })?;
    println!("{erased} identifiers sought in {} MB of files, with their digests: none found", bytes / 1_000_000);
    ensure!(erased > 0);
    Ok(())
}

#[test]
fn a_ledger_that_was_erased_in_is_built_again_as_it_is_also_by_way_of_other_rules() -> anyhow::Result<()> {
    let mut replays = 0;
    each_log(|log, [rules, others]| {
        // What a token proves of a name that the rules block is never recorded.
        let is_heard = |said: &&Said| said.proven.iter().all(|name| may_name(name, rules));
        let log = &log.iter().filter(is_heard).cloned().collect::<Vec<_>>()[..];
        let mut kept = Kept::telling(rules, log)?;
        let mut consumer = Consumer::default();
        for name in some(&names(log)) {
            if erase(&mut kept, &name, false)?.is_err() {
                continue;
            }
            consumer.catch_up(&kept.house)?;
            let before = kept.reads(log)?;
            let report = kept.apply(rules)?;
            ensure!(kept.reads(log)? == before, "{name}: {report:#?}\n{before}\n---\n{}", kept.reads(log)?);
            ensure!(report.touched == 0, "{name}: {report:#?}");
            kept.apply(others)?;
            consumer.catch_up(&kept.house)?;
            hold_consumer(&consumer, &kept)?;
            kept.apply(rules)?;
            ensure!(kept.reads(log)? == before, "{name}, other rules:\n{before}\n---\n{}", kept.reads(log)?);
            consumer.catch_up(&kept.house)?;
            hold_consumer(&consumer, &kept)?;
            replays += 3;
        }
        Ok(())
    })?;
    println!("{replays} replays after an erasure, a third of them by other rules: nothing differs");
    ensure!(replays > 0);
    Ok(())
}

#[test]
fn a_shared_device_stays_shared_and_its_other_people_as_they_were() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &shared_device())?;
    let before = without_version(kept.house.profile(&name("user_id", "ben-0002"))?);
    let events = kept.house.events(&name("user_id", "ben-0002"))?;
    ensure!(is_in_files(&kept, "wrote to ada@")?, "his message speaks of her");
    let receipt = erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    ensure!(receipt.events == 3 && receipt.redacted == 1, "{receipt:?}");
    let after = without_version(kept.house.profile(&name("user_id", "ben-0002"))?);
    ensure!(before == after, "{before:#}\n{after:#}");
    ensure!(events == kept.house.events(&name("user_id", "ben-0002"))?);
    ensure!(kept.house.profile(&name("user_id", "ada-0001"))?.is_null());
    // The device is nobody's alone, and what comes at her marks is nobody's.
    kept.tell(&[page("late-1", 11, None), page("late-2", 41, None)])?;
    let device = kept.house.profile(&name("anonymous_id", "device-7"))?;
    ensure!(device["event_count"] == 1 && device["people"].as_array().map(Vec::len) == Some(1), "{device:#}");
    ensure!(kept.house.events(&name("user_id", "ben-0002"))?.contains(&"late-2".to_owned()), "at his mark it is his");
    // His message says so no more.
    ensure!(!is_in_files(&kept, "wrote to ada@")?, "what stood there is redacted");
    ensure!(is_in_files(&kept, "wrote to [erased]")?);
    Ok(())
}

#[test]
fn a_trait_of_somebody_else_that_says_the_name_is_told_anew_without_it() -> anyhow::Result<()> {
    let friend = json!({ "type": "identify", "userId": "cleo-003", "traits": { "friend": "ada@shop.example" } });
    let mut kept = Kept::telling(&Rules::default(), &[shared_device(), vec![said("m-6", friend)]].concat())?;
    let mut consumer = Consumer::default();
    consumer.catch_up(&kept.house)?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    ensure!(kept.house.profile(&name("user_id", "cleo-003"))?["traits"]["friend"] == "[erased]");
    consumer.catch_up(&kept.house)?;
    hold_consumer(&consumer, &kept)
}

#[test]
fn two_traits_of_somebody_else_that_are_called_by_a_name_stay_two_also_after_a_replay() -> anyhow::Result<()> {
    let traits = json!({ "ada@shop.example": 1, "ada-0001": 2, "plan": "gold" });
    let friend = said("m-6", json!({ "type": "identify", "userId": "cleo-003", "traits": traits }));
    let mut kept = Kept::telling(&Rules::default(), &[shared_device(), vec![friend]].concat())?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    let left = json!({ "[erased]": 2, "[erased 2]": 1, "plan": "gold" });
    let cleo = name("user_id", "cleo-003");
    ensure!(kept.house.profile(&cleo)?["traits"] == left, "{:#}", kept.house.profile(&cleo)?);
    kept.apply(&Rules::default())?;
    ensure!(kept.house.profile(&cleo)?["traits"] == left, "replayed: {:#}", kept.house.profile(&cleo)?);
    Ok(())
}

#[test]
fn an_alias_whose_account_was_erased_names_nobody_before_a_replay_and_after_it() -> anyhow::Result<()> {
    let alias = json!({ "type": "alias", "userId": "cleo-003", "previousId": "ben-0002", "timestamp": at(40) });
    let login = said("m-8", json!({ "userId": "ben-0002", "timestamp": at(1) }));
    let mut kept = Kept::telling(&Rules::default(), &[login, said("m-9", alias)])?;
    let cleo = name("user_id", "cleo-003");
    let ignored = Decision {
        workspace: WORKSPACE,
        verb: DecisionVerb::Ignore,
        x: cleo.clone(),
        y: None,
        reason: "told".into(),
        author: "test".into(),
        at: UnixMillis(0),
    };
    ensure!(kept.house.committer.decide(&kept.house.store, &ignored)?.is_ok());
    erase(&mut kept, &cleo, false)?.expect("an alias named her");
    let ben = name("user_id", "ben-0002");
    let live = without_version(kept.house.profile(&ben)?);
    kept.apply(&Rules::default())?;
    let replayed = without_version(kept.house.profile(&ben)?);
    ensure!(live == replayed, "{live:#}, replayed {replayed:#}");
    Ok(())
}

#[test]
fn a_late_claim_from_before_the_erasure_is_erased_and_a_later_one_is_new() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &shared_device())?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    let late = said("late", json!({ "userId": "ada-0001", "timestamp": at(20) }));
    let hashed = hashed_mail("hashed", 20);
    let again = said("m-1", json!({ "userId": "ada-0001", "timestamp": at(1) }));
    let new = said("new", json!({ "userId": "ada-0001", "timestamp": at(ERASED_MINUTE + 1) }));
    let committed = kept.tell(&[late.clone(), hashed.clone(), again, new])?;
    let refused: Vec<_> = committed.iter().flat_map(|committed| &committed.erased).collect();
    ensure!(refused.len() == 3 && refused.iter().all(|verdict| verdict.code == "erased"), "{refused:#?}");
    ensure!(kept.house.events(&name("user_id", "ada-0001"))? == ["new"]);
    // Her claim is known now, and what is late is refused all the same.
    let committed = kept.tell(&[late])?;
    ensure!(committed[0].erased.len() == 1, "{committed:?}");
    ensure!(kept.house.profile(&name("email", "ada@shop.example"))?.is_null());
    Ok(())
}

#[test]
fn a_suppression_has_no_end_and_outlives_a_later_erasure_and_a_replay() -> anyhow::Result<()> {
    let rules = Rules::default();
    let mut kept = Kept::telling(&rules, &shared_device())?;
    erase(&mut kept, &name("user_id", "ada-0001"), true)?.expect("she was there");
    let never = [
        said("n-1", json!({ "userId": "ada-0001", "timestamp": at(ERASED_MINUTE + 100) })),
        hashed_mail("n-2", ERASED_MINUTE + 100),
    ];
    let is_refused = |kept: &mut Kept| -> anyhow::Result<()> {
        let committed = kept.tell(&never)?;
        ensure!(committed.iter().all(|committed| committed.erased.len() == 1), "{committed:?}");
        Ok(())
    };
    is_refused(&mut kept)?;
    let again = erase(&mut kept, &name("user_id", "ada-0001"), false)?;
    let nothing = Erased { suppressed: true, ..Erased::default() };
    ensure!(again == Ok(nothing), "a second time nothing is there: {again:?}");
    is_refused(&mut kept)?;
    kept.apply(&rules)?;
    is_refused(&mut kept)
}

#[test]
fn an_address_that_is_suppressed_after_its_erasure_is_refused_by_its_digests_too() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &shared_device())?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    erase(&mut kept, &name("email", "ada@shop.example"), true)?.expect("it was erased with her");
    let committed = kept.tell(&[hashed_mail("later", ERASED_MINUTE + 1)])?;
    ensure!(committed[0].erased.len() == 1, "{committed:?}");
    Ok(())
}

#[test]
fn a_clear_value_is_refused_whose_digest_was_erased() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &[hashed_mail("m-1", 1)])?;
    let hashed = name("email", &digest("sha256", "ada@shop.example"));
    erase(&mut kept, &hashed, false)?.expect("it was there");
    let clear = |id: &str, minute| {
        said(id, json!({ "type": "identify", "traits": { "email": "ADA@shop.example" }, "timestamp": at(minute) }))
    };
    let committed = kept.tell(&[clear("late", 2), clear("new", ERASED_MINUTE + 1)])?;
    ensure!(committed[0].erased.len() == 1 && committed[1].accepted == 1, "{committed:?}");
    Ok(())
}

#[test]
fn what_the_erased_observed_counts_as_the_rules_of_a_replay_guard_it() -> anyhow::Result<()> {
    let message = |id: &str, user: &str, minute| {
        json!({ "messageId": id, "type": "track", "event": "Seen", "userId": user, "anonymousId": "tablet-7",
            "timestamp": at(minute) })
    };
    let log = [Said::secretly(message("m-1", "bob-0002", 1)), Said::publicly(message("m-2", "ada-0001", 2))];
    let mut kept = Kept::telling(&Rules::default(), &log)?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    let is_bobs = |kept: &Kept| -> anyhow::Result<bool> {
        let [tablet, bob] = [name("anonymous_id", "tablet-7"), name("user_id", "bob-0002")];
        Ok(kept.house.profile(&tablet)?["id"] == kept.house.profile(&bob)?["id"])
    };
    ensure!(!is_bobs(&kept)?, "somebody else was there too");
    kept.apply(&Rules { guard_from: Some(UnixMillis(0)), ..Rules::default() })?;
    ensure!(is_bobs(&kept)?, "what a public key says of a device that was marked with trust does not count");
    kept.apply(&Rules::default())?;
    ensure!(!is_bobs(&kept)?, "and counts again");
    Ok(())
}

#[test]
fn the_id_of_a_decision_that_was_erased_is_not_given_out_again_also_after_a_replay() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &shared_device())?;
    let decide = |kept: &mut Kept, user: &str| -> anyhow::Result<DecisionId> {
        let decision = Decision {
            workspace: WORKSPACE,
            verb: DecisionVerb::Ignore,
            x: name("user_id", user),
            y: None,
            reason: "told".into(),
            author: "test".into(),
            at: UnixMillis(0),
        };
        Ok(kept.house.committer.decide(&kept.house.store, &decision)??.id)
    };
    let first = decide(&mut kept, "ada-0001")?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    kept.apply(&Rules::default())?;
    let next = decide(&mut kept, "ben-0002")?;
    ensure!(next > first, "{next:?} was {first:?}");
    Ok(())
}

#[test]
fn a_trait_that_the_batch_of_somebody_elses_event_says_is_told_anew_without_the_name() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &shared_device())?;
    let cleo = json!({ "type": "identify", "messageId": "m-6", "userId": "cleo-003", "timestamp": at(2) });
    let dora = json!({ "type": "identify", "messageId": "m-7", "userId": "dora-004", "timestamp": at(2),
        "traits": { "plan": "gold" } });
    let traits = json!({ "referrer": "ada@shop.example", "referrerId": "ada-0001" });
    kept.tell_batch(&json!({ "context": { "traits": traits }, "batch": [cleo, dora] }))?;
    let mut consumer = Consumer::default();
    consumer.catch_up(&kept.house)?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    let traits =
        |kept: &Kept| Ok::<_, anyhow::Error>(kept.house.profile(&name("user_id", "cleo-003"))?["traits"].clone());
    let left = traits(&kept)?;
    ensure!(left == json!({ "referrer": "[erased]", "referrerId": "[erased]" }), "{left:#}");
    consumer.catch_up(&kept.house)?;
    hold_consumer(&consumer, &kept)?;
    kept.house.store.compact()?;
    hold_clean(&kept, &[name("email", "ada@shop.example"), name("user_id", "ada-0001")])?;
    kept.apply(&Rules::default())?;
    ensure!(traits(&kept)? == left, "replayed: {:#}", traits(&kept)?);
    Ok(())
}

#[test]
fn a_name_that_reads_like_a_word_of_the_protocol_takes_none_of_those_from_others() -> anyhow::Result<()> {
    let rules = Rules::default();
    let id = |kind, id, encoding| json!({ "id": id, "type": kind, "collection": "users", "encoding": encoding });
    let hashed = digest("sha256", "ben@shop.example").replace("sha256.", "");
    let ids =
        json!([id("cookie._ga", "GA1.2", "none"), id("email", &hashed, "sha256"), id("push_token", "p-1", "none")]);
    let row = |version: u64, plan| {
        json!({ "type": "identify", "userId": "ben-0002", "timestamp": at(3), "traits": { "plan": plan },
            "context": { "externalIds": ids, "selvedge": { "version": version, "strength": { "push_token": "observed" } } } })
    };
    let mut log = vec![said("import:crm:1", row(20_240_102, "gold"))];
    let words = ["cookie._ga", "sha256", "push_token", "20240102"];
    log.extend(words.iter().map(|word| said(&format!("m-{word}"), json!({ "userId": word, "timestamp": at(1) }))));
    let mut kept = Kept::telling(&rules, &log)?;
    let ben = name("user_id", "ben-0002");
    let before = kept.house.profile(&ben)?;
    for word in words {
        erase(&mut kept, &name("user_id", word), false)?.expect("it is there");
    }
    kept.apply(&rules)?;
    ensure!(without_version(kept.house.profile(&ben)?) == without_version(before), "{:#}", kept.house.profile(&ben)?);
    kept.tell(&[said("import:crm:1", row(20_240_101, "old"))])?;
    ensure!(kept.house.profile(&ben)?["traits"]["plan"] == "gold", "an older version is none");
    Ok(())
}

#[test]
fn nobody_is_erased_by_a_name_that_was_never_seen() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &shared_device())?;
    let reads = kept.reads(&shared_device())?;
    ensure!(erase(&mut kept, &name("user_id", "nobody-1"), true)? == Err(ErasureRefusal::Unknown));
    ensure!(kept.reads(&shared_device())? == reads);
    Ok(())
}

#[test]
fn an_erasure_takes_the_copy_of_an_earlier_replay_along() -> anyhow::Result<()> {
    let rules = Rules::default();
    let mut kept = Kept::telling(&rules, &shared_device())?;
    kept.apply(&rules)?;
    let copies = |kept: &Kept| -> anyhow::Result<usize> {
        let directory = kept.house.store.file().parent().context("a directory")?.to_owned();
        let names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        Ok(names.collect::<anyhow::Result<Vec<_>>>()?.iter().filter(|name| name.contains(".before-")).count())
    };
    ensure!(copies(&kept)? == 1, "a replay keeps the ledger before");
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    ensure!(copies(&kept)? == 0);
    Ok(())
}

#[test]
fn no_destination_passes_over_an_event_because_the_last_before_it_was_erased() -> anyhow::Result<()> {
    let mut kept = Kept::telling(&Rules::default(), &shared_device())?;
    let last = kept.house.store.view()?.sizes()?.last_seq;
    erase(&mut kept, &name("user_id", "ben-0002"), false)?.expect("he was there");
    kept.tell(&[page("next", 50, None)])?;
    let reader = kept.house.reader()?;
    let after = reader.events_after(last, 10)?;
    ensure!(after.len() == 1 && &*after[0].event.order.message_id == "next", "{after:#?}");
    Ok(())
}

/// Two people on one device: she, he, and a message of his that speaks of her.
fn shared_device() -> Vec<Said> {
    let mail = json!({ "email": "Ada@Shop.example", "note": "call +49 30 1234567" });
    vec![
        page("m-1", 0, Some("ada-0001")),
        said(
            "m-2",
            json!({ "type": "identify", "userId": "ada-0001", "anonymousId": "device-7", "traits": mail, "timestamp": at(1) }),
        ),
        page("m-3", 10, Some("ada-0001")),
        page("m-4", 40, Some("ben-0002")),
        said(
            "m-5",
            json!({ "type": "track", "event": "Sent", "userId": "ben-0002", "anonymousId": "device-7", "timestamp": at(45),
                "properties": { "text": "wrote to ada@shop.example" } }),
        ),
    ]
}

fn page(message_id: &str, minute: i64, user_id: Option<&str>) -> Said {
    let mut message = json!({ "type": "page", "anonymousId": "device-7", "timestamp": at(minute) });
    message["userId"] = json!(user_id);
    said(message_id, message)
}

fn hashed_mail(message_id: &str, minute: i64) -> Said {
    let id = digest("sha256", "ada@shop.example").replace("sha256.", "").to_uppercase();
    let external = json!([{ "id": id, "type": "email", "collection": "users", "encoding": "sha256" }]);
    said(
        message_id,
        json!({ "type": "track", "event": "Seen", "context": { "externalIds": external }, "timestamp": at(minute) }),
    )
}

fn said(message_id: &str, mut message: Value) -> Said {
    message["messageId"] = json!(message_id);
    if message["type"].is_null() {
        message["type"] = json!("page");
    }
    Said::secretly(message)
}

fn at(minute: i64) -> String {
    UnixMillis(START_MS + minute * 60_000).rfc3339()
}

fn erase(kept: &mut Kept, whom: &Identifier, is_suppression: bool) -> anyhow::Result<Result<Erased, ErasureRefusal>> {
    let at = UnixMillis(START_MS + ERASED_MINUTE * 60_000);
    let erasure = Erasure { workspace: WORKSPACE, whom: Lookup::Identifier(whom.clone()), at, is_suppression };
    Ok(kept.house.committer.erase(&kept.house.store, &erasure)?)
}

fn name(kind: &str, value: &str) -> Identifier {
    Identifier::new(Kind::new(kind), value)
}

fn identifiers(profile: &Value) -> Vec<Identifier> {
    let shown = profile["identifiers"].as_array().into_iter().flatten();
    shown.filter_map(|shown| Some(name(shown["kind"].as_str()?, shown["value"].as_str()?))).collect()
}

/// How many bytes were looked at, none of which holds one of the names.
fn hold_clean(kept: &Kept, gone: &[Identifier]) -> anyhow::Result<usize> {
    let directory = kept.house.store.file().parent().context("a directory")?.to_owned();
    let files = fs_bytes(&directory)?;
    for name in gone {
        let algorithms = ["sha256", "sha1", "md5"].map(|algorithm| digest(algorithm, &name.value));
        let hexes = algorithms.iter().filter_map(|digest| digest.split_once('.')).map(|(_, hex)| hex.to_owned());
        for text in hexes.chain([name.value.to_string()]) {
            for bytes in &files {
                ensure!(!holds(bytes, text.as_bytes()), "{name}: {text} is still in a file");
            }
        }
    }
    Ok(files.iter().map(Vec::len).sum())
}

/// Whether it stands there, and not as the beginning of another number.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len() + 1).any(|window| window.starts_with(text) && !window[text.len()].is_ascii_digit())
}

/// Whether a text stands in a file of the ledger, which is written anew first: no log holds what was there before.
fn is_in_files(kept: &Kept, text: &str) -> anyhow::Result<bool> {
    kept.house.store.compact()?;
    let files = fs_bytes(kept.house.store.file().parent().context("a directory")?)?;
    Ok(files.iter().any(|bytes| holds(bytes, text.as_bytes())))
}

fn fs_bytes(directory: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    fs::read_dir(directory)?.map(|entry| Ok(fs::read(entry?.path())?)).collect()
}

fn hold_consumer(consumer: &Consumer, kept: &Kept) -> anyhow::Result<()> {
    for (id, held) in &consumer.profiles {
        let id: ProfileId = *id;
        let profile = without_version(kept.house.profile_of(&Lookup::ProfileId(id))?);
        ensure!(profile == *held, "consumer: {held:#}\nledger: {profile:#}");
    }
    Ok(())
}

/// Every seventh name.
fn some(names: &BTreeSet<Identifier>) -> Vec<Identifier> {
    names.iter().step_by(7).cloned().collect()
}

fn each_log(mut hold: impl FnMut(&[Said], &[Rules; 2]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let logs: usize = std::env::var("SELVEDGE_LOGS").map_or(Ok(12), |text| text.parse())?;
    let mut runner = TestRunner::deterministic();
    for number in 0..logs {
        let drawn = (log(number), pile(), pile()).new_tree(&mut runner).expect("nothing is filtered out").current();
        let (log, one, another) = drawn;
        let rules = [&one, &another].map(|text| parse_rules(text).expect("rules that can be read"));
        hold(&log, &rules).with_context(|| format!("log {number}, {one:?} and {another:?}"))?;
    }
    Ok(())
}

const START_MS: i64 = 1_705_000_000_000;
/// After all that the tests say, but for what is said later on purpose.
const ERASED_MINUTE: i64 = 10_000;
