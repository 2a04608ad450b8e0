//! Erasures and the names that a person had before: profiles that ended, versions of rows, other rules.

use anyhow::ensure;
use selvedge_collector::config::parse_rules;
use selvedge_collector::event::UnixMillis;
use selvedge_collector::identity::{Rules, profile_id};
use selvedge_collector::ingest::commit::Erasure;
use selvedge_collector::store::Lookup;
use selvedge_tests::oracle::{self, digest};
use serde_json::json;

use super::in_process::{WORKSPACE, decision};
use super::rules_ledger::Kept;
use super::{ERASED_MINUTE, START_MS, at, erase, is_in_files, name, said};

#[test]
fn an_erasure_by_the_id_of_a_profile_that_ended_is_of_whom_that_id_finds() -> anyhow::Result<()> {
    let mail = json!({ "email": "ada@shop.example" });
    let login = |minute, user: Option<&str>| json!({ "type": "identify", "userId": user, "traits": mail, "timestamp": at(minute) });
    let bought = json!({ "type": "track", "event": "Bought", "userId": "ada-0001", "timestamp": at(3) });
    let mut kept = Kept::telling(&Rules::default(), &[said("m-1", login(1, None))])?;
    kept.tell(&[said("m-2", login(2, Some("ada-0001"))), said("m-3", bought)])?;
    let address = name("email", "ada@shop.example");
    let op = oracle::Op::Ignore(address.clone());
    let ignored = decision(&oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false });
    ensure!(kept.house.committer.decide(&kept.house.store, &ignored)?.is_ok());
    let whom = Lookup::ProfileId(profile_id("default", &address));
    let found = kept.house.profile_of(&whom)?;
    ensure!(found["identifiers"][0]["value"] == "ada-0001", "{found:#}");
    let erasure = Erasure {
        workspace: WORKSPACE,
        whom,
        at: UnixMillis(START_MS + ERASED_MINUTE * 60_000),
        is_suppression: false,
    };
    let erased = kept.house.committer.erase(&kept.house.store, &erasure)?.expect("she was there");
    ensure!(erased.events == 2 && kept.house.profile(&name("user_id", "ada-0001"))?.is_null(), "{erased:?}");
    // Asked once more, it means nobody: what is decided about the name stands.
    let again = kept.house.committer.erase(&kept.house.store, &erasure)?;
    ensure!(again.is_err(), "{again:?}");
    ensure!(kept.house.reader()?.decisions()?.len() == 1, "the decision is gone");
    Ok(())
}

#[test]
fn an_erasure_by_the_id_of_a_digest_that_was_one_numbers_is_of_that_one() -> anyhow::Result<()> {
    let rules = parse_rules("default_region = \"DE\"")?;
    let digest = digest("sha256", "30000002");
    let seen = |minute, number: &str| {
        let external = json!([{ "id": number, "type": "phone", "collection": "users" }]);
        json!({ "type": "track", "event": "Seen", "context": { "externalIds": external }, "timestamp": at(minute) })
    };
    let mut kept = Kept::new(&rules)?;
    for (minute, number) in (1..).zip([&*digest, "+4930000002", "+30000002"]) {
        kept.tell(&[said(&format!("m-{minute}"), seen(minute, number))])?;
    }
    let whom = Lookup::ProfileId(profile_id("default", &name("phone", &digest)));
    let found = kept.house.profile_of(&whom)?["identifiers"][0]["value"].clone();
    let at = UnixMillis(START_MS + ERASED_MINUTE * 60_000);
    let erasure = Erasure { workspace: WORKSPACE, whom, at, is_suppression: false };
    let erased = kept.house.committer.erase(&kept.house.store, &erasure)?;
    for number in ["+4930000002", "+30000002"] {
        let is_gone = kept.house.profile(&name("phone", number))?.is_null();
        ensure!(is_gone == (found == number), "{number}, where the id found {found}: {erased:?}");
    }
    Ok(())
}

