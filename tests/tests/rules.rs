//! Other rules on a ledger that is there: what `rules check` predicts is what `rules apply` does, what it does is what a
//! new ledger by those rules would be, and the old rules bring everything back. `SELVEDGE_LOGS` says how many are tried.

mod in_process;
mod logs;
mod rules_ledger;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use in_process::{Consumer, WORKSPACE, without_version};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rules_ledger::{Kept, Said, log, pile};
use selvedge_collector::config::parse_rules;
use selvedge_collector::event::UnixMillis;
use selvedge_collector::identity::normal::may_name;
use selvedge_collector::identity::{DecisionVerb, ProfileId, Rules, profile_id};
use selvedge_collector::ingest::commit::Decision;
use selvedge_collector::rebuild::{self, Fate, RebuildError, Task};
use selvedge_collector::store::sqlite::SqliteStore;
use selvedge_collector::store::{Lookup, Position, Seq, Store};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::Collector;
use serde_json::{Value, json};

#[test]
fn what_check_predicts_is_what_apply_does_and_what_a_new_ledger_by_those_rules_would_be() -> anyhow::Result<()> {
    let (mut merged, mut split, mut touched) = (0, 0, 0);
    each_log(|log, [before, after]| {
        // What a token proves of a name that the rules block is never recorded.
        let is_heard = |said: &Said| said.proven.iter().all(|name| may_name(name, before));
        let log = &log.iter().filter(|said| is_heard(said)).cloned().collect::<Vec<_>>()[..];
        let mut kept = Kept::telling(before, log)?;
        let mut consumer = Consumer::default();
        consumer.catch_up(&kept.house)?;
        let predicted = kept.check(after)?;
        let done = kept.apply(after)?;
        ensure!(predicted == done, "{predicted:#?} is not {done:#?}");
        let fresh = Kept::telling(after, log)?;
        ensure!(kept.unordered(log)? == fresh.unordered(log)?, "{}", difference(&kept, &fresh, log)?);
        consumer.catch_up(&kept.house)?;
        hold(&consumer, &kept)?;
        (merged, split, touched) = (merged + done.merged, split + done.split, touched + done.touched);
        Ok(())
    })?;
    println!("{merged} people merged, {split} split, {touched} profiles touched");
    ensure!(merged > 0 && split > 0, "the rules changed nothing worth a test");
    Ok(())
}

#[test]
fn other_rules_and_the_first_ones_again_leave_every_read_as_it_was() -> anyhow::Result<()> {
    each_log(|log, [first, other]| {
        let mut kept = Kept::telling(first, log)?;
        let before = kept.reads(log)?;
        kept.apply(other)?;
        kept.apply(first)?;
        let after = kept.reads(log)?;
        ensure!(before == after, "by {other:?} and back:\n{}", changed(&before, &after));
        let report = kept.apply(first)?;
        ensure!(report.touched == 0 && report.people.before == report.people.after, "{report:?}");
        Ok(())
    })
}

#[test]
fn a_kind_that_is_declared_later_finds_the_claims_that_were_stored_before() -> anyhow::Result<()> {
    let with_crm = |id: &str, user: &str, at: i64| {
        let known = json!([{ "id": "c-1", "type": "crm_id", "collection": "users", "encoding": "none" }]);
        Said::secretly(json!({ "messageId": id, "type": "track", "event": "Seen", "anonymousId": user,
            "timestamp": at, "context": { "externalIds": known } }))
    };
    let log = [with_crm("m1", "a1", 1_700_000_000_000), with_crm("m2", "a2", 1_700_000_001_000)];
    let mut kept = Kept::telling(&Rules::default(), &log)?;
    let crm = Identifier::new(Kind::new("crm_id"), "c-1");
    assert_eq!(kept.house.profile(&crm)?, Value::Null);
    let report = kept.apply(&rules("account_kinds = [\"user_id\", \"crm_id\"]"))?;
    assert_eq!((report.people.before, report.people.after, report.created), (0, 1, 1));
    assert_eq!((report.anonymous.before, report.anonymous.after), (2, 0));
    assert_eq!(kept.house.profile(&crm)?["event_count"], 2);
    Ok(())
}

