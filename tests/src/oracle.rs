//! The naive replay: identity.md, sections 2 to 6 and 8, read aloud over a whole ledger.
//!
//! What the collector answers must equal it. Written apart from `selvedge_collector::identity`, sharing only the plain
//! types of events, so that the two can disagree; it knows no shapes, no neighbourhoods and no index, and takes its
//! time. What identity.md leaves open it reads like this:
//!
//! - Identifiers are in normal form when they come here; of a claim in which two digests turn out to be one
//!   identifier, the stronger saying counts.
//! - A digest that could be two people's names one of them all the same: an event that gave it goes by its device to
//!   nobody.
//! - Only events make a clear value known. A decision about one that no event said is about the digest that it
//!   produces: by SHA-256, else by SHA-1, else by MD5.
//! - All names of one account are one value wherever values are counted, and show as the canonical one.
//! - A pair is in conflict once: by its trusted edge, else by an alias, else by a link, else by an observed edge, and
//!   of several such by the first.
//! - A mark that a decision hides does not guard its device either, and is not left when its person is erased.
//! - Who was erased is a person like any other on the devices that they marked, but that nothing belongs to them.

mod accounts;
mod claims;
mod conflicts;
mod decisions;
mod devices;
mod digests;
mod erasure;
mod ledger;
mod placing;
mod rules;
#[cfg(test)]
mod tests;
mod traits;

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::{Strength, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};
use serde_json::Value;

use accounts::Accounts;
use claims::Claim;
use decisions::InForce;
use devices::Mark;
use digests::Hashed;
pub use digests::digest;
pub use erasure::{Erased, NamelessMark};
pub use ledger::{Alias, Decision, Event, Ledger, Op};
use placing::Placed;
pub use rules::{Region, Rules, TraitRule};

/// Who owns an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The person of this leader.
    Person(Identifier),
    /// This device's own anonymous profile.
    Device(Identifier),
    /// No one.
    Unattributed,
}

/// What was refused: its two ends (of an edge the anchor first), the reason, what said it (a messageId, or
/// `decision:{number}`) and with which strength.
pub type Conflict = (Identifier, Identifier, &'static str, String, Strength);

/// Everyone that follows from a ledger.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct People {
    /// Of every account and contact identifier left, and every other name of an account: who leads its person.
    pub leader: BTreeMap<Identifier, Identifier>,
    /// Of every identifier that follows by an edge: the messageId of that edge. Leaders of trusted people that were
    /// attached by an observed edge have that one.
    pub parent: BTreeMap<Identifier, String>,
    /// The refused edges, links and aliases.
    pub conflicts: BTreeSet<Conflict>,
    /// Of every messageId: who owns the event.
    pub owner: BTreeMap<String, Whose>,
    /// The traits of everyone who has any.
    pub traits: BTreeMap<Whose, BTreeMap<String, Value>>,
    /// Of every device that was marked: the leaders of those who did, by the marks that count.
    pub marked_by: BTreeMap<Identifier, BTreeSet<Identifier>>,
}

/// Everything that follows from a ledger.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replay {
    /// Who is who.
    pub people: People,
    /// Of every identifier that an event or an account's other name said, as it was said: the one that it is. Digests
    /// that are no identifier are not here.
    pub canonical: BTreeMap<Identifier, Identifier>,
    /// Every device that is left in a claim.
    pub devices: BTreeSet<Identifier>,
    /// Of every identifier that is left in a claim of an event: the times of the first and of the last one. A mark that
    /// does not count has not seen its device; names of an account are seen each by itself, which is not told here.
    pub seen: BTreeMap<Identifier, (UnixMillis, UnixMillis)>,
    /// Of every identifier that an event or an account's other name said, as it was said: how far that is trusted, by
    /// the strongest. What an alias says of its older account counts where it makes one account of the two.
    pub said: BTreeMap<Identifier, Strength>,
    /// Every device with a mark that is trusted.
    pub marked_with_trust: BTreeSet<Identifier>,
    /// Of every device that was marked: the messageId of the first mark that counts.
    pub first_mark: BTreeMap<Identifier, String>,
    /// Of every leader of a unit that a link joined to another: the number of the decision.
    pub linked: BTreeMap<Identifier, u64>,
    /// Contacts and devices that name too many.
    pub quarantined: BTreeMap<Identifier, Quarantined>,
    /// The messageIds of events that lost a name by a hold.
    pub unproven: BTreeSet<String>,
    /// Of every messageId that names anyone or anything: how far the event is believed, which is the rank of its
    /// traits.
    pub strength: BTreeMap<String, Strength>,
    /// Of everyone who has traits: the rank that each has its value by.
    pub rank: BTreeMap<Whose, BTreeMap<String, Strength>>,
}

