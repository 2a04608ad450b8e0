//! What was said of two people as of one, step by step on a real ledger: edges, aliases and links that could not hold,
//! and what lets them vanish again. After every step the conflicts are those of the oracle, too.

mod in_process;

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use in_process::{House, WORKSPACE};
use selvedge_collector::event::{Claimed, Order, Snapshot, Strength, Trust, UnixMillis};
use selvedge_collector::identity::{DecisionVerb, Rules};
use selvedge_collector::ingest::commit::Decision;
use selvedge_collector::store::{ChangeKind, ChangeSeq, DecisionId};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{self, Alias, Event, Ledger, Op, digest, replay_ledger};

#[test]
fn a_link_that_breaks_the_limit_of_one_account_is_a_conflict_until_it_is_withdrawn() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1"), said(2, "U2")])?;
    let link = told.decide(Op::Link(name("U2"), name("U1")))?;
    told.expect(&["U1 U2 account_conflict by decision:1"])?;
    told.withdraw(link)?;
    told.expect(&[])
}

#[test]
fn a_link_is_a_conflict_until_its_names_are_one_persons() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1"), said(2, "U2")])?;
    told.decide(Op::Link(name("U1"), name("U2")))?;
    told.hear(&[alias(3, "U1", "U2")])?;
    told.expect(&[])?;
    let apart = told.decide(Op::KeepApart(name("U2"), name("U1")))?;
    told.expect(&["U1 U2 decision by m3"])?;
    told.withdraw(apart)?;
    told.expect(&[])
}

#[test]
fn a_link_of_a_name_that_is_ignored_is_none() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1"), said(2, "U2")])?;
    told.decide(Op::Link(name("U1"), name("U2")))?;
    let ignored = told.decide(Op::Ignore(name("U1")))?;
    told.expect(&[])?;
    told.withdraw(ignored)?;
    told.expect(&["U1 U2 account_conflict by decision:1"])
}

#[test]
fn an_alias_is_a_conflict_for_as_long_as_a_decision_keeps_its_accounts_apart() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1"), said(2, "U2")])?;
    let apart = told.decide(Op::KeepApart(name("U1"), name("U2")))?;
    told.hear(&[alias(4, "U1", "U2"), alias(3, "U2", "U1")])?;
    told.expect(&["U1 U2 decision by m3"])?;
    told.withdraw(apart)?;
    told.expect(&[])
}

#[test]
fn a_refused_alias_goes_by_the_names_that_its_accounts_go_by() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U2"), said(2, "U4"), alias(3, "U2", "U4")])?;
    told.decide(Op::KeepApart(name("U2"), name("U4")))?;
    told.expect(&["U2 U4 decision by m3"])?;
    told.hear(&[alias(4, "U4", "U3")])?;
    told.expect(&["U2 U3 decision by m3"])?;
    told.decide(Op::Ignore(name("U4")))?;
    told.expect(&[])
}

#[test]
fn of_two_aliases_that_exclude_each_other_the_earlier_holds_however_late_it_arrives() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1"), said(2, "U2"), said(3, "U3")])?;
    told.decide(Op::KeepApart(name("U1"), name("U3")))?;
    told.hear(&[alias(6, "U1", "U2"), alias(8, "U2", "U3")])?;
    told.expect(&["U1 U3 decision by m8"])?;
    told.hear(&[alias(4, "U2", "U3")])?;
    told.expect(&["U1 U2 decision by m6"])
}

#[test]
fn a_pair_is_in_conflict_once_by_the_strongest_that_says_so() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1 e1"), said(2, "U2"), observed(3, "U2 e1")])?;
    told.expect(&["U2 e1 account_conflict by m3"])?;
    let first = told.decide(Op::Link(name("U1"), name("e1")))?;
    let second = told.decide(Op::Link(name("e1"), name("U2")))?;
    // The latest link goes first, and takes the address along.
    told.expect(&["U1 e1 account_conflict by m1"])?;
    told.withdraw(first)?;
    told.withdraw(second)?;
    told.expect(&["U2 e1 account_conflict by m3"])?;
    told.decide(Op::KeepApart(name("U2"), name("e1")))?;
    let link = told.decide(Op::Link(name("U2"), name("e1")))?;
    told.expect(&["U2 e1 decision by decision:4"])?;
    told.decide(Op::Link(name("e1"), name("U2")))?;
    told.expect(&["U2 e1 decision by decision:4"])?;
    told.withdraw(link)?;
    told.expect(&["U2 e1 decision by decision:5"])?;
    told.hear(&[said(9, "U2 e1")])?;
    told.expect(&["U2 e1 decision by m9"])
}

