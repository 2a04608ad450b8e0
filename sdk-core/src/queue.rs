//! What waits to be sent: blocks of events, bounded, in storage before anything else happens to them.
//!
//! Knows nothing of the network: an upload is a number that carries blocks. Batches are made of whole blocks, so
//! that a settled batch is deletes and no rewriting; a block that must be parted is split first.
//! The order of effects is what makes it safe to die between any two of them:
//! - a block is put before what it replaces is deleted (a death between leaves two copies, and dedupe on messageId
//!   absorbs them);
//! - a drop is counted, and its block declared gone, in one put of the header, before the block is deleted: no drop
//!   is forgotten and none is counted twice.

mod block;

use block::{Block, Found, Tally};
pub(crate) use block::{EVENT_START, Events, message_id};

use crate::digits::push_decimal;
use crate::effect::Effects;
use crate::fields::{cut, read_decimal};
use crate::wire::{self, code};
use crate::{Effect, Entry};

/// The events of one client that no collector has answered for.
#[derive(Debug)]
pub(crate) struct Queue {
    owner: String,
    blocks: Vec<Block>,
    next_number: u64,
    tally: Tally,
    bounds: Bounds,
}

/// How much is kept, and in what pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of all blocks.
    pub(crate) queue_bytes: usize,
    /// Events of one block: no more than a batch takes.
    pub(crate) block_events: usize,
}

