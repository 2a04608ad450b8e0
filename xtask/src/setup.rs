//! Looks at the machine, says what it found and what it chose, and adds what is missing. What is there is left alone.

use std::path::PathBuf;

use anyhow::Result;

use crate::wasm_toolchain::WasmToolchain;
use crate::{chromium, npm, python, tree};

/// What the tests run with.
pub(crate) struct Machine {
    /// The browser.
    pub(crate) chromium: PathBuf,
    /// A Python that has the stock clients.
    pub(crate) client_python: PathBuf,
}

/// All that any chore needs.
pub(crate) fn everything() -> Result<Machine> {
    println!("setup");
    for_the_tracker()?;
    let chromium = for_the_browser()?;
    npm::install(&tree::node_clients())?;
    Ok(Machine { chromium, client_python: python::install(&tree::python_clients())? })
}

/// What building the page's tracker needs.
pub(crate) fn for_the_tracker() -> Result<WasmToolchain> {
    let toolchain = WasmToolchain::find_or_add()?;
    npm::install(&tree::tracker_package())?;
    Ok(toolchain)
}

/// What a walk through a page needs: gives the browser.
pub(crate) fn for_the_browser() -> Result<PathBuf> {
    npm::install(&tree::browser_tests())?;
    chromium::find_or_install()
}
