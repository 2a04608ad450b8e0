//! Decides who is who. Pure: sees values, never SQL, a clock or the order of arrival. Called by ingest and by reads.
//!
//! The way from claims to people (identity.md, sections 2 to 6): [`normal`] gives a value its normal form ->
//! a [`Claim`] has an [`anchor`] -> `crowd` takes out what names too many -> `edge` ties each anchor to the names
//! beside it -> `follow` cuts units into groups, once for what is trusted and once for what is observed -> `conflict`
//! says why an edge holds two people -> [`place`] is the recipe, [`Placing`] its result. An event belongs where
//! [`Belonging`] says: to a person, or to a device, whose [`Timeline`] then says whose it was at that moment.
//!
//! What identity.md leaves open is decided here, once:
//!
//! - One claim makes edges of one order. Between equal orders the edge comes first whose anchor, then whose other end,
//!   comes first by (class, kind priority, value).
//! - What is said twice with different strength is two edges, each with the order of the first claim of its own
//!   strength: else an observed claim that claims an early time would reorder trusted people.
//! - A contact stands beside a value "in a trusted claim" when the claim trusts both.
//! - A crowd is counted over account and contact kinds only, and all crowds of a step at once. A person may use many
//!   devices.
//! - The reason of a conflict looks at the two people as they are in the end: `account_conflict` when together they
//!   would hold two values of an account kind, `limit` when too many of a contact kind, else `nearest`. A pair of
//!   identifiers is in conflict once, with its trusted edge if it has one.

mod anchor;
mod belonging;
mod conflict;
mod crowd;
mod decisions;
mod device;
mod edge;
mod follow;
pub mod incremental;
mod linked;
mod names;
pub mod normal;
mod place;
mod profile_id;
mod rules;

pub use anchor::{Claim, anchor, strength};
pub use belonging::{Belonging, owner_by_device};
pub use conflict::{Conflict, Reason, why_apart};
pub use crowd::{Quarantine, left};
pub use decisions::{DecisionVerb, Decisions};
pub use device::{Mark, Owner, Slice, Timeline, nameless};
pub use linked::linked_units;
pub use place::{ParentEdge, Place, Placing, place};
pub use profile_id::{ProfileId, profile_id};
pub use rules::{Rank, Rules, TraitRule};

#[cfg(test)]
mod tests;
