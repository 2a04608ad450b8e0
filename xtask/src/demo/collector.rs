//! One collector of the demo: the real binary on its own data directory, ended when it is dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tree;

/// A collector that answers.
pub(super) struct Collector {
    /// `http://HOST:PORT`.
    pub(super) url: String,
    /// What pages send with.
    pub(super) public_key: String,
    /// What reads, and what a collector forwards with.
    pub(super) secret_key: String,
    process: Child,
}

impl Collector {
    /// Starts it on an empty directory and waits until it has printed its address and keys.
    pub(super) fn start(name: &str, data: &Path, settings: &str, flags: &[&str]) -> Result<Self> {
        let directory = data.join(name);
        fs::create_dir_all(&directory).with_context(|| format!("could not make {}", directory.display()))?;
        let (config, log) = (data.join(format!("{name}.toml")), data.join(format!("{name}.log")));
        fs::write(&config, settings)?;
        let mut command = Command::new(tree::collector_binary());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&directory).arg("--config").arg(&config);
        command.args(flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut process = command.spawn().with_context(|| format!("could not start the {name} collector"))?;
        let stdout = process.stdout.take().context("the collector has no stdout")?;
        let mut starting = Self { url: String::new(), public_key: String::new(), secret_key: String::new(), process };
        let complete = starting.read_greeting(stdout)?;
        if !complete {
            bail!("the {name} collector did not come up; its log is {}", log.display());
        }
        Ok(starting)
    }

    /// False when it ended before it had said all.
    fn read_greeting(&mut self, stdout: ChildStdout) -> Result<bool> {
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref() {
            let line = line?;
            match line.split_once(' ') {
                Some(("listening", url)) => self.url = url.to_owned(),
                Some(("public", key)) => self.public_key = key.to_owned(),
                Some(("secret", key)) => self.secret_key = key.to_owned(),
                _ => {}
            }
            if [&self.url, &self.public_key, &self.secret_key].iter().all(|value| !value.is_empty()) {
                // Goes on reading: a full pipe would stop the collector.
                thread::spawn(move || lines.for_each(drop));
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // SIGTERM lets it answer what it has begun. What fails here has ended already.
        let _ = Command::new("kill").arg(self.process.id().to_string()).stderr(Stdio::null()).status();
        let begun = Instant::now();
        while begun.elapsed() < DRAIN {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The collector's own drain, and a moment.
const DRAIN: Duration = Duration::from_secs(11);
