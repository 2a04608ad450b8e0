//! The tracking core in a page: inputs in, effects out, one string each way.
//!
//! One function is all that crosses into JavaScript. `sdk-wasm/js/src/driver.ts` is its only caller:
//! it adds the moment, reads the effects and runs them. Decides nothing itself; what the strings
//! look like is [`codec`]'s business.

mod codec;

use std::cell::RefCell;

use selvedge_core::{Client, Moment};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::codec::Message;

/// A fourth of the weight of std's allocator, and constant time (TLSF).
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

thread_local! {
    /// The page's client. One per Wasm instance: a page has one tracker.
    static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
}

/// Takes one message at its moment; returns the effects.
///
/// Clocks are those of [`Moment`], `entropy` its 32 bytes. An opening begins a client, also in the
/// place of an earlier one. A message before that, or one that is none, has no effect.
#[wasm_bindgen]
pub fn handle(frame: &str, unix_ms: f64, monotonic_ms: f64, entropy: &[u8]) -> String {
    let moment = moment(unix_ms, monotonic_ms, entropy);
    CLIENT.with_borrow_mut(|slot| match (codec::read(frame), slot) {
        (Some(Message::Opening(config, saved)), slot) => {
            let (client, effects) = Client::restore(config, saved, moment);
            *slot = Some(client);
            codec::write(&effects)
        }
        (Some(Message::Input(input)), Some(client)) => codec::write(&client.handle(input, moment)),
        (None, _) | (_, None) => String::new(),
    })
}

/// JavaScript knows numbers as `f64`: whole ms fit exactly until the year 287396.
fn moment(unix_ms: f64, monotonic_ms: f64, entropy: &[u8]) -> Moment {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(entropy).for_each(|(to, from)| *to = *from);
    Moment { unix_ms: unix_ms as i64, monotonic_ms: monotonic_ms as u64, entropy: bytes }
}
