//! What is known about a person, folded from what its events say. Pure: sees values, never SQL or a clock.
//! Called by the readers of the store and by what it sends downstream.

mod read;
mod sessions;
mod traits;

pub use read::{Profile, SeenIdentifier};
pub use sessions::{Session, Sessions};
pub use traits::{TraitSet, fold_traits};
