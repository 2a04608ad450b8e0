//! The sentences of identity.md, sections 3 and 4, one by one. Random logs are held to the oracle in the workspace's
//! tests.

use std::collections::BTreeSet;

use selvedge_core::identifier::{Identifier, Kind};

use super::*;
use crate::event::{Claimed, Order, Source, Strength, UnixMillis};

#[test]
fn an_edge_goes_from_the_anchor_to_each_other_name() {
    let people = told(&[observed(1, "U1 e1 P1 a1")]);
    assert_eq!(people.groups(), ["U1: U1 e1 P1"]);
    assert_eq!(people.parent("e1"), Some("U1 at 1".to_owned()));
    assert_eq!(people.parent("P1"), Some("U1 at 1".to_owned()));
    assert_eq!(people.parent("U1"), None);
}

#[test]
fn a_contact_without_an_account_leads_itself() {
    assert_eq!(told(&[observed(1, "e1 P1"), observed(2, "P2")]).groups(), ["P2: P2", "e1: e1 P1"]);
}

#[test]
fn a_follower_takes_its_first_edge_to_someone_nearer_whatever_arrives_first() {
    let first_by_time = [observed(2, "U1 e1"), observed(1, "U2 e1")];
    assert_eq!(told(&first_by_time).groups(), ["U1: U1", "U2: U2 e1"]);
    let one_step_beats_two = [observed(1, "U1 e1"), observed(2, "e1 P1"), observed(3, "U2 P1")];
    assert_eq!(told(&one_step_beats_two).groups(), ["U1: U1 e1", "U2: U2 P1"]);
}

#[test]
fn between_events_of_one_time_the_message_id_decides() {
    let mut said = [observed(1, "U1 e1"), observed(1, "U2 e1")];
    said[0].order.message_id = "b".into();
    said[1].order.message_id = "a".into();
    assert_eq!(told(&said).groups(), ["U1: U1", "U2: U2 e1"]);
}

#[test]
fn between_edges_of_one_claim_the_rank_of_its_ends_decides() {
    // e0 is as near by e1 as by P1, and one claim says both: mail comes before telephone.
    let said = [observed(1, "U1 P1"), observed(2, "U2 e1"), observed(3, "e0 e1 P1")];
    assert_eq!(told(&said).groups(), ["U1: U1 P1", "U2: U2 e0 e1"]);
}

#[test]
fn three_steps_are_near_and_four_are_not() {
    let said = [observed(1, "U1 e1"), observed(2, "e1 P1"), observed(3, "e2 P1"), observed(4, "e2 P2")];
    let people = told(&said);
    assert_eq!(people.groups(), ["P2: P2", "U1: U1 e1 e2 P1"]);
    assert_eq!(people.conflicts(), ["e2 P2 nearest at 4"]);
}

#[test]
fn a_person_holds_five_addresses_and_the_sixth_stands_for_itself() {
    let said: Vec<Claim> = (1..=6).map(|n| observed(n, &format!("U1 e{n}"))).collect();
    let people = told(&said);
    assert_eq!(people.groups(), ["U1: U1 e1 e2 e3 e4 e5", "e6: e6"]);
    assert_eq!(people.conflicts(), ["U1 e6 limit at 6"]);
}

#[test]
fn a_refused_follower_keeps_its_own_followers() {
    let mut said: Vec<Claim> = (1..=6).map(|n| observed(n, &format!("U1 e{n}"))).collect();
    said.push(observed(7, "e6 P6"));
    assert_eq!(told(&said).groups(), ["U1: U1 e1 e2 e3 e4 e5", "e6: e6 P6"]);
}

#[test]
fn nobody_gets_a_second_choice() {
    // e6 is refused by U1, and U2 whom it names later would have room.
    let mut said: Vec<Claim> = (1..=6).map(|n| observed(n, &format!("U1 e{n}"))).collect();
    said.push(observed(7, "U2 e6"));
    let people = told(&said);
    assert_eq!(people.groups(), ["U1: U1 e1 e2 e3 e4 e5", "U2: U2", "e6: e6"]);
    assert_eq!(people.conflicts(), ["U1 e6 limit at 6", "U2 e6 nearest at 7"]);
}

#[test]
fn two_accounts_of_one_kind_never_share_a_person() {
    let people = told(&[observed(1, "U1 e1"), observed(2, "U2 e1"), observed(3, "U3 e1")]);
    assert_eq!(people.groups(), ["U1: U1 e1", "U2: U2", "U3: U3"]);
    assert_eq!(people.conflicts(), ["U2 e1 account_conflict at 2", "U3 e1 account_conflict at 3"]);
}

