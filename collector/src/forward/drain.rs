//! Reads on from where a destination stands, sends, and moves it after the answer. Owns one destination; knows nothing
//! of HTTP, and nothing of what is said.
//!
//! What was read is forgotten when a request fails: after the pause the newest snapshots are read, not those of then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use selvedge_core::retry::{Outcome, Retry};

use super::Ledger;
use super::destinations::{self, Delivery, Destination};
use super::message::{Message, Waiting};
use crate::clock::Chance;
use crate::config;
use crate::store::{DeadLetter, ErasureCount, Reader, StoreError};

/// One destination and how it fares.
pub(super) struct Drain {
    name: Box<str>,
    sends: config::Sends,
    destination: Box<dyn Destination>,
    ledger: Ledger,
    stopping: Arc<AtomicBool>,
    retry: Retry,
    /// Messages of the next request: fewer than a portion while a refused request is being taken apart.
    most_messages: usize,
    is_failing: bool,
    /// The start of the clock that pauses are measured by.
    started: Instant,
}

/// When to take the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// More waits.
    Now,
    /// Not before this has passed.
    After(Duration),
    /// When something was committed.
    Commit,
}

impl Drain {
    pub(super) fn new(settings: config::Destination, ledger: Ledger, stopping: Arc<AtomicBool>) -> Self {
        let destination = destinations::open(settings.target, ledger.clock.clone());
        Self {
            name: settings.name,
            sends: settings.sends,
            most_messages: destination.portion().messages,
            destination,
            ledger,
            stopping,
            retry: Retry::default(),
            is_failing: false,
            started: Instant::now(),
        }
    }

