//! Section 7, law 7: what an erasure leaves of a ledger, by looking at all of it.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_collector::event::{Order, Trust, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};

use super::claims::{Claim, anchor, devices};
use super::decisions::InForce;
use super::digests::{Hashed, digests_of, is_digest, may_come_hashed};
use super::{Cleaned, Event, Ledger, Op, Rules, Whose, cleaned, replay_ledger};

/// That a name was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// When.
    pub at: UnixMillis,
    /// Whether it is without end.
    pub is_suppressed: bool,
    /// Whether nobody said it: a digest of a name that was erased.
    pub is_derived: bool,
}

/// That somebody without a name marked a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamelessMark {
    /// Which.
    pub device: Identifier,
    /// When.
    pub order: Order,
    /// Who.
    pub person: Identifier,
    /// Whether the anchor was trusted.
    pub is_trusted: bool,
    /// How far the source was believed about what it observed.
    pub trust: Trust,
}

/// Whether a person is one who was erased.
pub(super) fn is_nameless(person: &Identifier) -> bool {
    person.kind.as_str().is_empty()
}

/// The marks on devices that are left, by their canonical names.
pub(super) fn nameless_marks(
    marks: &[NamelessMark],
    hashed: &Hashed,
    decisions: &InForce,
) -> Vec<(Identifier, NamelessMark)> {
    let device = |mark: &NamelessMark| hashed.canonical(&mark.device).filter(|name| !decisions.ignored.contains(name));
    marks.iter().filter_map(|mark| Some((device(mark)?, mark.clone()))).collect()
}

/// The names of who is erased.
struct Names<'a> {
    own: BTreeSet<Identifier>,
    /// Which identifier each name is that is said.
    canonical: BTreeMap<Identifier, Identifier>,
    rules: &'a Rules,
}

impl Names<'_> {
    /// Whether a name is one of them; or the digest or the clear value of one, if it is nobody else's; or the device that
    /// an alias makes of one.
    fn have(&self, name: &Identifier) -> bool {
        let produces = |clear: &Identifier, digest: &Identifier| {
            may_come_hashed(&clear.kind) && !is_digest(&clear.value) && digests_of(clear, self.rules).contains(digest)
        };
        let may_be = |own: &Identifier| device_of_account(own).as_ref() == Some(name);
        let is_anothers = self.canonical.get(name).is_some_and(|canonical| !self.own.contains(canonical));
        let is_form_of = |own: &Identifier| !is_anothers && (produces(own, name) || produces(name, own));
        self.own.iter().any(|own| own == name || may_be(own) || is_form_of(own))
    }
}

impl Ledger {
    /// Erases whoever a name is, at this time, without end if it is a suppression. False for a name that nothing says.
    pub fn erase(&mut self, asked: &Identifier, (at, is_suppressed): (UnixMillis, bool), rules: &Rules) -> bool {
        let replay = replay_ledger(self, rules);
        let Some(canonical) = replay.canonical.get(asked) else { return false };
        let whose = replay.whose(asked);
        let is_of_them = |name: &&Identifier| match &whose {
            Some(_) => replay.whose(name) == whose,
            None => replay.canonical.get(*name) == Some(canonical),
        };
        let own = replay.canonical.keys().filter(is_of_them).cloned().collect();
        let names = Names { own, canonical: replay.canonical.clone(), rules };
        let owned = |order: &Order| whose.is_some() && replay.people.owner.get(&*order.message_id) == whose.as_ref();
        let Cleaned { log, decisions, claims, .. } = cleaned(self, rules);
        let owned_claims = claims.iter().filter(|claim| owned(&claim.event.order));
        if let Some(Whose::Person(leader)) = &whose {
            let hides = |device: &Identifier| {
                decisions.hidden.iter().any(|(on, x)| on == device && replay.people.leader.get(x) == Some(leader))
            };
            let number = |mark: &NamelessMark| mark.person.value.parse::<u64>().expect("a number of ours");
            let last = self.nameless.iter().map(number).max().unwrap_or_default();
            let person = Identifier::new(Kind::new(""), (last + 1).to_string());
            let marks: Vec<NamelessMark> = owned_claims
                .flat_map(|claim| marks_of(claim, &person, rules))
                .filter(|mark| !hides(&mark.device))
                .collect();
            self.nameless.extend(marks);
        }
        self.nameless.retain(|mark| !names.have(&mark.device));
        let values = self.values(&names);
        self.events = log
            .into_iter()
            .filter(|event| !owned(&event.order))
            .map(|event| without(event, &names, &values, rules))
            .collect();
        self.decisions.retain(|decision| match &decision.op {
            Op::Link(x, y) | Op::KeepApart(x, y) => !names.have(x) && !names.have(y),
            Op::Ignore(x) => !names.have(x),
        });
        self.note(&names, Erased { at, is_suppressed, is_derived: false });
        true
    }

