//! What readers of the engine found, each as a story.

use selvedge_collector::event::{Order, Snapshot, Strength, UnixMillis};
use selvedge_collector::identity::profile_id;
use selvedge_collector::ingest::commit::Erasure;
use selvedge_collector::store::Lookup;
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{self, Event, Op};
use serde_json::json;

use super::found::{at, claimed, steps};
use super::hold::hold;
use super::in_process::{Consumer, House, WORKSPACE, rules};
use super::told::{Step, Story};

#[test]
fn whoever_had_an_event_by_a_device_that_two_hidden_people_come_back_to_hears_that_it_left() -> anyhow::Result<()> {
    let observed = |kind, value| claimed(kind, value, Strength::Observed);
    let device = || observed("anonymous_id", "a-1");
    let [one, other] = ["one@example.com", "other@example.com"].map(|value| observed("email", value));
    let mut steps = steps([
        vec![observed("user_id", "u-1"), one.clone()],
        vec![observed("user_id", "u-2"), other.clone()],
        vec![observed("user_id", "u-1"), device()],
        vec![observed("user_id", "u-2"), device()],
        vec![observed("user_id", "u-3"), device()],
        vec![observed("user_id", "u-4"), device()],
        vec![device()],
    ]);
    for (number, address) in (1..).zip([&one, &other]) {
        steps.push(decided(number, Op::KeepApart(device().identifier, address.identifier.clone())));
    }
    // From before all: both addresses are another's, and nobody is kept from the device.
    steps.push(Step::Hear(at(0, vec![observed("user_id", "u-9"), one, other])));
    hold(&Story { steps, rules: oracle::Rules { people_per_device: 2, ..oracle::Rules::default() } }).map(drop)
}

#[test]
fn a_decision_about_a_clear_device_is_about_its_digest_when_no_row_says_the_value_any_more() -> anyhow::Result<()> {
    let asserted = |kind, value: &str| claimed(kind, value, Strength::Asserted);
    let (user, device) = (asserted("user_id", "u-1"), asserted("idfa", "i-1"));
    let hashed = asserted("idfa", &oracle::digest("sha256", "i-1"));
    for op in [
        Op::Ignore(device.identifier.clone()),
        Op::KeepApart(device.identifier.clone(), user.identifier.clone()),
        Op::KeepApart(user.identifier.clone(), device.identifier.clone()),
    ] {
        for place in [2, 3] {
            let mut steps = steps([vec![user.clone(), hashed.clone()]]);
            steps.extend(row_that_says_no_more(device.identifier.clone()));
            steps.insert(place, decided(1, op.clone()));
            steps.push(Step::Hear(at(5, vec![claimed("idfa", &hashed.identifier.value, Strength::Observed)])));
            steps.push(Step::Withdraw(1));
            hold(&Story { steps, rules: oracle::Rules::default() })
                .map_err(|error| error.context(format!("{op:?} at {place}")))?;
        }
    }
    Ok(())
}

#[test]
fn whoever_is_kept_from_a_device_by_an_address_is_so_by_its_digest_when_no_row_says_the_address_any_more()
-> anyhow::Result<()> {
    let asserted = |kind, value: &str| claimed(kind, value, Strength::Asserted);
    let (address, device) = (asserted("email", "ada@example.com"), asserted("anonymous_id", "a-1"));
    let hashed = asserted("email", &oracle::digest("sha256", "ada@example.com"));
    for place in [2, 3] {
        let mut steps = steps([vec![hashed.clone(), device.clone()]]);
        steps.extend(row_that_says_no_more(address.identifier.clone()));
        let op = Op::KeepApart(device.identifier.clone(), address.identifier.clone());
        steps.insert(place, decided(1, op));
        steps.push(Step::Hear(at(5, vec![device.clone()])));
        steps.push(Step::Withdraw(1));
        hold(&Story { steps, rules: oracle::Rules::default() })
            .map_err(|error| error.context(format!("at {place}")))?;
    }
    Ok(())
}