    /// Sends a window of what waits. Blocks for as long as the destination takes.
    pub(super) fn turn(&mut self) -> Next {
        if let Some(pause) = self.pause() {
            return Next::After(pause);
        }
        match self.send_window() {
            Ok(next) => next,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(destination = &*self.name, error, "the ledger could not be read to forward it");
                Next::After(LEDGER_PAUSE)
            }
        }
    }

    fn pause(&self) -> Option<Duration> {
        // Never "for good": an operator who mends the key does not expect to restart as well.
        let ready_at_ms = self.retry.ready_at_ms().unwrap_or_default();
        let pause_ms = ready_at_ms.saturating_sub(self.now_ms());
        (pause_ms > 0).then(|| Duration::from_millis(pause_ms))
    }

    fn send_window(&mut self) -> Result<Next, StoreError> {
        let erasures = self.erasures()?;
        let window = self.window()?;
        if window.is_empty() {
            return Ok(Next::Commit);
        }
        let mut sent = 0;
        let mut letters = Vec::new();
        let mut noted_at_ms = self.now_ms();
        while sent < window.len() && !self.stopping.load(Ordering::Acquire) && self.pause().is_none() {
            let rest = window.get(sent..).unwrap_or_default();
            let taken = self.take(rest);
            let messages: Vec<&Message> =
                rest.iter().take(taken).filter_map(|waiting| waiting.message.as_ref()).collect();
            if self.erasures()? != erasures {
                // It may hold who was erased since it was read: what is left of it is read again, and sent as it is now.
                return Ok(Next::Now);
            }
            if messages.is_empty() || self.deliver(&messages, &mut letters) {
                sent += taken;
            }
            if self.now_ms().saturating_sub(noted_at_ms) >= BETWEEN_NOTES_MS {
                self.note_place(window.get(..sent).unwrap_or_default(), (&mut letters, erasures))?;
                noted_at_ms = self.now_ms();
            }
        }
        self.note_place(window.get(..sent).unwrap_or_default(), (&mut letters, erasures))?;
        Ok(self.pause().map_or(Next::Now, Next::After))
    }

    fn erasures(&self) -> Result<ErasureCount, StoreError> {
        self.ledger.store.view()?.erasure_count()
    }

    /// What waits, as far as one look goes: events, then changes, each in their order.
    fn window(&self) -> Result<Vec<Waiting>, StoreError> {
        let reader = Reader::open(&*self.ledger.store, &self.ledger.rules, self.ledger.workspace)?;
        let mut position = reader.view().position(&self.name)?.unwrap_or_default();
        let mut window = Vec::new();
        if self.sends.events {
            for event in reader.events_after(position.event_seq, WINDOW)? {
                position.event_seq = event.event.seq;
                window.push(Waiting { position, message: self.destination.event(&event) });
            }
        }
        if self.sends.profiles {
            for change in reader.changes_after(position.change_seq, WINDOW)? {
                position.change_seq = change.seq;
                window.push(Waiting { position, message: self.destination.change(&change) });
            }
        }
        Ok(window)
    }

    /// How many of them the next request covers: at least one.
    fn take(&self, rest: &[Waiting]) -> usize {
        let portion = self.destination.portion();
        let (mut messages, mut bytes, mut taken) = (0, 0, 0);
        for waiting in rest {
            let size = waiting.message.as_ref().map_or(0, |message| message.text.len());
            let counts = usize::from(waiting.message.is_some());
            let is_full = messages + counts > self.most_messages || bytes + size > portion.bytes;
            if messages > 0 && is_full {
                break;
            }
            messages += counts;
            bytes += size;
            taken += 1;
        }
        taken
    }

    /// What a destination says, as it may be kept: it may know clear values that the ledger does not.
    fn words(&self, said: &str) -> String {
        (self.ledger.words)(said)
    }

    /// Sends them in one request; true when nothing of it has to be sent again.
    fn deliver(&mut self, messages: &[&Message], letters: &mut Vec<DeadLetter>) -> bool {
        let Delivery { outcome, refused, complaint } = self.destination.send(messages);
        // Cut off only now: of an address that is cut in two, nobody sees that it is one.
        let complaint: String = self.words(&complaint).chars().take(LONGEST_COMPLAINT).collect();
        let is_settled = match outcome {
            Outcome::Settled => {
                for (place, reason) in refused {
                    let reason = self.words(&reason);
                    letters.extend(messages.get(place).map(|message| self.letter(message, &reason)));
                }
                self.most_messages = (self.most_messages * 2).min(self.destination.portion().messages);
                true
            }
            Outcome::Unreadable | Outcome::TooLarge => {
                self.most_messages = (messages.len() / 2).max(1);
                // Alone, and refused: it would be refused for ever, and hold up all behind it.
                messages.len() == 1 && {
                    letters.extend(messages.first().map(|message| self.letter(message, &complaint)));
                    true
                }
            }
            Outcome::Locked | Outcome::Withdrawn | Outcome::AskedToWait { .. } | Outcome::Unanswered => false,
        };
        self.note(outcome, is_settled, &complaint);
        is_settled
    }

    fn note(&mut self, outcome: Outcome, is_settled: bool, complaint: &str) {
        let paused_for = match outcome {
            // Taken apart or kept as a dead letter: the destination is well, and the next request may go at once.
            Outcome::Unreadable | Outcome::TooLarge | Outcome::Settled => Outcome::Settled,
            // A page waits an hour for its key; a collector asks again within minutes, and says so in its log.
            Outcome::Locked | Outcome::Withdrawn | Outcome::Unanswered => Outcome::Unanswered,
            Outcome::AskedToWait { .. } => outcome,
        };
        let chance = Chance::bytes().map(u64::from_le_bytes).unwrap_or_default();
        self.retry.note(paused_for, self.now_ms(), chance);
        let is_failing = !is_settled && paused_for != Outcome::Settled;
        if is_failing && !self.is_failing {
            tracing::warn!(destination = &*self.name, complaint, "the destination takes nothing; what it misses waits");
        } else if is_settled && self.is_failing {
            tracing::info!(destination = &*self.name, "the destination takes again");
        }
        self.is_failing = if is_settled { false } else { self.is_failing || is_failing };
    }

    fn letter(&self, message: &Message, reason: &str) -> DeadLetter {
        tracing::warn!(destination = &*self.name, reason, "a message was refused for good and kept as a dead letter");
        DeadLetter {
            destination: self.name.clone(),
            message_id: message.id.clone(),
            reason: reason.into(),
            body: Bytes::copy_from_slice(message.text.as_bytes()),
            at: self.ledger.clock.now(),
        }
    }

    /// Moves the destination behind what was sent, and keeps what it refused. Not when someone was erased since it was
    /// read: what was refused may hold them, and places may have begun again. It is sent once more.
    fn note_place(
        &self,
        sent: &[Waiting],
        (letters, erasures): (&mut Vec<DeadLetter>, ErasureCount),
    ) -> Result<(), StoreError> {
        let Some(last) = sent.last() else { return Ok(()) };
        let transaction = self.ledger.store.transaction()?;
        if transaction.erasure_count()? == erasures {
            letters.iter().try_for_each(|letter| transaction.insert_dead_letter(letter))?;
            transaction.set_position(&self.name, last.position)?;
            transaction.commit()?;
        }
        letters.clear();
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Events, and changes, of one look at the ledger: a few requests, and a few MiB.
const WINDOW: usize = 500;
/// Characters of what a destination says: a log says the rest of it no better.
const LONGEST_COMPLAINT: usize = 250;
/// A killed collector says again what it said since the last note. Each note is an fsync that holds up the writer: with
/// a webhook, one after every request would cost the intake more than the few that come twice.
const BETWEEN_NOTES_MS: u64 = 100;
/// A ledger that cannot be read has said so in the log; it is looked at again when it may be better.
const LEDGER_PAUSE: Duration = Duration::from_secs(1);
