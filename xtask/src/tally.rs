//! Counts tests from what their runners print: cargo's, node's and Python's. Never decides what a failure means.

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ran to their end as they should.
    pub(crate) passed: u32,
    /// Did not.
    pub(crate) failed: u32,
}

impl Tally {
    /// Adds another one.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Takes in one line of a runner's output; most say nothing.
    pub(crate) fn take_in(&mut self, line: &str) {
        let words: Vec<&str> = line.split([' ', ';', '(', ')', '=', ',']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            // cargo: `test result: ok. 12 passed; 1 failed; 0 ignored; …`
            ["test", "result:", _, passed, "passed", failed, "failed", ..] => {
                self.add(Self { passed: number(passed), failed: number(failed) });
            }
            // node: `ℹ pass 12`, or `# pass 12` where it writes TAP. What was cancelled did not pass.
            ["ℹ" | "#", "pass", passed] => self.passed += number(passed),
            ["ℹ" | "#", "fail" | "cancelled", failed] => self.failed += number(failed),
            // Python: `Ran 12 tests in 0.1s`, then `FAILED (failures=1, errors=2)` if so.
            ["Ran", ran, "test" | "tests", "in", _] => self.passed += number(ran),
            ["FAILED", ref counts @ ..] => {
                let bad: u32 = counts.chunks(2).filter_map(|pair| pair.get(1)).map(|count| number(count)).sum();
                self.failed += bad;
                self.passed = self.passed.saturating_sub(bad);
            }
            _ => {}
        }
    }
}

fn number(word: &str) -> u32 {
    word.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_several_cargo_binaries_are_added() {
        let printed = "running 3 tests\n\
                       test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
                       test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(tally(printed), Tally { passed: 7, failed: 2 });
    }

    #[test]
    fn a_cancelled_node_test_is_a_failed_one() {
        assert_eq!(tally("ℹ tests 9\nℹ pass 6\nℹ fail 1\nℹ cancelled 2"), Tally { passed: 6, failed: 3 });
        assert_eq!(tally("# pass 6\n# fail 0"), Tally { passed: 6, failed: 0 });
    }

    #[test]
    fn python_names_only_how_many_ran_and_how_many_were_bad() {
        assert_eq!(tally("Ran 5 tests in 0.004s\n\nOK"), Tally { passed: 5, failed: 0 });
        assert_eq!(tally("Ran 5 tests in 0.004s\n\nFAILED (failures=1, errors=2)"), Tally { passed: 2, failed: 3 });
    }

    #[test]
    fn what_tests_print_themselves_is_not_counted() {
        assert_eq!(tally("30 passed kills, 0 failed\ntest kill ... ok\npass 3"), Tally::default());
    }

    fn tally(printed: &str) -> Tally {
        let mut tally = Tally::default();
        printed.lines().for_each(|line| tally.take_in(line));
        tally
    }
}
