//! A shop's visitors: events as Segment's clients send them, some 400 bytes each. Knows nothing of sockets.
//!
//! One [`Traffic`] is one stream with visitors of its own, so that streams sent side by side keep each visitor's order.
//! The same seed gives the same events, but for the time they start from.

use std::io::Write as _;
use std::sync::Arc;

/// How an event's messageId is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageIds {
    /// UUIDv7: later ids are greater, as this project's clients send them.
    Rising,
    /// UUIDv4, as most other clients send them.
    Random,
}

/// Who one event is about, for those who check afterwards what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Names the event once and for all.
    pub message_id: Box<str>,
    /// The visitor's device.
    pub anonymous_id: Arc<str>,
    /// The visitor's account, from the login on.
    pub user_id: Option<Arc<str>>,
    /// Which of this visitor's events it is, from 1; the event carries it as property or trait `step`.
    pub step: u32,
}

/// A request's path and body, and the events in it.
#[derive(Debug, Clone)]
pub struct Post {
    /// `/v1/batch`, or the path of a single call.
    pub path: &'static str,
    /// JSON text.
    pub body: Vec<u8>,
    /// In the order of the body.
    pub mentions: Vec<Mention>,
}

/// An endless stream of events by a changing crowd.
#[derive(Debug)]
pub struct Traffic {
    chance: Chance,
    ids: MessageIds,
    now_unix_ms: i64,
    visitors: Vec<Visitor>,
}

#[derive(Debug)]
struct Visitor {
    anonymous_id: Arc<str>,
    user_id: Option<Arc<str>>,
    steps: u32,
}

/// What a visitor does next.
#[derive(Debug, Clone, Copy)]
enum Deed {
    LogIn,
    View,
    Act,
}

impl Traffic {
    /// A stream whose first event is made at `from_unix_ms`; each further one a millisecond later.
    pub fn new(seed: u64, ids: MessageIds, from_unix_ms: i64) -> Self {
        Self { chance: Chance(seed), ids, now_unix_ms: from_unix_ms, visitors: Vec::new() }
    }

