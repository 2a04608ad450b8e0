//! Runs every test of the project, part by part, and says how long each took and how many tests passed and failed.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::setup::Machine;
use crate::tally::Tally;
use crate::{demo, mobile, process, setup, tree, web};

/// Sets up, builds once, runs all. False when a test failed; a part that fails does not stop the next.
pub(crate) fn run() -> Result<bool> {
    let mut report = Report::default();
    let machine = report.preparation("setup", setup::everything)?;
    report.preparation("tracker", web::build)?;
    report.preparation("collector", demo::build_collector)?;
    let bindings = report.preparation("bindings", mobile::generate)?;
    report.part("format", cargo(&["fmt", "--all", "--check"]))?;
    report.part("lints", cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    report.part(
        "plain wasm",
        cargo(&["build", "--quiet", "-p", "selvedge-wasm", "--target", "wasm32-unknown-unknown"]),
    )?;
    // With what passing tests print: how many logs, stories and orders were tried.
    let rust = cargo(&["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    report.part("rust", with_machine(rust, &machine))?;
    report.part("browser", node_tests(&tree::browser_tests(), &machine)?)?;
    report.part("node clients", node_tests(&tree::node_clients(), &machine)?)?;
    report.part("python clients", python_client_tests(&machine))?;
    report.part("python", with_machine(python_tests(&bindings), &machine))?;
    report.part("demo", with_machine(demo_check()?, &machine))?;
    report.print();
    Ok(report.total().failed == 0)
}

#[derive(Default)]
struct Report {
    parts: Vec<Part>,
}

struct Part {
    name: &'static str,
    seconds: f64,
    /// None: a preparation, which tests nothing.
    tally: Option<Tally>,
}

impl Report {
    fn preparation<T>(&mut self, name: &'static str, task: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let done = task()?;
        self.parts.push(Part { name, seconds: begun.elapsed().as_secs_f64(), tally: None });
        Ok(done)
    }

    fn part(&mut self, name: &'static str, command: Command) -> Result<()> {
        println!("\n== {name}");
        let begun = Instant::now();
        let tally = run_and_count(command)?;
        self.parts.push(Part { name, seconds: begun.elapsed().as_secs_f64(), tally: Some(tally) });
        Ok(())
    }

    fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.parts.iter().filter_map(|part| part.tally).for_each(|tally| total.add(tally));
        total
    }

    fn print(&self) {
        println!("\npart            seconds   passed   failed");
        for part in &self.parts {
            let counts = part.tally.map(|tally| format!("{:>9}{:>9}", tally.passed, tally.failed)).unwrap_or_default();
            println!("{:<14}{:>9.1}{counts}", part.name, part.seconds);
        }
        let seconds: f64 = self.parts.iter().map(|part| part.seconds).sum();
        println!("{:<14}{seconds:>9.1}\n", "together");
        let Tally { passed, failed } = self.total();
        println!("{passed} passed, {failed} failed");
    }
}

/// Its output goes on ours as it comes, and each line is counted.
fn run_and_count(mut command: Command) -> Result<Tally> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("could not start {}", command.get_program().display()))?;
    // It holds the writing ends: as long as it lives, the pipe would not end.
    drop(command);
    let mut tally = Tally::default();
    for line in BufReader::new(reader).split(b'\n') {
        let bytes = line?;
        let line = String::from_utf8_lossy(&bytes);
        println!("{line}");
        tally.take_in(&line);
    }
    let succeeded = child.wait()?.success();
    match (succeeded, tally) {
        // A check that counts nothing is one test itself: format, lints, a walk.
        (true, Tally { passed: 0, failed: 0 }) => tally.passed = 1,
        // It broke off before it could count: a test that does not compile is a failed one.
        (false, Tally { failed: 0, .. }) => tally.failed = 1,
        (true | false, Tally { .. }) => {}
    }
    Ok(tally)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = process::cargo();
    cargo.args(arguments).current_dir(tree::root());
    cargo
}

/// The tests start the collector that was built here, and the browser that was found here.
fn with_machine(mut command: Command, machine: &Machine) -> Command {
    command.env("SELVEDGE_BIN", tree::collector_binary()).env("CHROMIUM", &machine.chromium);
    command
}

fn node_tests(folder: &Path, machine: &Machine) -> Result<Command> {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).args(files_ending(folder, ".test.mjs")?);
    node.current_dir(folder);
    Ok(with_machine(node, machine))
}

fn python_tests(bindings: &Path) -> Command {
    let mut python = Command::new("python3");
    python.args(["-m", "unittest", "discover", "--start-directory"]).arg(mobile::python_tests());
    python.env("PYTHONPATH", bindings).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(tree::root());
    python
}

fn python_client_tests(machine: &Machine) -> Command {
    let mut python = Command::new(&machine.client_python);
    python.args(["-m", "unittest", "discover", "--start-directory", "."]);
    python.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(tree::python_clients());
    with_machine(python, machine)
}

fn demo_check() -> Result<Command> {
    let mut xtask = Command::new(std::env::current_exe().context("could not find this program again")?);
    xtask.args(["demo", "--check"]).current_dir(tree::root());
    Ok(xtask)
}

fn files_ending(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    Ok(files)
}