    /// Whether an event is taken in: none of its names was erased after it.
    pub fn admits(&self, event: &Event, rules: &Rules) -> bool {
        let user = event.claim.iter().find(|claimed| claimed.identifier.kind == Kind::USER_ID);
        let mut said: Vec<Identifier> = event.claim.iter().map(|claimed| claimed.identifier.clone()).collect();
        if let Some(alias) = &event.alias {
            said.push(Identifier::new(Kind::ANONYMOUS_ID, alias.previous_id.as_str()));
            if alias.is_asserted && user.is_some() {
                said.push(Identifier::new(Kind::USER_ID, alias.previous_id.as_str()));
            }
        }
        said.iter().filter(|name| rules.rank(name).is_some()).all(|name| {
            let mut erasures: Vec<&Erased> = self.erased.get(name).into_iter().collect();
            if may_come_hashed(&name.kind) && !is_digest(&name.value) {
                let of_digests = digests_of(name, rules).into_iter().filter_map(|digest| self.erased.get(&digest));
                erasures.extend(of_digests.filter(|erased| !erased.is_derived));
            }
            erasures.into_iter().all(|erased| !erased.is_suppressed && event.order.time >= erased.at)
        })
    }

    /// Everything that was ever said and reads like one of the names, whatever its kind.
    fn values(&self, names: &Names<'_>) -> BTreeSet<String> {
        let said = self.events.iter().flat_map(|event| &event.claim).map(|claimed| claimed.identifier.clone());
        let older = self.events.iter().filter_map(|event| event.alias.as_ref()).flat_map(|alias| {
            [Kind::USER_ID, Kind::ANONYMOUS_ID].map(|kind| Identifier::new(kind, alias.previous_id.as_str()))
        });
        said.chain(older).filter(|name| names.have(name)).map(|name| name.value.to_string()).collect()
    }

    fn note(&mut self, names: &Names<'_>, erased: Erased) {
        let mut note = |name: Identifier, is_derived: bool| {
            let known = self.erased.entry(name).or_insert(Erased { is_derived, ..erased });
            known.at = known.at.max(erased.at);
            known.is_suppressed |= erased.is_suppressed;
            known.is_derived &= is_derived;
        };
        for name in &names.own {
            note(name.clone(), false);
            device_of_account(name).into_iter().for_each(|device| note(device, true));
            if may_come_hashed(&name.kind) && !is_digest(&name.value) {
                digests_of(name, names.rules).into_iter().for_each(|digest| note(digest, true));
            }
        }
    }
}

/// What an alias makes of an account beside the older name: a device of the same value.
fn device_of_account(name: &Identifier) -> Option<Identifier> {
    (name.kind == Kind::USER_ID).then(|| Identifier::new(Kind::ANONYMOUS_ID, name.value.clone()))
}

/// What an event of the person leaves on the devices of its claim.
fn marks_of(claim: &Claim, person: &Identifier, rules: &Rules) -> Vec<NamelessMark> {
    let Some(anchor) = anchor(&claim.left, rules) else { return Vec::new() };
    let mark = |device: &Identifier| NamelessMark {
        device: device.clone(),
        order: claim.event.order.clone(),
        person: person.clone(),
        is_trusted: anchor.strength.is_trusted(),
        trust: claim.event.trust,
    };
    devices(&claim.left, rules).into_iter().map(|device| mark(&device.identifier)).collect()
}

/// An event of somebody else without the names.
fn without(mut event: Event, names: &Names<'_>, values: &BTreeSet<String>, rules: &Rules) -> Event {
    let older = event.alias.as_ref().map(|alias| alias.previous_id.as_str());
    let is_older_theirs = older.is_some_and(|older| {
        [Kind::USER_ID, Kind::ANONYMOUS_ID].into_iter().any(|kind| names.have(&Identifier::new(kind, older)))
    });
    if !is_older_theirs && !event.claim.iter().any(|claimed| names.have(&claimed.identifier)) {
        return event;
    }
    let goes = |name: &Identifier| values.contains(&*name.value);
    event.lost_names |=
        event.claim.iter().any(|claimed| goes(&claimed.identifier) && rules.is_name(&claimed.identifier));
    event.claim.retain(|claimed| !goes(&claimed.identifier));
    event.alias = event.alias.filter(|alias| !values.contains(&alias.previous_id));
    event
}
