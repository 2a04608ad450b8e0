//! Builds the mobile crate and generates its bindings. Python stands for the native languages where no phone is.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{process, tree};

/// Builds, generates, and gives the folder of the Python module and its library.
pub(crate) fn generate() -> Result<PathBuf> {
    println!("mobile");
    let bindings = tree::target().join("mobile/python");
    let mut cargo = process::cargo();
    process::timed("library", || {
        process::run(cargo.args(["build", "--quiet", "--package", "selvedge-mobile"]).current_dir(tree::root()))
    })?;
    if !bindings.exists() {
        bail!("the bindings were not generated");
    }
    Ok(bindings)
}

/// The tests that call the core as an app would.
pub(crate) fn python_tests() -> PathBuf {
    tree::root().join("sdk-mobile/python/tests")
}
