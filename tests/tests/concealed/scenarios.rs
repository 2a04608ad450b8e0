//! The worked scenarios, told to a ledger that keeps clear values and to one that keeps none: the same people.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::lifting::Lifting;
use super::over_http::{Conflicts, conflicts, now_ms, path_of, read};
use super::scenario::{Scenario, Site, all};

#[test]
fn every_scenario_ends_with_the_same_people_where_no_clear_value_is_kept() -> anyhow::Result<()> {
    let (clear, concealing) = (Site::without_tokens()?, Site::concealing()?);
    let (clear_proving, concealing_proving) = (Site::with_tokens()?, Site::concealing()?.proving()?);
    let scenarios = all()?;
    let start_ms = now_ms() - TWO_DAYS_MS;
    for (number, scenario) in scenarios.iter().enumerate() {
        let sites = if scenario.has_tokens() { [&clear_proving, &concealing_proving] } else { [&clear, &concealing] };
        let [expected, found] = sites.map(|site| told(site, scenario, (number, start_ms)));
        assert_eq!(found.context(scenario.title.clone())?, expected?, "{}", scenario.title);
    }
    println!("{} scenarios, each told to both: equal", scenarios.len());
    Ok(())
}

/// All that is told of the names of a scenario, without the ids, which are of what stands in the ledger.
#[derive(Debug, PartialEq)]
struct Read {
    warnings: Vec<String>,
    profiles: BTreeMap<String, Value>,
    conflicts: Conflicts,
}

fn told(site: &Site, scenario: &Scenario, (number, start_ms): (usize, i64)) -> anyhow::Result<Read> {
    let ledger = scenario.ledger(number, start_ms);
    let mut warnings = site.hear(&scenario.said(number, start_ms), true)?;
    for decision in &ledger.decisions {
        let id = site.decide(decision)?;
        if decision.is_withdrawn {
            site.withdraw(id)?;
        }
    }
    let claimed = ledger.events.iter().flat_map(|event| &event.claim);
    let mut names: Vec<_> = claimed.map(|claimed| claimed.identifier.clone()).collect();
    names.sort();
    names.dedup();
    let mut lifting = Lifting::of(site.collector.directory()).ok();
    if let Some(lifting) = &mut lifting {
        lifting.learn(names.iter());
    }
    let lifted = |answer: Value| lifting.as_ref().map_or(Ok(answer.clone()), |lifting| lifting.lifted_answer(&answer));
    let mut profiles = BTreeMap::new();
    for name in &names {
        let path = format!("/v1/profiles/{}", path_of(name));
        let profile = lifted(read(&site.collector, &path)?.unwrap_or_default())?;
        let events = read(&site.collector, &format!("{path}/events?limit=500"))?.unwrap_or_default();
        profiles.insert(name.to_string(), without_ids(profile));
        let events = events["events"].as_array().into_iter().flatten();
        profiles.insert(format!("events of {name}"), events.map(|event| event["messageId"].clone()).collect());
    }
    let ids: Vec<&str> = ledger.events.iter().map(|event| &*event.order.message_id).collect();
    let of_scenario = |(_, why): &(_, (String, String, String))| ids.contains(&&*why.1);
    let conflicts = conflicts(&site.collector)?.into_iter().filter(of_scenario);
    let in_clear = |name: String| lifting.as_ref().map_or(name.clone(), |lifting| lifting.lifted(&name));
    let conflicts = conflicts.map(|((x, y), why)| ((in_clear(x), in_clear(y)), why)).collect();
    warnings.sort();
    Ok(Read { warnings, profiles, conflicts })
}

/// Names of one kind stand in the order of their values, which is another; and what is dated too far back has the time
/// at which it came.
fn without_ids(mut profile: Value) -> Value {
    let Some(members) = profile.as_object_mut() else { return profile };
    for member in ["id", "version", "first_seen", "last_seen"] {
        members.remove(member);
    }
    if let Some(people) = members.get_mut("people") {
        *people = people.as_array().map_or(0, Vec::len).into();
    }
    if let Some(names) = members.get_mut("identifiers").and_then(Value::as_array_mut) {
        for name in names.iter_mut().filter_map(Value::as_object_mut) {
            name.remove("first_seen");
            name.remove("last_seen");
        }
        names.sort_by_key(ToString::to_string);
    }
    profile
}

const TWO_DAYS_MS: i64 = 2 * 24 * 60 * 60_000;
