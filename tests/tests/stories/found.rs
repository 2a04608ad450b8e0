//! What random stories found, each as small as it could be told.

use selvedge_collector::event::{Claimed, Order, Snapshot, Strength, Trust, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{self, Event, Op};

use super::hold::{Pace, hold, hold_at};
use super::told::{Step, Story};

#[test]
fn a_device_with_a_profile_of_its_own_says_who_its_one_person_is_now() -> anyhow::Result<()> {
    let address = claimed("email", "ada@example.com", Strength::Asserted);
    let cookie = |strength| claimed("cookie._ga", "c-1", strength);
    let stranger = vec![claimed("user_id", "u-2", Strength::Observed), cookie(Strength::Observed)];
    let mut steps = steps([
        vec![address.clone(), cookie(Strength::Asserted)],
        vec![claimed("user_id", "u-1", Strength::Asserted), address],
    ]);
    // Whom it names does not count, and is not the person of the cookie either: the event is the cookie's own.
    let order = Order { time: UnixMillis(0), message_id: "m0".into() };
    steps.insert(0, Step::Hear(Event { trust: Trust::Strict, ..Event::naming(order, stranger) }));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_device_with_a_profile_of_its_own_says_when_it_was_seen_though_the_event_is_a_persons() -> anyhow::Result<()> {
    let cookie = |strength| claimed("cookie._ga", "c-1", strength);
    let stranger = vec![claimed("user_id", "u-2", Strength::Observed), cookie(Strength::Observed)];
    let mut steps = steps([vec![claimed("user_id", "u-1", Strength::Asserted), cookie(Strength::Asserted)]]);
    let order = Order { time: UnixMillis(10 * 60_000), message_id: "m0".into() };
    steps.insert(0, Step::Hear(Event { trust: Trust::Strict, ..Event::naming(order, stranger) }));
    let order = Order { time: UnixMillis(0), message_id: "m2".into() };
    steps.push(Step::Hear(Event::naming(order, vec![cookie(Strength::Observed)])));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn the_older_account_of_an_alias_that_joins_nobody_hears_that_it_was_seen() -> anyhow::Result<()> {
    let user = |value| claimed("user_id", value, Strength::Asserted);
    let op = Op::Ignore(user("u-2").identifier);
    let alias = |minute| Step::Hear(Event { alias: alias_of("u-1"), ..at(minute, vec![user("u-2")]) });
    let steps = vec![
        Step::Hear(at(1, vec![user("u-1")])),
        Step::Hear(at(2, vec![user("u-2")])),
        Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }),
        // The first makes a claim, the second only says it again.
        alias(3),
        alias(4),
    ];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn an_account_that_only_an_alias_said_is_not_held() -> anyhow::Result<()> {
    let user = |value, strength| claimed("user_id", value, strength);
    let op = Op::Ignore(user("u-1", Strength::Asserted).identifier);
    let steps = vec![
        Step::Hear(Event { alias: alias_of("u-2"), ..at(1, vec![user("u-1", Strength::Asserted)]) }),
        Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }),
        Step::Hear(at(2, vec![user("u-2", Strength::Observed)])),
    ];
    let rules = oracle::Rules { guard_from: Some(UnixMillis(0)), ..oracle::Rules::default() };
    hold(&Story { steps, rules }).map(drop)
}

#[test]
fn an_account_that_is_kept_apart_from_the_one_of_its_alias_is_told_as_far_as_events_name_it() -> anyhow::Result<()> {
    let user = |value, strength| claimed("user_id", value, strength);
    let [account, older] = ["u-1", "u-2"].map(|value| user(value, Strength::Asserted).identifier);
    let apart =
        oracle::Decision { number: 1, at: UnixMillis(0), op: Op::KeepApart(account, older), is_withdrawn: false };
    let steps = vec![
        Step::Hear(at(1, vec![user("u-2", Strength::Observed)])),
        Step::Hear(Event { alias: alias_of("u-2"), ..at(2, vec![user("u-1", Strength::Asserted)]) }),
        Step::Decide(apart),
        Step::Withdraw(1),
    ];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn whoever_loses_an_event_of_a_shared_device_to_a_mark_between_hears_of_it_whoever_else_was_said_to_be_there()
-> anyhow::Result<()> {
    let device = claimed("anonymous_id", "a-1", Strength::Observed);
    let login = |minute, user| at(minute, vec![claimed("user_id", user, Strength::Asserted), device.clone()]);
    let op = Op::KeepApart(device.identifier.clone(), claimed("user_id", "u-3", Strength::Asserted).identifier);
    let steps = vec![
        Step::Hear(login(0, "u-1")),
        Step::Hear(login(2, "u-2")),
        Step::Hear(login(20, "u-3")),
        Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }),
        Step::Hear(at(22, vec![device.clone()])),
        Step::Hear(login(10, "u-1")),
    ];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn whoever_shared_a_device_with_somebody_erased_hears_that_it_is_theirs_once_such_marks_do_not_count()
