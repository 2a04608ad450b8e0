//! The real collector in its own process: started, killed, stopped and started again on the same directory.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::http::{self, Answer};

/// A running `selvedge serve`. Killed when dropped.
#[derive(Debug)]
pub struct Collector {
    /// `http://127.0.0.1:PORT`; the same after a restart.
    pub url: String,
    /// Printed by the first start.
    pub public_key: String,
    /// Printed by the first start.
    pub secret_key: String,
    /// Printed by the first start.
    pub admin_key: String,
    directory: PathBuf,
    flags: Vec<String>,
    process: Child,
}

impl Collector {
    /// Starts on an empty directory, on a free port of loopback.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        Self::start_with(directory, &[])
    }

    /// The same with more flags, such as `["--upstream", url, "--upstream-key", key]`.
    pub fn start_with(directory: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (process, lines) = launch(directory, "127.0.0.1:0", &flags)?;
        let mut collector = Self {
            url: String::new(),
            public_key: String::new(),
            secret_key: String::new(),
            admin_key: String::new(),
            directory: directory.to_owned(),
            flags,
            process,
        };
        collector.url = printed(&lines, "listening ").with_context(|| collector.log())?;
        collector.public_key = printed(&lines, "public ").with_context(|| collector.log())?;
        collector.secret_key = printed(&lines, "secret ").with_context(|| collector.log())?;
        collector.admin_key = printed(&lines, "admin ").with_context(|| collector.log())?;
        Ok(collector)
    }

    /// On a directory that has keys already: none are printed, and none are known here.
    pub fn start_on(directory: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (process, lines) = launch(directory, "127.0.0.1:0", &flags)?;
        let no_key = String::new;
        let mut collector = Self {
            url: no_key(),
            public_key: no_key(),
            secret_key: no_key(),
            admin_key: no_key(),
            directory: directory.to_owned(),
            flags,
            process,
        };
        collector.url = printed(&lines, "listening ").with_context(|| collector.log())?;
        Ok(collector)
    }

    /// The same with a settings file of this TOML text.
    pub fn start_with_settings(directory: &Path, settings: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let file = directory.join("selvedge.toml");
        std::fs::write(&file, settings)?;
        Self::start_with(directory, &["--config", &file.to_string_lossy()])
    }

    /// SIGKILL: nothing is drained, nothing is flushed. Returns when the process is gone.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// SIGTERM: it drains and ends by itself.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > STOP_DEADLINE {
                bail!("the collector did not stop within {STOP_DEADLINE:?} of SIGTERM: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts again after `kill` or `stop`: same directory, flags and port.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let address = self.url.trim_start_matches("http://").to_owned();
        let (process, lines) = launch(&self.directory, &address, &self.flags)?;
        self.process = process;
        self.url = printed(&lines, "listening ").with_context(|| self.log())?;
        Ok(())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where its ledger is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it logged since the first start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_path(&self.directory)).unwrap_or_default()
    }

    /// POST of a JSON value, such as to `/v1/batch`.
    pub fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Answer> {
        http::post(&format!("{}{path}", self.url), key, body)
    }

    /// GET, such as of `/v1/profiles/user_id:u1`.
    pub fn get(&self, path: &str, key: &str) -> anyhow::Result<Answer> {
        http::get(&format!("{}{path}", self.url), key)
    }

    /// Runs another command of the binary on this directory: `["key", "list"]`.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let directory = self.directory.to_string_lossy().into_owned();
        let mut all = arguments.to_vec();
        all.extend(["--data", &directory]);
        run(&all)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the binary with these arguments until it ends.
pub fn run(arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(command()?.args(arguments).stdin(Stdio::null()).output()?)
}

/// The binary, without the `SELVEDGE_*` variables of whoever runs the tests.
pub fn command() -> anyhow::Result<Command> {
    let path = binary()?;
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SELVEDGE_")) {
        command.env_remove(name);
    }
    Ok(command)
}

/// The `selvedge` under test.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("SELVEDGE_BIN") {
        return Ok(path.into());
    }
    // A test runs as target/debug/deps/NAME-HASH.
    let test = std::env::current_exe()?;
    let path = test.ancestors().nth(2).context("the test stands in no target directory")?.join("selvedge");
    if !path.exists() {
        bail!("{} is not built: run `cargo build -p selvedge-collector`, or set SELVEDGE_BIN", path.display());
    }
    Ok(path)
}

fn launch(directory: &Path, address: &str, flags: &[String]) -> anyhow::Result<(Child, Receiver<String>)> {
    std::fs::create_dir_all(directory)?;
    let log: File = OpenOptions::new().create(true).append(true).open(log_path(directory))?;
    let mut process = command()?
        .args(["serve", "--listen", address, "--data"])
        .arg(directory)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()?;
    let stdout = process.stdout.take().context("no stdout")?;
    let (sender, lines) = channel();
    // Goes on reading after the last awaited line: a full pipe must not stop the collector.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    Ok((process, lines))
}

fn printed(lines: &Receiver<String>, word: &str) -> anyhow::Result<String> {
    let line = lines.recv_timeout(START_DEADLINE).with_context(|| format!("no line that begins with {word:?}"))?;
    let value = line.strip_prefix(word).with_context(|| format!("{line:?} does not begin with {word:?}"))?;
    Ok(value.to_owned())
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("test-collector.log")
}

/// Far above what a start takes on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// The drain of 10 s and as much again.
const STOP_DEADLINE: Duration = Duration::from_secs(20);
