//! Installs what a package's lock file names, once per lock file.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// `npm ci`, unless the modules that are there came from this very lock file.
pub(crate) fn install(package: &Path) -> Result<()> {
    let name = package.strip_prefix(crate::tree::root()).unwrap_or(package).display().to_string();
    let lock_path = package.join("package-lock.json");
    let lock = fs::read(&lock_path).with_context(|| format!("could not read {}", lock_path.display()))?;
    // Beside the modules, so that who removes them removes the stamp as well.
    let stamp = package.join("node_modules/.installed-from.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        process::say("npm", &format!("{name}: there"));
        return Ok(());
    }
    require_node()?;
    process::timed(&format!("npm ci {name}"), || {
        process::read(command(package).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
    })?;
    fs::create_dir_all(package.join("node_modules"))?;
    fs::write(&stamp, lock).with_context(|| format!("could not write {}", stamp.display()))
}

/// npm in that package.
pub(crate) fn command(package: &Path) -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(package);
    npm
}

fn require_node() -> Result<()> {
    let version = process::read(Command::new("node").arg("--version"))
        .context("Node.js is not here: the tracker and the browser tests need version 20 or later, with npm")?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_NODE) {
        bail!("Node.js {version} is too old: version {OLDEST_NODE} or later is needed");
    }
    Ok(())
}

/// The oldest with a stable test runner, `node --test`.
const OLDEST_NODE: u32 = 20;
