//! Which compiler builds the Wasm: rustup's where it can fetch target and sources, else Debian's packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{apt, process};

/// A compiler that can build the small Wasm: it knows the wasm32 target and has the sources of std.
pub(crate) enum WasmToolchain {
    /// The one that builds everything else. It has the target's std as well, so that a plain build works too.
    Rustup,
    /// Debian's `rustc-web`, where rustup cannot reach its server.
    Debian {
        /// rustup's own `rust-lld`: Debian's lld is too old for this compiler.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// Looks for it, and fetches it the first time.
    pub(crate) fn find_or_add() -> Result<Self> {
        if rustup_has_it() {
            process::say("wasm", "rustup: the wasm32 target and rust-src are there");
            return Ok(Self::Rustup);
        }
        if let Some(debian) = debian_has_it()? {
            process::say("wasm", "Debian: rustc-web, cargo-web and rust-web-src are there; rustup lacks the target");
            return Ok(debian);
        }
        process::say("wasm", "fetching the wasm32 target and rust-src with rustup");
        match add_with_rustup() {
            Ok(()) if rustup_has_it() => return Ok(Self::Rustup),
            Ok(()) => process::say("wasm", "rustup reported success, yet they are not there"),
            Err(error) => process::say("wasm", &format!("rustup cannot: {error:#}")),
        }
        process::say("wasm", "falling back to Debian's rustc-web, cargo-web and rust-web-src");
        add_with_apt()?;
        match debian_has_it()? {
            Some(debian) => Ok(debian),
            None => bail!("the packages are installed, but the sources of std are not where they belong"),
        }
    }

    /// Cargo with this compiler, for the wasm32 target.
    pub(crate) fn cargo(&self) -> Command {
        match self {
            Self::Rustup => process::cargo(),
            Self::Debian { linker } => {
                let mut cargo = Command::new(DEBIAN_CARGO);
                cargo.env("RUSTC", DEBIAN_RUSTC).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                // The proxies of rustup would otherwise put their own compiler back in its place.
                cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC_WRAPPER");
                cargo
            }
        }
    }
}

fn rustup_has_it() -> bool {
    // A distribution's compiler can stand first in the path: then it is not rustup that has it, but it builds.
    sysroot("rustc")
        .is_ok_and(|sysroot| sysroot.join("lib/rustlib/wasm32-unknown-unknown/lib").exists() && has_sources(&sysroot))
}

fn debian_has_it() -> Result<Option<WasmToolchain>> {
    let there = Path::new(DEBIAN_CARGO).exists()
        && Path::new(DEBIAN_RUSTC).exists()
        && sysroot(DEBIAN_RUSTC).is_ok_and(|sysroot| has_sources(&sysroot));
    if !there {
        return Ok(None);
    }
    let host = process::read(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let linker = sysroot("rustc")?.join("lib/rustlib").join(host).join("bin/rust-lld");
    if !linker.exists() {
        bail!("Debian's compiler needs a newer linker than Debian's: {} is not there", linker.display());
    }
    Ok(Some(WasmToolchain::Debian { linker }))
}

fn has_sources(sysroot: &Path) -> bool {
    // A file that the build opens: the directory alone may be what a removed component left.
    sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").exists()
}

fn sysroot(rustc: &str) -> Result<PathBuf> {
    let mut command = Command::new(rustc);
    if rustc == DEBIAN_RUSTC {
        command.env_remove("RUSTUP_TOOLCHAIN");
    }
    process::read(command.args(["--print", "sysroot"])).map(PathBuf::from)
}

fn add_with_rustup() -> Result<()> {
    if !process::exists("rustup") {
        bail!("rustup is not installed");
    }
    process::read(Command::new("rustup").args(["target", "add", "wasm32-unknown-unknown"]))?;
    process::read(Command::new("rustup").args(["component", "add", "rust-src"]))?;
    Ok(())
}

fn add_with_apt() -> Result<()> {
    let packages = ["rustc-web", "cargo-web", "rust-web-src"];
    if apt::install(&packages)? == apt::Outcome::Installed {
        return Ok(());
    }
    bail!(
        "the tracker needs a Rust compiler with the wasm32 target and the sources of std; either\n  \
         rustup target add wasm32-unknown-unknown && rustup component add rust-src\n\
         or, as root on Debian,\n  apt-get install {}",
        packages.join(" ")
    )
}

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
