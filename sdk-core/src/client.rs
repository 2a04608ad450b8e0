//! Routes each input to the sub-machine that owns it. Decides nothing itself.

use crate::batch::{Delivery, Landing};
use crate::calls::{self, Kept};
use crate::digits::push_hex;
use crate::effect::Effects;
use crate::event::{self, Event, Kind, MessageIds};
use crate::identity::{self, Identity, Ids};
use crate::queue::{self, Bounds, Queue};
use crate::turn::Turn;
use crate::wire::code;
use crate::{Call, Config, Effect, Entry, Input, Moment, json};

/// The tracking core of one page or process.
///
/// What it stores, all under keys of its own: `identity` (shared by all clients of a site; see `identity.rs` for its
/// lines), `queue.{owner}.{number}` (blocks of events and, as number 0, the header that counts drops; see
/// `queue/block.rs`). It also reads, by [`Input::Adopt`], what a page's loader kept: `calls.{owner}` (`calls.rs`).
#[derive(Debug)]
pub struct Client {
    identity: Identity,
    queue: Queue,
    delivery: Delivery,
    message_ids: MessageIds,
}

impl Client {
    /// Takes up what was stored.
    ///
    /// `saved` holds the `identity` entry and whatever no other living client owns. The first queue in it is carried
    /// on under its own name; others, and calls of a loader, are taken in as by [`Input::Adopt`]. A host with several
    /// clients (tabs) passes `identity` alone and adopts the rest once it holds the lock of its owner.
    pub fn restore(config: Config, saved: Vec<Entry>, moment: Moment) -> (Self, Vec<Effect>) {
        let config = config.in_range();
        let mut turn = Turn::at(moment);
        let stored = saved.iter().find(|entry| entry.key == identity::KEY).map(|entry| entry.value.as_str());
        let identity = Identity::restore(stored, &turn.moment, &mut turn.chance);
        let own_name = {
            let mut name = String::with_capacity(16);
            push_hex(&mut name, turn.chance.draw(), 12);
            name
        };
        let owner = saved.iter().find_map(queue::owner_of).map_or(own_name, String::from);
        let bounds = Bounds { queue_bytes: config.queue_limit_bytes, block_events: config.flush_at_events };
        let mut client = Self {
            identity,
            queue: Queue::new(owner, bounds),
            delivery: Delivery::new(&config),
            message_ids: MessageIds::default(),
        };
        client.identity.write(&mut turn.effects);
        client.adopt(&saved, &mut turn);
        client.delivery.advance(&mut client.queue, &mut turn);
        (client, turn.effects)
    }

    /// Takes one input; returns what the host must do, in order.
    pub fn handle(&mut self, input: Input, moment: Moment) -> Vec<Effect> {
        let mut turn = Turn::at(moment);
        let mut stays_awake = true;
        match input {
            Input::Track(call) => self.record(Kind::Track, &call, "", &mut turn),
            Input::Identify(call) => self.record(Kind::Identify, &call, "", &mut turn),
            Input::Page(call) => self.record(Kind::Page, &call, "", &mut turn),
            Input::Screen(call) => self.record(Kind::Screen, &call, "", &mut turn),
            Input::Group(call) => self.record(Kind::Group, &call, "", &mut turn),
            Input::Alias { call, previous_id } => self.record(Kind::Alias, &call, &previous_id, &mut turn),
            Input::Reset => self.identity.reset(&turn.moment, &mut turn.chance),
            Input::Flush => self.delivery.flush(),
            Input::Suspend => {
                self.identity.write_exactly(&mut turn.effects);
                self.delivery.suspend(&mut self.queue, &mut turn);
                stays_awake = false;
            }
            Input::Wake => self.delivery.wake(&mut turn),
            Input::UploadFinished { id, status, retry_after_s, answer } => {
                let landing = Landing { id, status, retry_after_s, answer };
                self.delivery.upload_finished(landing, &mut self.queue, &mut turn);
            }
            Input::UploadTooLarge { id } => {
                stays_awake = !self.delivery.is_closing(id);
                self.delivery.upload_too_large(id, &mut self.queue, &mut turn);
            }
            Input::IdentityChanged { entry } => self.identity.merge(&entry),
            Input::Adopt { entries } => self.adopt(&entries, &mut turn),
        }
        self.identity.write(&mut turn.effects);
        self.queue.write(&mut turn.effects);
        // A page that hides has handed over all it can: another upload would die with it.
        if stays_awake {
            self.delivery.advance(&mut self.queue, &mut turn);
        }
        turn.effects
    }

