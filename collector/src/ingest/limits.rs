//! What one sender may ask of the collector (protocol.md, section 3): sizes, rates, patience. Holds the figures and
//! their hard maxima; whoever meets a limit enforces it.

use serde::Deserialize;

use selvedge_core::json;
use selvedge_core::wire;

/// Every limit of the intake. A setting above its hard maximum is pulled down to it by [`Limits::settled`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a body as it comes over the network.
    pub body_bytes: usize,
    /// Bytes of a body once it is inflated.
    pub inflated_bytes: usize,
    /// How many times larger than itself a compressed body may become.
    pub inflate_ratio: usize,
    /// Events of one request.
    pub events_per_batch: usize,
    /// Bytes of one event.
    pub event_bytes: usize,
    /// Levels of nesting in one event.
    pub json_depth: usize,
    /// Keys in one event, all levels together.
    pub json_keys: usize,
    /// Bytes of an event's name.
    pub name_bytes: usize,
    /// Bytes of a messageId.
    pub message_id_bytes: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_ip: usize,
    /// Bytes of all bodies that are being received, decoded or committed.
    pub in_flight_body_bytes: usize,
    /// The longest wait for a request's head, from the connection or the previous answer on, in ms.
    pub head_timeout_ms: u64,
    /// The longest that a body may take to arrive, in ms.
    pub body_timeout_ms: u64,
    /// Events per second with one public key.
    pub key_events_per_s: u32,
    /// Events per second from one address with public keys.
    pub ip_events_per_s: u32,
    /// How long open requests may take to end when the collector stops, in ms.
    pub drain_ms: u64,
    /// How far back a public key may date an event, in days.
    pub public_back_date_days: u32,
}

impl Limits {
    /// These limits, none above its hard maximum and none so low that nothing would pass.
    #[must_use]
    pub fn settled(mut self) -> Self {
        for (limit, hard_maximum) in [
            (&mut self.body_bytes, 64 * MIB),
            (&mut self.inflated_bytes, 256 * MIB),
            (&mut self.inflate_ratio, 1_000),
            (&mut self.events_per_batch, 50_000),
            (&mut self.event_bytes, 4 * MIB),
            (&mut self.json_depth, json::MAX_DEPTH),
            (&mut self.json_keys, 65_536),
            (&mut self.name_bytes, 1_024),
            (&mut self.message_id_bytes, 512),
            (&mut self.connections, 65_536),
            (&mut self.connections_per_ip, 65_536),
            (&mut self.in_flight_body_bytes, 1_024 * MIB),
        ] {
            *limit = (*limit).clamp(1, hard_maximum);
        }
        self.head_timeout_ms = self.head_timeout_ms.clamp(1, 600_000);
        self.body_timeout_ms = self.body_timeout_ms.clamp(1, 600_000);
        self.drain_ms = self.drain_ms.min(600_000);
        self
    }

    /// The limits for an event that another collector sends on: it carries the context of its batch in itself, which was
    /// judged apart there, and how far it was trusted.
    #[must_use]
    pub(super) fn forwarded(&self) -> Self {
        Self {
            event_bytes: self.event_bytes.saturating_mul(2).saturating_add(FORWARDED_BYTES),
            json_keys: self.json_keys.saturating_mul(2).saturating_add(FORWARDED_KEYS),
            ..self.clone()
        }
    }

    /// What the scanner lets through as one event.
    pub fn json(&self) -> json::Limits {
        json::Limits { depth: self.json_depth, keys: self.json_keys }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: MIB,
            inflated_bytes: 4 * MIB,
            inflate_ratio: 100,
            events_per_batch: wire::MAX_EVENTS_PER_BATCH,
            event_bytes: wire::MAX_EVENT_BYTES,
            json_depth: wire::MAX_JSON_DEPTH,
            json_keys: wire::MAX_KEYS_PER_EVENT,
            name_bytes: wire::MAX_NAME_BYTES,
            message_id_bytes: wire::MAX_MESSAGE_ID_BYTES,
            connections: 1_024,
            connections_per_ip: 64,
            in_flight_body_bytes: 64 * MIB,
            head_timeout_ms: 10_000,
            body_timeout_ms: 20_000,
            key_events_per_s: 5_000,
            ip_events_per_s: 500,
            drain_ms: 10_000,
            public_back_date_days: 30,
        }
    }
}

/// `context.selvedge`, and the parts that a forwarding collector writes out.
const FORWARDED_BYTES: usize = 2 * 1_024;
const FORWARDED_KEYS: usize = 32;
const MIB: usize = 1_024 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_the_hard_maxima() {
        assert_eq!(Limits::default().settled(), Limits::default());
    }

    #[test]
    fn an_absurd_setting_is_pulled_to_what_works() {
        let limits = Limits { json_depth: 10_000, events_per_batch: 0, ..Limits::default() }.settled();
        assert_eq!((limits.json_depth, limits.events_per_batch), (json::MAX_DEPTH, 1));
    }
}
