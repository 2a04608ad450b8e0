//! Looks at the machine, says what it found and what it chose, and adds what is missing. What is there is left alone.

use std::path::PathBuf;

use anyhow::Result;

use crate::wasm_toolchain::WasmToolchain;
use crate::{chromium, npm, tree};

/// What the tests run with.
pub(crate) struct Machine {
    /// The browser.
    pub(crate) chromium: PathBuf,
}

/// All that any chore needs.
pub(crate) fn everything() -> Result<Machine> {
    println!("setup");
    for_the_tracker()?;
    for_the_browser()
}

/// What building the page's tracker needs.
pub(crate) fn for_the_tracker() -> Result<WasmToolchain> {
    let toolchain = WasmToolchain::find_or_add()?;
    npm::install(&tree::tracker_package())?;
    Ok(toolchain)
}

/// What a walk through a page needs.
pub(crate) fn for_the_browser() -> Result<Machine> {
    npm::install(&tree::browser_tests())?;
    Ok(Machine { chromium: chromium::find_or_install()? })
}
