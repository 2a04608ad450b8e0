//! Installs what a requirements file pins, into a virtual environment under `target/`, once per requirements file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{apt, process, tree};

/// The interpreter of an environment that holds what the folder's `requirements.txt` names, and nothing else.
pub(crate) fn install(folder: &Path) -> Result<PathBuf> {
    let name = folder.strip_prefix(tree::root()).unwrap_or(folder).display().to_string();
    let pinned = folder.join("requirements.txt");
    let requirements = fs::read(&pinned).with_context(|| format!("could not read {}", pinned.display()))?;
    let environment = tree::target().join("python").join(name.replace(['/', '\\'], "-"));
    let interpreter = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Inside the environment, so that who removes it removes the stamp as well.
    let stamp = environment.join("installed-from.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == requirements) && runs(&interpreter) {
        process::say("pip", &format!("{name}: there"));
        return Ok(interpreter);
    }
    require_venv()?;
    process::timed(&format!("venv {name}"), || {
        process::read(Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(&environment))
    })?;
    process::timed(&format!("pip {name}"), || {
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"]);
        process::read(pip.arg(&pinned))
    })?;
    fs::write(&stamp, requirements).with_context(|| format!("could not write {}", stamp.display()))?;
    Ok(interpreter)
}

fn require_venv() -> Result<()> {
    if !makes_environments() {
        apt::install(&["python3", "python3-venv"])?;
        if !makes_environments() {
            bail!("Python 3 with its modules venv and pip is not here (Debian: apt-get install python3 python3-venv)");
        }
    }
    let version =
        process::read(Command::new(PYTHON).args(["-c", "import platform; print(platform.python_version())"]))?;
    let minor = version.strip_prefix("3.").and_then(|rest| rest.split('.').next()).and_then(|minor| minor.parse().ok());
    if minor.is_none_or(|minor: u32| minor < OLDEST_PYTHON_3) {
        bail!("Python {version} is too old: version 3.{OLDEST_PYTHON_3} or later is needed");
    }
    process::say("python", &version);
    Ok(())
}

/// Debian's Python comes without `ensurepip`, which puts pip into a new environment.
fn makes_environments() -> bool {
    process::read(Command::new(PYTHON).args(["-c", "import venv, ensurepip"])).is_ok()
}

/// An environment ends with the interpreter that it was made of.
fn runs(interpreter: &Path) -> bool {
    process::read(Command::new(interpreter).args(["-c", ""])).is_ok()
}

const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };
/// The oldest that the pinned packages run on.
const OLDEST_PYTHON_3: u32 = 11;