#[test]
fn an_erasure_takes_what_an_older_version_of_a_row_said_and_nothing_that_others_say() -> anyhow::Result<()> {
    let row = |version: u8, mail: &str| {
        json!({ "type": "identify", "userId": "ada-0001", "traits": { "email": mail }, "timestamp": at(2),
            "context": { "selvedge": { "version": version } } })
    };
    let mut kept = Kept::telling(&Rules::default(), &[said("import:crm:1", row(1, "old@shop.example"))])?;
    kept.tell(&[said("import:crm:1", row(2, "new@shop.example"))])?;
    // An id that was told, whose name is said no more, and which finds somebody else.
    let alone = |id: &str, version: u8, user: &str| {
        let message = json!({ "type": "identify", "userId": user, "traits": { "email": "cleo@shop.example" },
            "timestamp": at(3), "context": { "selvedge": { "version": version } } });
        said(id, message)
    };
    kept.tell(&[alone("import:crm:2", 1, "cleo-1")])?;
    kept.tell(&[alone("import:crm:2", 2, "cleo-2")])?;
    let before = kept.house.profile_of(&Lookup::ProfileId(profile_id("default", &name("user_id", "cleo-1"))))?;
    kept.tell(&[said("m-9", json!({ "userId": "cleo-10", "timestamp": at(4) }))])?;
    for whom in ["ada-0001", "cleo-10"] {
        erase(&mut kept, &name("user_id", whom), false)?.expect("it is there");
    }
    for text in ["old@shop.example", "new@shop.example", "ada-0001"] {
        ensure!(!is_in_files(&kept, text)?, "{text} is still in a file");
    }
    let after = kept.house.profile_of(&Lookup::ProfileId(profile_id("default", &name("user_id", "cleo-1"))))?;
    ensure!(before == after, "{before:#}, then {after:#}");
    Ok(())
}

#[test]
fn what_others_say_stays_though_by_other_rules_it_is_nobodys_name() -> anyhow::Result<()> {
    let page = |id: &str, user: Option<&str>, minute| {
        let mut message = json!({ "anonymousId": "tablet-7", "timestamp": at(minute) });
        message["userId"] = json!(user);
        said(id, message)
    };
    let mut kept = Kept::new(&Rules::default())?;
    for event in
        [page("m-1", None, 1), page("m-2", Some("ada-0001"), 2), page("m-3", Some("ben-0002"), 7), page("m-4", None, 9)]
    {
        kept.tell(&[event])?;
    }
    let events = kept.house.events(&name("user_id", "ben-0002"))?;
    kept.apply(&parse_rules("blocked_values = [\"tablet-7\"]")?)?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    kept.apply(&Rules::default())?;
    let his = kept.house.events(&name("user_id", "ben-0002"))?;
    ensure!(events.iter().all(|event| his.contains(event)), "{events:?} were his, and of them {his:?} are");
    Ok(())
}

#[test]
fn an_erasure_takes_what_other_rules_took_for_names_of_the_person() -> anyhow::Result<()> {
    let row = |version: u8, user: Option<&str>| {
        let traits = json!({ "email": "jane@partner.example" });
        let context = json!({ "selvedge": { "version": version } });
        let mut message = json!({ "type": "identify", "traits": traits, "timestamp": at(1), "context": context });
        message["userId"] = json!(user);
        said("import:crm:1", message)
    };
    let traits = json!({ "email": "ada@partner.example", "phone": "+49 30 1234567" });
    let login = json!({ "type": "identify", "userId": "ada-0001", "traits": traits, "timestamp": at(2) });
    // The first had a profile of its own, before its person had an account.
    let mut kept = Kept::telling(&Rules::default(), &[row(1, None)])?;
    kept.tell(&[row(2, Some("ada-0001")), said("m-3", login)])?;
    let ben = json!({ "type": "identify", "userId": "ben-0002", "traits": { "email": "ben@partner.example" } });
    kept.tell(&[said("m-4", ben)])?;
    let blocked = "blocked_patterns = [\"*@partner.example\"]\nblocked_values = [\"+49 30 1234567\"]";
    kept.apply(&parse_rules(blocked)?)?;
    erase(&mut kept, &name("user_id", "ada-0001"), false)?.expect("she was there");
    for text in ["jane@partner", "ada@partner", "+49301234567"] {
        ensure!(!is_in_files(&kept, text)?, "{text} is still in a file");
    }
    ensure!(is_in_files(&kept, "ben@partner.example")?, "what others said stays");
    Ok(())
}
