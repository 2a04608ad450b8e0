//! When what waits becomes an upload, how much of it, and what an answer means for it.
//!
//! One upload at a time, oldest events first; a page that hides may add one with all the rest, since an upload under
//! way may die with it. An upload that is refused as unreadable or too large is tried again in halves.

use crate::digits::{push_date, push_hex};
use crate::json::{self, Limits};
use crate::queue::{Portion, Queue};
use crate::retry::{Outcome, Retry};
use crate::turn::Turn;
use crate::wire::{self, code};
use crate::{Answer, Config, Effect, Refusal};

/// Uploads, those under way and the next one.
#[derive(Debug)]
pub(crate) struct Delivery {
    url: String,
    /// JSON text of the members that all batches share, each with a comma behind it.
    shared_members: String,
    flush_interval_ms: u64,
    full: Portion,
    under_way: Vec<Upload>,
    next_id: u64,
    retry: Retry,
    /// Events of the next batch while some refused batch is being taken apart.
    narrowed: Option<usize>,
    /// When what waits has waited long enough, on the monotonic clock.
    due_at_ms: Option<u64>,
    flushing: bool,
    /// The wake-up that the host was asked for, on the monotonic clock.
    wake_at_ms: Option<u64>,
}

#[derive(Debug)]
struct Upload {
    id: u64,
    batch_id: String,
    events: usize,
    closing: bool,
}

/// What the host reports of an upload that came to an end.
#[derive(Debug)]
pub(crate) struct Landing {
    pub(crate) id: u64,
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<u32>,
    pub(crate) answer: Option<Answer>,
}

impl Delivery {
    pub(crate) fn new(config: &Config) -> Self {
        let mut host = config.host.as_str();
        while let Some(shorter) = host.strip_suffix("/") {
            host = shorter;
        }
        let mut url = String::from(host);
        url.push_str(wire::BATCH_PATH);
        let mut shared_members = String::from("\"writeKey\":");
        json::push_quoted(&mut shared_members, &config.write_key);
        shared_members.push(',');
        let is_object = json::kind(config.context.as_bytes()) == Some(json::Kind::Object);
        if is_object && json::check_text(&config.context, &Limits::EVENT).is_ok() {
            shared_members.push_str("\"context\":");
            shared_members.push_str(&config.context);
            shared_members.push(',');
        }
        Self {
            url,
            shared_members,
            flush_interval_ms: config.flush_interval_ms,
            full: Portion { events: config.flush_at_events, bytes: config.flush_at_bytes },
            under_way: Vec::new(),
            next_id: 1,
            retry: Retry::default(),
            narrowed: None,
            due_at_ms: None,
            flushing: false,
            wake_at_ms: None,
        }
    }

    /// What waits has waited since an earlier life: it goes next.
    pub(crate) fn resume(&mut self, now_ms: u64) {
        self.due_at_ms = Some(now_ms);
    }

    /// Send what waits now, batch after batch, as far as pauses allow.
    pub(crate) fn flush(&mut self) {
        self.flushing = true;
    }

    /// The wake-up came, or the network is back.
    pub(crate) fn wake(&mut self, turn: &mut Turn) {
        self.wake_at_ms = None;
        self.retry.hurry(turn.moment.monotonic_ms, turn.chance.draw());
    }

    /// The page hides: everything that no upload carries goes in one.
    pub(crate) fn suspend(&mut self, queue: &mut Queue, turn: &mut Turn) {
        if self.retry.allows_farewell(turn.moment.monotonic_ms) {
            self.upload(queue, wire::MAX_EVENTS_PER_BATCH, true, turn);
        }
    }

    /// Whether an upload under way is a closing page's.
    pub(crate) fn is_closing(&self, id: u64) -> bool {
        self.under_way.iter().any(|upload| upload.id == id && upload.closing)
    }

    /// A closing page may not send that much: half of it then. The other half waits for the next visit.
    pub(crate) fn upload_too_large(&mut self, id: u64, queue: &mut Queue, turn: &mut Turn) {
        let Some(upload) = self.land(id) else { return };
        queue.release(id);
        if upload.closing && upload.events > 1 {
            self.upload(queue, upload.events / 2, true, turn);
        } else if !upload.closing {
            self.narrowed = Some((upload.events / 2).max(1));
            self.retry.note(Outcome::Unanswered, turn.moment.monotonic_ms, turn.chance.draw());
        }
        self.due_at_ms = Some(turn.moment.monotonic_ms);
    }