-> anyhow::Result<()> {
    let device = claimed("anonymous_id", "a-1", Strength::Observed);
    let erased = claimed("email", "ada@example.com", Strength::Observed);
    let whom = erased.identifier.clone();
    let by_server = vec![claimed("phone", "+4930123456", Strength::Asserted), device.clone()];
    let steps = vec![
        Step::Hear(at(1, vec![erased, device])),
        Step::Hear(Event { trust: Trust::Open, ..at(2, by_server) }),
        Step::Erase(whom, UnixMillis(600_000), false),
        Step::Guard(UnixMillis(0)),
    ];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn an_event_of_a_device_is_its_persons_once_an_alias_says_that_the_person_is_whom_it_named() -> anyhow::Result<()> {
    let user = |value, strength| claimed("user_id", value, strength);
    let device = claimed("anonymous_id", "a-1", Strength::Observed);
    let taken_out = vec![user("u-2", Strength::Observed), device.clone()];
    let steps = vec![
        Step::Hear(at(1, vec![user("u-1", Strength::Observed), device])),
        Step::Hear(Event { trust: Trust::Strict, ..at(2, taken_out) }),
        Step::Hear(Event { alias: alias_of("u-1"), ..at(3, vec![user("u-2", Strength::Asserted)]) }),
    ];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_trusted_mark_of_whom_a_decision_keeps_apart_guards_the_device_from_nobody() -> anyhow::Result<()> {
    let device = |strength| claimed("anonymous_id", "a-1", strength);
    let mut steps = steps([
        vec![claimed("user_id", "u-1", Strength::Asserted), device(Strength::Asserted)],
        vec![claimed("user_id", "u-2", Strength::Observed), device(Strength::Observed)],
        vec![device(Strength::Observed)],
    ]);
    let op =
        Op::KeepApart(device(Strength::Observed).identifier, claimed("user_id", "u-1", Strength::Asserted).identifier);
    steps.push(Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    // An event behind the decision finds the device as the decision left it.
    let order = Order { time: UnixMillis(4 * 60_000), message_id: "m4".into() };
    steps.push(Step::Hear(Event::naming(order, vec![device(Strength::Observed)])));
    let rules = oracle::Rules { guard_from: Some(UnixMillis(0)), ..oracle::Rules::default() };
    hold(&Story { steps, rules }).map(drop)
}

#[test]
fn whoever_holds_a_device_hears_how_far_it_is_trusted_also_by_a_mark_that_does_not_count_and_after_its_erasure()
-> anyhow::Result<()> {
    let device = |strength| claimed("anonymous_id", "a-1", strength);
    let phone = claimed("phone", "+4930123456", Strength::Observed);
    let mut steps = steps([
        vec![claimed("user_id", "u-1", Strength::Proven), device(Strength::Observed)],
        vec![phone.clone(), device(Strength::Proven)],
    ]);
    steps.push(Step::Erase(phone.identifier, UnixMillis(600_000), false));
    let rules = oracle::Rules { guard_from: Some(UnixMillis(0)), ..oracle::Rules::default() };
    hold(&Story { steps, rules }).map(drop)
}

#[test]
fn whoever_had_an_event_by_a_device_that_one_event_has_two_more_people_on_hears_that_it_left() -> anyhow::Result<()> {
    let (trusted, observed) = (Strength::Asserted, Strength::Observed);
    let user = |value, strength| claimed("user_id", value, strength);
    let device = |strength| claimed("anonymous_id", "a-1", strength);
    let phone = claimed("phone", "+4930123456", Strength::Proven);
    // The observed user is held from the last event on: then the mark is the telephone's.
    let claims = [
        vec![user("u-0", trusted), device(trusted)],
        vec![device(observed)],
        vec![user("u-3", observed), phone, device(observed)],
        vec![user("u-2", trusted), device(trusted)],
        vec![user("u-3", trusted), device(trusted)],
    ];
    let rules = oracle::Rules { people_per_device: 2, guard_from: Some(UnixMillis(0)), ..oracle::Rules::default() };
    let mut steps = steps(claims);
    for step in &mut steps {
        if let Step::Hear(event) = step {
            event.trust = Trust::Guarded;
        }
    }
    hold(&Story { steps, rules }).map(drop)
}

#[test]
fn whoever_had_an_event_by_a_device_that_a_group_has_too_many_people_on_hears_that_it_left() -> anyhow::Result<()> {
    let device = || claimed("anonymous_id", "a-1", Strength::Observed);
    let login = |user: &str| vec![claimed("user_id", user, Strength::Observed), device()];
    let mut steps = steps([login("u-0"), vec![device()]]);
    // Of nothing: it parts what comes before from the group.
    steps.push(Step::Withdraw(1));
    for (number, user) in (1..=4).zip(["u-1", "u-2", "u-3", "u-4"]) {
        let order = Order { time: UnixMillis(number * 24 * 60 * 60_000), message_id: format!("n{number}").into() };
        steps.push(Step::Hear(Event::naming(order, login(user))));
    }
    let rules = oracle::Rules { people_per_device: 2, ..oracle::Rules::default() };
    hold_at(&Story { steps, rules }, Pace { group: 4, every: 1 }).map(drop)
}

#[test]
fn whoever_loses_a_crowds_address_hears_when_it_was_seen_last() -> anyhow::Result<()> {
    let address = |strength| claimed("email", "desk@example.com", strength);
    let login = |user| vec![claimed("user_id", user, Strength::Observed), address(Strength::Observed)];
    let first = vec![claimed("user_id", "u-1", Strength::Asserted), address(Strength::Asserted)];
    let steps = steps([first, login("u-2"), login("u-3"), login("u-4"), login("u-5")]);
    hold(&Story { steps, rules: oracle::Rules { beside_a_contact: 3, ..oracle::Rules::default() } }).map(drop)
}

#[test]
fn whoever_was_kept_apart_from_a_device_leaves_nothing_there_when_erased() -> anyhow::Result<()> {
    let device = claimed("anonymous_id", "a-1", Strength::Asserted);
    let user = |value| claimed("user_id", value, Strength::Asserted);
    let mut steps = steps([vec![user("u-1"), device.clone()], vec![user("u-2"), device.clone()]]);
    // A day later: to whom the device gives it, if it is not shared.
    let order = Order { time: UnixMillis(24 * 60 * 60_000), message_id: "m3".into() };
    steps.push(Step::Hear(Event::naming(order, vec![device.clone()])));
    let op = Op::KeepApart(device.identifier, user("u-1").identifier.clone());
    steps.push(Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    steps.push(Step::Erase(user("u-1").identifier, UnixMillis(48 * 60 * 60_000), false));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_device_shows_whom_a_name_hid_there_once_that_name_is_a_crowds() -> anyhow::Result<()> {
    let observed = |kind, value| claimed(kind, value, Strength::Observed);
    let address = || observed("email", "ada@example.com");
    let mut steps = steps([
        vec![observed("user_id", "u-0"), address()],
        vec![observed("user_id", "u-0"), observed("anonymous_id", "a-0")],
        vec![observed("user_id", "u-1"), observed("anonymous_id", "a-0")],
        vec![observed("user_id", "u-2"), address()],
        vec![observed("user_id", "u-3"), address()],
        vec![observed("user_id", "u-4"), address()],
    ]);
    let op = Op::KeepApart(observed("anonymous_id", "a-0").identifier, address().identifier);
    steps.insert(3, Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    hold(&Story { steps, rules: oracle::Rules { beside_a_contact: 3, ..oracle::Rules::default() } }).map(drop)
}

#[test]
fn whoever_had_an_event_by_a_mark_of_an_import_hears_that_a_newer_row_took_it_away() -> anyhow::Result<()> {
    let asserted = |kind, value| claimed(kind, value, Strength::Asserted);
    let mut steps = steps([
        vec![asserted("user_id", "u-1")],
        vec![asserted("user_id", "u-1"), asserted("anonymous_id", "a-1")],
        vec![claimed("anonymous_id", "a-1", Strength::Observed)],
        vec![asserted("user_id", "u-2")],
    ]);
    for (place, version) in [(1, 1), (3, 2)] {
        if let Step::Hear(event) = &mut steps[place] {
            event.order.message_id = "import:crm:7".into();
            event.snapshot = Some(Snapshot { subject: "import:crm:7".into(), version });
        }
    }
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn an_event_whose_people_were_taken_out_is_its_devices_own_once_another_marks_the_device() -> anyhow::Result<()> {
    let asserted = |kind, value| claimed(kind, value, Strength::Asserted);
    let (address, phone) = (asserted("email", "e@example.com"), asserted("phone", "+4930123456"));
    let mut steps = steps([
        vec![asserted("user_id", "u-0"), address],
        vec![phone.clone(), asserted("anonymous_id", "a-1")],
        vec![asserted("user_id", "u-0"), phone.clone()],
        vec![claimed("email", "e@example.com", Strength::Observed), claimed("anonymous_id", "a-1", Strength::Observed)],
    ]);
    if let Some(Step::Hear(observed)) = steps.last_mut() {
        observed.trust = Trust::Guarded;
    }
    // From before all: the telephone, and the device with it, are this one's.
    let order = Order { time: UnixMillis(-60_000), message_id: "n0".into() };
    steps.push(Step::Hear(Event::naming(order, vec![asserted("user_id", "u-1"), phone])));
    let rules = oracle::Rules { guard_from: Some(UnixMillis(i64::MIN)), ..oracle::Rules::default() };
    hold(&Story { steps, rules }).map(drop)
}

#[test]
fn nobody_is_told_of_a_device_that_is_ignored() -> anyhow::Result<()> {
    let device = || claimed("anonymous_id", "a-1", Strength::Observed);
    let mut steps = steps([vec![device(), claimed("phone", "+4930123456", Strength::Observed)]]);
    let op = Op::Ignore(device().identifier);
    steps.push(Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    let order = Order { time: UnixMillis(60_000), message_id: "n0".into() };
    steps.push(Step::Hear(Event::naming(order, vec![device()])));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

pub(super) fn of(kind: &str, value: &str) -> Identifier {
    Identifier::new(Kind::new(kind), value)
}

/// An event of that number, which observed them.
pub(super) fn said(number: u8, identifiers: &[&Identifier]) -> Event {
    let order = Order { time: UnixMillis(i64::from(number)), message_id: format!("m{number}").into() };
    let claimed =
        |identifier: &&Identifier| Claimed { identifier: (*identifier).clone(), strength: Strength::Observed };
    Event::naming(order, identifiers.iter().map(claimed).collect())
}

pub(super) fn claimed(kind: &str, value: &str, strength: Strength) -> Claimed {
    Claimed { identifier: Identifier::new(Kind::new(kind), value), strength }
}

/// Events that claim this, a minute apart.
pub(super) fn steps<const N: usize>(claims: [Vec<Claimed>; N]) -> Vec<Step> {
    claims.into_iter().zip(1..).map(|(claim, minute)| Step::Hear(at(minute, claim))).collect()
}

/// An event of that minute that claims this.
pub(super) fn at(minute: i64, claim: Vec<Claimed>) -> Event {
    Event::naming(Order { time: UnixMillis(minute * 60_000), message_id: format!("m{minute}").into() }, claim)
}

/// What a secret key says was the account's name before.
pub(super) fn alias_of(older: &str) -> Option<oracle::Alias> {
    Some(oracle::Alias { previous_id: older.into(), is_asserted: true })
}
