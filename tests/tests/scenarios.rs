//! The worked scenarios of identity.md, section 9: by the oracle, by the pure modules, and over HTTP.

mod over_http;
mod scenario;
mod stitched;

use std::collections::BTreeSet;

use anyhow::Context;
use over_http::{conflicts, differences, now_ms, path_of, read};
use scenario::{Said, Scenario, Site, all};
use selvedge_core::identifier::Identifier;
use selvedge_tests::oracle::{Decision, Ledger, Replay, replay, replay_ledger};
use serde_json::{Value, json};
use stitched::stitch;

#[test]
fn every_row_of_the_table_has_a_scenario() -> anyhow::Result<()> {
    let rows: BTreeSet<usize> = all()?.iter().map(|scenario| scenario.row).collect();
    assert_eq!(rows, (1..=22).collect());
    Ok(())
}

#[test]
fn every_scenario_ends_as_the_table_says() -> anyhow::Result<()> {
    for scenario in all()? {
        let replay = replay_ledger(&scenario.ledger(0, 0), &scenario.rules(0));
        assert_eq!(scenario.contradictions(0, &replay), [""; 0], "the oracle: {}", scenario.title);
    }
    Ok(())
}

#[test]
fn every_scenario_of_plain_events_ends_the_same_by_the_pure_modules() -> anyhow::Result<()> {
    for scenario in all()?.iter().filter(|scenario| scenario.is_plain()) {
        let log = scenario.ledger(0, 0).events;
        assert_eq!(stitch(&log), replay(&log), "{}", scenario.title);
    }
    Ok(())
}

#[test]
fn every_scenario_ends_the_same_over_http_in_three_orders_of_arrival() -> anyhow::Result<()> {
    let (plain, proving) = (Site::without_tokens()?, Site::with_tokens()?);
    let scenarios = all()?;
    for (place, scenario) in scenarios.iter().enumerate() {
        let site = if scenario.has_tokens() { &proving } else { &plain };
        for (order, arrival) in ARRIVALS.iter().enumerate() {
            let mut told = Told::new(site, scenario, place * ARRIVALS.len() + order);
            told.tell(arrival).with_context(|| scenario.title.clone())?;
            assert_eq!(told.found, [""; 0], "{}, in order {order}", scenario.title);
        }
    }
    println!("{} scenarios in {} arrival orders each, over HTTP: equal", scenarios.len(), ARRIVALS.len());
    Ok(())
}

/// A scenario as a site is told it, and where what is read then is not what it must be.
struct Told<'a> {
    site: &'a Site,
    scenario: &'a Scenario,
    number: usize,
    start_ms: i64,
    ledger: Ledger,
    found: Vec<String>,
}

impl<'a> Told<'a> {
    fn new(site: &'a Site, scenario: &'a Scenario, number: usize) -> Self {
        let start_ms = now_ms() - TWO_DAYS_MS;
        Self { site, scenario, number, start_ms, ledger: Ledger::default(), found: Vec::new() }
    }

    /// Its events in some order, then its decisions, then what is withdrawn of them. After each step the collector
    /// must answer as the oracle does; in the end that must be what the table says.
    fn tell(&mut self, arrival: &Arrival) -> anyhow::Result<()> {
        let mut said = self.scenario.said(self.number, self.start_ms);
        (arrival.arrange)(&mut said);
        self.hear(&said, arrival.in_batches)?;
        self.ledger.events = said.into_iter().map(|said| said.event).collect();
        self.compare()?;
        self.decide()?;
        self.found.extend(self.scenario.contradictions(self.number, &self.replay()));
        self.explain()
    }

    /// Who is to be untouched by the end of the log is read before it, where it comes last.
    fn hear(&mut self, said: &[Said], in_batches: bool) -> anyhow::Result<()> {
        let (names, first) = self.scenario.untouched(self.number).unwrap_or_default();
        let as_told = self.scenario.said(self.number, self.start_ms);
        let comes_last = said.iter().zip(&as_told[..first]).all(|(said, told)| said.message_id() == told.message_id());
        let (before, after) = said.split_at(if comes_last { first } else { 0 });
        self.found.extend(self.site.hear(before, in_batches)?);
        let reads = comes_last.then(|| self.reads(&names)).transpose()?.unwrap_or_default();
        self.found.extend(self.site.hear(after, in_batches)?);
        self.expect_reads(reads, without_mentions)
    }

