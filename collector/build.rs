//! Embeds the page's tracker, when it was built: a collector serves it without a file beside it.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let (root, out) = (env_path("CARGO_MANIFEST_DIR")?, env_path("OUT_DIR")?);
    let dist = Path::new(&root).join("../sdk-wasm/js/dist");
    // A directory that is not there yet counts as changed by its appearance.
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut constants = String::new();
    for (name, file) in [("TRACKER_JS", "selvedge.js"), ("TRACKER_WASM", "selvedge.wasm")] {
        let path = dist.join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        let value = match path.canonicalize() {
            Ok(path) => format!("Some(include_bytes!({path:?}))"),
            Err(_) => "None".to_owned(),
        };
        constants.push_str(&format!("const {name}: Option<&[u8]> = {value};\n"));
    }
    fs::write(Path::new(&out).join("tracker.rs"), constants)
}

fn env_path(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