/// How much an upload takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portion {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl Queue {
    pub(crate) fn new(owner: String, bounds: Bounds) -> Self {
        Self { owner, blocks: Vec::new(), next_number: 1, tally: Tally::default(), bounds }
    }

    /// The name in its keys.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Events dropped so far, by this queue and by those that it took over.
    pub(crate) fn dropped(&self) -> u64 {
        self.tally.total()
    }

    /// Events kept, those on their way included.
    pub(crate) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.count).sum()
    }

    /// What no upload carries.
    pub(crate) fn waiting(&self) -> Portion {
        let mut waiting = Portion { events: 0, bytes: 0 };
        for block in self.blocks.iter().filter(|block| block.carrier.is_none()) {
            waiting.events += block.count;
            waiting.bytes += block.bytes();
        }
        waiting
    }

    pub(crate) fn holds(&self, id: &str) -> bool {
        self.blocks.iter().any(|block| block.events().any(|event| message_id(event) == id))
    }

    /// Queues an event. The oldest that are not on their way give way to it.
    pub(crate) fn push(&mut self, event: &str, effects: &mut Vec<Effect>) {
        if !self.make_room(event.len(), effects) {
            self.drop_unqueued(message_id(event), code::QUEUE_FULL, effects);
            return;
        }
        let full_bytes = self.block_bytes();
        let full_events = self.bounds.block_events;
        let open = self.blocks.last_mut().filter(|block| {
            block.carrier.is_none() && block.count < full_events && block.bytes() + event.len() <= full_bytes
        });
        match open {
            Some(block) => block.push(event),
            None => {
                let mut block = Block::new(self.take_number());
                block.push(event);
                self.blocks.push(block);
            }
        }
    }

    /// Puts what is not stored as it stands.
    pub(crate) fn write(&mut self, effects: &mut Vec<Effect>) {
        // Backwards: of a block that was split the new half comes first, or a death in between would lose it.
        for block in self.blocks.iter_mut().rev().filter(|block| block.dirty) {
            block.dirty = false;
            effects.put(key(&self.owner, block.number), block.value());
        }
    }

    /// Counts an event that is refused before it was queued.
    pub(crate) fn drop_unqueued(&mut self, message_id: &str, code: &str, effects: &mut Vec<Effect>) {
        self.tally.add(&self.owner, 1);
        self.put_header(NONE_GONE, effects);
        effects.drop_event(message_id, code);
    }

    /// Drops what waits too long. A clock that claims more than a year was wrong then or is now: that is kept.
    pub(crate) fn drop_old(&mut self, unix_ms: i64, effects: &mut Vec<Effect>) {
        let mut place = 0;
        while let Some(block) = self.blocks.get(place) {
            let newest = block.events().last().and_then(block::made_unix_ms);
            let age_ms = newest.map_or(0, |made| unix_ms.saturating_sub(made));
            if block.carrier.is_none() && (MAX_AGE_MS..MAX_CREDIBLE_AGE_MS).contains(&age_ms) {
                self.discard(place, code::TOO_OLD, effects);
            } else {
                place += 1;
            }
        }
    }

    /// Lets an upload carry the oldest that wait, one event at least if there is any; returns how many.
    pub(crate) fn take(&mut self, carrier: u64, most: Portion, effects: &mut Vec<Effect>) -> usize {
        let (mut events, mut bytes) = (0, 0);
        let mut place = 0;
        while let Some(block) = self.blocks.get_mut(place) {
            place += 1;
            if block.carrier.is_some() {
                continue;
            }
            if events == 0 && block.count > most.events.max(1) {
                self.split(place - 1, most.events.max(1));
                place -= 1;
                continue;
            }
            if events > 0 && (events + block.count > most.events || bytes + block.bytes() > most.bytes) {
                break;
            }
            block.carrier = Some(carrier);
            events += block.count;
            bytes += block.bytes();
        }
        self.write(effects);
        events
    }

    /// The events that an upload carries, in order.
    pub(crate) fn carried(&self, carrier: u64) -> impl Iterator<Item = Events<'_>> {
        self.blocks.iter().filter(move |block| block.carrier == Some(carrier)).map(Block::events)
    }

    /// Bytes that [`Self::carried`] holds, lengths included.
    pub(crate) fn carried_bytes(&self, carrier: u64) -> usize {
        self.blocks.iter().filter(|block| block.carrier == Some(carrier)).map(Block::bytes).sum()
    }

    /// What an upload carried is stored or refused for good.
    pub(crate) fn settle(&mut self, carrier: u64, effects: &mut Vec<Effect>) {
        let owner = &self.owner;
        self.blocks.retain(|block| {
            let settled = block.carrier == Some(carrier);
            if settled {
                effects.delete(key(owner, block.number));
            }
            !settled
        });
    }

    /// What an upload carried waits again.
    pub(crate) fn release(&mut self, carrier: u64) {
        for block in self.blocks.iter_mut().filter(|block| block.carrier == Some(carrier)) {
            block.carrier = None;
        }
    }

    /// What an upload carried can never be sent.
    pub(crate) fn discard_carried(&mut self, carrier: u64, code: &str, effects: &mut Vec<Effect>) {
        while let Some(place) = self.blocks.iter().position(|block| block.carrier == Some(carrier)) {
            self.discard(place, code, effects);
        }
    }

    /// Takes up stored entries: those under its own name in their place, others under its own name from now on.
    /// Entries that are not a queue's, or of another version, are left alone.
    pub(crate) fn adopt(&mut self, entries: &[Entry], effects: &mut Vec<Effect>) {
        let mut found: Vec<StoredAt<'_>> = Vec::new();
        for stored in entries.iter().filter_map(StoredAt::read) {
            found.insert(found.partition_point(|earlier| earlier.number <= stored.number), stored);
        }
        let (headers, blocks) = found.split_at(found.partition_point(|stored| stored.number == HEADER));
        for stored in blocks.iter().filter(|stored| stored.owner == self.owner) {
            self.next_number = self.next_number.max(stored.number.saturating_add(1));
        }
        let gone = self.adopt_headers(headers, effects);
        for stored in blocks {
            if gone.contains(&stored.name) {
                stored.delete(effects);
            } else {
                self.adopt_block(stored, effects);
                self.make_room(0, effects);
            }
        }
    }

    /// Takes over what was counted; returns the blocks that those counts declare gone.
    fn adopt_headers<'a>(&mut self, headers: &[StoredAt<'a>], effects: &mut Vec<Effect>) -> Vec<&'a str> {
        let mut gone = Vec::new();
        for stored in headers {
            let Found::Ours((tally, dead), _) = Tally::read(&stored.entry.value) else { continue };
            gone.push(dead);
            let is_news = self.tally.merge(tally);
            if stored.owner != self.owner {
                // Its dead block goes first: without its header it would come to life again.
                if !dead.is_empty() && dead != NONE_GONE {
                    effects.delete(prefixed(dead));
                }
                if is_news {
                    self.put_header(NONE_GONE, effects);
                }
                stored.delete(effects);
            }
        }
        gone
    }

    fn adopt_block(&mut self, stored: &StoredAt<'_>, effects: &mut Vec<Effect>) {
        let Found::Ours(mut block, lost) = Block::read(stored.number, &stored.entry.value) else { return };
        let is_known = self.holds_ends_of(&block);
        if stored.owner == self.owner && lost == 0 && !is_known {
            self.blocks.push(block);
            return;
        }
        if block.count > 0 && !is_known {
            block.number = self.take_number();
            block.dirty = true;
            self.blocks.push(block);
            self.write(effects);
        }
        if lost > 0 {
            self.tally.add(&self.owner, lost);
            self.put_header(stored.name, effects);
        }
        stored.delete(effects);
        for _ in 0..lost {
            effects.drop_event("", code::DAMAGED);
        }
    }

    /// Whether a block is the copy that a death between a put and a delete leaves behind, whole or half.
    fn holds_ends_of(&self, block: &Block) -> bool {
        let (first, last) = (block.events().next(), block.events().last());
        [first, last].into_iter().all(|event| event.is_some_and(|event| self.holds(message_id(event))))
    }

    /// Drops the oldest blocks that no upload carries until `bytes` more fit; false if they cannot.
    fn make_room(&mut self, bytes: usize, effects: &mut Vec<Effect>) -> bool {
        while self.blocks.iter().map(Block::bytes).sum::<usize>() + bytes > self.bounds.queue_bytes {
            let Some(oldest) = self.blocks.iter().position(|block| block.carrier.is_none()) else { return false };
            self.discard(oldest, code::QUEUE_FULL, effects);
        }
        true
    }

    fn discard(&mut self, place: usize, code: &str, effects: &mut Vec<Effect>) {
        if place >= self.blocks.len() {
            return;
        }
        let block = self.blocks.remove(place);
        self.tally.add(&self.owner, block.count);
        self.put_header(&name(&self.owner, block.number), effects);
        effects.delete(key(&self.owner, block.number));
        for event in block.events() {
            effects.drop_event(message_id(event), code);
        }
    }

    /// Parts a block after its first `count` events. The back half gets a key of its own and is written first.
    fn split(&mut self, place: usize, count: usize) {
        let number = self.take_number();
        let Some(block) = self.blocks.get_mut(place) else { return };
        let back = block.split_off(count, number);
        self.blocks.insert(place + 1, back);
    }

    fn put_header(&self, gone: &str, effects: &mut Vec<Effect>) {
        effects.put(key(&self.owner, HEADER), self.tally.value(gone));
    }

    fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// Bytes that close a block: small, since each call rewrites the open one, but few enough files on a phone.
    fn block_bytes(&self) -> usize {
        (self.bounds.queue_bytes / 256).clamp(4 * 1_024, 16 * 1_024)
    }
}

