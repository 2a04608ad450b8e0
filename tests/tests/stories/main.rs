//! identity.md, whole, on a real ledger: random stories of events of every sort with decisions and withdrawals between
//! them, held to the oracle after every step. `SELVEDGE_STORIES` and `SELVEDGE_ORDERS` say how many are tried,
//! `SELVEDGE_FIRST_STORY` from which on, `SELVEDGE_STEPS` how long they are, `SELVEDGE_EVERY` after how many steps they are
//! compared (every step of the first order, every seventh of the others, if it says nothing).

use std::collections::BTreeSet;

mod counted;
mod digests;
mod found;
mod hold;
#[path = "../in_process/mod.rs"]
mod in_process;
#[path = "../logs/mod.rs"]
mod logs;
mod read;
#[path = "../rules_ledger/mod.rs"]
mod rules_ledger;
#[path = "../logs/seeds.rs"]
mod seeds;
#[path = "../logs/stories.rs"]
mod told;

use counted::Counted;
use hold::{Pace, hold_at};
use proptest::strategy::{Strategy, ValueTree};
use seeds::Seed;
use selvedge_collector::event::{Order, UnixMillis};
use selvedge_tests::oracle::Event;
use told::{Step, Story, story, story_by_other_rules, story_guarded_late, story_with_erasures};

#[test]
fn after_every_step_of_a_story_the_people_are_those_of_the_oracle() -> anyhow::Result<()> {
    hold_all("any", &story(steps()?), (25, 7))
}

#[test]
fn what_follows_after_an_erasure_is_what_the_oracle_makes_of_what_it_leaves() -> anyhow::Result<()> {
    hold_all("erasures", &story_with_erasures(steps()?), (25, 7))
}

#[test]
fn a_workspace_that_is_guarded_late_is_what_the_oracle_makes_of_it_guarded() -> anyhow::Result<()> {
    hold_all("guarded", &story_guarded_late(steps()?), (25, 7))
}

#[test]
fn other_rules_and_the_first_ones_again_are_what_the_oracle_makes_of_each() -> anyhow::Result<()> {
    hold_all("rules", &story_by_other_rules(steps()?), (15, NEVER))
}

/// At most so many steps of a story, without those of a crowd.
fn steps() -> anyhow::Result<usize> {
    counted("SELVEDGE_STEPS", 30)
}

/// Those that failed once, and then from the first on: as many by default, compared so often.
fn hold_all(
    sort: &str,
    any_story: &impl Strategy<Value = Story>,
    (stories, every): (usize, usize),
) -> anyhow::Result<()> {
    let (stories, orders) = (counted("SELVEDGE_STORIES", stories)?, counted("SELVEDGE_ORDERS", 3)?);
    let first = counted("SELVEDGE_FIRST_STORY", 0)?;
    let kept = seeds::kept(sort)?;
    let all =
        (first..first + stories).flat_map(|story| (0..orders).map(move |order| Seed { story: story as u64, order }));
    let mut held = Counted::default();
    for seed in kept.iter().copied().chain(all) {
        let mut tree = seeds::tree(any_story, seed.story);
        let pace = pace(seed.order, every)?;
        match hold_at(&told_in_order(&tree.current(), seed.order), pace) {
            Ok(story) => held += story,
            Err(failure) => {
                seeds::keep(sort, seed)?;
                return Err(shrunk(&mut tree, (seed.order, pace), failure).context(format!("{sort} {seed:?}, kept")));
            }
        }
    }
    let kept = kept.len();
    println!("{sort}: {stories} stories from {first} on in {orders} orders each, and {kept} that failed once: {held}");
    Ok(())
}

/// Every third order comes in groups: what several events do at once is what they do one by one.
fn pace(order: usize, every: usize) -> anyhow::Result<Pace> {
    let group = if order % 3 == 2 { 2 + order % 7 } else { 1 };
    let every = if order == 0 && every != NEVER { 1 } else { every };
    Ok(Pace { group, every: counted("SELVEDGE_EVERY", every)? })
}

