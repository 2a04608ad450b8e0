//! Builds the page's tracker: the small Wasm, its glue, and the JS around it. Prints what a page has to load.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;
use wasm_bindgen_cli_support::Bindgen;

use crate::wasm_toolchain::WasmToolchain;
use crate::{npm, process, setup, tree};

/// Sets up, builds, and prints the bytes.
pub(crate) fn build() -> Result<()> {
    println!("web");
    let toolchain = setup::for_the_tracker()?;
    let module = process::timed("wasm", || compile(&toolchain))?;
    let bound = process::timed("wasm-bindgen", || bind(&module))?;
    process::timed("wasm-opt", || shrink(&bound))?;
    process::timed("js", || process::read(npm::command(&tree::tracker_package()).args(["run", "--silent", "build"])))?;
    print_bytes()
}

/// The module as the compiler leaves it: not stripped, so that a check can list what it links.
pub(crate) fn unstripped_module() -> PathBuf {
    target_folder().join("wasm32-unknown-unknown/wasm/selvedge_wasm.wasm")
}

fn compile(toolchain: &WasmToolchain) -> Result<PathBuf> {
    // std is built again for size and without its panic messages: a fifth less to load.
    let mut cargo = toolchain.cargo();
    cargo.current_dir(tree::root()).args(["build", "--quiet", "--package", "selvedge-wasm", "--profile", "wasm"]);
    cargo.args(["--target", "wasm32-unknown-unknown", "-Zbuild-std=std,panic_abort"]);
    cargo.args(["-Zbuild-std-features=optimize_for_size", "--target-dir"]).arg(target_folder());
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", WASM_FLAGS);
    process::run(&mut cargo)?;
    Ok(unstripped_module())
}

/// A panic only stops: it has no text and no place to name. Inlining in MIR, which `opt-level = "z"` leaves out, saves
/// another fiftieth; and the tracker hands numbers and bytes over, no references, so that no table is kept for them.
const WASM_FLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Ctarget-feature=-reference-types \
    -Zlocation-detail=none -Zinline-mir=yes -Zinline-mir-threshold=100 -Zmir-opt-level=3";

/// Its own: the flags differ from those of every other build.
fn target_folder() -> PathBuf {
    tree::target().join("wasm")
}

/// wasm-bindgen as a library, so that its version is the one that the module was compiled with.
fn bind(module: &Path) -> Result<PathBuf> {
    let generated = tree::tracker_package().join("generated");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).bundler(true)?.typescript(false);
    bindgen.remove_name_section(true).remove_producers_section(true).generate(&generated)?;
    Ok(generated.join("selvedge_wasm_bg.wasm"))
}

/// By npm's `binaryen`, in place: first without what `core.ts` does not call, then as small as it gets.
fn shrink(module: &Path) -> Result<()> {
    let graph = target_folder().join("called.json");
    fs::write(&graph, called_from_the_page()).with_context(|| format!("could not write {}", graph.display()))?;
    let mut metadce = binaryen("wasm-metadce", module);
    process::read(metadce.arg(format!("--graph-file={}", graph.display())))?;
    let mut opt = binaryen("wasm-opt", module);
    // The stack lies lowest (rustc's `--stack-first`): nobody keeps anything in the first KiB.
    opt.args([
        "-Oz",
        "-ffm",
        "--low-memory-unused",
        "--converge",
        "--strip-debug",
        "--strip-producers",
        "--strip-target-features",
    ]);
    process::read(&mut opt).map(drop)
}

fn binaryen(tool: &str, module: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg(tree::tracker_package().join("node_modules/binaryen/bin").join(tool));
    command.arg(module).arg("-o").arg(module).args(BROWSER_FEATURES);
    command
}

/// The exports that a page reaches, as wasm-metadce reads it.
fn called_from_the_page() -> String {
    let exports = ["memory", "handle", "__wbindgen_malloc", "__wbindgen_free"];
    let nodes = exports.map(|name| json!({ "name": name, "export": name }));
    let page = json!({ "name": "page", "root": true, "reaches": exports });
    json!(nodes.into_iter().chain([page]).collect::<Vec<_>>()).to_string()
}

/// What rustc's wasm32 target uses, and every browser runs. With all that wasm-opt knows, it also writes types that
/// no browser reads yet.
const BROWSER_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];

fn print_bytes() -> Result<()> {
    let dist = tree::tracker_package().join("dist");
    let mut total = Bytes::default();
    println!("what a page loads, bytes      raw     gzip   brotli");
    for name in ["selvedge.js", "selvedge.wasm"] {
        let bytes = Bytes::of(&dist.join(name))?;
        bytes.print(name);
        total = total.plus(&bytes);
    }
    total.print("together");
    Ok(())
}

#[derive(Default)]
struct Bytes {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

impl Bytes {
    /// node's zlib compresses, as strong as it can: what a server that compresses ahead would send.
    fn of(path: &Path) -> Result<Self> {
        let raw = fs::metadata(path).with_context(|| format!("{} was not built", path.display()))?.len();
        let script = "const { gzipSync, brotliCompressSync } = require('node:zlib');\
                      const bytes = require('node:fs').readFileSync(process.argv[1]);\
                      console.log(gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length);";
        let printed = process::read(Command::new("node").args(["-e", script]).arg(path))?;
        let (gzip, brotli) = printed.split_once(' ').context("node printed no two sizes")?;
        Ok(Self { raw, gzip: gzip.parse()?, brotli: brotli.parse()? })
    }

    fn plus(&self, other: &Self) -> Self {
        Self { raw: self.raw + other.raw, gzip: self.gzip + other.gzip, brotli: self.brotli + other.brotli }
    }

    fn print(&self, name: &str) {
        println!("  {name:<22} {:>8} {:>8} {:>8}", self.raw, self.gzip, self.brotli);
    }
}
