//! Installs Debian packages where that can be done without asking anybody: as root, on Debian or a child of it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;

/// What asking for packages came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// They are there now.
    Installed,
    /// Not root, or not Debian: the caller says what is needed.
    NotOurs,
}

/// Installs them, or leaves the machine as it is.
pub(crate) fn install(packages: &[&str]) -> Result<Outcome> {
    if !Path::new("/etc/debian_version").exists() || !is_root() {
        return Ok(Outcome::NotOurs);
    }
    process::say("apt", &format!("installing {}", packages.join(" ")));
    process::read(apt().args(["update", "--quiet"]))?;
    process::read(apt().args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages))?;
    Ok(Outcome::Installed)
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    // Another install may be running on a fresh machine; it ends by itself.
    apt.args(["-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

fn is_root() -> bool {
    process::read(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}
