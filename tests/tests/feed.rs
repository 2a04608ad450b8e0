//! What the change feed calls what happened to profiles.

mod in_process;

use std::collections::BTreeSet;

use anyhow::Context;
use in_process::{House, WORKSPACE, decision};
use selvedge_collector::event::{Claimed, Order, Snapshot, Strength, Trust, UnixMillis};
use selvedge_collector::identity::{ProfileId, Rules, profile_id};
use selvedge_collector::store::{ChangeKind, ChangeSeq, Lookup};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{self, Event, Op};

#[test]
fn a_device_is_split_from_its_person_once_a_decision_ignores_that_name() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    house.commit(&[said(1, &[observed("user_id", "u-1"), observed("anonymous_id", "a-1")])])?;
    let before = last_change(&house)?;
    let op = Op::Ignore(Identifier::new(Kind::USER_ID, "u-1"));
    let ignored = decision(&oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false });
    house.committer.decide(&house.store, &ignored)?.ok().context("the name is known")?;
    anyhow::ensure!(splits(&house, before)? == [split("user_id", "u-1", "anonymous_id", "a-1", "decision:1")]);
    Ok(())
}

#[test]
fn a_device_is_split_from_its_person_once_logins_without_proof_do_not_count() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let held = Claimed { strength: Strength::Asserted, ..observed("user_id", "u-1") };
    house.commit(&[
        said(1, &[held]),
        said(2, &[observed("user_id", "u-1"), observed("anonymous_id", "a-1")]),
        said(3, &[observed("anonymous_id", "a-1")]),
    ])?;
    let before = last_change(&house)?;
    house.committer.guard_from(&house.store, WORKSPACE, UnixMillis(0))?;
    anyhow::ensure!(splits(&house, before)? == [split("user_id", "u-1", "anonymous_id", "a-1", "rule:guard_from")]);
    Ok(())
}

#[test]
fn a_device_is_split_from_whose_it_was_not_from_whoever_its_person_is_one_with_since() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    house.commit(&[
        said(1, &[observed("email", "ada@example.com"), observed("anonymous_id", "a-1")]),
        said(2, &[observed("anonymous_id", "a-1")]),
        said(3, &[observed("user_id", "u-1")]),
    ])?;
    let before = last_change(&house)?;
    // In one commit her address is an account's, and the device somebody else's, too.
    house.commit(&[
        said(4, &[observed("user_id", "u-1"), observed("email", "ada@example.com")]),
        said(200, &[observed("user_id", "u-2"), observed("anonymous_id", "a-1")]),
        said(60 * 24 * 90, &[observed("anonymous_id", "a-1")]),
    ])?;
    anyhow::ensure!(splits(&house, before)? == [split("email", "ada@example.com", "anonymous_id", "a-1", "m200")]);
    Ok(())
}

#[test]
fn a_device_is_split_from_whom_a_row_said_it_was_once_the_row_says_another() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    house.commit(&[said(1, &[observed("anonymous_id", "a-1")])])?;
    house.commit(&[row(1, &[observed("user_id", "u-1"), observed("anonymous_id", "a-1")])])?;
    let before = last_change(&house)?;
    house.commit(&[row(2, &[observed("user_id", "u-1")])])?;
    anyhow::ensure!(splits(&house, before)? == [split("user_id", "u-1", "anonymous_id", "a-1", "import:1:1")]);
    Ok(())
}

#[test]
fn a_device_is_split_from_whom_a_row_said_it_was_also_where_the_row_said_its_clear_value() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let digest = oracle::digest("sha256", "i-1");
    house.commit(&[said(1, &[observed("idfa", &digest)])])?;
    house.commit(&[row(1, &[observed("user_id", "u-1"), observed("idfa", "i-1")])])?;
    let before = last_change(&house)?;
    house.commit(&[row(2, &[observed("user_id", "u-1")])])?;
    anyhow::ensure!(splits(&house, before)? == [split("user_id", "u-1", "idfa", &digest, "import:1:1")]);
    Ok(())
}

#[test]
fn a_device_is_split_from_its_person_once_one_of_its_names_does_not_count_without_proof() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let open = |event: Event| Event { trust: Trust::Open, ..event };
    let held = Claimed { strength: Strength::Asserted, ..observed("user_id", "u-1") };
    house.commit(&[said(1, &[observed("user_id", "u-1"), observed("email", "e-9@x.example")])])?;
    house.commit(&[said(2, &[held])])?;
    let device = observed("anonymous_id", "a-1");
    house.commit(&[open(said(3, &[observed("email", "e-9@x.example"), device.clone()]))])?;
    house.commit(&[open(said(4, &[observed("user_id", "u-1"), device.clone()]))])?;
    house.commit(&[open(said(200, &[device]))])?;
    let before = last_change(&house)?;
    house.committer.guard_from(&house.store, WORKSPACE, UnixMillis(0))?;
    let told = splits(&house, before)?;
    anyhow::ensure!(told.contains(&split("user_id", "u-1", "anonymous_id", "a-1", "rule:guard_from")), "{told:?}");
    Ok(())
}

