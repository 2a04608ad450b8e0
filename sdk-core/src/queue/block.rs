//! What is stored of the queue: blocks of events, and the header that counts drops. Formats only; decides nothing.
//!
//! - `queue.{owner}.{number}`, numbers from 1: a block. `1 {count}` and a line feed, then for each event its length
//!   in bytes (decimal), a colon, its JSON text.
//! - `queue.{owner}.0`: the header. `1 {gone}`, then for each queue that ever dropped events here ` {owner}={drops}`.
//!   `gone` is the `{owner}.{number}` of a block whose events these counts include, `-` if none: such a block is
//!   dead although it may still be there.
//!
//! The leading number is the version; an entry of another version is left alone, so that a downgrade loses nothing.

use std::ops::Range;

use crate::digits::{push_decimal, uuid_unix_ms};
use crate::fields::{Fields, cut, read_decimal};
use crate::json::{self, Limits};

/// Some events, in the order in which they were queued.
#[derive(Debug)]
pub(super) struct Block {
    /// Its place in its queue's keys.
    pub(super) number: u64,
    /// Events in it.
    pub(super) count: usize,
    /// The upload that carries it now.
    pub(super) carrier: Option<u64>,
    /// Not stored as it stands.
    pub(super) dirty: bool,
    /// The stored form but for its first line.
    frames: String,
}

/// What an entry turned out to be.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// Sound, or what could be saved of it, and how many of its events could not.
    Ours(T, usize),
    /// Of another version: to be left alone.
    OtherVersion,
}

impl Block {
    pub(super) fn new(number: u64) -> Self {
        Self { number, count: 0, carrier: None, dirty: false, frames: String::new() }
    }

    /// Reads a stored block. Events that are damaged cost themselves.
    pub(super) fn read(number: u64, value: &str) -> Found<Self> {
        let Some((head, frames)) = cut(value, b'\n') else { return Found::Ours(Self::new(number), 1) };
        let Some((version, count)) = cut(head, b' ') else { return Found::Ours(Self::new(number), 1) };
        match read_decimal(version) {
            Some(1) => {}
            Some(_) => return Found::OtherVersion,
            None => return Found::Ours(Self::new(number), 1),
        }
        let mut block = Self::new(number);
        for event in (Events { frames }).filter(|event| is_event(event)) {
            block.push(event);
        }
        let lost = read_size(count).unwrap_or(1).min(value.len()).saturating_sub(block.count);
        block.dirty = lost > 0;
        Found::Ours(block, lost)
    }

    /// The stored form.
    pub(super) fn value(&self) -> String {
        let mut value = String::with_capacity(self.frames.len() + 10);
        value.push_str("1 ");
        push_decimal(&mut value, self.count as u64);
        value.push('\n');
        value.push_str(&self.frames);
        value
    }

    pub(super) fn push(&mut self, event: &str) {
        push_decimal(&mut self.frames, event.len() as u64);
        self.frames.push(':');
        self.frames.push_str(event);
        self.count += 1;
        self.dirty = true;
    }

    /// Keeps the first `count` events and gives the others to a block of their own.
    pub(super) fn split_off(&mut self, count: usize, number: u64) -> Self {
        let (mut front, mut back) = (Self::new(self.number), Self::new(number));
        for (place, event) in self.events().enumerate() {
            if place < count { front.push(event) } else { back.push(event) }
        }
        *self = front;
        back
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn events(&self) -> Events<'_> {
        Events { frames: &self.frames }
    }
}

/// The texts of a block's events.
#[derive(Debug, Clone)]
pub(crate) struct Events<'a> {
    frames: &'a str,
}

impl<'a> Iterator for Events<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (length, rest) = cut(self.frames, b':')?;
        let (event, rest) = rest.split_at_checked(read_size(length)?)?;
        self.frames = rest;
        Some(event)
    }
}

/// The messageId of an event's text: every event of ours begins with it.
pub(crate) fn message_id(event: &str) -> &str {
    event.get(MESSAGE_ID_PLACE).unwrap_or_default()
}

/// When the event was made, as its messageId says.
pub(super) fn made_unix_ms(event: &str) -> Option<i64> {
    uuid_unix_ms(message_id(event))
}

fn read_size(text: &str) -> Option<usize> {
    usize::try_from(read_decimal(text)?).ok()
}

fn is_event(text: &str) -> bool {
    text.starts_with(EVENT_START) && made_unix_ms(text).is_some() && json::check_text(text, &Limits::EVENT).is_ok()
}

/// How the text of every event begins.
pub(crate) const EVENT_START: &str = "{\"messageId\":\"";
/// The 36 characters of a UUID behind [`EVENT_START`].
const MESSAGE_ID_PLACE: Range<usize> = EVENT_START.len()..EVENT_START.len() + 36;

/// How many events were dropped, ever, by which queue. Counts of one queue only grow, and the larger one is the later
/// one: so a queue's counts can be taken over twice without being counted twice.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tally(Vec<(String, u64)>);

