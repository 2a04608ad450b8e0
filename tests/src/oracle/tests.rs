//! Sentences of identity.md that no worked scenario says, and the readings that the oracle's own page lists.

use std::collections::BTreeSet;

use selvedge_collector::event::{Claimed, Order, Snapshot, Strength, Trust, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use serde_json::json;

use super::*;

#[test]
fn a_link_joins_two_people_and_the_latest_of_two_rivals_is_the_one_that_does() {
    let log = [said(0, "secret", "user_id:U1"), said(1, "secret", "user_id:U2"), said(2, "secret", "email:e1")];
    let decisions = [link(1, "email:e1", "user_id:U1"), link(2, "email:e1", "user_id:U2")];
    let replay = of(&log, &decisions);
    assert_eq!(replay.people.leader[&name("email:e1")], name("user_id:U2"));
    assert_eq!(refused(&replay), [("user_id:U1", "email:e1", "account_conflict", "decision:1")].map(in_words));
}

#[test]
fn a_link_joins_no_two_accounts() {
    let log = [said(0, "secret", "user_id:U1"), said(1, "secret", "user_id:U2")];
    let replay = of(&log, &[link(1, "user_id:U1", "user_id:U2")]);
    assert_eq!(refused(&replay), [("user_id:U1", "user_id:U2", "account_conflict", "decision:1")].map(in_words));
}

#[test]
fn a_link_to_a_name_that_nobody_said_has_no_effect() {
    let replay = of(&[said(0, "secret", "user_id:U1")], &[link(1, "user_id:U1", "email:e1")]);
    assert_eq!(replay.people.leader.len(), 1);
    assert!(refused(&replay).is_empty());
}

#[test]
fn a_pair_that_is_kept_apart_is_a_conflict_by_decision() {
    let log = [said(0, "secret", "user_id:U1 email:e1")];
    let replay = of(&log, &[apart(1, "user_id:U1", "email:e1")]);
    assert_eq!(refused(&replay), [("user_id:U1", "email:e1", "decision", "m0")].map(in_words));
}

#[test]
fn an_alias_of_two_that_are_kept_apart_is_refused_and_a_cycle_changes_nothing() {
    let log = [said(0, "secret", "user_id:U1"), alias(1, "U1", "U2"), alias(2, "U2", "U1"), alias(3, "U2", "U3")];
    let replay = of(&log, &[apart(1, "user_id:U1", "user_id:U3")]);
    assert_eq!(replay.people.leader[&name("user_id:U2")], name("user_id:U1"));
    assert_eq!(replay.people.leader[&name("user_id:U3")], name("user_id:U3"));
    assert_eq!(refused(&replay), [("user_id:U1", "user_id:U3", "decision", "m3")].map(in_words));
}

#[test]
fn what_an_account_holds_by_one_name_is_held_by_all_its_names() {
    let log = [said(0, "secret", "user_id:U2"), alias(1, "U1", "U2"), said(2, "public", "user_id:U1 email:e1")];
    let rules = Rules { guard_from: Some(UnixMillis(0)), ..Rules::default() };
    let replay = replay_ledger(&Ledger { events: log.to_vec(), ..Ledger::default() }, &rules);
    assert_eq!(replay.unproven, BTreeSet::from(["m2".to_owned()]));
    assert_eq!(replay.people.leader[&name("email:e1")], name("email:e1"));
}

#[test]
fn an_ignored_name_is_no_one_and_holds_nothing() {
    let log = [said(0, "secret", "user_id:U1"), said(1, "public", "user_id:U1 email:e1 anonymous_id:a1")];
    let ignored = Op::Ignore(name("user_id:U1"));
    let replay = of(&log, &[decision(1, ignored)]);
    assert_eq!(replay.people.owner["m0"], Whose::Unattributed);
    assert_eq!(replay.people.owner["m1"], Whose::Person(name("email:e1")));
    assert_eq!(replay.whose(&name("user_id:U1")), None);
}

#[test]
fn a_strict_source_names_no_one_without_proof_and_an_open_one_anyone() {
    let strict = Event { trust: Trust::Strict, ..said(0, "public", "user_id:U1 anonymous_id:a1") };
    let open = Event { trust: Trust::Open, ..said(1, "public", "user_id:U2 anonymous_id:a2") };
    let held = said(2, "secret", "user_id:U2");
    let rules = Rules { guard_from: Some(UnixMillis(0)), ..Rules::default() };
    let replay = replay_ledger(&Ledger { events: vec![strict, open, held], ..Ledger::default() }, &rules);
    assert_eq!(replay.people.owner["m0"], Whose::Device(name("anonymous_id:a1")));
    assert_eq!(replay.people.owner["m1"], Whose::Person(name("user_id:U2")));
    assert_eq!(replay.unproven, BTreeSet::from(["m0".to_owned()]));
}

#[test]
fn on_a_device_that_was_marked_with_trust_guarded_marks_do_not_count_but_open_and_older_ones_do() {
    let proven = said(9, "proven", "user_id:U1 anonymous_id:a1");
    let marks = |trust: Trust, minute: i64| {
        let observed = Event { trust, ..said(minute, "public", "user_id:U9 anonymous_id:a1") };
        let rules = Rules { guard_from: Some(UnixMillis(5 * MINUTE_MS)), ..Rules::default() };
        let ledger = Ledger { events: vec![proven.clone(), observed], ..Ledger::default() };
        replay_ledger(&ledger, &rules).people.marked_by[&name("anonymous_id:a1")].len()
    };
    assert_eq!([marks(Trust::Guarded, 5), marks(Trust::Guarded, 4), marks(Trust::Open, 5)], [1, 2, 2]);
}

#[test]
fn the_newest_version_of_a_row_is_the_one_that_counts_whenever_it_arrives() {
    let version = |version: u64, names: &str| Event {
        snapshot: Some(Snapshot { subject: "import:1:r1".into(), version }),
        ..said(0, "secret", names)
    };
    let (old, new) = (version(1, "user_id:U1"), version(2, "user_id:U2"));
    let people = replay(&[new.clone(), old.clone()]);
    assert_eq!(people.leader.keys().collect::<Vec<_>>(), [&name("user_id:U2")]);
    assert_eq!(replay(&[old, new]), people);
}

#[test]
fn a_crowd_of_trusted_names_is_no_identifier_and_one_of_observed_names_none_where_it_is_observed() {
    let crowd = |key: &str| -> Vec<Event> {
        let names = (0..21).map(|n| said(n, key, &format!("user_id:U{n:02} email:e1")));
        names.chain([said(30, "secret", "email:e1"), said(31, "public", "email:e1")]).collect()
    };
    let (asserted, observed) = (of(&crowd("secret"), &[]), of(&crowd("public"), &[]));
    assert_eq!(asserted.quarantined[&name("email:e1")], Quarantined::Everywhere);
    assert_eq!([&asserted.people.owner["m30"], &asserted.people.owner["m31"]], [&Whose::Unattributed; 2]);
    assert_eq!(observed.quarantined[&name("email:e1")], Quarantined::Observed);
    assert_eq!(observed.people.owner["m30"], Whose::Person(name("email:e1")));
    assert_eq!(observed.people.owner["m31"], Whose::Unattributed);
}

#[test]
fn a_null_cancels_the_earlier_sets_of_its_own_rank_only() {
    let sets = |minute: i64, key: &str, value: Value| Event {
        traits: vec![("plan".to_owned(), value)],
        ..said(minute, key, "user_id:U1")
    };
    let whose = Whose::Person(name("user_id:U1"));
    let log = [sets(0, "public", json!(1)), sets(1, "secret", json!(2)), sets(2, "public", json!(null))];
    assert_eq!(replay(&log).traits[&whose]["plan"], json!(2));
    let log = [sets(0, "public", json!(1)), sets(1, "secret", json!(2)), sets(2, "secret", json!(null))];
    assert_eq!(replay(&log).traits[&whose]["plan"], json!(1));
}

/// An event of that minute, with names apart by spaces. Its messageId is `m` and the minute.
fn said(minute: i64, key: &str, names: &str) -> Event {
    let strength = match key {
        "secret" => Strength::Asserted,
        "proven" => Strength::Proven,
        _ => Strength::Observed,
    };
    let order = Order { time: UnixMillis(minute * MINUTE_MS), message_id: format!("m{minute}").into() };
    Event::naming(order, names.split(' ').map(|text| Claimed { identifier: name(text), strength }).collect())
}

fn alias(minute: i64, previous_id: &str, account: &str) -> Event {
    let alias = Alias { previous_id: previous_id.to_owned(), is_asserted: true };
    Event { alias: Some(alias), ..said(minute, "secret", &format!("user_id:{account}")) }
}

fn name(text: &str) -> Identifier {
    let (kind, value) = text.split_once(':').expect("kind:value");
    Identifier::new(Kind::new(kind), value)
}

fn decision(number: u64, op: Op) -> Decision {
    Decision { number, at: UnixMillis(0), op, is_withdrawn: false }
}

fn link(number: u64, x: &str, y: &str) -> Decision {
    decision(number, Op::Link(name(x), name(y)))
}

fn apart(number: u64, x: &str, y: &str) -> Decision {
    decision(number, Op::KeepApart(name(x), name(y)))
}

fn of(log: &[Event], decisions: &[Decision]) -> Replay {
    replay_ledger(
        &Ledger { events: log.to_vec(), decisions: decisions.to_vec(), ..Ledger::default() },
        &Rules::default(),
    )
}

fn refused(replay: &Replay) -> Vec<[String; 4]> {
    let conflicts = replay.people.conflicts.iter();
    conflicts.map(|(x, y, reason, by, _)| [x.to_string(), y.to_string(), (*reason).to_owned(), by.clone()]).collect()
}

fn in_words((x, y, reason, by): (&str, &str, &str, &str)) -> [String; 4] {
    [x, y, reason, by].map(str::to_owned)
}

const MINUTE_MS: i64 = 60_000;
