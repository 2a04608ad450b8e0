//! Random stories: events of every sort with decisions and withdrawals between them, and the rules that they meet.
//!
//! Rivals for a contact, shared contacts and devices, crowds, aliases, digests and the clear values that they are of,
//! tokens, keys of each trust, rows of imports in several versions, times before and after the guard.

#![allow(dead_code, reason = "each test tells the sort of story that it is about")]

use proptest::prelude::*;
use selvedge_collector::event::{Claimed, Order, Snapshot, Strength, Trust, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Alias, Decision, Event, Ledger, Op, Region, Rules, TraitRule, digest};
use serde_json::{Value, json};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// An event arrives.
    Hear(Event),
    /// An operator decides.
    Decide(Decision),
    /// The decision of that number is withdrawn.
    Withdraw(u64),
    /// An operator erases whoever this is, at this time; without end, if it is a suppression.
    Erase(Identifier, UnixMillis, bool),
    /// The workspace is guarded from this time on, unless it is already.
    Guard(UnixMillis),
    /// The ledger is built again, by these rules.
    Rule(Box<Rules>),
}

/// What happens, in order, and by which rules.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) steps: Vec<Step>,
    pub(crate) rules: Rules,
}

impl Story {
    /// Everything that is known in the end.
    pub(crate) fn ledger(&self) -> Ledger {
        let (mut ledger, mut rules) = (Ledger::default(), self.rules.clone());
        for step in &self.steps {
            match step {
                Step::Hear(event) => ledger.events.push(event.clone()),
                Step::Decide(decision) => ledger.decisions.push(decision.clone()),
                Step::Withdraw(number) => {
                    let decided = ledger.decisions.iter_mut().filter(|decision| decision.number == *number);
                    decided.for_each(|decision| decision.is_withdrawn = true);
                }
                Step::Erase(whom, at, is_suppression) => drop(ledger.erase(whom, (*at, *is_suppression), &rules)),
                Step::Guard(from) => drop(rules.guard_from.get_or_insert(*from)),
                Step::Rule(others) => rules = (**others).clone(),
            }
        }
        ledger
    }
}

/// Any story of at most so many steps.
pub(crate) fn story(steps: usize) -> impl Strategy<Value = Story> {
    (sketches(steps, any_source()), rules())
        .prop_map(|(sketches, rules)| Story { steps: Sketched::all(&sketches, "m"), rules })
}

/// Any story in which people are erased now and then.
pub(crate) fn story_with_erasures(steps: usize) -> impl Strategy<Value = Story> {
    let erase = (named(POOLS), prop::sample::select(vec![0, 20, GUARD_DAY, 50, 70]), prop::bool::weighted(0.15));
    let erasures = prop::collection::vec((any::<prop::sample::Index>(), erase), 1..4);
    (sketches(steps, any_source()), rules(), erasures).prop_map(|(mut sketches, rules, erasures)| {
        for (place, (whom, day, is_suppression)) in erasures {
            sketches.insert(place.index(sketches.len() + 1), Sketched::Erase(whom, day, is_suppression));
        }
        Story { steps: Sketched::all(&sketches, "m"), rules }
    })
}

/// Any story that is guarded only when much of it is told.
pub(crate) fn story_guarded_late(steps: usize) -> impl Strategy<Value = Story> {
    let days = prop::sample::select(vec![0, 15, GUARD_DAY, 50]);
    let guards = prop::collection::vec((any::<prop::sample::Index>(), days), 1..3);
    (prop_oneof![story(steps), story_with_erasures(steps)], guards).prop_map(|(mut story, guards)| {
        story.rules.guard_from = None;
        for (place, day) in guards {
            story.steps.insert(place.index(story.steps.len() + 1), Step::Guard(at(day, 0)));
        }
        story
    })
}

/// Any story that is told by its rules, then by others, and by its own again in the end.
pub(crate) fn story_by_other_rules(steps: usize) -> impl Strategy<Value = Story> {
    (prop_oneof![story(steps), story_with_erasures(steps)], rules()).prop_map(|(mut story, others)| {
        let own = story.rules.clone();
        story.steps.extend([others, own].map(Box::new).map(Step::Rule));
        story
    })
}

