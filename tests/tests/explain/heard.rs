//! An explanation held to what was said: each step to the event or decision that it names, to the edge by which
//! somebody follows and to the first mark of a device; each refusal to the conflicts that are listed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use selvedge_collector::event::Strength;
use selvedge_core::identifier::{Identifier, Kind};
use selvedge_tests::oracle::{Conflict, Event, Op, Replay, Whose, digest};
use serde_json::Value;

use crate::over_http::Conflicts;

/// What was said in all.
pub(crate) struct Heard<'a> {
    pub(crate) events: &'a [Event],
    /// Those that stand, by id.
    pub(crate) decisions: &'a BTreeMap<i64, Op>,
    /// What follows from it all.
    pub(crate) replay: &'a Replay,
}

impl Heard<'_> {
    /// All that events name, older accounts too.
    pub(crate) fn names(&self) -> BTreeSet<Identifier> {
        let claimed = self.events.iter().flat_map(|event| &event.claim).map(|claimed| claimed.identifier.clone());
        let asserted = self.events.iter().filter_map(|event| event.alias.as_ref()).filter(|alias| alias.is_asserted);
        claimed.chain(asserted.map(|alias| Identifier::new(Kind::USER_ID, alias.previous_id.as_str()))).collect()
    }

    /// The path of one end leads from its name to the leader, step by step, and each step was said so.
    pub(crate) fn hold(&self, answer: &Value, end: &str, leader: &Identifier) -> anyhow::Result<()> {
        let path = answer["paths"][end].as_array().context("no path")?;
        let mut at = identifier(&answer[end]);
        for step in path {
            ensure!(identifier(&step["from"]) == at, "the step begins at {}, not at {at}", step["from"]);
            at = identifier(&step["to"]);
            self.hold_step(step).with_context(|| format!("{step:#}"))?;
        }
        ensure!(path.is_empty() || at == *leader, "the path of {end} ends at {at}, not at {leader}");
        Ok(())
    }

    fn hold_step(&self, step: &Value) -> anyhow::Result<()> {
        let (from, to) = (identifier(&step["from"]), identifier(&step["to"]));
        let words = text(&step["inWords"]);
        ensure!(words.contains(&from.to_string()) && words.contains(&to.to_string()), "the sentence names both ends");
        let is_said = match step["by"].as_str() {
            Some("edge") => {
                ensure!(self.is_parent_edge(step), "nobody follows by this edge");
                self.said_by(step).any(|event| {
                    let weaker =
                        strength_of(event, &from).zip(strength_of(event, &to)).map(|(one, another)| one.min(another));
                    weaker.is_some_and(|strength| step["strength"] == strength.as_str())
                })
            }
            Some("mark") => {
                let device = self.replay.canonical.get(&from).unwrap_or(&from);
                let first = self.replay.first_mark.get(device);
                ensure!(first == Some(&text(&step["messageId"])), "the first mark there is {first:?}");
                self.said_by(step).any(|event| names(event, &from) && names(event, &to))
            }
            Some("alias") => self.said_by(step).any(|event| {
                let older = event.alias.as_ref().filter(|alias| alias.is_asserted).map(|alias| &*alias.previous_id);
                [(&from, &to), (&to, &from)].iter().any(|(a, b)| names(event, a) && older == Some(&*b.value))
            }),
            Some("same") => [(&from, &to), (&to, &from)].iter().any(|(clear, hashed)| {
                let forms = ["", "+", "+49"].map(|left| clear.value.strip_prefix(left));
                let of_form = |form: &&str| ["md5", "sha1", "sha256"].map(|algorithm| digest(algorithm, form));
                clear.kind == hashed.kind && forms.iter().flatten().flat_map(of_form).any(|said| said == *hashed.value)
            }),
            Some("link") => {
                let op = step["decision"]["id"].as_i64().and_then(|id| self.decisions.get(&id));
                matches!(op, Some(Op::Link(x, y)) if (x, y) == (&from, &to) || (y, x) == (&from, &to))
            }
            _ => false,
        };
        ensure!(is_said, "nobody said so");
        Ok(())
    }

    /// An edge on a way is one by which somebody of that person follows, not any other that was said.
    fn is_parent_edge(&self, step: &Value) -> bool {
        let people = &self.replay.people;
        let leader_of = |name: &Identifier| people.leader.get(self.replay.canonical.get(name).unwrap_or(name));
        let person = leader_of(&identifier(&step["from"]));
        let said_by = text(&step["messageId"]);
        person.is_some() && people.parent.iter().any(|(name, edge)| *edge == said_by && leader_of(name) == person)
    }

    /// What does not count for want of proof was said all the same: of both names, by one event that proves nothing.
    pub(crate) fn hold_unproven(&self, because: &Value) -> anyhow::Result<()> {
        let ends = [identifier(&because["x"]), identifier(&because["y"])];
        let says_both = |event: &Event| ends.iter().all(|end| names(event, end));
        let is_unproven = |event: &Event| strength_of(event, &ends[1]).is_none_or(|strength| !strength.is_trusted());
        let mut events = self.said_by(because);
        ensure!(events.any(|event| says_both(event) && is_unproven(event)), "no such event: {because}");
        Ok(())
    }

    /// The events that a step names, at the time that it says.
    fn said_by<'s>(&'s self, step: &'s Value) -> impl Iterator<Item = &'s Event> {
        self.events.iter().filter(move |event| {
            *event.order.message_id == *text(&step["messageId"]) && event.order.time.rfc3339() == text(&step["time"])
        })
    }
}