/// What is ruled in the end is ruled then, or, in every other order, while events come.
fn told_in_order(story: &Story, order: usize) -> Story {
    let (steps, ruled): (Vec<Step>, Vec<Step>) =
        story.steps.iter().cloned().partition(|step| !matches!(step, Step::Rule(_)));
    let steps: Vec<Step> = in_order(steps, order);
    let parts = if order.is_multiple_of(2) { 1 } else { ruled.len() + 1 };
    let mut told = Vec::with_capacity(steps.len() + ruled.len());
    let mut ruled = ruled.into_iter();
    for part in steps.chunks(steps.len().div_ceil(parts).max(1)) {
        told.extend_from_slice(part);
        if parts > 1 {
            told.extend(ruled.next());
        }
    }
    told.extend(ruled);
    Story { steps: told, ..story.clone() }
}

/// The same steps as told, from another one on, backwards, or shuffled: events arrive late, decisions come before what
/// they are about.
fn in_order(mut steps: Vec<Step>, order: usize) -> Vec<Step> {
    match order {
        0 => return steps,
        1 => {
            let third = steps.len() / 3;
            steps.rotate_left(third);
        }
        2 => steps.reverse(),
        seed => shuffle(&mut steps, seed as u64),
    }
    steps = sent_again(steps, order);
    behind_their_decisions(steps)
}

/// Some events once more, right behind themselves or later: each of some orders another time, sent again or happening
/// again.
fn sent_again(steps: Vec<Step>, order: usize) -> Vec<Step> {
    let (mut told, mut again) = (Vec::with_capacity(steps.len()), Vec::new());
    for (place, step) in steps.into_iter().enumerate() {
        if let Step::Hear(event) = &step {
            match (place + order) % 5 {
                0 => again.push(step.clone()),
                2 => again.extend(happening_again(event, place + order)),
                _ => {}
            }
        }
        told.push(step);
        if (place * 7 + order).is_multiple_of(4) {
            told.extend(again.pop());
        }
    }
    told.extend(again);
    told
}

/// An event that says the same of up to two hours before or after. A row of an import does not happen.
fn happening_again(event: &Event, chance: usize) -> Option<Step> {
    if event.snapshot.is_some() {
        return None;
    }
    let minutes = [-120, -40, -20, -10, 0, 10, 20, 40, 120][chance * 5 % 9];
    let time = UnixMillis(event.order.time.0 + minutes * 60_000);
    let message_id = format!("{}again", event.order.message_id).into();
    Some(Step::Hear(Event { order: Order { time, message_id }, ..event.clone() }))
}

/// A withdrawal stands behind its decision: those that came before it, right there.
fn behind_their_decisions(steps: Vec<Step>) -> Vec<Step> {
    let (mut told, mut decided, mut early) = (Vec::with_capacity(steps.len()), BTreeSet::new(), BTreeSet::new());
    for step in steps {
        match step {
            Step::Withdraw(number) if !decided.contains(&number) => drop(early.insert(number)),
            Step::Decide(ref decision) => {
                let number = decision.number;
                decided.insert(number);
                told.push(step);
                if early.remove(&number) {
                    told.push(Step::Withdraw(number));
                }
            }
            Step::Hear(_) | Step::Withdraw(_) | Step::Erase(..) | Step::Guard(_) | Step::Rule(_) => told.push(step),
        }
    }
    told
}

/// Into one of all orders, always the same for a seed (Fisher and Yates; numbers by splitmix64).
fn shuffle(steps: &mut [Step], seed: u64) {
    let mut state = seed;
    for place in (1..steps.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        steps.swap(place, ((mixed ^ (mixed >> 31)) % (place as u64 + 1)) as usize);
    }
}

/// The least story of the tree that fails too.
fn shrunk(
    tree: &mut impl ValueTree<Value = Story>,
    (order, pace): (usize, Pace),
    failure: anyhow::Error,
) -> anyhow::Error {
    let mut least = failure;
    for _ in 0..400 {
        if !tree.simplify() {
            break;
        }
        // Around each rebuild is often enough where that is what fails.
        let every = if pace.every == NEVER { NEVER } else { 1 };
        match hold_at(&told_in_order(&tree.current(), order), Pace { every, ..pace }) {
            Err(failure) => least = failure,
            Ok(_) if tree.complicate() => {}
            Ok(_) => break,
        }
    }
    least
}

fn counted(variable: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(default),
    }
}

/// Between two comparisons, of stories that are compared around each rebuild only.
const NEVER: usize = usize::MAX;
