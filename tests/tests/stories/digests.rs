//! Stories about digests and the clear values that they are of.

use anyhow::ensure;
use selvedge_collector::event::{Order, Snapshot, Strength, UnixMillis};
use selvedge_collector::identity::profile_id;
use selvedge_collector::store::Lookup;
use selvedge_tests::oracle::{self, Event, Op};

use super::found::{claimed, of, said, steps};
use super::hold::hold;
use super::in_process::{House, decision, rules};
use super::told::{Step, Story};

#[test]
fn whoever_had_an_event_by_a_device_that_a_digest_names_hears_that_it_left() -> anyhow::Result<()> {
    let observed = |kind, value| claimed(kind, value, Strength::Observed);
    let steps = steps([
        vec![observed("email", "ada@example.com"), observed("idfa", "i-1")],
        vec![observed("anonymous_id", "a-1"), observed("idfa", &oracle::digest("sha256", "i-1"))],
        // The visitor comes first of that event's devices, and is somebody now.
        vec![observed("user_id", "u-1"), observed("anonymous_id", "a-1")],
    ]);
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn whoever_a_digest_is_no_form_of_any_more_hears_when_its_number_was_seen() -> anyhow::Result<()> {
    let observed = |kind, value| claimed(kind, value, Strength::Observed);
    let (user, address) = (observed("user_id", "u-1"), observed("email", "ada@example.com"));
    let steps = steps([
        vec![user.clone(), observed("phone", "+30000002")],
        vec![address.clone(), observed("phone", &oracle::digest("sha256", "30000002"))],
        vec![user, address],
        // The same digits, at home: the digest is of two numbers now.
        vec![observed("user_id", "u-2"), observed("phone", "+4930000002")],
    ]);
    let region = Some(oracle::Region { calling_code: "49", trunk_prefix: "0" });
    hold(&Story { steps, rules: oracle::Rules { region, ..oracle::Rules::default() } }).map(drop)
}

#[test]
fn an_event_that_says_a_device_in_clear_and_by_its_digest_is_one_event() -> anyhow::Result<()> {
    let observed = |value: &str| claimed("idfa", value, Strength::Observed);
    let steps = steps([vec![observed("i-1"), observed(&oracle::digest("sha256", "i-1"))]]);
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn what_is_observed_makes_no_digest_ambiguous_that_was_said_with_trust() -> anyhow::Result<()> {
    let trusted = |kind, value: &str| claimed(kind, value, Strength::Asserted);
    // The German number's own, and all digits of the other one.
    let hashed = oracle::digest("sha256", "30123456");
    let other = oracle::digest("sha256", "15551234567");
    let steps = steps([
        vec![trusted("user_id", "u-1"), trusted("phone", "+4930123456")],
        vec![trusted("phone", &hashed)],
        vec![claimed("phone", "+30123456", Strength::Observed), claimed("anonymous_id", "x-1", Strength::Observed)],
        vec![trusted("user_id", "u-2"), trusted("phone", &other)],
        vec![claimed("phone", "+15551234567", Strength::Observed)],
        vec![claimed("phone", "+4915551234567", Strength::Observed)],
    ]);
    let germany = oracle::Region { calling_code: "49", trunk_prefix: "0" };
    let rules = oracle::Rules { region: Some(germany), guard_from: Some(UnixMillis(0)), ..oracle::Rules::default() };
    hold(&Story { steps, rules }).map(drop)
}

#[test]
fn a_digest_is_ambiguous_no_more_once_one_of_its_values_is_said_with_trust_though_it_was_held_before()
-> anyhow::Result<()> {
    let phone = |value: &str, strength| claimed("phone", value, strength);
    let [one, other] = ["+4930123456", "+30123456"];
    let steps = steps([
        // It is held by this digest, which is of it alone.
        vec![phone(&oracle::digest("sha256", one), Strength::Asserted)],
        vec![phone(one, Strength::Observed)],
        vec![phone(other, Strength::Observed)],
        vec![
            claimed("user_id", "u-1", Strength::Observed),
            phone(&oracle::digest("md5", "30123456"), Strength::Observed),
        ],
        vec![phone(one, Strength::Asserted)],
    ]);
    let region = Some(oracle::Region { calling_code: "49", trunk_prefix: "0" });
    hold(&Story { steps, rules: oracle::Rules { region, ..oracle::Rules::default() } }).map(drop)
}

#[test]
fn a_decision_about_a_clear_value_is_about_its_digest_when_no_row_says_the_value_any_more() -> anyhow::Result<()> {
    let asserted = |kind, value: &str| claimed(kind, value, Strength::Asserted);
    let address = asserted("email", "ada@example.com");
    let hashed = asserted("email", &oracle::digest("sha256", "ada@example.com"));
    for op in [
        Op::KeepApart(asserted("user_id", "u-1").identifier, address.identifier.clone()),
        Op::Ignore(address.identifier.clone()),
        Op::Link(asserted("user_id", "u-2").identifier, address.identifier.clone()),
    ] {
        let mut steps = steps([vec![asserted("user_id", "u-1"), hashed.clone()], vec![asserted("user_id", "u-2")]]);
        for (version, email) in [(1, Some(address.clone())), (2, None)] {
            let order = Order { time: UnixMillis(0), message_id: "import:1:1".into() };
            let claim = [Some(asserted("user_id", "u-9")), email].into_iter().flatten().collect();
            let snapshot = Some(Snapshot { subject: "import:1:1".into(), version });
            steps.push(Step::Hear(Event { snapshot, ..Event::naming(order, claim) }));
        }
        let decided = oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false };
        steps.insert(3, Step::Decide(decided));
        steps.push(Step::Withdraw(1));
        hold(&Story { steps, rules: oracle::Rules::default() })?;
    }
    Ok(())
}

#[test]
fn digests_are_devices_of_their_own_again_when_the_row_that_said_the_clear_value_says_it_no_more() -> anyhow::Result<()>
{
    let asserted = |kind, value: &str| claimed(kind, value, Strength::Asserted);
    let mut steps = steps([
        vec![asserted("idfa", &oracle::digest("sha256", "i-1")), asserted("anonymous_id", "a-1")],
        vec![asserted("idfa", &oracle::digest("md5", "i-1"))],
    ]);
    for (version, device) in [(1, Some("i-1")), (2, None)] {
        let order = Order { time: UnixMillis(0), message_id: "import:1:1".into() };
        let claim = [Some(asserted("user_id", "u-1")), device.map(|device| asserted("idfa", device))];
        let snapshot = Some(Snapshot { subject: "import:1:1".into(), version });
        let row = Event { snapshot, ..Event::naming(order, claim.into_iter().flatten().collect()) };
        steps.push(Step::Hear(row));
    }
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn who_is_kept_apart_from_a_digest_of_a_device_is_kept_apart_from_the_device() -> anyhow::Result<()> {
    let observed = |kind, value: &str| claimed(kind, value, Strength::Observed);
    let digest = oracle::digest("md5", "i-1");
    let mut steps = steps([
        vec![observed("email", "ada@example.com"), observed("idfa", &digest)],
        vec![observed("idfa", "i-1")],
        vec![observed("idfa", &digest)],
    ]);
    let op = Op::KeepApart(observed("idfa", &digest).identifier, observed("email", "ada@example.com").identifier);
    steps.insert(1, Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
    steps.push(Step::Withdraw(1));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_digest_that_is_ignored_stays_so_when_its_clear_value_is_said_and_no_longer() -> anyhow::Result<()> {
    let observed = |kind, value: &str| claimed(kind, value, Strength::Observed);
    for (kind, value) in [("email", "ada@example.com"), ("idfa", "i-1")] {
        let digest = oracle::digest("sha256", value);
        let mut steps = steps([
            vec![observed(kind, &digest), observed("anonymous_id", "a-1")],
            vec![observed(kind, value), observed("anonymous_id", "a-2")],
            vec![observed(kind, &digest), observed("user_id", "u-1")],
            vec![observed(kind, value)],
        ]);
        let op = Op::Ignore(observed(kind, &digest).identifier);
        steps.insert(1, Step::Decide(oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false }));
        steps.push(Step::Withdraw(1));
        hold(&Story { steps, rules: oracle::Rules::default() })?;
    }
    Ok(())
}

#[test]
fn an_event_with_a_digest_that_could_be_two_peoples_goes_to_neither_and_to_nobody_by_its_device() -> anyhow::Result<()>
{
    let observed = |kind, value: &str| claimed(kind, value, Strength::Observed);
    let device = || observed("anonymous_id", "a-1");
    let rules = oracle::Rules {
        region: Some(oracle::Region { calling_code: "49", trunk_prefix: "0" }),
        ..oracle::Rules::default()
    };
    // Digits that are one number within the region and another one without it.
    let unclear = observed("phone", &oracle::digest("md5", "30123456"));
    let steps = steps([
        vec![observed("user_id", "u-1"), observed("phone", "+4930123456"), device()],
        vec![unclear, device()],
        vec![observed("user_id", "u-2"), observed("phone", "+30123456")],
    ]);
    hold(&Story { steps, rules }).map(drop)
}

#[test]
fn a_digest_that_nobody_says_any_more_finds_nobody() -> anyhow::Result<()> {
    let observed = |kind, value: &str| claimed(kind, value, Strength::Observed);
    let address = || observed("email", "ada@example.com");
    let mut steps = steps([
        vec![address()],
        vec![observed("user_id", "u-1"), address()],
        vec![observed("user_id", "u-2"), observed("email", &oracle::digest("sha256", "ada@example.com"))],
    ]);
    steps.insert(1, Step::Erase(address().identifier, UnixMillis(90_000), false));
    steps.push(Step::Erase(observed("user_id", "u-2").identifier, UnixMillis(240_000), false));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_value_that_only_the_erased_said_of_a_device_goes_and_its_digest_stays() -> anyhow::Result<()> {
    let observed = |kind, value: &str| claimed(kind, value, Strength::Observed);
    let digest = oracle::digest("sha256", "aabbccddee01");
    let mut steps = steps([
        vec![observed("anonymous_id", "a-1"), observed("email", "q@example.com"), observed("mac", &digest)],
        vec![observed("user_id", "u-1"), observed("mac", &digest)],
        vec![observed("user_id", "u-1"), observed("mac", "aabbccddee01")],
    ]);
    steps.push(Step::Erase(observed("user_id", "u-1").identifier, UnixMillis(48 * 60 * 60_000), false));
    let order = Order { time: UnixMillis(50 * 60 * 60_000), message_id: "n0".into() };
    let again = vec![observed("anonymous_id", "a-9"), observed("mac", "aabbccddee01")];
    steps.push(Step::Hear(Event::naming(order, again)));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn the_id_of_a_name_that_names_nobody_any_more_finds_whoever_took_its_profile_in() -> anyhow::Result<()> {
    let (user, phone) = (of("user_id", "u-1"), of("phone", "+4930123456"));
    let mut house = House::open(rules(&oracle::Rules::default()))?;
    house.commit(&[said(0, &[&phone])])?;
    house.commit(&[said(1, &[&user, &phone])])?;
    let op = Op::Ignore(phone.clone());
    let ignored = oracle::Decision { number: 1, at: UnixMillis(0), op, is_withdrawn: false };
    ensure!(house.committer.decide(&house.store, &decision(&ignored))?.is_ok());
    let by_id = house.profile_of(&Lookup::ProfileId(profile_id("default", &phone)))?;
    let heir = house.profile(&user)?;
    ensure!(house.profile(&phone)?.is_null() && !heir.is_null() && by_id == heir, "{by_id:#}, not {heir:#}");
    Ok(())
}

#[test]
fn a_value_finds_whoever_gave_its_digest_and_a_digest_whoever_gave_the_value() -> anyhow::Result<()> {
    let digest = |kind: &str, text: &str| of(kind, &oracle::digest("md5", text));
    let mut house = House::open(rules(&oracle::Rules::default()))?;
    let (address, phone, device) = (of("email", "a@b.example"), of("phone", "+4930123456"), of("mac", "aabbccddee01"));
    let pairs = [
        (address.clone(), digest("email", "a@b.example")),
        (digest("phone", "4930123456"), phone),
        (device, digest("mac", "AA:BB:CC:DD:EE:01")),
    ];
    let events: Vec<Event> = (0..).zip(&pairs).map(|(number, (first, _))| said(number, &[first])).collect();
    house.commit(&events)?;
    for (first, other) in &pairs {
        let profile = house.profile(first)?;
        ensure!(profile["event_count"] == 1 && house.profile(other)? == profile, "{first} is {other}: {profile:#}");
        let asked = Lookup::Identifier(other.clone());
        ensure!(house.reader()?.named(&asked)?.as_ref() == Some(first), "a decision about {other} is about {first}");
    }
    ensure!(house.profile(&digest("email", "c@d.example"))?.is_null());
    Ok(())
}