#[test]
fn a_claim_that_loses_its_first_device_to_an_erasure_is_believed_as_far_as_the_one_that_is_left() -> anyhow::Result<()>
{
    let device = claimed("anonymous_id", "a-1", Strength::Asserted);
    let tablet = claimed("idfa", "i-1", Strength::Observed);
    let user = |strength| claimed("user_id", "u-1", strength);
    let steps = vec![
        Step::Hear(with_plan(1, at(1, vec![device.clone(), tablet.clone()]))),
        Step::Hear(at(2, vec![user(Strength::Observed), tablet])),
        Step::Hear(with_plan(2, at(3, vec![user(Strength::Proven)]))),
        Step::Erase(device.identifier, UnixMillis(600_000), false),
    ];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_claim_is_believed_as_far_as_the_first_device_that_is_ignored_in_no_form() -> anyhow::Result<()> {
    let ignored = claimed("idfa", "i-1", Strength::Observed);
    let hashed = claimed("idfa", &oracle::digest("sha256", "i-1"), Strength::Asserted);
    let cookie = claimed("cookie._ga", "c-1", Strength::Observed);
    for clear_and_decision in [[0, 1], [0, 3], [2, 3]] {
        let mut steps = vec![
            Step::Hear(with_plan(1, at(3, vec![hashed.clone(), cookie.clone()]))),
            Step::Hear(with_plan(2, at(4, vec![cookie.clone()]))),
        ];
        let told = [Step::Hear(at(1, vec![ignored.clone()])), decided(1, Op::Ignore(ignored.identifier.clone()))];
        for (place, step) in clear_and_decision.into_iter().zip(told) {
            steps.insert(place, step);
        }
        steps.push(Step::Withdraw(1));
        hold(&Story { steps, rules: oracle::Rules::default() })
            .map_err(|error| error.context(format!("{clear_and_decision:?}")))?;
    }
    Ok(())
}

#[test]
fn an_address_that_is_said_again_is_its_own_name_again_though_a_decision_left_it_to_its_digest() -> anyhow::Result<()> {
    let address = claimed("email", "ada@example.com", Strength::Observed);
    let hashed = claimed("email", &oracle::digest("sha256", "ada@example.com"), Strength::Asserted);
    let user = |value| claimed("user_id", value, Strength::Asserted);
    let mut steps = steps([vec![user("u-1"), hashed]]);
    steps.extend(row_that_says_no_more(address.identifier.clone()));
    steps.insert(2, decided(1, Op::KeepApart(address.identifier.clone(), user("u-9").identifier)));
    steps.push(Step::Hear(at(5, vec![address])));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn of_two_digests_of_a_value_that_no_row_says_any_more_a_decision_is_about_the_stronger() -> anyhow::Result<()> {
    // In the one case the stronger algorithm is of the other form.
    for (kind, clear, weaker, stronger) in [
        ("email", "ada@example.com", "ada@example.com", "ada@example.com"),
        ("phone", "+4930123456", "+4930123456", "4930123456"),
        ("idfa", "i-1", "i-1", "I-1"),
    ] {
        let clear = Identifier::new(Kind::new(kind), clear);
        let hashed = |algorithm, form| claimed(kind, &oracle::digest(algorithm, form), Strength::Asserted);
        let user = |value| claimed("user_id", value, Strength::Asserted);
        let (third, other) = (user("u-3"), clear.clone());
        let ops = [Op::Ignore(clear.clone()), Op::KeepApart(clear.clone(), user("u-1").identifier)];
        let is_linkable = kind != "idfa";
        let link = is_linkable.then(|| Op::Link(other, third.identifier.clone()));
        for (op, place) in ops.into_iter().chain(link).flat_map(|op| [(op.clone(), 0), (op, 3)]) {
            let mut steps = steps([vec![user("u-1"), hashed("md5", weaker)]]);
            steps.push(Step::Hear(at(2, vec![third.clone()])));
            steps.extend(row_that_says_no_more(clear.clone()));
            steps.push(decided(1, op));
            steps.insert(place, Step::Hear(at(5, vec![user("u-2"), hashed("sha256", stronger)])));
            steps.push(Step::Hear(at(6, vec![hashed("md5", weaker)])));
            steps.push(Step::Withdraw(1));
            hold(&Story { steps, rules: oracle::Rules::default() })
                .map_err(|error| error.context(format!("{clear} at {place}")))?;
        }
    }
    Ok(())
}

#[test]
fn a_stronger_digest_that_a_row_says_no_more_gives_the_decision_back_to_the_weaker() -> anyhow::Result<()> {
    let clear = Identifier::new(Kind::EMAIL, "ada@example.com");
    let hashed = |algorithm| claimed("email", &oracle::digest(algorithm, "ada@example.com"), Strength::Asserted);
    let mut steps = steps([vec![claimed("user_id", "u-1", Strength::Asserted), hashed("md5")]]);
    steps.extend(row_that_says_no_more(clear.clone()));
    steps.push(decided(1, Op::Ignore(clear)));
    steps.extend(row_of("import:1:2", "u-8", hashed("sha256").identifier));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_claim_that_says_one_address_in_two_forms_is_believed_as_far_as_the_stronger() -> anyhow::Result<()> {
    let address = claimed("email", "zed@example.com", Strength::Asserted);
    let hashed = claimed("email", &oracle::digest("sha256", "zed@example.com"), Strength::Observed);
    let steps = vec![
        Step::Hear(with_plan(1, at(1, vec![address.clone()]))),
        Step::Hear(at(2, vec![address.clone(), hashed.clone()])),
        Step::Hear(with_plan(2, at(3, vec![address, hashed, claimed("anonymous_id", "a-1", Strength::Observed)]))),
    ];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn whoever_was_erased_shared_the_device_of_the_digest_when_no_row_says_the_clear_device_any_more() -> anyhow::Result<()>
{
    let device = claimed("idfa", "i-1", Strength::Observed);
    let hashed = claimed("idfa", &oracle::digest("sha256", "i-1"), Strength::Observed);
    let user = |value| claimed("user_id", value, Strength::Observed);
    let [first, second] = row_that_says_no_more(device.identifier.clone());
    let mut told = steps([vec![user("u-1"), device], vec![user("u-2"), hashed.clone()]]);
    told.extend([first, Step::Erase(user("u-1").identifier, UnixMillis(600_000), false), second]);
    told.push(Step::Hear(at(180, vec![hashed])));
    hold(&Story { steps: told, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_decision_about_a_digest_of_a_device_that_no_row_says_any_more_is_about_the_clear_device() -> anyhow::Result<()> {
    let device = claimed("idfa", "i-1", Strength::Asserted);
    let hashed = Identifier::new(Kind::new("idfa"), oracle::digest("sha256", "i-1").as_str());
    let mut steps = steps([vec![claimed("user_id", "u-1", Strength::Asserted), device.clone()]]);
    steps.extend(row_that_says_no_more(hashed.clone()));
    steps.push(decided(1, Op::Ignore(hashed)));
    steps.push(Step::Hear(at(5, vec![device])));
    steps.push(Step::Withdraw(1));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn a_device_is_found_by_the_value_of_its_digest_though_a_row_said_that_value_once() -> anyhow::Result<()> {
    let device = Identifier::new(Kind::new("idfa"), "i-1");
    let hashed = claimed("idfa", &oracle::digest("sha256", "i-1"), Strength::Asserted);
    let rows = row_that_says_no_more(device.clone()).into_iter().filter_map(|step| match step {
        Step::Hear(event) => Some(event),
        Step::Decide(_) | Step::Withdraw(_) | Step::Erase(..) | Step::Guard(_) | Step::Rule(_) => None,
    });
    let mut house = House::open(rules(&oracle::Rules::default()))?;
    for event in [at(1, vec![claimed("user_id", "u-1", Strength::Asserted), hashed.clone()])].into_iter().chain(rows) {
        house.commit(&[event])?;
    }
    let (by_value, by_digest) = (house.profile(&device)?, house.profile(&hashed.identifier)?);
    anyhow::ensure!(!by_digest.is_null() && by_value == by_digest, "{by_value:#}, not {by_digest:#}");
    Ok(())
}

#[test]
fn accounts_are_kept_apart_by_decisions_about_digests_only_while_those_are_what_is_left() -> anyhow::Result<()> {
    let hashed = |value| claimed("email", &oracle::digest("sha256", value), Strength::Asserted);
    let user = |value| claimed("user_id", value, Strength::Asserted);
    let phone = claimed("phone", "+4930123456", Strength::Asserted);
    let [one, other] = ["one@example.com", "other@example.com"].map(|value| Identifier::new(Kind::EMAIL, value));
    let mut steps = steps([
        vec![user("u-1"), hashed("one@example.com"), phone.clone()],
        vec![user("u-2"), hashed("other@example.com"), phone],
    ]);
    let [first, no_more] = row_that_says_no_more(one.clone());
    let [other_first, other_no_more] = row_of("import:1:2", "u-8", other.clone());
    steps.extend([first, other_first, decided(1, Op::KeepApart(one, other)), no_more, other_no_more]);
    steps.push(Step::Withdraw(1));
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn two_who_were_erased_and_marked_a_device_at_one_order_are_two() -> anyhow::Result<()> {
    let device = claimed("anonymous_id", "a-1", Strength::Observed);
    let user = |value, strength| claimed("user_id", value, strength);
    let login = |strength| Step::Hear(at(1, vec![user("u-1", strength), device.clone()]));
    let erase = || Step::Erase(user("u-1", Strength::Observed).identifier, UnixMillis(0), false);
    let steps = vec![
        login(Strength::Observed),
        Step::Hear(at(2, vec![user("u-2", Strength::Observed), device.clone()])),
        erase(),
        login(Strength::Proven),
        erase(),
        Step::Hear(at(3, vec![device.clone()])),
    ];
    hold(&Story { steps, rules: oracle::Rules { people_per_device: 2, ..oracle::Rules::default() } }).map(drop)
}

#[test]
fn an_erasure_takes_no_digest_of_a_value_that_nobody_says_any_more() -> anyhow::Result<()> {
    for kind in ["email", "idfa"] {
        let clear = Identifier::new(Kind::new(kind), "ada@example.com");
        let hashed = |algorithm| claimed(kind, &oracle::digest(algorithm, "ada@example.com"), Strength::Asserted);
        let user = |value| claimed("user_id", value, Strength::Asserted);
        let mut steps = steps([vec![user("u-1"), hashed("sha256")], vec![user("u-2"), hashed("md5")]]);
        let [first, no_more] = row_that_says_no_more(clear.clone());
        steps.extend([first, decided(1, Op::KeepApart(clear, user("u-9").identifier)), no_more]);
        steps.push(Step::Erase(user("u-1").identifier, UnixMillis(600_000), false));
        steps.push(Step::Hear(at(5, vec![hashed("md5")])));
        hold(&Story { steps, rules: oracle::Rules::default() }).map_err(|error| error.context(kind))?;
    }
    Ok(())
}

#[test]
fn an_erasure_by_a_digest_that_is_two_peoples_is_of_nobody() -> anyhow::Result<()> {
    let numbers = ["+4930000002", "+30000002"].map(|value| claimed("phone", value, Strength::Observed));
    let hashed = claimed("phone", &oracle::digest("sha256", "30000002"), Strength::Observed);
    let region = Some(oracle::Region { calling_code: "49", trunk_prefix: "0" });
    let mut house = House::open(rules(&oracle::Rules { region, ..oracle::Rules::default() }))?;
    for (minute, claim) in (1..).zip([vec![numbers[0].clone()], vec![numbers[1].clone()], vec![hashed.clone()]]) {
        house.commit(&[at(minute, claim)])?;
    }
    let erasure = |name: &Identifier, is_suppression| {
        let whom = Lookup::Identifier(name.clone());
        Erasure { workspace: WORKSPACE, whom, at: UnixMillis(600_000), is_suppression }
    };
    let erased = house.committer.erase(&house.store, &erasure(&hashed.identifier, true))?;
    anyhow::ensure!(erased.is_err(), "{erased:?}");
    // Nor is it once it is noted as the digest of a number that was erased, and both are said again.
    let first = house.committer.erase(&house.store, &erasure(&numbers[0].identifier, false))?;
    anyhow::ensure!(first.is_ok(), "{first:?}");
    for (minute, claim) in (11..).zip([vec![numbers[0].clone()], vec![numbers[1].clone()], vec![hashed.clone()]]) {
        house.commit(&[at(minute, claim)])?;
        if minute == 12 {
            // Whether or not somebody said the digest since.
            let erased = house.committer.erase(&house.store, &erasure(&hashed.identifier, true))?;
            anyhow::ensure!(erased.is_err(), "{erased:?}");
        }
    }
    let erased = house.committer.erase(&house.store, &erasure(&hashed.identifier, true))?;
    anyhow::ensure!(erased.is_err(), "{erased:?}");
    for number in &numbers {
        anyhow::ensure!(!house.profile(&number.identifier)?.is_null(), "{} is gone", number.identifier);
    }
    Ok(())
}

#[test]
fn of_two_versions_of_a_row_beyond_what_the_ledger_counts_the_first_stays() -> anyhow::Result<()> {
    let row = |version, user| {
        let order = Order { time: UnixMillis(0), message_id: "import:1:1".into() };
        let snapshot = Some(Snapshot { subject: "import:1:1".into(), version });
        Step::Hear(Event { snapshot, ..Event::naming(order, vec![claimed("user_id", user, Strength::Asserted)]) })
    };
    let steps = vec![row((1 << 63) + 5, "u-1"), row((1 << 63) + 1, "u-2")];
    hold(&Story { steps, rules: oracle::Rules::default() }).map(drop)
}

#[test]
fn an_erasure_notes_a_digest_that_only_a_decision_says_as_one_that_follows() -> anyhow::Result<()> {
    let region = Some(oracle::Region { calling_code: "49", trunk_prefix: "0" });
    let numbers = ["+4930000002", "+30000002"].map(|value| claimed("phone", value, Strength::Observed));
    let hashed = Identifier::new(Kind::PHONE, oracle::digest("sha256", "30000002").as_str());
    let [first, no_more] = row_that_says_no_more(hashed.clone());
    let mut told = steps([vec![numbers[0].clone()]]);
    told.extend([first, decided(1, Op::KeepApart(hashed, Identifier::new(Kind::USER_ID, "u-9"))), no_more]);
    told.push(Step::Erase(numbers[0].identifier.clone(), UnixMillis(600_000), false));
    // Another number has the digest too, and was said before that.
    told.push(Step::Hear(at(5, vec![numbers[1].clone()])));
    hold(&Story { steps: told, rules: oracle::Rules { region, ..oracle::Rules::default() } }).map(drop)
}

#[test]
fn an_erasure_takes_no_name_that_is_somebody_elses_though_one_is_a_digest_of_the_other() -> anyhow::Result<()> {
    let region = Some(oracle::Region { calling_code: "49", trunk_prefix: "0" });
    let user = |value| claimed("user_id", value, Strength::Observed);
    let rank = |trusted| if trusted { Strength::Asserted } else { Strength::Observed };
    let digest = oracle::digest("sha256", "30000002");
    for trusted in [[false, false, true], [true, false, false], [true, false, true], [false, true, true]] {
        for erased in ["u-1", "u-2", "u-3"] {
            let [one, other, hashed] = trusted.map(rank);
            let mut told = steps([
                vec![user("u-1"), claimed("phone", "+4930000002", one)],
                vec![user("u-2"), claimed("phone", "+30000002", other)],
                vec![user("u-3"), claimed("phone", &digest, hashed)],
                vec![claimed("phone", &digest, hashed)],
            ]);
            told.push(Step::Erase(user(erased).identifier, UnixMillis(600_000), false));
            told.push(Step::Hear(at(60, vec![claimed("phone", "+30000002", Strength::Observed)])));
            let story = Story { steps: told, rules: oracle::Rules { region, ..oracle::Rules::default() } };
            hold(&story).map_err(|error| error.context(format!("{trusted:?}, {erased}")))?;
        }
    }
    let mut house = House::open(rules(&oracle::Rules { region, ..oracle::Rules::default() }))?;
    for (minute, (value, strength)) in
        (1..).zip([("+4930000002", false), ("+30000002", false), (&*digest, true)].map(|(value, t)| (value, rank(t))))
    {
        house.commit(&[at(minute, vec![claimed("phone", value, strength)])])?;
    }
    let whom = Lookup::Identifier(Identifier::new(Kind::PHONE, &*digest));
    let erasure = Erasure { workspace: WORKSPACE, whom, at: UnixMillis(600_000), is_suppression: false };
    anyhow::ensure!(house.committer.erase(&house.store, &erasure)?.is_ok());
    for number in ["+4930000002", "+30000002"] {
        anyhow::ensure!(!house.profile(&Identifier::new(Kind::PHONE, number))?.is_null(), "{number} is gone");
    }
    Ok(())
}

#[test]
fn what_an_erasure_leaves_of_a_clear_device_is_at_the_digest_that_stands_for_it() -> anyhow::Result<()> {
    // Digests of both cases, of which one or the other is the less.
    for value in ["i-1", "i-2", "i-3", "i-4"] {
        let device = |value: &str| claimed("idfa", value, Strength::Observed);
        let user = |value| claimed("user_id", value, Strength::Observed);
        let forms = [value.to_owned(), value.to_uppercase()].map(|form| oracle::digest("sha256", &form));
        let mut told = steps([
            vec![user("u-1"), device(value)],
            vec![user("u-2"), device(&forms[0])],
            vec![user("u-3"), device(&forms[1])],
        ]);
        told.push(Step::Erase(user("u-1").identifier, UnixMillis(600_000), false));
        told.extend(forms.iter().map(|form| Step::Hear(at(180, vec![device(form)]))));
        hold(&Story { steps: told, rules: oracle::Rules::default() }).map_err(|error| error.context(value))?;
    }
    Ok(())
}

#[test]
fn the_id_of_a_clear_value_finds_its_digest_when_no_row_says_the_value_any_more() -> anyhow::Result<()> {
    for kind in ["idfa", "email"] {
        let clear = Identifier::new(Kind::new(kind), "ada@example.com");
        let hashed = claimed(kind, &oracle::digest("sha256", "ada@example.com"), Strength::Asserted);
        let mut house = House::open(rules(&oracle::Rules::default()))?;
        let mut consumer = Consumer::default();
        let [first, no_more] = [(1, Some(clear.clone())), (2, None)].map(|(version, said)| {
            let order = Order { time: UnixMillis(0), message_id: "import:1:1".into() };
            let snapshot = Some(Snapshot { subject: "import:1:1".into(), version });
            let said = said.map(|said| claimed(said.kind.as_str(), &said.value, Strength::Asserted));
            Event { snapshot, ..Event::naming(order, said.into_iter().collect()) }
        });
        for event in [at(1, vec![hashed.clone()]), first] {
            house.commit(&[event])?;
        }
        consumer.catch_up(&house)?;
        let id = profile_id("default", &clear);
        let named = house.profile_of(&Lookup::ProfileId(id))?;
        anyhow::ensure!(named["id"] == json!(id), "{kind}: {named:#}");
        house.commit(&[no_more])?;
        consumer.catch_up(&house)?;
        let by_digest = house.profile(&hashed.identifier)?;
        for (by, found) in [("id", house.profile_of(&Lookup::ProfileId(id))?), ("value", house.profile(&clear)?)] {
            anyhow::ensure!(!by_digest.is_null() && found == by_digest, "{kind} by {by}: {found:#}, not {by_digest:#}");
        }
    }
    Ok(())
}

#[test]
fn marks_that_do_not_count_renew_nobody_on_a_device_that_several_marked_with_trust() -> anyhow::Result<()> {
    let device = claimed("anonymous_id", "a-1", Strength::Proven);
    let user = |value, strength| claimed("user_id", value, strength);
    let mut house = House::open(rules(&oracle::Rules { guard_from: Some(UnixMillis(0)), ..oracle::Rules::default() }))?;
    for (minute, account) in [(1, "u-1"), (180, "u-2")] {
        house.commit(&[at(minute, vec![user(account, Strength::Proven), device.clone()])])?;
    }
    let stray = claimed("anonymous_id", "a-1", Strength::Observed);
    house.commit(&[at(90, vec![stray.clone()])])?;
    let names = ["u-1", "u-2"].map(|account| Identifier::new(Kind::USER_ID, account)).into_iter();
    let names: Vec<Identifier> = names.chain([device.identifier.clone()]).collect();
    let versions = |house: &House| -> anyhow::Result<Vec<serde_json::Value>> {
        names.iter().map(|name| Ok(house.profile(name)?["version"].clone())).collect()
    };
    let before = versions(&house)?;
    let address = claimed("email", "x@example.com", Strength::Observed);
    for (minute, claim) in [
        (60, vec![user("x-1", Strength::Observed), stray.clone()]),
        (61, vec![address.clone(), stray.clone()]),
        // Now the address moves.
        (62, vec![user("x-2", Strength::Observed), address]),
    ] {
        house.commit(&[at(minute, claim)])?;
    }
    let after = versions(&house)?;
    anyhow::ensure!(before == after, "{before:?}, then {after:?}");
    Ok(())
}

fn decided(number: u64, op: Op) -> Step {
    Step::Decide(oracle::Decision { number, at: UnixMillis(0), op, is_withdrawn: false })
}

fn with_plan(plan: u8, event: Event) -> Event {
    Event { traits: vec![("plan".into(), json!(plan))], ..event }
}

/// Two versions of a row of another account: the first says it, the second does not.
fn row_that_says_no_more(said: Identifier) -> [Step; 2] {
    row_of("import:1:1", "u-9", said)
}

fn row_of(subject: &str, user: &str, said: Identifier) -> [Step; 2] {
    [(1, Some(said)), (2, None)].map(|(version, said)| {
        let order = Order { time: UnixMillis(0), message_id: subject.into() };
        let user = claimed("user_id", user, Strength::Asserted);
        let said = said.map(|said| claimed(said.kind.as_str(), &said.value, Strength::Asserted));
        let snapshot = Some(Snapshot { subject: subject.into(), version });
        let claim = [Some(user), said].into_iter().flatten().collect();
        Step::Hear(Event { snapshot, ..Event::naming(order, claim) })
    })
}