/// What guarded sources say: a story of which the guard's time is known, and observed events from after it. Mostly the
/// whole story is from after it, and begins with people whom a server names: else hardly anybody is held.
pub(crate) fn guarded_story(steps: usize) -> impl Strategy<Value = (Story, Vec<Event>)> {
    let observed = prop::collection::vec(sketch(POOLS, Just((Key::Public, Trust::Guarded)).boxed()), 1..=steps);
    let crowd = prop_oneof![3 => Just(Vec::new()), 1 => crowd(POOLS, Just((Key::Public, Trust::Guarded)).boxed())];
    let told = (sketches(steps, guarded_source()), held_people(), prop::bool::weighted(0.8));
    (told, rules(), observed, crowd).prop_map(|((sketches, held, is_after), rules, observed, crowd)| {
        let rules = Rules { guard_from: Some(at(GUARD_DAY, 0)), ..rules };
        let event = |sketch| Sketched::Event(Box::new(sketch));
        let later = observed.into_iter().chain(crowd).map(|sketch| event(sketch.after_the_guard()));
        let steps = Sketched::all(&later.collect::<Vec<_>>(), "o").into_iter();
        let events = steps.filter_map(|step| if let Step::Hear(event) = step { Some(event) } else { None });
        let told = held.into_iter().map(event).chain(sketches).map(|told| match told {
            Sketched::Event(sketch) if is_after => event((*sketch).after_the_guard()),
            told @ (Sketched::Event(_) | Sketched::Decide(..) | Sketched::Withdraw(_) | Sketched::Erase(..)) => told,
        });
        (Story { steps: Sketched::all(&told.collect::<Vec<_>>(), "m"), rules }, events.collect())
    })
}

/// One or several, each with a contact and a device.
fn held_people() -> impl Strategy<Value = Vec<Sketch>> {
    let like = sketch(POOLS, Just((Key::Secret, Trust::Guarded)).boxed());
    (like, 1..=POOLS.0, 2..4usize).prop_map(|(like, people, contact)| {
        let name = |kind, number| Named { kind, number, form: Form::Clear };
        let of = |number| Sketch {
            user: Some(number),
            names: vec![name(contact, number), name(4, number % POOLS.2)],
            previous: None,
            row: None,
            ..like.clone()
        };
        (0..people).map(of).collect()
    })
}

/// The defaults, and small limits that short stories meet.
fn rules() -> impl Strategy<Value = Rules> {
    let limits = prop_oneof![Just((5, 20, 20)), Just((2, 3, 2))];
    let guard = prop_oneof![Just(None), Just(Some(at(GUARD_DAY, 0))), Just(Some(at(0, 0)))];
    let plan = prop::sample::select(vec![
        TraitRule::Latest,
        TraitRule::First,
        TraitRule::Max,
        TraitRule::Min,
        TraitRule::Union,
    ]);
    let region = prop::option::weighted(0.3, Just(Region { calling_code: "49", trunk_prefix: "0" }));
    let others = (any::<bool>(), region);
    (limits, guard, plan, others).prop_map(|((contacts, beside, people), guard_from, plan, (has_crm, region))| {
        let mut rules = Rules {
            contacts_per_person: contacts,
            beside_a_contact: beside,
            people_per_device: people,
            guard_from,
            trait_rules: [("plan".to_owned(), plan)].into(),
            region,
            ..Rules::default()
        };
        if has_crm {
            rules.account_kinds.push(Kind::new("crm_id"));
        }
        rules
    })
}

#[derive(Debug, Clone)]
enum Sketched {
    Event(Box<Sketch>),
    Decide(Verb, Named, Named),
    /// One of those before, if there is any.
    Withdraw(prop::sample::Index),
    /// On a day.
    Erase(Named, i64, bool),
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Link,
    KeepApart,
    Ignore,
}

/// A name of a pool: its kind's place among [`KINDS`], its number, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    kind: usize,
    number: u8,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Clear,
    Hashed(&'static str),
}