    /// Who is speaking now.
    pub fn ids(&self) -> Ids<'_> {
        self.identity.ids()
    }

    /// The name in the keys of this client's queue. Hosts with several clients hold a lock of that name, so that
    /// others know whose queue is left behind.
    pub fn owner(&self) -> &str {
        self.queue.owner()
    }

    /// Events that no collector has answered for, those under way included.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Events dropped so far, by this queue and by those that it took over: tracked is stored, queued, refused by a
    /// verdict or counted here.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    fn record(&mut self, kind: Kind, call: &Call, previous_id: &str, turn: &mut Turn) {
        let message_id = self.message_ids.next(event::made_unix_ms(call, &turn.moment), &mut turn.chance);
        self.record_as(&message_id, (kind, call, previous_id), turn);
    }

    fn record_as(&mut self, message_id: &str, (kind, call, previous_id): (Kind, &Call, &str), turn: &mut Turn) {
        let text = event::check(kind, call, previous_id).and_then(|()| {
            if kind == Kind::Identify && !event::is_blank(&call.name) {
                self.identity.log_in(&call.name, &turn.moment, &mut turn.chance);
            }
            let made_unix_ms = event::made_unix_ms(call, &turn.moment);
            let has_session = self.identity.touch_session(made_unix_ms, &turn.moment, &mut turn.chance);
            let ids = self.identity.ids();
            let older_name = older_name(kind, previous_id, ids);
            let session_id = has_session.then_some(ids.session_id);
            Event { kind, message_id, made_unix_ms, ids, session_id, call, previous_id: &older_name }.text()
        });
        match text {
            Ok(text) => self.queue.push(&text, &mut turn.effects),
            Err(code) => self.queue.drop_unqueued(message_id, code, &mut turn.effects),
        }
    }

    fn adopt(&mut self, entries: &[Entry], turn: &mut Turn) {
        self.queue.adopt(entries, &mut turn.effects);
        for entry in entries {
            let Some(records) = calls::read(entry) else { continue };
            for (message_id, kept) in records {
                match kept {
                    Kept::Event(..) if self.queue.holds(&message_id) => {}
                    Kept::Event(kind, call, previous_id) => {
                        self.record_as(&message_id, (kind, &call, &previous_id), turn);
                    }
                    Kept::Reset => self.identity.reset(&turn.moment, &mut turn.chance),
                    Kept::Damaged => self.queue.drop_unqueued(&message_id, code::DAMAGED, &mut turn.effects),
                }
            }
            self.identity.write(&mut turn.effects);
            self.queue.write(&mut turn.effects);
            turn.effects.delete(entry.key.clone());
        }
        if self.queue.len() > 0 {
            self.delivery.resume(turn.moment.monotonic_ms);
        }
    }
}

/// The older name of an alias: as given, else the one that is spoken under now.
fn older_name(kind: Kind, previous_id: &str, ids: Ids<'_>) -> String {
    if kind != Kind::Alias || !event::is_blank(previous_id) {
        return String::from(previous_id);
    }
    if !ids.user_id.is_empty() {
        return String::from(ids.user_id);
    }
    let mut quoted = String::new();
    json::push_quoted(&mut quoted, ids.anonymous_id);
    quoted
}