#[test]
fn an_account_that_an_alias_makes_another_name_of_one_is_merged_into_that_and_split_from_it_again() -> anyhow::Result<()>
{
    let mut house = House::open(Rules::default())?;
    let account = |value| Claimed { strength: Strength::Asserted, ..observed("user_id", value) };
    house.commit(&[said(1, &[account("u-1")]), said(2, &[account("u-2")])])?;
    let before = last_change(&house)?;
    let alias = Some(oracle::Alias { previous_id: "u-1".into(), is_asserted: true });
    house.commit(&[Event { alias, ..said(3, &[account("u-2")]) }])?;
    anyhow::ensure!(ended(&house, before)? == [(user("u-2"), Some(user("u-1")))], "{:?}", ended(&house, before)?);
    let before = last_change(&house)?;
    let [one, other] = ["u-1", "u-2"].map(|value| Identifier::new(Kind::USER_ID, value));
    let apart = oracle::Decision { number: 1, at: UnixMillis(0), op: Op::KeepApart(one, other), is_withdrawn: false };
    house.committer.decide(&house.store, &decision(&apart))?.ok().context("both are known")?;
    anyhow::ensure!(splits(&house, before)? == [split("user_id", "u-1", "user_id", "u-2", "decision:1")]);
    Ok(())
}

#[test]
fn a_digest_is_merged_into_the_person_of_its_clear_value_and_its_id_finds_that_person_for_ever() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let digest = oracle::digest("sha256", "ada@example.com");
    house.commit(&[row(1, &[observed("email", &digest)])])?;
    let before = last_change(&house)?;
    house.commit(&[said(1, &[observed("user_id", "u-1"), observed("email", "ada@example.com")])])?;
    let id = profile_id("default", &Identifier::new(Kind::EMAIL, &*digest));
    anyhow::ensure!(ended(&house, before)? == [(id, Some(user("u-1")))], "{:?}", ended(&house, before)?);
    house.commit(&[row(2, &[observed("user_id", "u-1")])])?;
    let found = house.profile_of(&Lookup::ProfileId(id))?;
    anyhow::ensure!(found["id"] == serde_json::json!(user("u-1")), "{found:#}");
    Ok(())
}

#[test]
fn an_account_that_is_ignored_is_merged_into_its_other_name_that_goes_on() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let account = |value| Claimed { strength: Strength::Asserted, ..observed("user_id", value) };
    let alias = Some(oracle::Alias { previous_id: "u-1".into(), is_asserted: true });
    house.commit(&[said(1, &[account("u-1")]), Event { alias, ..said(2, &[account("u-2")]) }])?;
    let before = last_change(&house)?;
    let op = Op::Ignore(Identifier::new(Kind::USER_ID, "u-1"));
    let ignored = decision(&oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false });
    house.committer.decide(&house.store, &ignored)?.ok().context("the name is known")?;
    anyhow::ensure!(ended(&house, before)? == [(user("u-1"), Some(user("u-2")))], "{:?}", ended(&house, before)?);
    let found = house.profile_of(&Lookup::ProfileId(user("u-1")))?;
    anyhow::ensure!(found["id"] == serde_json::json!(user("u-2")), "{found:#}");
    Ok(())
}

#[test]
fn an_account_that_becomes_another_name_is_merged_into_that_and_not_into_who_parted_from_it() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let trusted = |kind, value: &str| Claimed { strength: Strength::Asserted, ..observed(kind, value) };
    for number in 1..=5 {
        let address = format!("e-{number}@x.example");
        house.commit(&[said(number, &[trusted("user_id", "u-0"), trusted("email", &address)])])?;
    }
    house.commit(&[said(6, &[trusted("user_id", "u-1"), trusted("email", "e-6@x.example")])])?;
    let before = last_change(&house)?;
    let alias = Some(oracle::Alias { previous_id: "u-1".into(), is_asserted: true });
    house.commit(&[Event { alias, ..said(7, &[trusted("user_id", "u-0")]) }])?;
    anyhow::ensure!(ended(&house, before)? == [(user("u-1"), Some(user("u-0")))], "{:?}", ended(&house, before)?);
    Ok(())
}

