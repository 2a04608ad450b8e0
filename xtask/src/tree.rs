//! Where things are in this checkout. Knows paths, never what is in them.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    // Cargo says it at run time as well: an xtask that was built elsewhere still finds its tree.
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("xtask"), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |named| root().join(named))
}

/// The npm package of the page's tracker.
pub(crate) fn tracker_package() -> PathBuf {
    root().join("sdk-wasm/js")
}

/// The tests that run in a real browser.
pub(crate) fn browser_tests() -> PathBuf {
    root().join("tests/browser")
}

/// The tests of other vendors' clients for Node.
pub(crate) fn node_clients() -> PathBuf {
    root().join("tests/clients/node")
}

/// The tests of other vendors' clients for Python.
pub(crate) fn python_clients() -> PathBuf {
    root().join("tests/clients/python")
}

/// The collector as the chores build and start it.
///
/// The dev profile, with optimised dependencies: from cold it is there in half the time of the release build, which
/// waits for link-time optimisation, and SQLite, hyper and rustls are optimised in both.
pub(crate) fn collector_binary() -> PathBuf {
    target().join("debug").join(format!("selvedge{}", env::consts::EXE_SUFFIX))
}
