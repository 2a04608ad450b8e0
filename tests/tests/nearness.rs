//! Law 8 of identity.md, section 7: how many names one more event places anew depends on what stands within a few steps
//! of what it names, never on how many people there are. The oracle is held to itself, by random ledgers of 100 and of
//! 1,600 steps, in which strangers share a contact or a device now and then.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use selvedge_collector::event::{Claimed, Order, Strength, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Decision, Event, Ledger, Op, Replay, Rules, replay_ledger};

#[test]
fn one_more_event_places_no_more_than_four_names_anew_where_few_share() {
    hold(FEW, 100, (8, 25));
    hold(FEW, 1_600, (1, 4));
}

#[test]
fn an_event_that_ties_people_places_as_few_names_anew_among_many_as_among_few_people() {
    hold(MANY, 100, (8, 25));
    hold(MANY, 1_600, (1, 10));
}

/// What is tried.
struct Trial {
    /// Which part of the events names a stranger's contact or device too.
    sharing: f64,
    /// Only events that name more than one person: others hardly ever place anyone anew.
    ties: bool,
    /// How many names an event may place anew.
    most: usize,
}

/// So many ledgers, with so many events each of which comes alone behind it.
fn hold(Trial { sharing, ties, most }: Trial, steps: usize, (ledgers, events): (usize, usize)) {
    let (mut runner, people) = (TestRunner::deterministic(), steps / 3);
    let rules = Rules { guard_from: Some(at(GUARD_DAY)), ..Rules::default() };
    let (mut tried, mut moving, mut largest) = (0, 0, 0);
    for _ in 0..ledgers {
        let drawn = (ledger(people, steps, sharing), prop::collection::vec(said(people, sharing, 3), events * 40));
        let (ledger, more) = drawn.new_tree(&mut runner).expect("nothing is filtered out").current();
        let before = replay_ledger(&ledger, &rules);
        for said in more.iter().filter(|said| !ties || said.ties(&before)).take(events) {
            let mut after = ledger.clone();
            after.events.push(said.event("n", 0));
            let after = replay_ledger(&after, &rules);
            let moved = moved(&before, &after);
            assert!(moved.len() <= most, "{said:?} places {moved:?} anew");
            (tried, moving) = (tried + 1, moving + usize::from(!moved.is_empty()));
            largest = largest.max(moved.len());
        }
    }
    println!(
        "{steps} steps, {sharing} of them shared: {tried} events behind {ledgers} ledgers, {moving} of which placed names \
         anew, {largest} at most"
    );
    assert!(moving > 0 || !ties, "nothing was tried");
}

/// The accounts and contacts that another one leads than before.
fn moved<'r>(before: &'r Replay, after: &Replay) -> Vec<&'r Identifier> {
    let led = before.people.leader.iter();
    led.filter(|(name, leader)| after.people.leader.get(*name) != Some(leader)).map(|(name, _)| name).collect()
}

/// What so many people say, and operators of them.
fn ledger(people: usize, steps: usize, sharing: f64) -> impl Strategy<Value = Ledger> {
    let decided =
        (0..3, contact(people), contact(people), prop::bool::weighted(0.8)).prop_map(|(verb, x, y, is_own)| {
            let y = if is_own { other_of(&x) } else { y };
            match verb {
                0 => Op::Link(x, y),
                1 => Op::KeepApart(x, y),
                _ => Op::Ignore(x),
            }
        });
    let decisions = prop::collection::vec(decided, steps / 25);
    (prop::collection::vec(said(people, sharing, 1), steps), decisions).prop_map(|(said, decided)| {
        let events = said.iter().enumerate().map(|(place, said)| said.event("m", place)).collect();
        let decision = |(number, op)| Decision { number, at: UnixMillis(0), op, is_withdrawn: false };
        Ledger { events, decisions: (1..).zip(decided).map(decision).collect(), ..Ledger::default() }
    })
}

/// What one person says of some of its names and, now and then, of a stranger's.
#[derive(Debug, Clone)]
struct Said {
    names: Vec<Identifier>,
    is_trusted: bool,
    day: i64,
}

fn said(people: usize, sharing: f64, least: usize) -> impl Strategy<Value = Said> {
    let own = (0..people).prop_flat_map(move |person| prop::sample::subsequence(names_of(person), least..=3));
    let strangers = (0..people).prop_flat_map(|person| prop::sample::select(contacts_and_device(person)));
    (own, prop::option::weighted(sharing, strangers), any::<bool>(), 0..60i64).prop_map(
        |(mut names, stranger, is_trusted, day)| {
            names.extend(stranger.filter(|stranger| !names.contains(stranger)));
            Said { names, is_trusted, day }
        },
    )
}

impl Said {
    /// Whether it names more than one person.
    fn ties(&self, replay: &Replay) -> bool {
        let people = self.names.iter().filter_map(|name| replay.people.leader.get(name));
        people.collect::<BTreeSet<_>>().len() > 1
    }

    fn event(&self, prefix: &str, place: usize) -> Event {
        let strength = if self.is_trusted { Strength::Asserted } else { Strength::Observed };
        let order = Order { time: at(self.day), message_id: format!("{prefix}{place:04}").into() };
        let claim = self.names.iter().map(|name| Claimed { identifier: name.clone(), strength });
        Event::naming(order, claim.collect())
    }
}

/// An account, of every third, two contacts and a device. Contacts of kinds that nobody hashes: the oracle tries each digest of every one that could be.
fn names_of(person: usize) -> Vec<Identifier> {
    let kinds = [(Kind::USER_ID, 'u'), (Kind::OPENID, 'o'), (Kind::UNIONID, 'n'), (Kind::ANONYMOUS_ID, 'a')];
    let own = kinds.into_iter().filter(|(kind, _)| *kind != Kind::USER_ID || person.is_multiple_of(3));
    own.map(|(kind, letter)| Identifier::new(kind, format!("{letter}{person}"))).collect()
}

fn contact(people: usize) -> impl Strategy<Value = Identifier> {
    (0..people, 0..2usize).prop_map(|(person, which)| contacts_and_device(person).swap_remove(which))
}

fn contacts_and_device(person: usize) -> Vec<Identifier> {
    names_of(person).into_iter().filter(|name| name.kind != Kind::USER_ID).collect()
}

/// Another name of whose contact this is.
fn other_of(contact: &Identifier) -> Identifier {
    let names = names_of(contact.value[1..].parse().expect("a person's number"));
    names.into_iter().find(|name| name != contact).expect("everybody has two contacts")
}

fn at(day: i64) -> UnixMillis {
    UnixMillis(day * 24 * 60 * 60_000)
}

/// Events as they come, and no more than the page says.
const FEW: Trial = Trial { sharing: 0.05, ties: false, most: 4 };
/// Enough to tie most people to each other, if ties had no end. An account that comes to several people's contacts takes
/// along what stands within its steps of them (14 names is the most that 1,000 events did among 100 steps): that is more
/// than four, and no more among more people.
const MANY: Trial = Trial { sharing: 0.5, ties: true, most: 16 };
/// Halfway.
const GUARD_DAY: i64 = 30;