#[test]
fn the_id_of_a_digest_finds_the_clear_value_that_the_next_version_of_its_row_says() -> anyhow::Result<()> {
    for kind in ["email", "idfa"] {
        let mut house = House::open(Rules::default())?;
        let digest = oracle::digest("sha256", "ada@x.example");
        let row = |version, value: &str| row(version, &[observed(kind, value)]);
        house.commit(&[row(1, &digest)])?;
        let before = last_change(&house)?;
        house.commit(&[row(2, "ada@x.example")])?;
        let id = |value: &str| profile_id("default", &Identifier::new(Kind::new(kind), value));
        let told = ended(&house, before)?;
        anyhow::ensure!(told == [(id(&digest), Some(id("ada@x.example")))], "{kind}: {told:?}");
        let found = house.profile_of(&Lookup::ProfileId(id(&digest)))?;
        anyhow::ensure!(found["id"] == serde_json::json!(id("ada@x.example")), "{kind}: {found:#}");
    }
    Ok(())
}

#[test]
fn nothing_is_merged_into_a_device_that_has_no_profile() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let digest = oracle::digest("sha256", "i-1");
    house.commit(&[said(1, &[observed("anonymous_id", "a-1"), observed("idfa", &digest)])])?;
    house.commit(&[row(1, &[observed("idfa", "i-1")])])?;
    let before = last_change(&house)?;
    house.commit(&[row(2, &[observed("push_token", "p-1")])])?;
    let told = ended(&house, before)?;
    let id = profile_id("default", &Identifier::new(Kind::new("idfa"), "i-1"));
    anyhow::ensure!(told == [(id, None)], "{told:?}");
    Ok(())
}

#[test]
fn a_device_is_merged_into_whom_it_is_of_though_another_has_an_event_beside_it() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let (first, device) = (observed("anonymous_id", "a-1"), observed("idfa", "i-1"));
    house.commit(&[said(1, &[observed("user_id", "u-9"), first.clone()])])?;
    house.commit(&[said(2, &[first, device.clone()])])?;
    house.commit(&[said(3, std::slice::from_ref(&device))])?;
    let before = last_change(&house)?;
    house.commit(&[said(4, &[observed("user_id", "u-1"), device])])?;
    let id = profile_id("default", &Identifier::new(Kind::new("idfa"), "i-1"));
    anyhow::ensure!(ended(&house, before)? == [(id, Some(user("u-1")))], "{:?}", ended(&house, before)?);
    Ok(())
}

#[test]
fn a_shared_device_is_merged_into_whoever_has_its_latest_event_and_split_from_nobody_in_particular()
-> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let device = || observed("anonymous_id", "a-1");
    let by = |minute, account| said(minute, &[observed("user_id", account), device()]);
    house.commit(&[by(0, "u-1")])?;
    house.commit(&[said(1, &[device()])])?;
    house.commit(&[by(600, "u-2")])?;
    house.commit(&[said(720, &[device()])])?;
    let before = last_change(&house)?;
    house.commit(&[by(1_200, "u-2")])?;
    let id = profile_id("default", &Identifier::new(Kind::ANONYMOUS_ID, "a-1"));
    anyhow::ensure!(ended(&house, before)? == [(id, Some(user("u-2")))], "{:?}", ended(&house, before)?);
    let before = last_change(&house)?;
    house.commit(&[by(900, "u-1")])?;
    anyhow::ensure!(splits(&house, before)?.is_empty(), "{:?}", splits(&house, before)?);
    Ok(())
}

#[test]
fn a_digest_is_merged_into_whoever_has_its_events_and_not_into_its_clear_value_that_has_none() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    let digest = oracle::digest("sha256", "i-1");
    house.commit(&[said(1, &[observed("idfa", &digest), observed("cookie._ga", "c-1")])])?;
    let before = last_change(&house)?;
    house.commit(&[
        said(2, &[observed("user_id", "u-1"), observed("cookie._ga", "c-1")]),
        said(3, &[observed("anonymous_id", "a-1"), observed("idfa", "i-1")]),
    ])?;
    let id = profile_id("default", &Identifier::new(Kind::new("idfa"), &*digest));
    anyhow::ensure!(ended(&house, before)? == [(id, Some(user("u-1")))], "{:?}", ended(&house, before)?);
    Ok(())
}

