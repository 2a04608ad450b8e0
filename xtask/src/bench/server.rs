//! A server under measurement: started on a free port with a fresh data directory, watched through `/proc`, stopped.

use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::process;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Server {
    /// A bare axum handler.
    Hello,
    /// The smallest durable collector.
    Durable,
    /// The collector.
    Selvedge,
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Hello => "hello",
            Self::Durable => "durable",
            Self::Selvedge => "selvedge",
        })
    }
}

/// A started server; killed when dropped, and its data directory removed.
#[derive(Debug)]
pub(super) struct Running {
    server: Server,
    process: Child,
    data: PathBuf,
    address: String,
    write_key: String,
    /// Kept open, so that the server can go on printing.
    _stdout: BufReader<ChildStdout>,
}

/// What a server's database holds, as `yardstick-stored` prints it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Stored {
    pub(super) events: u64,
    pub(super) bytes: u64,
}

impl Running {
    pub(super) fn start(binaries: &Path, server: Server) -> anyhow::Result<Self> {
        let data = binaries.with_file_name("bench").join(server.to_string());
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot empty the data directory")?;
        }
        fs::create_dir_all(&data).context("cannot make a data directory")?;
        let mut command = match server {
            Server::Hello => Command::new(binaries.join("yardstick-hello")),
            Server::Durable => {
                let mut command = Command::new(binaries.join("yardstick-durable"));
                command.arg("--data").arg(&data);
                command
            }
            Server::Selvedge => {
                let mut command = Command::new(binaries.join("selvedge"));
                command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
                command
            }
        };
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("cannot start")?;
        let mut stdout = BufReader::new(process.stdout.take().context("no stdout")?);
        let greeting = Greeting::read(&mut stdout, server)?;
        Ok(Self { server, process, data, address: greeting.address, write_key: greeting.write_key, _stdout: stdout })
    }

    /// Host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The secret key: it has no rate limit.
    pub(super) fn write_key(&self) -> &str {
        &self.write_key
    }

    /// Seconds that all its threads have run, in user and kernel mode.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(self.proc_file("stat")).context("no /proc: the bench needs Linux")?;
        // The command's name may hold spaces; what follows its bracket may not.
        let (_, fields) = stat.rsplit_once(')').context("not a stat file")?;
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Ok(ticks as f64 / TICKS_PER_SECOND)
    }

    pub(super) fn peak_memory_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(self.proc_file("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in status")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("VmHWM is no number")?;
        Ok(kib / 1_024.0)
    }

    /// Kills it, as a power cut would, and counts what its database holds; none for a server that keeps nothing.
    pub(super) fn stop(mut self, binaries: &Path) -> anyhow::Result<Option<Stored>> {
        self.process.kill()?;
        self.process.wait()?;
        if self.server == Server::Hello {
            return Ok(None);
        }
        let databases: Vec<PathBuf> = fs::read_dir(&self.data)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
            .collect();
        ensure!(databases.len() == 1, "expected one database in {}", self.data.display());
        let stored = process::read(Command::new(binaries.join("yardstick-stored")).args(&databases))?;
        Ok(Some(serde_json::from_str(&stored).context("yardstick-stored printed no count")?))
    }

    fn proc_file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.process.id().to_string()).join(name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone, and reaped, after `stop`; what is left over goes with the next start.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.data);
    }
}

/// What a server prints first.
struct Greeting {
    address: String,
    write_key: String,
}

impl Greeting {
    fn read(stdout: &mut BufReader<ChildStdout>, server: Server) -> anyhow::Result<Self> {
        let mut address = None;
        let mut write_key = (server != Server::Selvedge).then(|| "none".to_owned());
        let mut line = String::new();
        loop {
            if let (Some(address), Some(write_key)) = (&address, &write_key) {
                return Ok(Self { address: String::clone(address), write_key: write_key.clone() });
            }
            line.clear();
            ensure!(stdout.read_line(&mut line)? > 0, "ended before it listened");
            match line.trim().split_once(' ') {
                Some(("listening", url)) => address = Some(url.trim_start_matches("http://").to_owned()),
                Some(("secret", key)) => write_key = Some(key.to_owned()),
                _ => {}
            }
        }
    }
}

/// USER_HZ, which Linux fixed at 100 for everything it shows to programs (`man 7 time`).
const TICKS_PER_SECOND: f64 = 100.0;
