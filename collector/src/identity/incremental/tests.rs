//! Held to the placing of the whole ledger, event after event.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;
use selvedge_core::identifier::{Identifier, Kind};

use super::*;
use crate::event::{Claimed, Order, Source, Strength, UnixMillis};
use crate::identity::{Claim, Decisions, Placing, place};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn after_every_event_everyone_stands_as_in_the_placing_of_the_whole(log in any_log(), decided in any_decisions()) {
        let rules = rules();
        let mut ledger = Ledger::default();
        let mut steps: Vec<(usize, Decisions)> = (1..=log.len()).map(|told| (told, decided[told % decided.len()].clone())).collect();
        // Decisions are withdrawn too.
        steps.push((log.len(), Decisions::default()));
        for (told, decisions) in steps {
            ledger.tell(&log[..told], &decisions, &rules);
            let whole = place(&log[..told], &decisions, &rules);
            prop_assert_eq!(ledger.people(), people(&whole), "after {} of {:#?} {:?}", told, log, decisions);
        }
    }

    #[test]
    fn taking_an_event_back_restores_what_was_before(log in any_log()) {
        let rules = rules();
        let mut ledger = Ledger::default();
        let none = Decisions::default();
        let (rest, last) = log.split_at(log.len() - 1);
        ledger.tell(rest, &none, &rules);
        let before = ledger.stood.clone();
        ledger.tell(&[rest, last].concat(), &none, &rules);
        ledger.tell(rest, &none, &rules);
        prop_assert_eq!(ledger.stood, before);
    }
}

/// identity.md, section 7, law 8.
#[test]
fn how_many_one_event_replaces_does_not_depend_on_how_many_there_are() {
    let rules = Rules::default();
    for people in [100, 1_600] {
        let mut said: Vec<Claim> = Vec::new();
        // Everyone shares an address with the next and a telephone with the one before: one component.
        for n in 0..people {
            said.push(claim(n, &format!("U{n} e{n}"), Strength::Observed));
            said.push(claim(n + people, &format!("U{} e{n}", n + 1), Strength::Observed));
        }
        let mut ledger = Ledger::default();
        ledger.tell(&said, &Decisions::default(), &rules);
        // Back-dated: the address of one in the middle goes to its neighbour.
        let middle = people / 2;
        said.push(claim(-1, &format!("U{} e{middle}", middle + 1), Strength::Observed));
        let replaced = ledger.tell(&said, &Decisions::default(), &rules);
        assert!((1..=4).contains(&replaced.len()), "{people} people: {replaced:?}");
        assert!(ledger.asked.borrow().len() <= 40, "{people} people: asked about {}", ledger.asked.borrow().len());
    }
}

/// A ledger in memory.
#[derive(Default)]
struct Ledger {
    ties: BTreeMap<Identifier, Rc<[Tie]>>,
    named: BTreeSet<Identifier>,
    stood: BTreeMap<Identifier, Standing>,
    decisions: Decisions,
    linked: BTreeMap<Identifier, Rc<[Identifier]>>,
    /// Whose edges were asked for since the last event.
    asked: RefCell<BTreeSet<Identifier>>,
}

impl Ground for Ledger {
    type Error = std::convert::Infallible;

    fn ties(&self, name: &Identifier) -> Result<Rc<[Tie]>, Self::Error> {
        self.asked.borrow_mut().insert(name.clone());
        Ok(self.ties.get(name).cloned().unwrap_or_default())
    }

    fn is_named(&self, name: &Identifier) -> Result<bool, Self::Error> {
        Ok(self.named.contains(name))
    }

    fn linked(&self, name: &Identifier) -> Result<Rc<[Identifier]>, Self::Error> {
        Ok(self.linked.get(name).cloned().unwrap_or_else(|| [name.clone()].into()))
    }

    fn kept_apart(&self, name: &Identifier) -> Result<Rc<[Identifier]>, Self::Error> {
        let other = |(x, y): &(Identifier, Identifier)| match (x == name, y == name) {
            (true, _) => Some(y.clone()),
            (_, true) => Some(x.clone()),
            (false, false) => None,
        };
        Ok(self.decisions.apart.iter().filter_map(other).collect())
    }

    fn stood(&self, name: &Identifier) -> Result<Option<Standing>, Self::Error> {
        Ok(self.stood.get(name).cloned())
    }

    fn trusted_person(&self, head: &Identifier) -> Result<Vec<Identifier>, Self::Error> {
        let of_head = self.stood.iter().filter(|(_, stood)| stood.among_trusted.head == *head);
        Ok(of_head.map(|(name, _)| name.clone()).collect())
    }
}