/// How far an identifier is quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quarantined {
    /// A contact that is no identifier any more.
    Everywhere,
    /// A contact that is none where it is observed.
    Observed,
    /// A device that belongs to no one.
    Device,
}

/// The people of a log by the default rules, without any decision.
pub fn replay(arrived: &[Event]) -> People {
    let ledger = Ledger { events: arrived.to_vec(), ..Ledger::default() };
    replay_ledger(&ledger, &Rules::default()).people
}

/// The claims of a ledger, cleaned up, and what they were cleaned up by.
struct Cleaned {
    log: Vec<Event>,
    hashed: Hashed,
    decisions: InForce,
    accounts: Accounts,
    claims: Vec<Claim>,
    quarantined: BTreeMap<Identifier, Quarantined>,
}

fn cleaned(ledger: &Ledger, rules: &Rules) -> Cleaned {
    let log = claims::recorded(&ledger.events);
    let hashed = Hashed::of(&log, rules);
    let mut decisions = InForce::of(&ledger.decisions, &hashed, rules);
    let mut claims = claims::claims(&log, &hashed, rules);

    claims::ignore(&mut claims, &decisions.ignored);
    let accounts = Accounts::of(&claims, &decisions.ignored, &decisions.apart);
    claims::name_accounts(&mut claims, &accounts);
    decisions.name_accounts(&accounts);
    let mut quarantined = claims::take_out_trusted_crowds(&mut claims, rules);
    claims::hold(&mut claims, rules);
    let of_observed = claims::take_out_observed_crowds(&mut claims, rules);
    quarantined.extend(of_observed);
    Cleaned { log, hashed, decisions, accounts, claims, quarantined }
}

/// Replays a ledger.
pub fn replay_ledger(ledger: &Ledger, rules: &Rules) -> Replay {
    let Cleaned { log, hashed, decisions, accounts, claims, mut quarantined } = cleaned(ledger, rules);
    let edges = placing::edges(&claims, rules);
    let Placed { leader, parent, linked } = placing::placed_twice(&claims, &edges, &decisions, rules);
    let conflicts = conflicts::conflicts(&edges, &accounts, &decisions, &leader, rules);
    let marks = devices::marks(
        &claims,
        &leader,
        &decisions,
        (&erasure::nameless_marks(&ledger.nameless, &hashed, &decisions), rules),
    );
    let owner: BTreeMap<String, Whose> =
        claims.iter().map(|claim| (message_id(claim), devices::owner(claim, &marks, &leader, rules))).collect();

    let (traits, rank) = parted(traits::traits(&claims, &owner, rules));
    let people = |marks: &Vec<Mark>| marks.iter().map(|mark| mark.person.clone()).collect();
    let marked_by: BTreeMap<Identifier, BTreeSet<Identifier>> =
        marks.iter().map(|(device, marks)| (device.clone(), people(marks))).collect();
    let crowded = marked_by.iter().filter(|(_, people)| people.len() > rules.people_per_device);
    quarantined.extend(crowded.map(|(device, _)| (device.clone(), Quarantined::Device)));
    let first_mark = |marks: &Vec<Mark>| Some(marks.first()?.order.message_id.to_string());
    let first_mark = marks.iter().filter_map(|(device, marks)| Some((device.clone(), first_mark(marks)?))).collect();
    let with_trust = marks.into_iter().filter(|(_, marks)| marks.iter().any(|mark| mark.is_trusted));
    let marked_with_trust: BTreeSet<Identifier> = with_trust.map(|(device, _)| device).collect();
    Replay {
        canonical: canonical(&log, &hashed, &accounts, rules),
        devices: claims
            .iter()
            .flat_map(|claim| claims::devices(&claim.left, rules))
            .map(|device| device.identifier.clone())
            .collect(),
        seen: seen(&claims, &marked_with_trust, rules),
        said: said(&log, &accounts),
        marked_with_trust,
        first_mark,
        linked,
        quarantined,
        unproven: claims.iter().filter(|claim| claim.lost_by_a_hold).map(message_id).collect(),
        strength: claims.iter().filter_map(|claim| Some((message_id(claim), traits::rank(claim, rules)?))).collect(),
        rank,
        people: People { leader: with_other_names(leader, &accounts), parent, conflicts, owner, traits, marked_by },
    }
}

impl Replay {
    /// Whose an identifier is, asked by any form that was said of it: its person; of a device the one person of its
    /// marks, else the device's own anonymous profile. None of what is no identifier.
    pub fn whose(&self, asked: &Identifier) -> Option<Whose> {
        let name = self.canonical.get(asked)?;
        if let Some(leader) = self.people.leader.get(name) {
            return Some(Whose::Person(leader.clone()));
        }
        let device = self.devices.get(name)?;
        let people: Vec<&Identifier> = self.people.marked_by.get(device).into_iter().flatten().collect();
        Some(match people[..] {
            [person] if !erasure::is_nameless(person) => Whose::Person(person.clone()),
            _ => Whose::Device(device.clone()),
        })
    }
}