    /// A decision and its withdrawal leave everyone as they were.
    fn decide(&mut self) -> anyhow::Result<()> {
        let decisions = self.scenario.ledger(self.number, self.start_ms).decisions;
        let names: Vec<Identifier> = self.replay().canonical.into_keys().collect();
        let before = self.reads(&names)?;
        let mut ids = Vec::new();
        for decision in &decisions {
            ids.push(self.site.decide(decision)?);
            self.ledger.decisions.push(Decision { is_withdrawn: false, ..decision.clone() });
            self.compare()?;
        }
        for (place, decision) in decisions.iter().enumerate().filter(|(_, decision)| decision.is_withdrawn) {
            self.site.withdraw(ids[place])?;
            self.ledger.decisions[place] = decision.clone();
            self.compare()?;
        }
        let is_as_before = decisions.iter().all(|decision| decision.is_withdrawn);
        if is_as_before { self.expect_reads(before, |_| {}) } else { Ok(()) }
    }

    fn explain(&mut self) -> anyhow::Result<()> {
        for (x, y, expected) in self.scenario.apart(self.number) {
            let path = format!("/v1/profiles/{}/explain?with={}", path_of(&x), path_of(&y).replace('+', "%2B"));
            let answer = read(&self.site.collector, &path)?.with_context(|| format!("{path}: not found"))?;
            let reason = answer["because"]["reason"].as_str().unwrap_or("they are one");
            if reason != expected {
                self.found.push(format!("why {x} and {y} are apart: {reason}, not {expected}"));
            }
        }
        Ok(())
    }

    fn replay(&self) -> Replay {
        replay_ledger(&self.ledger, &self.scenario.rules(self.start_ms))
    }

    fn compare(&mut self) -> anyhow::Result<()> {
        let conflicts = conflicts(&self.site.collector)?;
        self.found.extend(differences(&self.site.collector, &self.ledger.events, &self.replay(), &conflicts)?);
        Ok(())
    }

    /// Everything that is told of these names. Versions count what was done, undone too.
    fn reads(&self, names: &[Identifier]) -> anyhow::Result<Vec<(Identifier, [Value; 2])>> {
        let read_of = |name: &Identifier| -> anyhow::Result<_> {
            let path = format!("/v1/profiles/{}", path_of(name));
            let mut profile = read(&self.site.collector, &path)?.unwrap_or_default();
            profile.as_object_mut().and_then(|profile| profile.remove("version"));
            let events = read(&self.site.collector, &format!("{path}/events?limit=500"))?.unwrap_or_default();
            Ok((name.clone(), [profile, events]))
        };
        names.iter().map(read_of).collect()
    }

    /// Holds what is told now to what was told, both less what `leave_out` takes out of a profile.
    fn expect_reads(&mut self, before: Vec<(Identifier, [Value; 2])>, leave_out: fn(&mut Value)) -> anyhow::Result<()> {
        let names: Vec<Identifier> = before.iter().map(|(name, _)| name.clone()).collect();
        for ((name, mut before), (_, mut now)) in before.into_iter().zip(self.reads(&names)?) {
            [&mut before[0], &mut now[0]].into_iter().for_each(leave_out);
            if now != before {
                self.found.push(format!("{name} is not as before: {}, not {}", json!(now), json!(before)));
            }
        }
        Ok(())
    }
}

/// When an identifier was named, and by whom first, is told of all who name it, whether they are believed or not.
fn without_mentions(profile: &mut Value) {
    for identifier in profile["identifiers"].as_array_mut().into_iter().flatten() {
        for mention in ["first_seen", "last_seen", "source"] {
            identifier.as_object_mut().and_then(|identifier| identifier.remove(mention));
        }
    }
}

struct Arrival {
    arrange: fn(&mut Vec<Said>),
    in_batches: bool,
}

const ARRIVALS: [Arrival; 3] = [
    // As told.
    Arrival { arrange: |_| {}, in_batches: true },
    // Backwards.
    Arrival { arrange: |said| said.reverse(), in_batches: false },
    // From the middle on, with what came first once more: of two events too, that is a third order.
    Arrival {
        arrange: |said| {
            let middle = said.len() / 2;
            said.rotate_left(middle);
            said.extend(said.first().cloned());
        },
        in_batches: true,
    },
];

const TWO_DAYS_MS: i64 = 2 * 24 * 60 * 60_000;