impl Ledger {
    /// Takes the ledger to these claims, and tells the engine what that changes.
    fn tell(&mut self, claims: &[Claim], decisions: &Decisions, rules: &Rules) -> Replaced {
        let mut ties: BTreeMap<Identifier, Vec<Tie>> = BTreeMap::new();
        for tie in crate::identity::edge::tests_only::ties(claims, rules) {
            ties.entry(tie.anchor.clone()).or_default().push(tie.clone());
            ties.entry(tie.other.clone()).or_default().push(tie);
        }
        let now: BTreeMap<Identifier, Rc<[Tie]>> = ties.into_iter().map(|(name, ties)| (name, ties.into())).collect();
        let named: BTreeSet<Identifier> = place(claims, decisions, rules).people.into_keys().collect();
        let linked: BTreeMap<Identifier, Rc<[Identifier]>> =
            crate::identity::linked_units(&named, &decisions.links, decisions, rules)
                .into_iter()
                .flat_map(|unit| unit.iter().cloned().map(|name| (name, Rc::clone(&unit))).collect::<Vec<_>>())
                .collect();
        let mut dirty: BTreeSet<Identifier> = self.named.symmetric_difference(&named).cloned().collect();
        for name in self.ties.keys().chain(now.keys()) {
            if self.ties.get(name) != now.get(name) {
                dirty.insert(name.clone());
            }
        }
        for name in self.linked.keys().chain(linked.keys()) {
            if self.linked.get(name) != linked.get(name) {
                let units = [self.linked.get(name), linked.get(name)];
                dirty.extend(units.into_iter().flatten().flat_map(|unit| unit.iter().cloned()));
            }
        }
        for (x, y) in self.decisions.apart.symmetric_difference(&decisions.apart) {
            dirty.extend([x.clone(), y.clone()]);
        }
        (self.ties, self.named, self.linked, self.decisions) = (now, named, linked, decisions.clone());
        self.asked.borrow_mut().clear();
        let Ok(replaced) = replace(self, rules, &dirty);
        for (name, standing) in replaced.clone() {
            match standing {
                Some(standing) => self.stood.insert(name, standing),
                None => self.stood.remove(&name),
            };
        }
        replaced
    }

    /// Of every name its leader, and the edge by which it follows, or by which the person that it heads does.
    fn people(&self) -> People {
        let place = |(name, standing): (&Identifier, &Standing)| {
            // A unit of linked names has one parent, told of its first name.
            let speaks = self.linked.get(name).is_none_or(|unit| unit[0] == *name);
            let follows = speaks && standing.among_trusted.head != *name;
            let by_trust = standing.among_trusted.parent.clone().filter(|_| follows);
            let by_all = standing.among_all.as_ref().filter(|second| second.head != *name);
            (name.clone(), (standing.leader.clone(), by_trust.or(by_all.and_then(|second| second.parent.clone()))))
        };
        self.stood.iter().map(place).collect()
    }
}

type People = BTreeMap<Identifier, (Identifier, Option<crate::identity::ParentEdge>)>;

fn people(whole: &Placing) -> People {
    whole.people.iter().map(|(name, place)| (name.clone(), (place.leader.clone(), place.parent.clone()))).collect()
}

fn rules() -> Rules {
    let accounts = vec![Kind::USER_ID, Kind::new("crm_id")];
    Rules { account_kinds: accounts, contact_limit: 2, crowd_limit: 4, ..Rules::default() }
}

/// A kind, a number, and how far it is trusted.
type Drawn = ((&'static str, u8), Strength);

/// Few names, so that they meet; few times, so that they tie.
fn any_log() -> impl Strategy<Value = Vec<Claim>> {
    let name = prop_oneof![
        3 => (0..4u8).prop_map(|n| ("user_id", n)),
        1 => (0..3u8).prop_map(|n| ("crm_id", n)),
        4 => (0..5u8).prop_map(|n| ("email", n)),
        3 => (0..4u8).prop_map(|n| ("phone", n)),
    ];
    let strength =
        prop_oneof![2 => Just(Strength::Observed), 1 => Just(Strength::Proven), 1 => Just(Strength::Asserted)];
    let names = prop::collection::vec((name, strength), 1..4);
    prop::collection::vec((0..6i64, names), 1..24).prop_map(|log| {
        let claim = |(place, (time, names)): (usize, (i64, Vec<Drawn>))| {
            let mut identifiers: Vec<Claimed> = Vec::new();
            for ((kind, n), strength) in names {
                let identifier = Identifier::new(Kind::new(kind), format!("{kind}{n}"));
                let is_second = identifiers.iter().any(|known| {
                    known.identifier == identifier
                        || (known.identifier.kind == identifier.kind && matches!(kind, "user_id" | "crm_id"))
                });
                if !is_second {
                    identifiers.push(Claimed { identifier, strength });
                }
            }
            let order = Order { time: UnixMillis(time), message_id: format!("m{place:02}").into() };
            Claim { order, identifiers, source: Source(1) }
        };
        log.into_iter().enumerate().map(claim).collect()
    })
}

/// Now and then none, so that all of them are withdrawn in between.
fn any_decisions() -> impl Strategy<Value = Vec<Decisions>> {
    let name = prop_oneof![
        (0..4u8).prop_map(|n| ("user_id", n)),
        (0..5u8).prop_map(|n| ("email", n)),
        (0..4u8).prop_map(|n| ("phone", n)),
    ];
    let name = name.prop_map(|(kind, n)| Identifier::new(Kind::new(kind), format!("{kind}{n}")));
    let pair = (name.clone(), name).prop_filter("two names", |(x, y)| x != y);
    let pairs = prop_oneof![1 => Just(Vec::new()), 2 => prop::collection::vec((any::<bool>(), pair), 1..5)];
    let decisions = pairs.prop_map(|pairs| {
        let mut decisions = Decisions::default();
        for (is_link, (x, y)) in pairs {
            if is_link { decisions.links.push((x, y)) } else { decisions.part(x, y) }
        }
        decisions
    });
    prop::collection::vec(decisions, 1..6)
}

fn claim(time: i64, names: &str, strength: Strength) -> Claim {
    let identifier = |name: &str| {
        let kind = if name.starts_with('U') { Kind::USER_ID } else { Kind::EMAIL };
        Claimed { identifier: Identifier::new(kind, name), strength }
    };
    let order = Order { time: UnixMillis(time), message_id: format!("m {time} {names}").into() };
    Claim { order, identifiers: names.split(' ').map(identifier).collect(), source: Source(1) }
}