#[test]
fn a_device_is_not_split_from_a_stranger_whose_mark_did_not_count() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    house.committer.guard_from(&house.store, WORKSPACE, UnixMillis(0))?;
    let device = || observed("anonymous_id", "a-1");
    let asserted = |account| Claimed { strength: Strength::Asserted, ..observed("user_id", account) };
    house.commit(&[said(1, &[observed("user_id", "u-9"), device()])])?;
    house.commit(&[said(2, &[asserted("u-1"), device()])])?;
    house.commit(&[said(3, &[asserted("u-2")])])?;
    let before = last_change(&house)?;
    house.commit(&[said(4, &[observed("user_id", "u-2"), device()])])?;
    let told = splits(&house, before)?;
    anyhow::ensure!(told.iter().all(|(from, ..)| *from == user("u-1")), "{told:?}");
    Ok(())
}

#[test]
fn nobody_hears_of_strangers_who_claim_a_device_that_a_server_named_with_them() -> anyhow::Result<()> {
    let mut house = House::open(Rules::default())?;
    house.committer.guard_from(&house.store, WORKSPACE, UnixMillis(0))?;
    let device = observed("anonymous_id", "a-1");
    let held = Claimed { strength: Strength::Asserted, ..observed("user_id", "u-1") };
    house.commit(&[said(5, &[held, device.clone()])])?;
    let before = last_change(&house)?;
    house.commit(&[said(6, &[observed("user_id", "u-2"), device.clone()])])?;
    house.commit(&[said(1, &[observed("user_id", "u-3"), device])])?;
    let whom = |value| profile_id("default", &Identifier::new(Kind::USER_ID, value));
    let told: BTreeSet<ProfileId> = updated(&house, before)?;
    anyhow::ensure!(told == BTreeSet::from([whom("u-2"), whom("u-3")]), "{told:?}");
    Ok(())
}

/// From, into, because.
type Split = (ProfileId, ProfileId, String);

fn split(from_kind: &str, from: &str, into_kind: &str, into: &str, because: &str) -> Split {
    let id = |kind, value| profile_id("default", &Identifier::new(Kind::new(kind), value));
    (id(from_kind, from), id(into_kind, into), because.to_owned())
}

fn splits(house: &House, after: ChangeSeq) -> anyhow::Result<Vec<Split>> {
    let changes = house.reader()?.changes_after(after, 1_000)?;
    let split = changes.into_iter().filter_map(|change| {
        let ChangeKind::Split { from, into, because } = change.kind else { return None };
        Some((from, into, because.to_string()))
    });
    Ok(split.collect())
}

/// The profiles that ended, and in which.
fn ended(house: &House, after: ChangeSeq) -> anyhow::Result<Vec<(ProfileId, Option<ProfileId>)>> {
    let changes = house.reader()?.changes_after(after, 1_000)?;
    let ended = changes.into_iter().filter_map(|change| match change.kind {
        ChangeKind::Merged { from, into, .. } => Some((from, Some(into))),
        ChangeKind::Deleted { profile, .. } => Some((profile, None)),
        ChangeKind::Created { .. } | ChangeKind::Split { .. } | ChangeKind::Updated(_) => None,
    });
    Ok(ended.collect())
}

fn user(value: &str) -> ProfileId {
    profile_id("default", &Identifier::new(Kind::USER_ID, value))
}

fn updated(house: &House, after: ChangeSeq) -> anyhow::Result<BTreeSet<ProfileId>> {
    let changes = house.reader()?.changes_after(after, 1_000)?;
    let updated = changes.into_iter().filter_map(|change| {
        let ChangeKind::Updated(snapshot) = change.kind else { return None };
        Some(snapshot.profile.id)
    });
    Ok(updated.collect())
}

fn last_change(house: &House) -> anyhow::Result<ChangeSeq> {
    Ok(house.reader()?.changes_after(ChangeSeq::default(), 1_000)?.last().context("no change")?.seq)
}

fn observed(kind: &str, value: &str) -> Claimed {
    Claimed { identifier: Identifier::new(Kind::new(kind), value), strength: Strength::Observed }
}

/// An event of that minute.
fn said(minute: i64, claim: &[Claimed]) -> Event {
    let message_id = format!("m{minute}").into();
    Event::naming(Order { time: UnixMillis(minute * 60_000), message_id }, claim.to_vec())
}

/// A version of an import's row.
fn row(version: u64, claim: &[Claimed]) -> Event {
    let snapshot = Some(Snapshot { subject: "import:1:1".into(), version });
    let order = Order { time: UnixMillis(0), message_id: "import:1:1".into() };
    Event { snapshot, ..Event::naming(order, claim.to_vec()) }
}