impl Replay {
    /// Of a name that nobody said: the said names of which it is another form, a digest of theirs or what they are of.
    pub fn said_as(&self, unsaid: &Identifier, rules: &Rules) -> Vec<&Identifier> {
        let is_form_of = |said: &Identifier, unsaid: &Identifier| {
            said.kind == unsaid.kind
                && !digests::is_digest(&said.value)
                && digests::digests_of(said, rules).contains(unsaid)
        };
        if !digests::may_come_hashed(&unsaid.kind) {
            return Vec::new();
        }
        self.canonical.keys().filter(|said| is_form_of(said, unsaid) || is_form_of(unsaid, said)).collect()
    }
}

/// When identifiers were seen. Rows and snapshots are no events.
fn seen(
    claims: &[Claim],
    marked_with_trust: &BTreeSet<Identifier>,
    rules: &Rules,
) -> BTreeMap<Identifier, (UnixMillis, UnixMillis)> {
    let mut seen = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.event.snapshot.is_none()) {
        let anchor = claims::anchor(&claim.left, rules);
        let is_weak_mark =
            anchor.is_some_and(|anchor| !anchor.strength.is_trusted()) && claims::is_guarded(&claim.event, rules);
        for name in claim.left.iter().map(|claimed| &claimed.identifier) {
            let is_uncounted_mark = rules.is_device(name) && is_weak_mark && marked_with_trust.contains(name);
            if name.kind != Kind::USER_ID && !is_uncounted_mark {
                let time = claim.event.order.time;
                let (first, last) = seen.entry(name.clone()).or_insert((time, time));
                (*first, *last) = ((*first).min(time), (*last).max(time));
            }
        }
    }
    seen
}

/// How far what events name is trusted, each form by itself.
fn said(log: &[Event], accounts: &Accounts) -> BTreeMap<Identifier, Strength> {
    let mut said: BTreeMap<Identifier, Strength> = BTreeMap::new();
    let mut say = |name: Identifier, strength: Strength| {
        let known = said.entry(name).or_insert(strength);
        *known = strength.max(*known);
    };
    for event in log {
        event.claim.iter().for_each(|claimed| say(claimed.identifier.clone(), claimed.strength));
        let Some(alias) = &event.alias else { continue };
        let strength = if alias.is_asserted { Strength::Asserted } else { Strength::Observed };
        let [device, account] =
            [Kind::ANONYMOUS_ID, Kind::USER_ID].map(|kind| Identifier::new(kind, &*alias.previous_id));
        say(device, strength);
        if alias.is_asserted && accounts.names_of(&account).len() > 1 {
            say(account, strength);
        }
    }
    said
}

fn message_id(claim: &Claim) -> String {
    claim.event.order.message_id.to_string()
}

type Values = BTreeMap<Whose, BTreeMap<String, Value>>;
type Ranks = BTreeMap<Whose, BTreeMap<String, Strength>>;

fn parted(traits: traits::Traits) -> (Values, Ranks) {
    let (mut values, mut ranks) = (Values::new(), Ranks::new());
    for (whose, of_one) in traits {
        for (name, (value, rank)) in of_one {
            values.entry(whose.clone()).or_default().insert(name.clone(), value);
            ranks.entry(whose.clone()).or_default().insert(name, rank);
        }
    }
    (values, ranks)
}

/// An account's other names are with the canonical one.
fn with_other_names(
    mut leader: BTreeMap<Identifier, Identifier>,
    accounts: &Accounts,
) -> BTreeMap<Identifier, Identifier> {
    for (name, canonical) in accounts.all() {
        if let Some(person) = leader.get(&canonical).cloned() {
            leader.insert(name, person);
        }
    }
    leader
}

fn canonical(log: &[Event], hashed: &Hashed, accounts: &Accounts, rules: &Rules) -> BTreeMap<Identifier, Identifier> {
    let aliases = log.iter().filter_map(|event| event.alias.as_ref());
    let older = aliases.map(|alias| Identifier::new(Kind::ANONYMOUS_ID, alias.previous_id.as_str()));
    let said = log.iter().flat_map(|event| &event.claim).map(|claimed| claimed.identifier.clone());
    let names = said.chain(older).chain(accounts.all().into_keys()).filter(|name| rules.rank(name).is_some());
    names.filter_map(|name| Some((name.clone(), accounts.canonical(&hashed.canonical(&name)?)))).collect()
}