impl Tally {
    /// Reads a stored header: the counts, and the block that is gone.
    pub(super) fn read(value: &str) -> Found<(Self, &str)> {
        let mut parts = Fields::of(value, b' ');
        match parts.next().and_then(read_decimal) {
            Some(1) => {}
            Some(_) => return Found::OtherVersion,
            None => return Found::Ours((Self::default(), ""), 0),
        }
        let gone = parts.next().unwrap_or_default();
        let mut tally = Self::default();
        for (owner, drops) in parts.filter_map(|part| cut(part, b'=')) {
            tally.raise(owner, read_size(drops).unwrap_or_default() as u64);
        }
        Found::Ours((tally, gone), 0)
    }

    /// The stored form.
    pub(super) fn value(&self, gone: &str) -> String {
        let mut value = String::from("1 ");
        value.push_str(gone);
        for (owner, drops) in &self.0 {
            value.push(' ');
            value.push_str(owner);
            value.push('=');
            push_decimal(&mut value, *drops);
        }
        value
    }

    pub(super) fn add(&mut self, owner: &str, drops: usize) {
        let before = self.0.iter().find(|(name, _)| name == owner).map_or(0, |(_, drops)| *drops);
        self.raise(owner, before.saturating_add(drops as u64));
    }

    /// Takes over what another queue counted. True if that was news.
    pub(super) fn merge(&mut self, other: Self) -> bool {
        let before = self.total();
        for (owner, drops) in other.0 {
            self.raise(&owner, drops);
        }
        self.total() > before
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, drops)| sum.saturating_add(*drops))
    }

    fn raise(&mut self, owner: &str, drops: u64) {
        match self.0.iter_mut().find(|(name, _)| name == owner) {
            Some((_, known)) => *known = drops.max(*known),
            None if drops > 0 => self.0.push((String::from(owner), drops)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digits::timed_uuid;
    use proptest::prelude::*;

    #[test]
    fn a_block_reads_back_as_it_was_written() {
        let block = block_of(3);
        let (again, lost) = ours(Block::read(7, &block.value()));
        assert_eq!(lost, 0);
        assert!(!again.dirty);
        assert!(again.events().eq(block.events()));
    }

    #[test]
    fn a_damaged_event_costs_itself_only() {
        let block = block_of(3);
        let second = message_id(block.events().nth(1).unwrap()).to_owned();
        let (again, lost) = ours(Block::read(7, &block.value().replace(&second, &"\"".repeat(36))));
        assert_eq!((again.count, lost), (2, 1));
        assert!(again.dirty);
    }

    #[test]
    fn a_block_cut_short_counts_what_it_lost() {
        let value = block_of(3).value();
        let (again, lost) = ours(Block::read(7, &value[..value.len() - 1]));
        assert_eq!((again.count, lost), (2, 1));
    }

    #[test]
    fn a_block_that_cannot_be_read_at_all_counts_one() {
        for value in ["", "x", "1", "1 3", "?? 1\n"] {
            assert_eq!(ours(Block::read(1, value)).1, 1, "{value:?}");
        }
    }

    #[test]
    fn entries_of_another_version_are_left_alone() {
        assert!(matches!(Block::read(1, "2 anything\n"), Found::OtherVersion));
        assert!(matches!(Tally::read("2 anything"), Found::OtherVersion));
    }

    #[test]
    fn a_split_keeps_every_event_in_order() {
        let whole = block_of(5);
        let mut front = block_of(5);
        let back = front.split_off(2, 9);
        assert_eq!((front.number, front.count, back.number, back.count), (7, 2, 9, 3));
        assert!(front.events().chain(back.events()).eq(whole.events()));
    }

    #[test]
    fn an_event_tells_when_it_was_made() {
        assert_eq!(made_unix_ms(block_of(1).events().next().unwrap()), Some(1_000));
    }

    #[test]
    fn counts_taken_over_twice_are_counted_once() {
        let (mut here, mut there) = (Tally::default(), Tally::default());
        here.add("a", 2);
        there.add("b", 3);
        assert!(here.merge(there.clone()));
        assert!(!here.merge(there));
        assert_eq!(here.total(), 5);
        let value = here.value("b.4");
        assert_eq!(ours(Tally::read(&value)), ((here, "b.4"), 0));
        assert_eq!(value, "1 b.4 a=2 b=3");
    }

    proptest! {
        #[test]
        fn no_value_makes_reading_panic(value in any::<String>(), cut in any::<prop::sample::Index>()) {
            let _ = (Block::read(1, &value), Tally::read(&value));
            let mut chars: Vec<char> = block_of(2).value().chars().collect();
            let place = cut.index(chars.len());
            chars[place] = '\u{7f}';
            let _ = Block::read(1, &chars.into_iter().collect::<String>());
        }
    }

    fn block_of(count: u64) -> Block {
        let mut block = Block::new(7);
        for n in 0..count {
            block.push(&format!("{EVENT_START}{}\",\"n\":\"größe 12:{{\"}}", timed_uuid(1_000, n, n)));
        }
        block
    }

    fn ours<T>(found: Found<T>) -> (T, usize) {
        match found {
            Found::Ours(value, lost) => (value, lost),
            Found::OtherVersion => panic!("of another version"),
        }
    }
}