#[test]
fn whatever_keeps_two_people_apart_is_the_reason_of_all_that_is_said_of_both() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1 e1"), said(2, "U2 e2"), said(3, "U2 e1")])?;
    told.expect(&["U2 e1 account_conflict by m3"])?;
    let apart = told.decide(Op::KeepApart(name("U1"), name("e2")))?;
    told.expect(&["U2 e1 decision by m3"])?;
    told.withdraw(apart)?;
    told.expect(&["U2 e1 account_conflict by m3"])
}

#[test]
fn a_reason_goes_with_the_account_that_it_is_about() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[said(1, "U1 e1"), said(2, "e1 P1"), said(3, "U9 e9"), said(4, "e9 P9"), said(5, "P1 P9")])?;
    told.hear(&[said(6, "U2"), said(7, "U3"), alias(8, "U1", "U2"), alias(9, "U2", "U3")])?;
    told.expect(&["P1 P9 account_conflict by m5"])?;
    told.decide(Op::KeepApart(name("U3"), name("e9")))?;
    told.expect(&["P1 P9 decision by m5"])?;
    // Without the one between them, the third is an account of its own.
    told.decide(Op::Ignore(name("U2")))?;
    told.expect(&["P1 P9 account_conflict by m5"])
}

#[test]
fn an_address_that_digests_name_beside_too_many_accounts_is_a_crowds_in_clear_too() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    let hashed = digest("md5", "e1@x.example");
    told.hear(&[said(1, "e1")])?;
    for user in 1..=20 {
        told.hear(&[said(10 + user, &format!("U{user} {hashed}"))])?;
    }
    ensure!(told.house.conflicts()?.len() == 19, "one account has it");
    told.hear(&[said(31, &format!("U21 {hashed}"))])?;
    told.expect(&[])?;
    ensure!(told.house.profile(&name("e1"))?.is_null(), "it names nobody");
    Ok(())
}

#[test]
fn a_change_of_a_linked_name_is_not_put_down_to_an_edge_that_was_refused() -> anyhow::Result<()> {
    let mut told = Told::new()?;
    told.hear(&[row(1, 1, "e1"), said(2, "P1"), said(3, "U1")])?;
    told.decide(Op::Link(name("e1"), name("P1")))?;
    told.decide(Op::KeepApart(name("U1"), name("P1")))?;
    // A newer version of the row takes the only claim of the address along, and the number stands for itself.
    told.hear(&[row(4, 2, "e9")])?;
    let before = told.house.reader()?.changes_after(ChangeSeq::default(), 1_000)?.last().context("changes")?.seq;
    told.hear(&[said(6, "U1 e1"), said(5, "e1")])?;
    let changes = told.house.reader()?.changes_after(before, 1_000)?;
    let merged = changes.iter().find_map(|change| {
        if let ChangeKind::Merged { because, .. } = &change.kind { Some(because.to_string()) } else { None }
    });
    ensure!(merged.as_deref() == Some("m5"), "{merged:?}: the edge of m6 was refused");
    told.expect(&["U1 e1 decision by m6"])
}

/// A ledger, and all that it was told.
struct Told {
    house: House,
    ledger: Ledger,
    ids: BTreeMap<u64, DecisionId>,
}