#[derive(Debug, Clone)]
struct Sketch {
    user: Option<u8>,
    names: Vec<Named>,
    key: Key,
    trust: Trust,
    day: i64,
    ten_minutes: i64,
    plan: Option<Value>,
    previous: Option<Previous>,
    row: Option<(u8, bool)>,
}

#[derive(Debug, Clone)]
enum Key {
    Public,
    Secret,
    /// A public key with a token that proves these of [`KINDS`].
    Token([bool; 3]),
    /// The strength of each kind, as a forwarded event says it.
    Forwarded([Strength; KINDS.len()]),
}

#[derive(Debug, Clone)]
enum Previous {
    User(u8),
    Device(u8),
}

/// Of users, contacts and devices.
type Pools = (u8, u8, u8);

fn sketches(steps: usize, source: BoxedStrategy<(Key, Trust)>) -> impl Strategy<Value = Vec<Sketched>> {
    let pools = prop_oneof![4 => Just(POOLS), 1 => Just((28, 3, 2)), 1 => Just((5, 12, 2))];
    pools.prop_flat_map(move |pools| {
        let event = sketch(pools, source.clone()).prop_map(|sketch| Sketched::Event(Box::new(sketch)));
        let verb = prop::sample::select(vec![Verb::Link, Verb::KeepApart, Verb::KeepApart, Verb::Ignore]);
        let decide = (verb, named(pools), named(pools)).prop_map(|(verb, x, y)| Sketched::Decide(verb, x, y));
        let withdraw = any::<prop::sample::Index>().prop_map(Sketched::Withdraw);
        let step = prop_oneof![12 => event, 2 => decide, 1 => withdraw];
        let crowd = prop_oneof![4 => Just(Vec::new()), 1 => crowd(pools, source.clone())];
        (prop::collection::vec(step, 1..=steps), crowd).prop_map(|(steps, crowd)| {
            let crowd = crowd.into_iter().map(|sketch| Sketched::Event(Box::new(sketch)));
            steps.into_iter().chain(crowd).collect()
        })
    })
}

/// About as many accounts as it takes to make a crowd's contact, or to quarantine a device.
fn crowd(pools: Pools, source: BoxedStrategy<(Key, Trust)>) -> impl Strategy<Value = Vec<Sketch>> {
    (sketch(pools, source), 19..24u8).prop_map(|(like, accounts)| {
        let of = |account| Sketch {
            user: Some(account),
            ten_minutes: i64::from(account),
            row: None,
            previous: None,
            ..like.clone()
        };
        (0..accounts).map(of).collect()
    })
}

fn any_source() -> BoxedStrategy<(Key, Trust)> {
    let trust = prop_oneof![1 => Just(Trust::Open), 3 => Just(Trust::Guarded), 1 => Just(Trust::Strict)];
    (key(), trust).boxed()
}

fn guarded_source() -> BoxedStrategy<(Key, Trust)> {
    (key(), Just(Trust::Guarded)).boxed()
}

fn key() -> impl Strategy<Value = Key> {
    let strength = || prop_oneof![Just(Strength::Observed), Just(Strength::Proven), Just(Strength::Asserted)];
    let forwarded = prop::collection::vec(strength(), KINDS.len());
    prop_oneof![
        6 => Just(Key::Public),
        3 => Just(Key::Secret),
        2 => any::<[bool; 3]>().prop_map(Key::Token),
        1 => forwarded.prop_map(|strengths| Key::Forwarded(std::array::from_fn(|place| strengths[place]))),
    ]
}

