//! Random logs, told to a ledger that keeps clear values and to one that keeps none: all that can be read is the same.

use anyhow::ensure;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use selvedge_collector::config::parse_rules;
use selvedge_collector::identity::normal::Veil;
use selvedge_collector::identity::{Rules, profile_id};
use selvedge_collector::store::{Lookup, Sought};
use selvedge_core::identifier::Identifier;
use selvedge_tests::oracle::digest;
use serde_json::json;

use super::rules_ledger::{Kept, Said, log, names, pile};

#[test]
fn random_logs_come_to_the_same_in_a_ledger_that_keeps_no_clear_values() -> anyhow::Result<()> {
    let mut runner = TestRunner::deterministic();
    let (mut told, mut digests) = (0, 0);
    for number in 0..LOGS {
        let log = log(number).new_tree(&mut runner).map_err(anyhow::Error::msg)?.current();
        let others = pile().new_tree(&mut runner).map_err(anyhow::Error::msg)?.current();
        let log = partly_hashed(log);
        let names: Vec<Identifier> = names(&log).into_iter().collect();
        let Some(veil) = keeping_order(&names) else { continue };
        let (clear, mut concealing) =
            (Kept::telling(&Rules::default(), &log)?, Kept::concealing(&Rules::default(), &veil, &log)?);
        let asked = names.iter().map(|name| (name.to_string(), Lookup::Identifier(name.clone())));
        let expected = clear.reads_of(&asked.collect::<Vec<_>>())?;
        let lifted = |kept: &Kept| {
            let asked: Vec<_> = names.iter().map(|name| asked_concealed(name, &veil)).collect();
            kept.reads_of(&asked).map(|text| lift(&text, &names, &veil))
        };
        let found = lifted(&concealing)?;
        ensure!(found == expected, "log {number}: {}", first_difference(&expected, &found));
        let report = concealing.apply(&Rules::default())?;
        ensure!(report.touched == 0 && lifted(&concealing)? == expected, "log {number}, replayed: {report:#?}");
        // Another region is for what comes.
        let others: String =
            others.lines().filter(|line| !line.contains("region")).map(|line| format!("{line}\n")).collect();
        concealing.apply(&parse_rules(&others)?)?;
        concealing.apply(&Rules::default())?;
        ensure!(lifted(&concealing)? == expected, "log {number}, by way of other rules:\n{others}");
        told += 1;
        digests += names.iter().filter(|name| name.value.contains("md5.") || name.value.contains("sha")).count();
    }
    println!("{told} of {LOGS} logs, {digests} digests in them, each replayed three times: equal");
    ensure!(told > LOGS / 3 && digests > LOGS);
    Ok(())
}

/// Some of what is said of addresses and numbers is said by digests instead.
fn partly_hashed(mut log: Vec<Said>) -> Vec<Said> {
    for (place, said) in log.iter_mut().enumerate().filter(|(place, _)| place % 3 == 0) {
        let algorithm = ["md5", "sha1", "sha256"][place / 3 % 3];
        for kind in ["email", "phone"] {
            if let Some(traits) = said.message["traits"].as_object_mut() {
                traits.remove(kind);
            }
        }
        let listed = said.message["context"]["externalIds"].as_array_mut();
        for id in listed.into_iter().flatten().filter(|id| id["type"] == "email" || id["type"] == "phone") {
            id["id"] = json!(digest(algorithm, id["id"].as_str().unwrap_or_default()));
        }
    }
    log
}

/// A key by which what stands for the names has the order of the names; `None` where none is found soon.
fn keeping_order(names: &[Identifier]) -> Option<Veil> {
    (0..TRIES)
        .map(|number| Veil::of(&std::array::from_fn(|at| if at < 4 { number.to_le_bytes()[at] } else { 7 })))
        .find(|veil| {
            let mut last = None;
            names.iter().all(|name| {
                let veiled = cover(veil, name);
                let is_behind = last.as_ref().is_none_or(|last| *last < veiled);
                last = Some(veiled);
                is_behind
            })
        })
}

fn cover(veil: &Veil, name: &Identifier) -> Identifier {
    veil.cover(name, &Rules::default()).identifier
}

/// As the API asks for a name, and what stands for it.
fn asked_concealed(name: &Identifier, veil: &Veil) -> (String, Lookup) {
    let veiled = veil.cover(name, &Rules::default());
    (veiled.identifier.to_string(), Lookup::Concealed(Box::new(Sought { veiled, printed: None })))
}

/// What is read, in clear: names, and the ids of their profiles.
fn lift(text: &str, names: &[Identifier], veil: &Veil) -> String {
    names.iter().fold(text.to_owned(), |text, name| {
        let veiled = cover(veil, name);
        let ids = [&veiled, name].map(|name| profile_id("default", name).to_string());
        text.replace(&*veiled.value, &name.value).replace(&ids[0], &ids[1])
    })
}

fn first_difference(expected: &str, found: &str) -> String {
    let lines = expected.lines().zip(found.lines());
    let different = lines.into_iter().find(|(expected, found)| expected != found);
    different.map_or_else(|| "one is longer".to_owned(), |(expected, found)| format!("\n{expected}\n---\n{found}"))
}

const LOGS: usize = 24;
const TRIES: u32 = 4_000;