#[test]
fn accounts_of_two_kinds_share_a_person() {
    let rules = Rules { account_kinds: vec![Kind::USER_ID, Kind::new("crm_id")], ..Rules::default() };
    let said = [observed(1, "U1 C1"), observed(2, "C1 e1"), observed(3, "C2 e1")];
    let people = Told(place(&said, &Decisions::default(), &rules));
    assert_eq!(people.groups(), ["C2: C2", "U1: U1 C1 e1"]);
    assert_eq!(people.conflicts(), ["C2 e1 account_conflict at 3"]);
}

#[test]
fn what_is_said_without_proof_never_moves_what_was_said_with_it() {
    let said = [observed(1, "U2 e1"), asserted(9, "U1 e1")];
    let people = told(&said);
    assert_eq!(people.groups(), ["U1: U1 e1", "U2: U2"]);
    assert_eq!(people.conflicts(), ["U2 e1 account_conflict at 1"]);
}

#[test]
fn an_observed_repetition_that_claims_an_early_time_does_not_reorder_trusted_people() {
    let said = [asserted(5, "U1 e1"), asserted(6, "U2 e1"), observed(1, "U2 e1")];
    assert_eq!(told(&said).groups(), ["U1: U1 e1", "U2: U2"]);
}

#[test]
fn an_imported_address_without_an_account_finds_the_account_that_is_observed_later() {
    let people = told(&[asserted(1, "e1 P1"), observed(2, "U1 P1")]);
    assert_eq!(people.groups(), ["U1: U1 e1 P1"]);
    assert_eq!(people.parent("P1"), Some("e1 at 1".to_owned()));
    assert_eq!(people.parent("e1"), Some("U1 at 2".to_owned()), "the whole trusted person follows");
}

#[test]
fn a_trusted_person_that_does_not_fit_stands_for_itself_as_a_whole() {
    let mut said: Vec<Claim> = (1..=5).map(|n| asserted(n, &format!("U1 e{n}"))).collect();
    said.extend([asserted(6, "e6 P1"), observed(7, "U1 P1")]);
    assert_eq!(told(&said).groups(), ["U1: U1 e1 e2 e3 e4 e5", "e6: e6 P1"]);
}

#[test]
fn an_edge_that_only_one_end_trusts_is_observed() {
    let mut half = asserted(1, "U1 e1");
    half.identifiers[0].strength = Strength::Observed;
    let people = told(&[half, asserted(9, "U2 e1")]);
    assert_eq!(people.groups(), ["U1: U1", "U2: U2 e1"]);
    assert_eq!(people.0.conflicts[0].strength, Strength::Observed);
}

#[test]
fn a_pair_is_in_conflict_once_with_its_trusted_edge() {
    let said = [observed(1, "U2 e1"), asserted(3, "U1 e1"), asserted(4, "U2 e1")];
    let people = told(&said);
    assert_eq!(people.conflicts(), ["U2 e1 account_conflict at 4"]);
    assert_eq!(people.0.conflicts[0].strength, Strength::Asserted);
}

#[test]
fn a_contact_beside_more_than_twenty_accounts_in_trusted_claims_is_nobodys() {
    let twenty: Vec<Claim> = (1..=20).map(|n| asserted(n, &format!("U{n} P1"))).collect();
    assert_eq!(told(&twenty).0.quarantined, [].into());
    let crowd: Vec<Claim> = (1..=21).map(|n| asserted(n, &format!("U{n} P1"))).collect();
    let people = told(&crowd);
    assert_eq!(people.0.quarantined, [(name("P1"), Quarantine::Everywhere)].into());
    assert_eq!(people.0.people.get(&name("P1")), None);
    assert_eq!(people.conflicts(), [""; 0]);
}

#[test]
fn a_crowd_that_is_only_observed_takes_nothing_from_what_is_trusted() {
    let mut said: Vec<Claim> = (1..=21).map(|n| observed(n, &format!("U{n} P1"))).collect();
    said.push(asserted(50, "U50 P1"));
    let people = told(&said);
    assert_eq!(people.0.quarantined, [(name("P1"), Quarantine::Observed)].into());
    assert_eq!(people.0.people[&name("P1")].leader, name("U50"));
}

