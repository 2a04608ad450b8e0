//! What a ledger that keeps no clear values shows, read by whoever has its key and knows the values.

use std::path::Path;

use anyhow::Context;
use selvedge_collector::identity::Rules;
use selvedge_collector::identity::normal::{KEY_BYTES, Veil};
use selvedge_core::identifier::{Identifier, Kind};
use serde_json::Value;

/// The key of a ledger, and what is known to stand for what.
pub(crate) struct Lifting {
    veil: Veil,
    known: Vec<(String, String)>,
}

impl Lifting {
    /// Of the ledger of a directory.
    pub(crate) fn of(directory: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(directory.join(KEY))?;
        let digits =
            text.trim().as_bytes().chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
        let bytes = digits.collect::<anyhow::Result<Vec<u8>>>()?;
        let key: [u8; KEY_BYTES] = bytes.try_into().ok().context("a key of another length")?;
        Ok(Self { veil: Veil::of(&key), known: Vec::new() })
    }

    /// What stands in the ledger for a value or a digest in its normal form.
    pub(crate) fn keyed(&self, kind: Kind, value: &str) -> String {
        self.veil.cover(&Identifier::new(kind, value), &Rules::default()).identifier.value.to_string()
    }

    /// From now on, knows these names.
    pub(crate) fn learn<'a>(&mut self, names: impl Iterator<Item = &'a Identifier>) {
        for name in names {
            let keyed = self.keyed(name.kind.clone(), &name.value);
            if keyed != *name.value {
                self.known.push((keyed, name.value.to_string()));
            }
        }
    }

    /// What is shown, in clear.
    pub(crate) fn lifted(&self, shown: &str) -> String {
        self.known.iter().fold(shown.to_owned(), |text, (keyed, clear)| text.replace(keyed, clear))
    }

    /// The same of an answer.
    pub(crate) fn lifted_answer(&self, shown: &Value) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.lifted(&shown.to_string()))?)
    }
}

/// Beside the ledger.
pub(crate) const KEY: &str = "clear-values.key";