    /// The next `size` events as one `POST /v1/batch`.
    pub fn batch(&mut self, size: usize) -> Post {
        let mut body = Vec::with_capacity(size * TYPICAL_EVENT_BYTES);
        body.extend_from_slice(br#"{"batch":["#);
        let mut mentions = Vec::with_capacity(size);
        for place in 0..size {
            if place > 0 {
                body.push(b',');
            }
            mentions.push(self.event(&mut body).1);
        }
        // Writing to a Vec cannot fail.
        let _ = write!(body, r#"],"context":{SHARED_CONTEXT},"sentAt":"{}"}}"#, iso(self.now_unix_ms));
        Post { path: "/v1/batch", body, mentions }
    }

    /// The next event as a call of its own.
    pub fn single(&mut self) -> Post {
        let mut body = Vec::with_capacity(TYPICAL_EVENT_BYTES);
        let (deed, mention) = self.event(&mut body);
        let path = match deed {
            Deed::LogIn => "/v1/identify",
            Deed::View => "/v1/page",
            Deed::Act => "/v1/track",
        };
        Post { path, body, mentions: vec![mention] }
    }

    /// Appends one event's JSON to `out`.
    fn event(&mut self, out: &mut Vec<u8>) -> (Deed, Mention) {
        self.now_unix_ms += 1;
        let message_id = self.message_id();
        let place = self.visitor();
        let deed = self.deed(place);
        let visitor = &mut self.visitors[place];
        visitor.steps += 1;
        let mention = Mention {
            message_id: message_id.into(),
            anonymous_id: Arc::clone(&visitor.anonymous_id),
            user_id: visitor.user_id.clone(),
            step: visitor.steps,
        };
        let choice = self.chance.below(PRODUCTS);
        // Writing to a Vec cannot fail.
        let _ = write_event(out, deed, &mention, &iso(self.now_unix_ms), choice);
        (deed, mention)
    }

    /// Someone new now and then; else one of the crowd, the recent far more often than the old (Zipf's law, exponent 1).
    fn visitor(&mut self) -> usize {
        if self.visitors.is_empty() || self.chance.below(100) < NEW_VISITORS_PERCENT {
            let anonymous_id = uuid(self.chance.next(), self.chance.next(), 4).into();
            self.visitors.push(Visitor { anonymous_id, user_id: None, steps: 0 });
            return self.visitors.len() - 1;
        }
        let crowd = self.visitors.len();
        let rank = (crowd as f64).powf(self.chance.unit()) as usize;
        crowd - rank.clamp(1, crowd)
    }

    fn deed(&mut self, place: usize) -> Deed {
        let roll = self.chance.below(1_000);
        let account = self.chance.next();
        let visitor = &mut self.visitors[place];
        if visitor.user_id.is_none() && roll < LOGINS_PER_MILLE {
            visitor.user_id = Some(format!("u-{account:016x}").into());
            return Deed::LogIn;
        }
        if roll < 500 { Deed::View } else { Deed::Act }
    }

    fn message_id(&mut self) -> String {
        match self.ids {
            MessageIds::Rising => {
                let head = ((self.now_unix_ms as u64) << 16) | (self.chance.next() & 0xfff);
                uuid(head, self.chance.next(), 7)
            }
            MessageIds::Random => uuid(self.chance.next(), self.chance.next(), 4),
        }
    }
}

fn write_event(out: &mut Vec<u8>, deed: Deed, who: &Mention, time: &str, choice: u64) -> std::io::Result<()> {
    let (message_id, anonymous_id, step) = (&who.message_id, &who.anonymous_id, who.step);
    write!(out, r#"{{"messageId":"{message_id}","timestamp":"{time}","anonymousId":"{anonymous_id}","#)?;
    if let Some(user_id) = &who.user_id {
        write!(out, r#""userId":"{user_id}","#)?;
    }
    let price = choice % 90 + 9;
    match deed {
        Deed::LogIn => write!(
            out,
            r#""type":"identify","traits":{{"email":"{anonymous_id}@customers.example","name":"Ada Example","plan":"club","newsletter":true,"step":{step}}},"context":{{"page":{{"path":"/login","url":"https://shop.example/login","title":"Log in"}}}}}}"#
        ),
        Deed::View => write!(
            out,
            r#""type":"page","name":"Product","properties":{{"path":"/products/{choice}","url":"https://shop.example/products/{choice}?utm_source=newsletter","title":"Linen shirt no. {choice}","referrer":"https://shop.example/","step":{step}}},"context":{{"page":{{"path":"/products/{choice}"}}}}}}"#
        ),
        Deed::Act => write!(
            out,
            r#""type":"track","event":"Product Added","properties":{{"product_id":"p-{choice:05}","name":"Linen shirt no. {choice}","category":"Shirts","price":{price}.9,"currency":"EUR","quantity":1,"step":{step}}},"context":{{"page":{{"path":"/products/{choice}","url":"https://shop.example/products/{choice}"}}}}}}"#
        ),
    }
}

/// 2026-03-01T09:30:00.000Z
fn iso(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

fn uuid(head: u64, tail: u64, version: u64) -> String {
    let head = (head & !0xf000) | (version << 12);
    let tail = (tail & (u64::MAX >> 2)) | (1 << 63);
    let (time_low, time_mid, time_high) = (head >> 32, (head >> 16) & 0xffff, head & 0xffff);
    format!("{time_low:08x}-{time_mid:04x}-{time_high:04x}-{:04x}-{:012x}", tail >> 48, tail & 0xffff_ffff_ffff)
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators"): a seed replays its stream.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From 0 up to, not including, 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Room for one event's text, so that bodies grow once.
const TYPICAL_EVENT_BYTES: usize = 420;
/// Some twelve events per visitor, as shops see them.
const NEW_VISITORS_PERCENT: u64 = 8;
/// One visitor in six logs in within those twelve.
const LOGINS_PER_MILLE: u64 = 15;
const PRODUCTS: u64 = 2_000;
const SHARED_CONTEXT: &str = r#"{"library":{"name":"analytics.js","version":"2.11.1"},"locale":"de-DE","timezone":"Europe/Berlin","userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}"#;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_batch_is_json_and_names_its_events_in_order() {
        let post = Traffic::new(1, MessageIds::Rising, NOON).batch(100);
        let body: serde_json::Value = serde_json::from_slice(&post.body).unwrap();
        let ids: Vec<&str> =
            body["batch"].as_array().unwrap().iter().map(|e| e["messageId"].as_str().unwrap()).collect();
        let named: Vec<&str> = post.mentions.iter().map(|mention| &*mention.message_id).collect();
        assert_eq!(ids, named);
    }

    #[test]
    fn an_event_weighs_about_four_hundred_bytes() {
        let bytes = Traffic::new(2, MessageIds::Random, NOON).batch(1_000).body.len() / 1_000;
        assert!((350..450).contains(&bytes), "{bytes}");
    }

    #[test]
    fn no_two_events_share_a_message_id_and_rising_ones_rise() {
        let post = Traffic::new(3, MessageIds::Rising, NOON).batch(5_000);
        assert!(post.mentions.is_sorted_by(|one, next| one.message_id < next.message_id));
        let post = Traffic::new(3, MessageIds::Random, NOON).batch(5_000);
        let ids: HashSet<_> = post.mentions.iter().map(|mention| &mention.message_id).collect();
        assert_eq!(ids.len(), 5_000);
    }

    #[test]
    fn visitors_come_back_log_in_and_count_their_steps() {
        let post = Traffic::new(4, MessageIds::Random, NOON).batch(10_000);
        let visitors: HashSet<_> = post.mentions.iter().map(|mention| &mention.anonymous_id).collect();
        let accounts: HashSet<_> = post.mentions.iter().filter_map(|mention| mention.user_id.as_ref()).collect();
        assert!((700..900).contains(&visitors.len()), "{}", visitors.len());
        assert!((50..250).contains(&accounts.len()), "{}", accounts.len());
        let busiest = post.mentions.iter().map(|mention| mention.step).max().unwrap();
        assert!(busiest > 20, "{busiest}");
    }

    const NOON: i64 = 1_772_366_400_000;
}