impl Told {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { house: House::open(Rules::default())?, ledger: Ledger::default(), ids: BTreeMap::new() })
    }

    /// Tells it some events in one transaction.
    fn hear(&mut self, events: &[Event]) -> anyhow::Result<()> {
        self.house.commit(events)?;
        self.ledger.events.extend(events.iter().cloned());
        self.hold()
    }

    /// Decides, a minute after the decision before.
    fn decide(&mut self, op: Op) -> anyhow::Result<u64> {
        let (verb, x, y) = match &op {
            Op::Link(x, y) => (DecisionVerb::Link, x, Some(y)),
            Op::KeepApart(x, y) => (DecisionVerb::KeepApart, x, Some(y)),
            Op::Ignore(x) => (DecisionVerb::Ignore, x, None),
        };
        let number = self.ledger.decisions.len() as u64 + 1;
        let at = UnixMillis(number as i64 * MINUTE_MS);
        let (x, y) = (x.clone(), y.cloned());
        let decision = Decision { workspace: WORKSPACE, verb, x, y, reason: "told".into(), author: "test".into(), at };
        let row = self.house.committer.decide(&self.house.store, &decision)?.context("it is taken")?;
        self.ids.insert(number, row.id);
        self.ledger.decisions.push(oracle::Decision { number, at, op, is_withdrawn: false });
        self.hold()?;
        Ok(number)
    }

    fn withdraw(&mut self, number: u64) -> anyhow::Result<()> {
        let id = self.ids[&number];
        self.house.committer.withdraw(&self.house.store, WORKSPACE, (id, UnixMillis(0)))?.context("it stood")?;
        let withdrawn = self.ledger.decisions.iter_mut().filter(|decision| decision.number == number);
        withdrawn.for_each(|decision| decision.is_withdrawn = true);
        self.hold()
    }

    /// The decisions have the numbers of the ledger: both count from 1.
    fn hold(&self) -> anyhow::Result<()> {
        let expected = replay_ledger(&self.ledger, &oracle::Rules::default()).people.conflicts;
        let listed = self.house.conflicts()?;
        ensure!(listed == expected, "{listed:?}, not {expected:?}: {:#?}", self.ledger);
        Ok(())
    }

    /// All conflicts, as `x y reason by messageId`.
    fn expect(&self, conflicts: &[&str]) -> anyhow::Result<()> {
        let listed = self.house.conflicts()?;
        let listed = listed.iter().map(|(x, y, reason, by, _)| format!("{} {} {reason} by {by}", short(x), short(y)));
        let listed: Vec<String> = listed.collect();
        ensure!(listed == conflicts, "{listed:#?}, not {conflicts:#?}");
        Ok(())
    }
}

/// A claim of a server, at a minute that its messageId says.
fn said(minute: i64, names: &str) -> Event {
    claim(minute, names, Strength::Asserted)
}

fn observed(minute: i64, names: &str) -> Event {
    claim(minute, names, Strength::Observed)
}

fn claim(minute: i64, names: &str, strength: Strength) -> Event {
    let claimed = names.split(' ').map(|text| Claimed { identifier: name(text), strength });
    let order = Order { time: UnixMillis(minute * MINUTE_MS), message_id: format!("m{minute}").into() };
    Event { trust: Trust::Open, ..Event::naming(order, claimed.collect()) }
}

/// A server's word that two accounts are one.
fn alias(minute: i64, account: &str, older: &str) -> Event {
    Event { alias: Some(Alias { previous_id: older.to_owned(), is_asserted: true }), ..said(minute, account) }
}

/// A version of the one row of an import.
fn row(minute: i64, version: u64, names: &str) -> Event {
    Event { snapshot: Some(Snapshot { subject: "import:crm:1".into(), version }), ..said(minute, names) }
}

/// `U1` is an account, `e1` an address, `P1` a number; else it is the digest of an address.
fn name(short: &str) -> Identifier {
    match short.split_at(1) {
        ("U", _) => Identifier::new(Kind::USER_ID, short),
        ("e", _) => Identifier::new(Kind::EMAIL, format!("{short}@x.example")),
        ("P", number) => Identifier::new(Kind::PHONE, format!("+4930{number}")),
        _ => Identifier::new(Kind::EMAIL, short),
    }
}

fn short(name: &Identifier) -> String {
    name.value.replace("@x.example", "").replace("+4930", "P")
}

const MINUTE_MS: i64 = 60_000;