#[test]
fn a_value_that_is_blocked_later_takes_its_person_apart_and_a_digest_of_it_too() -> anyhow::Result<()> {
    let identify = |id: &str, user: &str, email: &str, at: i64| {
        Said::secretly(json!({ "messageId": id, "type": "identify", "userId": user, "traits": { "email": email },
            "timestamp": at }))
    };
    let hashed = json!([{ "id": selvedge_tests::oracle::digest("sha256", "desk@shop.example"), "type": "email",
        "collection": "users", "encoding": "sha256" }]);
    let log = [
        identify("m1", "u1", "desk@shop.example", 1_700_000_000_000),
        Said::secretly(
            json!({ "messageId": "m2", "type": "track", "event": "Paid", "timestamp": 1_700_000_001_000_i64,
            "anonymousId": "a1", "context": { "externalIds": hashed } }),
        ),
        Said::secretly(json!({ "messageId": "m3", "type": "identify", "timestamp": 1_700_000_002_000_i64,
            "traits": { "email": "desk@shop.example", "phone": "+4930123456" } })),
    ];
    let mut kept = Kept::telling(&Rules::default(), &log)?;
    let (user, phone) = (Identifier::new(Kind::USER_ID, "u1"), Identifier::new(Kind::PHONE, "+4930123456"));
    assert_eq!(kept.house.profile(&user)?["id"], kept.house.profile(&phone)?["id"]);
    let report = kept.apply(&rules("blocked_values = [\"Desk@Shop.example\"]"))?;
    assert_eq!((report.people.before, report.people.after, report.split), (1, 2, 1));
    assert_eq!(report.examples.iter().filter(|example| example.fate == Fate::Split).count(), 1);
    assert_ne!(kept.house.profile(&user)?["id"], kept.house.profile(&phone)?["id"]);
    assert_eq!(kept.house.profile(&Identifier::new(Kind::EMAIL, "desk@shop.example"))?, Value::Null);
    let device = kept.house.profile(&Identifier::new(Kind::ANONYMOUS_ID, "a1"))?;
    assert_eq!((&device["event_count"], device["identifiers"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    Ok(())
}

#[test]
fn a_device_that_names_nobody_by_other_rules_is_merged_into_whoever_has_its_events() -> anyhow::Result<()> {
    let device = json!({ "type": "android", "advertisingId": "6d92078a-8246-4ba4-ae5b-76104861e7dc" });
    let seen = json!({ "messageId": "m-1", "type": "screen", "anonymousId": "a-1", "timestamp": 1_700_000_000_000_i64,
        "context": { "device": device } });
    let mut kept = Kept::telling(&Rules::default(), &[Said::publicly(seen)])?;
    let own = Identifier::new(Kind::ANONYMOUS_ID, "a-1");
    let id: ProfileId = profile_id("default", &own);
    let mut consumer = Consumer::default();
    consumer.catch_up(&kept.house)?;
    kept.apply(&rules("blocked_values = [\"a-1\"]"))?;
    consumer.catch_up(&kept.house)?;
    let found = kept.house.profile_of(&Lookup::ProfileId(id))?;
    ensure!(found["identifiers"][0]["kind"] == "gaid", "{found:#}");
    ensure!(consumer.ended().eq([id]) && consumer.deleted.is_empty(), "{consumer:#?}");
    Ok(())
}

#[test]
fn what_a_token_proved_is_proven_again_after_rules_that_left_it_out() -> anyhow::Result<()> {
    let login = json!({ "messageId": "m1", "type": "identify", "userId": "u1", "anonymousId": "a1",
        "traits": { "plan": "pro" }, "timestamp": 1_700_000_000_000_i64 });
    let log = [Said { proven: vec![Identifier::new(Kind::EMAIL, "u1@example.com")], ..Said::publicly(login) }];
    let mut kept = Kept::telling(&Rules::default(), &log)?;
    let before = kept.reads(&log)?;
    kept.apply(&rules("blocked_values = [\"u1\", \"u1@example.com\"]"))?;
    assert_eq!(kept.house.profile(&Identifier::new(Kind::EMAIL, "u1@example.com"))?, Value::Null);
    kept.apply(&Rules::default())?;
    assert_eq!(kept.reads(&log)?, before);
    Ok(())
}

#[test]
fn digests_are_still_the_clear_values_that_they_are_of_in_a_ledger_that_is_built_again() -> anyhow::Result<()> {
    let clear = "6d92078a-8246-4ba4-ae5b-76104861e7dc";
    let hashed = selvedge_tests::oracle::digest("md5", clear);
    let seen = |id: &str, external: Value, user: Option<&str>| {
        Said::publicly(json!({ "messageId": id, "type": "track", "event": "Seen", "userId": user,
            "timestamp": 1_700_000_000_000_i64, "context": { "externalIds": external } }))
    };
    let idfa = |id: &str, encoding: &str| json!({ "id": id, "type": "idfa", "encoding": encoding });
    let number = |id: &str| json!([{ "id": id, "type": "phone" }]);
    let log = [
        seen("m1", json!([idfa(&hashed, "md5")]), None),
        seen("m2", json!([idfa(clear, "none")]), Some("u1")),
        seen("m3", json!([idfa(&hashed, "md5")]), None),
        // A number that only a region makes one.
        seen("m4", number("030 123456"), Some("u2")),
        seen(
            "m5",
            json!([{ "id": selvedge_tests::oracle::digest("sha256", "030123456"), "type": "phone",
            "encoding": "sha256" }]),
            None,
        ),
    ];
    let mut kept = Kept::telling(&Rules::default(), &log)?;
    let count = |kept: &Kept, user: &str| -> anyhow::Result<Value> {
        Ok(kept.house.profile(&Identifier::new(Kind::USER_ID, user))?["event_count"].clone())
    };
    let before = kept.reads(&log)?;
    assert_eq!((count(&kept, "u1")?, count(&kept, "u2")?), (json!(3), json!(1)));
    assert_eq!(kept.apply(&Rules::default())?.touched, 0);
    assert_eq!(kept.reads(&log)?, before);
    kept.apply(&rules("default_region = \"DE\""))?;
    assert_eq!((count(&kept, "u1")?, count(&kept, "u2")?), (json!(3), json!(2)));
    kept.apply(&Rules::default())?;
    assert_eq!(kept.reads(&log)?, before);
    Ok(())
}

#[test]
fn decisions_stand_in_a_ledger_that_is_built_again() -> anyhow::Result<()> {
    let identify = |id: &str, claim: Value, at: i64| {
        let mut message = json!({ "messageId": id, "type": "identify", "timestamp": at });
        message.as_object_mut().unwrap().extend(claim.as_object().unwrap().clone());
        Said::publicly(message)
    };
    let log = [
        identify("m1", json!({ "userId": "u1", "anonymousId": "a1" }), 1_700_000_000_000),
        identify("m2", json!({ "anonymousId": "a2", "traits": { "email": "e1@example.com" } }), 1_700_000_001_000),
        identify("m3", json!({ "userId": "u3", "traits": { "email": "e3@example.com" } }), 1_700_000_002_000),
        identify("m4", json!({ "anonymousId": "a1" }), 1_700_000_003_000),
    ];
    let name = |kind: Kind, value: &str| Identifier::new(kind, value);
    let mut kept = Kept::telling(&Rules::default(), &log)?;
    let linked = (name(Kind::USER_ID, "u1"), name(Kind::EMAIL, "e1@example.com"));
    let apart = (name(Kind::USER_ID, "u3"), name(Kind::EMAIL, "e3@example.com"));
    let by_device = (name(Kind::ANONYMOUS_ID, "a1"), name(Kind::USER_ID, "u1"));
    for (number, (verb, (x, y))) in [
        (DecisionVerb::Link, linked.clone()),
        (DecisionVerb::KeepApart, apart.clone()),
        (DecisionVerb::KeepApart, by_device),
    ]
    .into_iter()
    .enumerate()
    {
        kept.decide(verb, x, Some(y), number)?;
    }
    let withdrawn = kept.decide(DecisionVerb::Ignore, name(Kind::USER_ID, "u3"), None, 9)?;
    let at = (withdrawn, UnixMillis(1_700_000_020_000));
    kept.house.committer.withdraw(&kept.house.store, WORKSPACE, at)?.expect("it stands");
    let before = kept.reads(&log)?;
    let decisions = kept.house.store.view()?.decisions(WORKSPACE)?;
    let report = kept.apply(&Rules::default())?;
    assert_eq!(report.touched, 0, "{report:?}");
    assert_eq!(kept.reads(&log)?, before);
    assert_eq!(kept.house.store.view()?.decisions(WORKSPACE)?, decisions);
    // Its name is none by these rules; with the first ones the decision stands again.
    kept.apply(&rules("blocked_values = [\"u1\"]"))?;
    kept.apply(&Rules::default())?;
    assert_eq!(kept.reads(&log)?, before);
    Ok(())
}

#[test]
fn a_destination_goes_on_where_it_stood_though_rows_were_superseded() -> anyhow::Result<()> {
    let row = |id: &str, version: u64| {
        Said::secretly(json!({ "messageId": id, "type": "identify", "userId": "u1", "traits": { "tier": version },
            "timestamp": 1_700_000_000_000_i64, "context": { "selvedge": { "version": version } } }))
    };
    let track = |id: &str| {
        Said::publicly(json!({ "messageId": id, "type": "track", "event": "Seen", "anonymousId": "a1",
            "timestamp": 1_700_000_000_000_i64 }))
    };
    let log = [row("import:crm:1", 1), track("m1"), row("import:crm:1", 2), track("m2"), track("m3")];
    let mut kept = Kept::new(&Rules::default())?;
    for said in &log {
        kept.tell(std::slice::from_ref(said))?;
    }
    let ids = |kept: &Kept, seq: Seq| -> anyhow::Result<Vec<String>> {
        let events = kept.house.reader()?.events_after(seq, 100)?;
        Ok(events.into_iter().map(|event| event.event.order.message_id.to_string()).collect())
    };
    let third = kept.house.reader()?.events_after(Seq(0), 100)?[2].event.seq;
    let waiting = ids(&kept, third)?;
    assert_eq!(waiting, ["m3"]);
    let transaction = kept.house.store.transaction()?;
    transaction.set_position("warehouse", Position { event_seq: third, ..Position::default() })?;
    transaction.commit()?;
    kept.apply(&rules("contact_limit = 1"))?;
    let position = kept.house.store.view()?.position("warehouse")?.context("its place is gone")?;
    assert_eq!(ids(&kept, position.event_seq)?, waiting);
    Ok(())
}

#[test]
fn what_is_written_meanwhile_is_not_lost_with_the_old_ledger() -> anyhow::Result<()> {
    let said = Said::publicly(json!({ "messageId": "m1", "type": "track", "event": "Seen", "userId": "u1" }));
    let mut kept = Kept::telling(&Rules::default(), &[said])?;
    let spare = tempfile::tempdir()?;
    let ledger = std::mem::replace(&mut kept.house.store, SqliteStore::open(spare.path())?);
    let directory = ledger.file().parent().context("no directory")?.to_owned();
    let mut write = |_| {
        let meanwhile = SqliteStore::open(&directory).expect("it is there");
        let transaction = meanwhile.transaction().expect("nobody writes");
        transaction.set_position("warehouse", Position::default()).expect("it can be written");
        transaction.commit().expect("it can be committed");
    };
    let other = rules("contact_limit = 1");
    let task = Task { before: &Rules::default(), after: &other, workspace: WORKSPACE, progress: &mut write };
    let refused = rebuild::apply(ledger, task, ("rules:apply", UnixMillis(0)));
    assert!(matches!(refused, Err(RebuildError::Changed)), "{refused:?}");
    let ledger = SqliteStore::open(&directory)?;
    assert!(ledger.view()?.position("warehouse")?.is_some());
    assert_eq!(rebuild::stored_rules(&*ledger.view()?, WORKSPACE)?, Some(Rules::default()));
    let left: Vec<_> = files(&directory)?.into_keys().filter(|path| path.to_string_lossy().contains(".db.")).collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[test]
fn a_server_has_the_rules_of_its_ledger_and_no_other() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let settings = "[identity]\naccount_kinds = [\"user_id\", \"crm_id\"]\n";
    let mut collector = Collector::start_with_settings(directory.path(), settings)?;
    let event =
        json!({ "messageId": "m1", "type": "identify", "userId": "u1", "traits": { "email": "e@example.com" } });
    collector.post("/v1/batch", &collector.secret_key, &json!({ "batch": [event] }))?;
    let file = directory.path().join("other.rules");
    std::fs::write(&file, "contact_limit = 2\n")?;
    let file = file.to_string_lossy().into_owned();

    let beside: Value = serde_json::from_slice(&collector.run(&["rules", "check", &file, "--json"])?.stdout)?;
    assert_eq!(beside["people"], json!({ "before": 1, "after": 1 }));
    let refused = collector.run(&["rules", "apply", &file])?;
    assert!(!refused.status.success() && text(&refused.stderr).contains("stop it first"), "{refused:?}");
    ensure!(collector.stop()?.success(), "{}", collector.log());

    let shown = text(&collector.run(&["rules", "show"])?.stdout);
    assert_eq!(parse_rules(&shown)?, rules("account_kinds = [\"user_id\", \"crm_id\"]"));
    let before = files(directory.path())?;
    ensure!(collector.run(&["rules", "check", &file])?.status.success(), "check failed");
    assert!(files(directory.path())? == before, "check changed a file");
    let applied = collector.run(&["rules", "apply", &file])?;
    ensure!(applied.status.success(), "{}", text(&applied.stderr));

    assert!(collector.restart().is_err(), "it runs by other rules than its ledger's");
    assert!(collector.log().contains("selvedge rules apply FILE"), "{}", collector.log());
    std::fs::write(directory.path().join("selvedge.toml"), "")?;
    collector.restart()?;
    assert_eq!(collector.get("/v1/profiles/email:e@example.com", &collector.secret_key)?.status, 200);
    Ok(())
}

#[test]
fn a_rules_file_is_refused_by_the_name_and_line_of_what_it_misspells() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let file = directory.path().join("rules.toml");
    std::fs::write(&file, "contact_limit = 5\ncrowd_limits = 3\n")?;
    let refused = collector.run(&["rules", "check", &file.to_string_lossy()])?;
    let complaint = text(&refused.stderr);
    assert!(complaint.contains("crowd_limits") && complaint.contains("line 2"), "{complaint}");
    assert_eq!(refused.status.code(), Some(1));
    Ok(())
}

/// Random logs with the rules that they are told by and others.
fn each_log(mut act: impl FnMut(&[Said], &[Rules; 2]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let logs = std::env::var("SELVEDGE_LOGS").map_or(Ok(12), |text| text.parse())?;
    let mut runner = TestRunner::deterministic();
    for number in 0..logs {
        let drawn = (log(number), pile(), pile()).new_tree(&mut runner).expect("nothing is filtered out").current();
        let (log, before, after) = drawn;
        act(&log, &[rules(&before), rules(&after)])
            .with_context(|| format!("log {number}, {before:?} to {after:?}"))?;
    }
    Ok(())
}

/// Who applied the change feed holds every profile that stands, as it reads now, and no other.
fn hold(consumer: &Consumer, kept: &Kept) -> anyhow::Result<()> {
    let view = kept.house.store.view()?;
    let mut standing = BTreeMap::new();
    for name in view.standing_profiles(WORKSPACE)? {
        let id = view.name(name)?.profile_id;
        standing.insert(id, without_version(kept.house.profile_of(&Lookup::ProfileId(id))?));
    }
    ensure!(consumer.profiles == standing, "{:#?}\nis not\n{standing:#?}", consumer.profiles);
    Ok(())
}

/// The lines of two texts that are not in the other.
fn changed(before: &str, after: &str) -> String {
    let missing = |from: &str, to: &str| from.lines().filter(|line| !to.contains(*line)).map(str::to_owned).collect();
    let [gone, new]: [Vec<String>; 2] = [missing(before, after), missing(after, before)];
    format!("{}\nis now\n{}", gone.join("\n"), new.join("\n"))
}

fn difference(one: &Kept, other: &Kept, log: &[Said]) -> anyhow::Result<String> {
    let (one, other) = (one.unordered(log)?, other.unordered(log)?);
    let differing = one.iter().filter(|(name, read)| other.get(*name) != Some(read));
    Ok(differing.map(|(name, read)| format!("{name}: {read}\nnot {:?}\n", other.get(name))).collect())
}

fn rules(text: &str) -> Rules {
    parse_rules(text).expect("rules as a file states them")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every file of a directory with its bytes.
fn files(directory: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let paths = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    paths.map(|path: anyhow::Result<PathBuf>| path.and_then(|path| Ok((path.clone(), std::fs::read(path)?)))).collect()
}

impl Kept {
    fn decide(
        &mut self,
        verb: DecisionVerb,
        x: Identifier,
        y: Option<Identifier>,
        number: usize,
    ) -> anyhow::Result<selvedge_collector::store::DecisionId> {
        let at = UnixMillis(1_700_000_010_000 + i64::try_from(number)?);
        let decision =
            Decision { workspace: WORKSPACE, verb, x, y, reason: "seen".into(), author: "operator".into(), at };
        let decided = self.house.committer.decide(&self.house.store, &decision)?;
        Ok(decided.map_err(|refusal| anyhow::anyhow!("{refusal}"))?.id)
    }
}