#[test]
fn a_crowd_is_counted_over_accounts_and_contacts_and_by_kind() {
    let on_many_devices: Vec<Claim> = (1..=30).map(|n| observed(n, &format!("U1 e1 a{n}"))).collect();
    let of_two_kinds = (1..=15).flat_map(|n| [observed(n, &format!("U{n} P1")), observed(n, &format!("e{n} P1"))]);
    assert_eq!(told(&on_many_devices).0.quarantined, [].into());
    assert_eq!(told(&of_two_kinds.collect::<Vec<_>>()).0.quarantined, [].into());
}

#[test]
fn an_event_that_names_nobody_who_is_left_goes_by_its_device() {
    let rules = Rules::default();
    let crowd = [(name("P1"), Quarantine::Everywhere)].into();
    let (p1, a1, a2) = (name("P1"), name("a1"), name("a2"));
    let belonging = |names: &str| format!("{:?}", Belonging::of(&observed(1, names).identifiers, &crowd, &rules));
    let device = |devices, taken_out| format!("{:?}", Belonging::Device { devices, taken_out });
    assert_eq!(belonging("U1 P1 a1"), format!("{:?}", Belonging::Person(&name("U1"))));
    assert_eq!(belonging("a2 a1"), device(vec![&a1, &a2], vec![]));
    assert_eq!(belonging("P1 a1"), device(vec![&a1], vec![&p1]));
    assert_eq!(belonging("P1"), format!("{:?}", Belonging::Unattributed));
}

#[test]
fn what_names_one_person_never_ends_at_another() {
    let mark = Mark { order: observed(1, "").order, person: name("U1") };
    let timeline = Timeline::new(vec![mark], &Rules::default());
    let at = observed(2, "").order;
    let holder = |of: &Identifier| (*of == name("P1")).then(|| name("U1"));
    let owner = |taken_out: &[&Identifier]| owner_by_device(&timeline, &at, taken_out, holder);
    assert_eq!(owner(&[]), Owner::Person(name("U1")));
    assert_eq!(owner(&[&name("P1")]), Owner::Person(name("U1")));
    assert_eq!(owner(&[&name("P1"), &name("P2")]), Owner::Anonymous);
}

/// A placing, told in short: `U1` is a user_id, `C1` a crm_id, `e1` an email, `P1` a phone, `a1` an anonymous_id.
struct Told(Placing);

fn told(said: &[Claim]) -> Told {
    Told(place(said, &Decisions::default(), &Rules::default()))
}

impl Told {
    /// `leader: members`, members by rank.
    fn groups(&self) -> Vec<String> {
        let rules = Rules { account_kinds: vec![Kind::USER_ID, Kind::new("crm_id")], ..Rules::default() };
        let mut by_rank: Vec<_> = self.0.people.iter().collect();
        by_rank.sort_by(|(a, _), (b, _)| rules.rank(a).cmp(&rules.rank(b)));
        let leaders: BTreeSet<&str> = by_rank.iter().map(|(_, place)| &*place.leader.value).collect();
        let members = |leader: &str| {
            let led = by_rank.iter().filter(|(_, place)| &*place.leader.value == leader);
            led.map(|(name, _)| format!(" {}", name.value)).collect::<String>()
        };
        leaders.into_iter().map(|leader| format!("{leader}:{}", members(leader))).collect()
    }

    fn parent(&self, of: &str) -> Option<String> {
        let parent = self.0.people[&name(of)].parent.as_ref();
        parent.map(|edge| format!("{} at {}", edge.to.value, edge.order.time.0))
    }

    fn conflicts(&self) -> Vec<String> {
        let told = |c: &Conflict| format!("{} {} {} at {}", c.x.value, c.y.value, c.reason.as_str(), c.order.time.0);
        self.0.conflicts.iter().map(told).collect()
    }
}

fn observed(time: i64, names: &str) -> Claim {
    claim(time, names, Strength::Observed)
}

fn asserted(time: i64, names: &str) -> Claim {
    claim(time, names, Strength::Asserted)
}

fn claim(time: i64, names: &str, strength: Strength) -> Claim {
    let identifiers = names.split_whitespace().map(|value| Claimed { identifier: name(value), strength }).collect();
    let order = Order { time: UnixMillis(time), message_id: format!("m{time} {names}").into() };
    Claim { order, identifiers, source: Source(1) }
}

fn name(value: &str) -> Identifier {
    let kind = match value.as_bytes()[0] {
        b'U' => Kind::USER_ID,
        b'C' => Kind::new("crm_id"),
        b'e' => Kind::EMAIL,
        b'P' => Kind::PHONE,
        _ => Kind::ANONYMOUS_ID,
    };
    Identifier::new(kind, value)
}
