//! Random logs of events: rivals for a contact, shared contacts and devices, late and equal times, mixed strengths.

use proptest::prelude::*;
use selvedge_collector::event::{Claimed, Order, Strength, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::Event;
use serde_json::{Value, json};

/// How wild the logs are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wildness {
    /// Events in a log, at most.
    pub(crate) events: usize,
    /// Values of one kind in a claim, at most.
    pub(crate) values_per_kind: usize,
}

/// Days that a log reaches back.
pub(crate) const DAYS: i64 = 70;

/// A log before its events have names and times.
#[derive(Debug, Clone)]
pub(crate) struct Log(Vec<Sketch>);

/// Any log.
pub(crate) fn log(wildness: Wildness) -> impl Strategy<Value = Log> {
    // Few values make rivals; many make crowds, shared devices and persons with too many addresses.
    let people = prop_oneof![4 => 2..6u8, 1 => 24..32u8];
    let contacts = prop_oneof![3 => 1..5u8, 1 => 8..12u8, 1 => 24..32u8];
    (people, contacts, 1..4u8).prop_flat_map(move |pools| {
        let sketches = prop::collection::vec(sketch(pools, wildness.values_per_kind), 1..=wildness.events);
        let crowd = prop_oneof![4 => Just(Vec::new()), 1 => crowd(pools)];
        (sketches, crowd).prop_map(|(sketches, crowd)| Log([sketches, crowd].concat()))
    })
}

/// About as many accounts as it takes to make a crowd's contact, or to quarantine a device.
fn crowd(pools: (u8, u8, u8)) -> impl Strategy<Value = Vec<Sketch>> {
    (sketch(pools, 1), 19..24u8).prop_map(|(like, accounts)| {
        let of = |account| Sketch { user: Some(account), ten_minutes: i64::from(account), ..like.clone() };
        (0..accounts).map(of).collect()
    })
}

impl Log {
    /// Its events, with names that no log of another number has. Times are ms after `start_ms`; what is observed, and
    /// so may not reach back more than 30 days, lies in the last 27 of [`DAYS`].
    pub(crate) fn events(&self, number: usize, start_ms: i64) -> Vec<Event> {
        let placed = self.0.iter().enumerate();
        placed.map(|(place, sketch)| sketch.event(number, place, start_ms)).collect()
    }
}

/// The same events in another order of arrival, some of them twice.
pub(crate) fn another_arrival(log: Vec<Event>) -> impl Strategy<Value = Vec<Event>> {
    let twice = prop::sample::subsequence(log.clone(), 0..=log.len());
    twice.prop_flat_map(move |again| Just([log.clone(), again].concat()).prop_shuffle())
}

#[derive(Debug, Clone)]
struct Sketch {
    user: Option<u8>,
    emails: Vec<u8>,
    phones: Vec<u8>,
    devices: Vec<u8>,
    trust: Trust,
    day: i64,
    ten_minutes: i64,
    plan: Option<u8>,
}

#[derive(Debug, Clone)]
enum Trust {
    Observed,
    Asserted,
    /// An account that a token proves, and the address or the number if they are verified.
    Token([bool; 2]),
    /// The strength of each kind, as a forwarded event says it.
    Mixed([Strength; 4]),
}

fn sketch((users, contacts, devices): (u8, u8, u8), per_kind: usize) -> impl Strategy<Value = Sketch> {
    let some = |pool: u8, most: usize| prop::collection::btree_set(0..pool, 0..=most).prop_map(Vec::from_iter);
    let strength = || prop_oneof![Just(Strength::Observed), Just(Strength::Proven), Just(Strength::Asserted)];
    let strengths = [strength(), strength(), strength(), strength()];
    let trust = prop_oneof![
        5 => Just(Trust::Observed),
        3 => Just(Trust::Asserted),
        2 => any::<[bool; 2]>().prop_map(Trust::Token),
        1 => strengths.prop_map(Trust::Mixed),
    ];
    let names =
        (prop::option::of(0..users), some(contacts, per_kind), some(contacts, per_kind), some(devices, per_kind));
    // Few days and steps of ten minutes: equal times, and gaps of exactly 30 minutes and 30 days.
    let days = prop::sample::select(vec![0, 15, 30, 45, 60, DAYS - 2, DAYS - 1]);
    let ten_minutes = prop_oneof![2 => Just(0), 3 => 1..8i64];
    let plan = prop::option::weighted(0.3, 0..4u8);
    (names, trust, days, ten_minutes, plan).prop_map(
        |((user, emails, phones, devices), trust, day, ten_minutes, plan)| Sketch {
            user,
            emails,
            phones,
            devices,
            trust,
            day,
            ten_minutes,
            plan,
        },
    )
}

impl Sketch {
    fn event(&self, log: usize, place: usize, start_ms: i64) -> Event {
        let mut claim = Vec::new();
        let mut name = |kind: Kind, value: String, at: usize| {
            let strength = match &self.trust {
                Trust::Observed => Strength::Observed,
                Trust::Asserted => Strength::Asserted,
                Trust::Token([email, phone]) => {
                    let is_proven = self.user.is_some() && [true, *email, *phone, false][at];
                    if is_proven { Strength::Proven } else { Strength::Observed }
                }
                Trust::Mixed(strengths) => strengths[at],
            };
            claim.push(Claimed { identifier: Identifier::new(kind, value), strength });
        };
        self.user.iter().for_each(|n| name(Kind::USER_ID, format!("l{log}-u{n}"), 0));
        self.emails.iter().for_each(|n| name(Kind::EMAIL, format!("l{log}-e{n}@example.com"), 1));
        self.phones.iter().for_each(|n| name(Kind::PHONE, format!("+4930{log:04}{n:03}"), 2));
        self.devices.iter().for_each(|n| name(Kind::ANONYMOUS_ID, format!("l{log}-a{n}"), 3));
        // Mixed strengths may come to nothing but observed names: that goes with a public key too.
        let is_observed = claim.iter().all(|claimed| claimed.strength == Strength::Observed);
        let is_said_by_page = is_observed || matches!(self.trust, Trust::Token(_));
        let day = if is_said_by_page { self.day.max(43) } else { self.day };
        let time = UnixMillis(start_ms + (day * 24 * 6 + self.ten_minutes) * 600_000);
        let traits = self.traits(&claim);
        let order = Order { time, message_id: format!("l{log}-m{place}").into() };
        Event { traits, ..Event::naming(order, claim) }
    }

    /// An identify says an address by its trait, so it sets that too.
    fn traits(&self, claim: &[Claimed]) -> Vec<(String, Value)> {
        let said = |kind: Kind| claim.iter().find(|claimed| claimed.identifier.kind == kind);
        let contacts = [Kind::EMAIL, Kind::PHONE].into_iter().filter_map(said).map(|claimed| &claimed.identifier);
        let mut traits: Vec<_> = contacts.map(|name| (name.kind.to_string(), json!(&*name.value))).collect();
        let plan = self.plan.map(|plan| if plan == 0 { Value::Null } else { json!(plan) });
        traits.extend(plan.map(|plan| ("plan".to_owned(), plan)));
        traits
    }
}