/// The owner in the key of a queue's entry.
pub(crate) fn owner_of(entry: &Entry) -> Option<&str> {
    StoredAt::read(entry).map(|stored| stored.owner)
}

/// An entry of a queue, and what its key says.
struct StoredAt<'a> {
    entry: &'a Entry,
    /// Owner and number, as the header names a block that is gone.
    name: &'a str,
    owner: &'a str,
    number: u64,
}

impl<'a> StoredAt<'a> {
    fn read(entry: &'a Entry) -> Option<Self> {
        let name = entry.key.strip_prefix(PREFIX)?;
        let (owner, number) = cut(name, b'.')?;
        Some(Self { entry, name, owner, number: u64::try_from(read_decimal(number)?).ok()? })
    }

    fn delete(&self, effects: &mut Vec<Effect>) {
        effects.delete(self.entry.key.clone());
    }
}

fn key(owner: &str, number: u64) -> String {
    prefixed(&name(owner, number))
}

fn prefixed(name: &str) -> String {
    let mut key = String::from(PREFIX);
    key.push_str(name);
    key
}

fn name(owner: &str, number: u64) -> String {
    let mut name = String::from(owner);
    name.push('.');
    push_decimal(&mut name, number);
    name
}

const PREFIX: &str = "queue.";
const HEADER: u64 = 0;
/// In a header: the counts declare no block gone.
const NONE_GONE: &str = "-";
const MS_PER_DAY: i64 = 86_400_000;
/// protocol.md, section 3.
const MAX_AGE_MS: i64 = wire::MAX_QUEUE_AGE_DAYS as i64 * MS_PER_DAY;
/// A device that starts in 1970 and then hears the time must not lose what it tracked in between.
const MAX_CREDIBLE_AGE_MS: i64 = 365 * MS_PER_DAY;