    pub(crate) fn upload_finished(&mut self, landing: Landing, queue: &mut Queue, turn: &mut Turn) {
        let Some(upload) = self.land(landing.id) else { return };
        let echoed = landing.answer.as_ref().is_some_and(|answer| answer.receipt == upload.batch_id);
        let outcome = Outcome::of(landing.status, landing.retry_after_s, echoed);
        match outcome {
            Outcome::Settled => {
                queue.settle(upload.id, &mut turn.effects);
                push_verdicts(landing.answer.unwrap_or_default(), &mut turn.effects);
                self.narrowed = self.narrowed.map(|events| events * 2).filter(|events| *events < self.full.events);
            }
            Outcome::Unreadable if upload.events == 1 => {
                queue.discard_carried(upload.id, code::QUARANTINED, &mut turn.effects);
            }
            Outcome::TooLarge if upload.events == 1 => {
                queue.discard_carried(upload.id, code::EVENT_TOO_LARGE, &mut turn.effects);
            }
            Outcome::Unreadable | Outcome::TooLarge => {
                queue.release(upload.id);
                self.narrowed = Some(upload.events / 2);
            }
            Outcome::AskedToWait { .. } | Outcome::Locked | Outcome::Withdrawn | Outcome::Unanswered => {
                queue.release(upload.id);
                self.flushing = false;
            }
        }
        if outcome != Outcome::Settled {
            self.due_at_ms = Some(turn.moment.monotonic_ms);
        }
        self.retry.note(outcome, turn.moment.monotonic_ms, turn.chance.draw());
    }

    /// Sends the next batch if its time has come, else asks to be woken when it will have.
    pub(crate) fn advance(&mut self, queue: &mut Queue, turn: &mut Turn) {
        let waiting = queue.waiting();
        let now_ms = turn.moment.monotonic_ms;
        if waiting.events == 0 {
            self.due_at_ms = None;
            self.flushing &= !self.under_way.is_empty();
            return;
        }
        let due_at_ms = *self.due_at_ms.get_or_insert(now_ms.saturating_add(self.flush_interval_ms));
        let is_full = waiting.events >= self.full.events || waiting.bytes >= self.full.bytes;
        let due_at_ms = if is_full || self.flushing { now_ms } else { due_at_ms };
        if self.under_way.iter().any(|upload| !upload.closing) {
            return;
        }
        let Some(ready_at_ms) = self.retry.ready_at_ms() else { return };
        let at_ms = due_at_ms.max(ready_at_ms);
        if at_ms <= now_ms {
            queue.drop_old(turn.moment.unix_ms, &mut turn.effects);
            self.upload(queue, self.narrowed.unwrap_or(self.full.events), false, turn);
        } else if self.wake_at_ms != Some(at_ms) {
            self.wake_at_ms = Some(at_ms);
            turn.effects.push(Effect::WakeAfter { delay_ms: at_ms - now_ms });
        }
    }

    fn upload(&mut self, queue: &mut Queue, most_events: usize, closing: bool, turn: &mut Turn) {
        let id = self.next_id;
        let bytes = if closing { crate::config::MAX_BATCH_BYTES } else { self.full.bytes };
        let events = queue.take(id, Portion { events: most_events, bytes }, &mut turn.effects);
        if events == 0 {
            return;
        }
        self.next_id += 1;
        self.due_at_ms = None;
        let mut batch_id = String::with_capacity(16);
        push_hex(&mut batch_id, turn.chance.draw(), 16);
        turn.effects.push(Effect::Upload {
            id,
            url: self.url.clone(),
            // With any other content type, or a header of our own, the browser would ask for permission first
            // (CORS preflight), and a closing page has no time for that.
            headers: vec![(String::from("content-type"), String::from("text/plain"))],
            body: self.body(&batch_id, queue, id, turn.moment.unix_ms),
            closing,
        });
        self.under_way.push(Upload { id, batch_id, events, closing });
    }

    fn body(&self, batch_id: &str, queue: &Queue, id: u64, sent_unix_ms: i64) -> String {
        let mut body = String::with_capacity(256 + self.shared_members.len() + queue.carried_bytes(id));
        body.push_str("{\"batchId\":\"");
        body.push_str(batch_id);
        body.push_str("\",\"sentAt\":\"");
        push_date(&mut body, sent_unix_ms);
        body.push_str("\",");
        body.push_str(&self.shared_members);
        body.push_str("\"batch\":[");
        for (place, event) in queue.carried(id).flatten().enumerate() {
            if place > 0 {
                body.push(',');
            }
            body.push_str(event);
        }
        body.push_str("]}");
        body
    }

    /// Takes an upload off the list; `None` if its end was heard of before.
    fn land(&mut self, id: u64) -> Option<Upload> {
        let place = self.under_way.iter().position(|upload| upload.id == id)?;
        Some(self.under_way.remove(place))
    }
}

fn push_verdicts(answer: Answer, effects: &mut Vec<Effect>) {
    for judged in [answer.rejected, answer.warnings] {
        for Refusal { message_id, code } in judged {
            effects.push(Effect::Verdict { message_id, code });
        }
    }
}
