//! The figures: median with min and max, and the ratios that promises.md sets goals for.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::server::Server;
use super::{BATCHES, GZIP, LOADS, PACED, RANDOM_IDS, SINGLES, Sample};

/// Everything that was measured, in the order of the rounds.
#[derive(Debug, Default)]
pub(super) struct Samples {
    by_load: BTreeMap<(&'static str, Server), Vec<Sample>>,
}

/// A figure of [`Sample`].
type Figure = fn(&Sample) -> f64;

/// A figure's place in the tables.
struct Column {
    name: &'static str,
    heading: &'static str,
    width: usize,
    figure: Figure,
}

/// A ratio between two rows of the table, and what promises.md wants of it.
struct Goal {
    name: &'static str,
    figure: Figure,
    of: (&'static str, Server),
    over: (&'static str, Server),
    target: Target,
}

enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// Median, least and greatest of some rounds.
#[derive(Debug, Clone, Copy)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Samples {
    pub(super) fn add(&mut self, load: &'static str, server: Server, sample: Sample) {
        self.by_load.entry((load, server)).or_default().push(sample);
    }

    /// The same figures as the tables, for scripts.
    pub(super) fn to_json(&self) -> Value {
        let runs: Vec<Value> = LOADS
            .iter()
            .flat_map(|load| load.servers.iter().map(|&server| (load.name, server)))
            .filter_map(|key| {
                let rounds = self.by_load.get(&key)?.len();
                let figures: BTreeMap<&str, Value> = COLUMNS
                    .iter()
                    .filter_map(|column| Some((column.name, self.spread(key, column.figure)?.to_json())))
                    .collect();
                Some(json!({ "load": key.0, "server": key.1.to_string(), "rounds": rounds, "figures": figures }))
            })
            .collect();
        let ratios: Vec<Value> = GOALS
            .iter()
            .filter_map(|goal| {
                let ratio = self.ratio(goal)?;
                Some(json!({ "name": goal.name, "ratio": ratio.to_json(), "target": goal.target.to_string() }))
            })
            .collect();
        json!({ "runs": runs, "ratios": ratios })
    }

    fn spread(&self, key: (&'static str, Server), figure: Figure) -> Option<Spread> {
        Spread::of(self.by_load.get(&key)?.iter().map(figure).collect())
    }

    /// Round by round, so that a machine that slows down half-way weighs on both sides alike.
    fn ratio(&self, goal: &Goal) -> Option<Spread> {
        let (of, over) = (self.by_load.get(&goal.of)?, self.by_load.get(&goal.over)?);
        Spread::of(of.iter().zip(over).map(|(of, over)| (goal.figure)(of) / (goal.figure)(over)).collect())
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for load in LOADS {
            write!(out, "\n{}\n{:12}", load.name, "")?;
            for column in COLUMNS {
                write!(out, "{:>width$}", column.heading, width = column.width)?;
            }
            writeln!(out)?;
            for &server in load.servers {
                write!(out, "  {server:10}")?;
                for column in COLUMNS {
                    let spread = self.spread((load.name, server), column.figure);
                    let text = spread.map_or_else(|| "-".to_owned(), |spread| column.show(spread));
                    write!(out, "{text:>width$}", width = column.width)?;
                }
                writeln!(out)?;
            }
        }
        writeln!(out, "\n{:60}{:>28}  target", "ratio", "median (min to max)")?;
        for goal in GOALS {
            if let Some(ratio) = self.ratio(goal) {
                let verdict = if goal.target.is_met(ratio.median) { "" } else { "  missed" };
                writeln!(out, "{:60}{:>28}  {}{verdict}", goal.name, ratio.to_string(), goal.target)?;
            }
        }
        Ok(())
    }
}

impl Spread {
    /// None of nothing, and of what a server does not have.
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.retain(|figure| figure.is_finite());
        figures.sort_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        let (below, above) = (figures.get((figures.len() - 1) / 2)?, figures.get(figures.len() / 2)?);
        Some(Self { median: (below + above) / 2.0, min, max })
    }

    fn to_json(self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median >= 1_000.0 { 0 } else { 2 };
        write!(out, "{:.digits$} ({:.digits$} to {:.digits$})", self.median, self.min, self.max)
    }
}

impl Column {
    fn show(&self, spread: Spread) -> String {
        if self.width > WIDE { spread.to_string() } else { format!("{:.2}", spread.median) }
    }
}

impl Target {
    fn is_met(&self, ratio: f64) -> bool {
        match *self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(out, "at least {bound}"),
            Self::AtMost(bound) => write!(out, "at most {bound}"),
        }
    }
}

/// Wide columns show the spread, narrow ones the median alone.
const COLUMNS: &[Column] = &[
    Column { name: "events_per_second", heading: "events/s", width: 28, figure: |sample| sample.events_per_second },
    Column {
        name: "cpu_seconds_per_million",
        heading: "CPU s per million",
        width: 26,
        figure: |sample| sample.cpu_seconds_per_million,
    },
    Column { name: "p50_ms", heading: "p50 ms", width: 9, figure: |sample| sample.p50_ms },
    Column { name: "p99_ms", heading: "p99 ms", width: 9, figure: |sample| sample.p99_ms },
    Column { name: "peak_memory_mib", heading: "peak MiB", width: 10, figure: |sample| sample.peak_memory_mib },
    Column {
        name: "stored_share",
        heading: "stored/raw",
        width: 12,
        figure: |sample| sample.stored_share.unwrap_or(f64::NAN),
    },
];

const WIDE: usize = 20;

const GOALS: &[Goal] = &[
    Goal {
        name: "events/s, batches of 100, selvedge / durable",
        figure: |sample| sample.events_per_second,
        of: (BATCHES, Server::Selvedge),
        over: (BATCHES, Server::Durable),
        target: Target::AtLeast(0.8),
    },
    Goal {
        name: "CPU, batches of 100, selvedge / durable",
        figure: |sample| sample.cpu_seconds_per_million,
        of: (BATCHES, Server::Selvedge),
        over: (BATCHES, Server::Durable),
        target: Target::AtMost(1.3),
    },
    Goal {
        name: "CPU, single posts, selvedge / hello",
        figure: |sample| sample.cpu_seconds_per_million,
        of: (SINGLES, Server::Selvedge),
        over: (SINGLES, Server::Hello),
        target: Target::AtMost(2.2),
    },
    Goal {
        name: "CPU, selvedge, random / rising messageIds (fresh ledger)",
        figure: |sample| sample.cpu_seconds_per_million,
        of: (RANDOM_IDS, Server::Selvedge),
        over: (BATCHES, Server::Selvedge),
        target: Target::AtMost(1.3),
    },
    Goal {
        name: "CPU, selvedge, gzip / plain",
        figure: |sample| sample.cpu_seconds_per_million,
        of: (GZIP, Server::Selvedge),
        over: (BATCHES, Server::Selvedge),
        target: Target::AtMost(1.25),
    },
    Goal {
        name: "p99, 1,000 single posts per second, selvedge / hello",
        figure: |sample| sample.p99_ms,
        of: (PACED, Server::Selvedge),
        over: (PACED, Server::Hello),
        target: Target::AtMost(5.0),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 9.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 9.0));
    }

    #[test]
    fn what_a_server_does_not_have_is_no_figure() {
        assert!(Spread::of(vec![f64::NAN]).is_none());
    }
}
