//! Finds a Chromium to test with. Playwright's own downloads are not used: the tests take what the machine has.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{apt, process};

/// The browser that `CHROMIUM` names, else the first that is installed, else Debian's.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM").map(PathBuf::from) {
        if !named.exists() {
            bail!("CHROMIUM names {}, which is not there", named.display());
        }
        process::say("chromium", &format!("{} (from CHROMIUM)", named.display()));
        return Ok(named);
    }
    if let Some(found) = installed() {
        process::say("chromium", &found.display().to_string());
        return Ok(found);
    }
    if apt::install(&["chromium"])? == apt::Outcome::Installed
        && let Some(found) = installed()
    {
        return Ok(found);
    }
    bail!("the browser tests need Chromium or Chrome: install one, or name it in CHROMIUM")
}

fn installed() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let in_path = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    in_path.chain(WELL_KNOWN.iter().map(PathBuf::from)).find(|candidate| candidate.is_file())
}

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Where macOS keeps it.
const WELL_KNOWN: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