fn sketch(pools: Pools, source: BoxedStrategy<(Key, Trust)>) -> impl Strategy<Value = Sketch> {
    let names = (prop::option::weighted(0.4, 0..pools.0), prop::collection::btree_set(named(pools), 0..4));
    let days = prop::sample::select(vec![0, 15, GUARD_DAY - 1, GUARD_DAY, 45, 60]);
    let ten_minutes = prop_oneof![2 => Just(0), 3 => 1..8i64];
    let plan = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Value::Null)),
        3 => (1..5u8).prop_map(|plan| Some(json!(plan))),
        1 => Just(Some(json!(["a", "b"]))),
    ];
    let previous = prop_oneof![
        8 => Just(None),
        1 => (0..pools.0).prop_map(|user| Some(Previous::User(user))),
        1 => (0..pools.2).prop_map(|device| Some(Previous::Device(device))),
    ];
    let row = prop::option::weighted(0.15, (0..3u8, any::<bool>()));
    (names, source, (days, ten_minutes), plan, previous, row).prop_map(
        |((user, names), (key, trust), (day, ten_minutes), plan, previous, row)| Sketch {
            user,
            names: names.into_iter().collect(),
            key,
            trust,
            day,
            ten_minutes,
            plan,
            previous,
            row,
        },
    )
}

/// Any name. A pool's numbers are spread over its kinds.
fn named((users, contacts, devices): Pools) -> impl Strategy<Value = Named> {
    let form = prop_oneof![
        6 => Just(Form::Clear),
        1 => Just(Form::Hashed("sha256")),
        1 => Just(Form::Hashed("sha1")),
        1 => Just(Form::Hashed("md5")),
    ];
    let kind = prop_oneof![1 => Just(0usize), 1 => Just(1), 4 => Just(2), 3 => Just(3), 4 => Just(4), 1 => Just(5), 1 => Just(6)];
    (kind, any::<u8>(), form).prop_map(move |(kind, number, form)| {
        let pool = [users, 3, contacts, contacts, devices, 2, 2][kind];
        let form = if ["email", "phone", "idfa"].contains(&KINDS[kind]) { form } else { Form::Clear };
        Named { kind, number: number % pool, form }
    })
}

impl Sketched {
    /// The steps of these, with messageIds that begin so.
    fn all(sketched: &[Self], prefix: &str) -> Vec<Step> {
        let mut decisions = 0;
        let mut steps = Vec::new();
        for (place, sketched) in sketched.iter().enumerate() {
            match sketched {
                Self::Event(sketch) => steps.push(Step::Hear(sketch.event(prefix, place))),
                Self::Decide(verb, x, y) => {
                    decisions += 1;
                    // A ledger takes no decision about what nobody said: few are told all the same.
                    let is_told_anyway = place % 6 == 0;
                    let [x, y] = [x, y].map(|name| if is_told_anyway { name.identifier() } else { name.near(&steps) });
                    let op = match verb {
                        Verb::Link => Op::Link(x, y),
                        Verb::KeepApart => Op::KeepApart(x, y),
                        Verb::Ignore => Op::Ignore(x),
                    };
                    // Several in one moment: the number decides.
                    let at = at(i64::try_from(place / 4).unwrap_or_default(), 0);
                    steps.push(Step::Decide(Decision { number: decisions, at, op, is_withdrawn: false }));
                }
                Self::Withdraw(which) => {
                    let number = usize::try_from(decisions).unwrap_or_default();
                    let withdrawn = (number > 0).then(|| which.index(number) as u64 + 1);
                    steps.extend(withdrawn.map(Step::Withdraw));
                }
                Self::Erase(whom, day, is_suppression) => {
                    steps.push(Step::Erase(whom.identifier(), at(*day, 0), *is_suppression));
                }
            }
        }
        steps
    }
}

impl Named {
    fn identifier(self) -> Identifier {
        let clear = match KINDS[self.kind] {
            "email" => format!("e{}@example.com", self.number),
            // Its digits are what the number before is within its region.
            "phone" if self.number % 4 == 3 => format!("+30000{:03}", self.number - 1),
            "phone" => format!("+4930000{:03}", self.number),
            kind => format!("{}{}", kind.chars().next().unwrap_or_default(), self.number),
        };
        let value = match self.form {
            Form::Clear => clear,
            Form::Hashed(algorithm) => digest(algorithm, &self.national().unwrap_or(clear)),
        };
        Identifier::new(Kind::new(KINDS[self.kind]), value)
    }