fn names(event: &Event, name: &Identifier) -> bool {
    let previous = event.alias.as_ref().map(|alias| Identifier::new(Kind::ANONYMOUS_ID, alias.previous_id.as_str()));
    previous.as_ref() == Some(name) || event.claim.iter().any(|claimed| claimed.identifier == *name)
}

fn strength_of(event: &Event, name: &Identifier) -> Option<Strength> {
    event.claim.iter().find(|claimed| claimed.identifier == *name).map(|claimed| claimed.strength)
}

/// What was refused is a conflict that `/v1/conflicts` lists between these two people, and where it lists one, one is
/// named.
pub(crate) fn hold_refusal(
    answer: &Value,
    leader: &BTreeMap<Identifier, Identifier>,
    whose: [&Option<Whose>; 2],
    conflicts: &Conflicts,
) -> anyhow::Result<()> {
    let because = &answer["because"];
    let leaders: BTreeMap<String, &Identifier> =
        leader.iter().map(|(name, leader)| (name.to_string(), leader)).collect();
    let person = |name: &str| leaders.get(name).map(|leader| Whose::Person((*leader).clone()));
    let across = conflicts.iter().filter(|((x, y), _)| {
        let ends = [person(x), person(y)];
        ends.iter().all(Option::is_some) && ([&ends[0], &ends[1]] == whose || [&ends[1], &ends[0]] == whose)
    });
    let across: Vec<_> = across.collect();
    let named = [&because["x"], &because["y"]].map(|end| identifier(end).to_string());
    let why = [&because["reason"], &because["messageId"], &because["strength"]].map(text);
    let is_listed = across.iter().any(|((x, y), listed)| {
        ([x, y] == [&named[0], &named[1]] || [y, x] == [&named[0], &named[1]])
            && [&listed.0, &listed.1, &listed.2] == [&why[0], &why[1], &why[2]]
    });
    let is_of_a_device = ["shared_device", "quarantined"].contains(&&*why[0]);
    let is_consistent =
        if across.is_empty() { why[0] == "no_evidence" || is_of_a_device } else { is_listed || is_of_a_device };
    ensure!(is_consistent, "listed between the two: {across:?}");
    Ok(())
}

/// What a story refused is a conflict, of this reason and by this event or decision.
pub(crate) fn hold_refused(because: &Value, conflicts: &BTreeSet<Conflict>) -> anyhow::Result<()> {
    let decided = because["by"] == "link";
    let by = if decided { format!("decision:{}", because["decision"]["id"]) } else { text(&because["messageId"]) };
    let is_listed = conflicts.iter().any(|(_, _, reason, said_by, _)| because["reason"] == *reason && *said_by == by);
    ensure!(is_listed, "no conflict by {by}: {conflicts:#?}");
    Ok(())
}

/// What was explained, so that a reader sees that it was not tame.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pairs: usize,
    pub(crate) steps: BTreeMap<String, usize>,
    reasons: BTreeMap<String, usize>,
    longest_path: usize,
}

impl Counted {
    pub(crate) fn add(&mut self, answer: &Value) {
        self.pairs += 1;
        for end in ["x", "y"] {
            let path = answer["paths"][end].as_array().map(Vec::as_slice).unwrap_or_default();
            self.longest_path = self.longest_path.max(path.len());
            path.iter().for_each(|step| *self.steps.entry(text(&step["by"])).or_default() += 1);
        }
        *self.reasons.entry(answer["because"]["reason"].as_str().unwrap_or("same").to_owned()).or_default() += 1;
    }
}

pub(crate) fn identifier(json: &Value) -> Identifier {
    Identifier::new(Kind::new(&text(&json["kind"])), text(&json["value"]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
