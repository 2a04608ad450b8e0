//! The worked scenarios of identity.md, section 9: by the oracle, by the pure modules, and over HTTP.

mod over_http;
mod scenario;
mod stitched;

use over_http::{differences, now_ms, send};
use scenario::{all, next};
use selvedge_tests::Collector;
use selvedge_tests::oracle::{Event, replay, replay_ledger};
use stitched::stitch;

#[test]
fn every_scenario_ends_as_the_table_says() -> anyhow::Result<()> {
    for scenario in all()?.into_iter().chain(next()?) {
        let people = replay_ledger(&scenario.ledger(0, 0), &scenario.rules(0));
        assert_eq!(scenario.contradictions(0, &people), [""; 0], "the oracle: {}", scenario.title);
    }
    Ok(())
}

#[test]
fn every_scenario_ends_the_same_by_the_pure_modules() -> anyhow::Result<()> {
    for scenario in all()? {
        let log = scenario.events(0, 0);
        assert_eq!(stitch(&log), replay(&log), "{}", scenario.title);
    }
    Ok(())
}

#[test]
fn every_scenario_ends_the_same_over_http_in_three_orders_of_arrival() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let start_ms = now_ms() - TWO_DAYS_MS;
    let scenarios = all()?;
    let mut sent = Vec::new();
    for (place, scenario) in scenarios.iter().enumerate() {
        for (order, arrange) in ARRIVALS.iter().enumerate() {
            let number = place * ARRIVALS.len() + order;
            let mut log = scenario.events(number, start_ms);
            arrange(&mut log);
            send(&collector, &log)?;
            sent.push((scenario, log));
        }
    }
    let conflicts = over_http::conflicts(&collector)?;
    for (scenario, log) in &sent {
        let people = replay(log);
        assert_eq!(differences(&collector, log, &people, &conflicts)?, [""; 0], "{}: {log:#?}", scenario.title);
    }
    println!("{} scenarios in {} arrival orders each, over HTTP: equal", scenarios.len(), ARRIVALS.len());
    Ok(())
}

/// As told, backwards, and from the middle on.
const ARRIVALS: [fn(&mut [Event]); 3] = [
    |_| {},
    |log| log.reverse(),
    |log| {
        let middle = log.len() / 2;
        log.rotate_left(middle);
    },
];

const TWO_DAYS_MS: i64 = 2 * 24 * 60 * 60_000;