    /// This, if a step says it, else one of those that steps say of its class, if any does.
    fn near(self, steps: &[Step]) -> Identifier {
        let (own, is_device) = (self.identifier(), |kind: &str| KINDS[4..].contains(&kind));
        let said = steps.iter().flat_map(|step| if let Step::Hear(event) = step { &event.claim[..] } else { &[] });
        let said = said.map(|claimed| &claimed.identifier);
        let alike: Vec<_> = said.filter(|said| is_device(said.kind.as_str()) == is_device(own.kind.as_str())).collect();
        let other = alike.get(usize::from(self.number) * 7 % alike.len().max(1));
        if alike.contains(&&own) { own } else { other.map_or(own, |other| (*other).clone()) }
    }

    /// As whoever hashed some of the numbers had written them: only a rule about the region says whose they are, or that
    /// they could be two people's.
    fn national(self) -> Option<String> {
        (KINDS[self.kind] == "phone" && self.number % 4 == 2).then(|| format!("30000{:03}", self.number))
    }
}

impl Sketch {
    fn after_the_guard(self) -> Self {
        let row = self.row.filter(|_| matches!(self.key, Key::Secret));
        Self { day: self.day.max(GUARD_DAY), row, ..self }
    }

    fn event(&self, prefix: &str, place: usize) -> Event {
        let claim = self.claim();
        let version = |is_rising| if is_rising { place as u64 } else { 1_000_000 - place as u64 };
        let snapshot = self.row.filter(|_| matches!(self.key, Key::Secret)).map(|(row, is_rising)| Snapshot {
            subject: format!("import:1:{row}").into(),
            version: version(is_rising),
        });
        let message_id = match &snapshot {
            Some(row) => row.subject.to_string(),
            None => format!("{prefix}{place:03}"),
        };
        let user = claim.iter().find(|claimed| claimed.identifier.kind == Kind::USER_ID);
        let alias = self.previous.as_ref().zip(user).filter(|_| snapshot.is_none()).map(|(previous, user)| Alias {
            previous_id: match previous {
                Previous::User(number) => format!("u{number}"),
                Previous::Device(number) => format!("a{number}"),
            },
            is_asserted: user.strength == Strength::Asserted,
        });
        // An account that is said to be itself is no device of that name: the intake takes no such `previousId` in.
        let alias = alias.filter(|alias| user.is_some_and(|user| *user.identifier.value != *alias.previous_id));
        let traits = self.plan.iter().filter(|_| alias.is_none()).map(|plan| ("plan".to_owned(), plan.clone()));
        let order = Order { time: at(self.day, self.ten_minutes), message_id: message_id.into() };
        Event { traits: traits.collect(), trust: self.trust, alias, snapshot, ..Event::naming(order, claim) }
    }

    /// At most one value of an account kind.
    fn claim(&self) -> Vec<Claimed> {
        let user = self.user.map(|number| Named { kind: 0, number, form: Form::Clear });
        let mut names: Vec<Named> = Vec::new();
        for name in user.into_iter().chain(self.names.iter().copied()) {
            let is_second = name.kind < 2 && names.iter().any(|earlier| earlier.kind == name.kind);
            if !is_second {
                names.push(name);
            }
        }
        let strength = |kind: usize| match &self.key {
            Key::Public => Strength::Observed,
            Key::Secret => Strength::Asserted,
            // userId, email and phone, as far as a token states them.
            Key::Token([user, email, phone]) => match KINDS[kind] {
                "user_id" if *user => Strength::Proven,
                "email" if *email => Strength::Proven,
                "phone" if *phone => Strength::Proven,
                _ => Strength::Observed,
            },
            Key::Forwarded(strengths) => strengths[kind],
        };
        names.iter().map(|name| Claimed { identifier: name.identifier(), strength: strength(name.kind) }).collect()
    }
}

fn at(day: i64, ten_minutes: i64) -> UnixMillis {
    UnixMillis((day * 24 * 6 + ten_minutes) * 600_000)
}

/// Every kind that stories speak of: accounts, contacts, devices. `crm_id` only names where the rules declare it.
const KINDS: [&str; 7] = ["user_id", "crm_id", "email", "phone", "anonymous_id", "idfa", "cookie._ga"];
const POOLS: Pools = (4, 4, 3);
/// Halfway, so that much is said before it.
const GUARD_DAY: i64 = 30;
