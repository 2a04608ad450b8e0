//! Builds the mobile crate and generates its bindings. Python stands for the native languages where no phone is.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{process, tree};

/// Builds, generates, and gives the folder of the Python module and its library.
pub(crate) fn generate() -> Result<PathBuf> {
    println!("mobile");
    process::timed("library", || {
        // Not a release build: what tells the generator the names would be stripped from it.
        let arguments = ["build", "--quiet", "--package", "selvedge-mobile", "--features", "bindings"];
        process::run(process::cargo().args(arguments).current_dir(tree::root()))
    })?;
    let built = tree::target().join("debug");
    let name = format!("{DLL_PREFIX}selvedge_mobile{DLL_SUFFIX}");
    let bindings = tree::target().join("mobile/python");
    process::timed("bindings", || {
        fs::create_dir_all(&bindings).with_context(|| format!("could not make {}", bindings.display()))?;
        let mut generator = Command::new(built.join(format!("selvedge-bindings{EXE_SUFFIX}")));
        process::read(generator.arg(built.join(&name)).arg(&bindings).current_dir(tree::root()))?;
        fs::copy(built.join(&name), bindings.join(&name)).with_context(|| format!("could not copy {name}"))?;
        check(&bindings.join("selvedge_mobile.py"))
    })?;
    Ok(bindings)
}

/// The tests that call the core as an app would.
pub(crate) fn python_tests() -> PathBuf {
    tree::root().join("sdk-mobile/python/tests")
}

/// The generator ends well even when it found nothing to write.
fn check(module: &Path) -> Result<()> {
    let text = fs::read_to_string(module).with_context(|| format!("{} was not generated", module.display()))?;
    if !text.contains("class Tracker") {
        bail!("{} knows no Tracker: was the library stripped?", module.display());
    }
    Ok(())
}
