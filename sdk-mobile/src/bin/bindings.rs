//! Writes the bindings of a built library: `selvedge-bindings LIBRARY FOLDER`. Knows nothing of the tracker.

use std::env;

use anyhow::{Context, Result};
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let library = arguments.next().context("usage: selvedge-bindings LIBRARY FOLDER")?;
    let folder = arguments.next().context("usage: selvedge-bindings LIBRARY FOLDER")?;
    generate(GenerateOptions {
        languages: vec![TargetLanguage::Python],
        source: library.into(),
        out_dir: folder.into(),
        ..GenerateOptions::default()
    })
}
