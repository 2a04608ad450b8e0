//! Seeds of random stories: each makes the same story every time. One that failed is written down, and told first from
//! then on.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::Context;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Which story, and in which order its steps are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed {
    pub(crate) story: u64,
    pub(crate) order: usize,
}

/// The story of a number.
pub(crate) fn tree<S: Strategy>(strategy: &S, story: u64) -> S::Tree {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&story.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    strategy.new_tree(&mut TestRunner::new_with_rng(Config::default(), rng)).expect("nothing is filtered out")
}

/// Those of this sort of story that failed once.
pub(crate) fn kept(sort: &str) -> anyhow::Result<Vec<Seed>> {
    let text = std::fs::read_to_string(FILE).context(FILE)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let of_sort = lines.filter_map(|line| line.strip_prefix(sort)?.strip_prefix(' '));
    of_sort.map(|line| parsed(line).with_context(|| format!("{FILE}: {line}"))).collect()
}

/// Writes one down.
pub(crate) fn keep(sort: &str, seed: Seed) -> anyhow::Result<()> {
    if kept(sort)?.contains(&seed) {
        return Ok(());
    }
    let mut file = OpenOptions::new().append(true).open(FILE).context(FILE)?;
    writeln!(file, "{sort} {} {}", seed.story, seed.order).context(FILE)
}

fn parsed(line: &str) -> Option<Seed> {
    let (story, order) = line.split_once(' ')?;
    Some(Seed { story: story.parse().ok()?, order: order.parse().ok()? })
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/logs/stories.seeds");
