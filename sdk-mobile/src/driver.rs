//! Hands calls to the core with their moment and runs its effects in order, on a thread of its own: `Put` before the
//! `Upload` that carries it, `Delete` only after the answer. The only place that knows what time it is.
//!
//! A call costs its caller the way into a line; everything else happens here. Uploads run on threads that only wait
//! for the network: the line goes on meanwhile.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use selvedge_core::{Call, Client, Config, Effect, Entry, Input, Moment, json};

use crate::listener::{News, Notices};
use crate::owners::{Owners, owner_of};
use crate::records::{Ids, Notice, Stats};
use crate::standing::Standing;
use crate::store::Store;
use crate::transport::{Outcome, Parcel, Transport, retry_after_s};

/// The callers' end of the driver. When it goes, what was called is still written; what is queued stays stored.
pub(crate) struct Driver {
    line: Sender<Message>,
    standing: Arc<Standing>,
}

/// What the driver needs to begin.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) owners: Owners,
    pub(crate) notices: Notices,
}

/// What comes down the line.
#[derive(Debug)]
enum Message {
    /// Something for the core.
    Input { input: Input, bytes: usize },
    /// The app is in the foreground again: neighbours may have died or logged in meanwhile.
    Resume,
    /// The time that the core asked to be woken at has come. Nobody sends it.
    Wake,
    /// An upload came to an end.
    Landed { id: u64, outcome: Outcome },
    /// The last one.
    Close,
}

impl Driver {
    /// Begins; reads what is stored on its own thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(parts: Parts) -> std::io::Result<Self> {
        let (line, inbox) = channel();
        let standing = Arc::new(Standing::new());
        let driver = Self { line: line.clone(), standing: Arc::clone(&standing) };
        thread::Builder::new().name("selvedge-driver".into()).spawn(move || {
            let _end = End(Arc::clone(&standing));
            Run::begin(parts, line, standing).run(&inbox);
        })?;
        Ok(driver)
    }

    /// Passes a call on. `make` gets it with its time; `name` and `properties` as [`Call`] has them.
    pub(crate) fn call(&self, name: Option<&str>, properties: Option<String>, make: impl FnOnce(Call) -> Input) {
        let name = name.map(quoted).unwrap_or_default();
        let properties = properties.unwrap_or_default();
        let bytes = name.len() + properties.len() + BYTES_PER_CALL;
        let call = Call { name, properties, context: String::new(), made_unix_ms: Some(unix_ms()) };
        self.send(Message::Input { input: make(call), bytes }, bytes);
    }

    /// Passes an input on that is no event.
    pub(crate) fn input(&self, input: Input) {
        self.send(Message::Input { input, bytes: 0 }, 0);
    }

    /// The app is in the foreground again.
    pub(crate) fn resume(&self) {
        self.send(Message::Resume, 0);
    }

    /// Ends the driver once all that was called is written.
    pub(crate) fn close(&self) {
        // Nobody there: it has ended already.
        let _ = self.line.send(Message::Close);
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    fn send(&self, message: Message, bytes: usize) {
        if self.standing.admit(bytes) {
            // Refused only by a driver that ends at this moment: it counts the call as one that it did not read.
            let _ = self.line.send(message);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The line may hold traits and keys, which belong into no log.
        formatter.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// Ends the waiting of callers, whatever ends the thread.
struct End(Arc<Standing>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The driver's own end.
struct Run {
    client: Client,
    store: Store,
    owners: Owners,
    notices: Notices,
    transport: Transport,
    clock: Clock,
    line: Sender<Message>,
    standing: Arc<Standing>,
    wake_at: Option<Instant>,
    under_way: usize,
    taken_in: u64,
    /// Refused calls that the listener has heard of.
    refused_told: u64,
}

impl Run {
    fn begin(parts: Parts, line: Sender<Message>, standing: Arc<Standing>) -> Self {
        let Parts { config, mut store, mut owners, notices } = parts;
        let clock = Clock { began: Instant::now() };
        store.sweep();
        let mut saved = left_behind(&mut store, &mut owners);
        saved.extend(store.read(IDENTITY));
        let (client, effects) = Client::restore(config, saved, clock.moment());
        owners.become_owner(client.owner());
        let transport = Transport::new();
        let mut run = Self {
            client,
            store,
            owners,
            notices,
            transport,
            clock,
            line,
            standing,
            wake_at: None,
            under_way: 0,
            taken_in: 1,
            refused_told: 0,
        };
        run.publish();
        run.perform(effects);
        run
    }

    fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            match self.next(inbox) {
                Message::Input { input, bytes } => {
                    self.standing.release(bytes);
                    self.taken_in += 1;
                    self.handle(input);
                }
                Message::Resume => {
                    self.taken_in += 1;
                    self.look_around();
                }
                Message::Wake => self.handle(Input::Wake),
                Message::Landed { id, outcome } => self.land(id, outcome),
                Message::Close => break,
            }
        }
        self.settle();
    }

    /// The next message. Whenever there is none, and after [`MOST_GATHERED`] of them, everything is written first.
    fn next(&mut self, inbox: &Receiver<Message>) -> Message {
        let next = inbox.try_recv();
        if next.is_err() || self.taken_in.is_multiple_of(MOST_GATHERED) {
            self.settle();
        }
        if let Ok(message) = next {
            return message;
        }
        let Some(wake_at) = self.wake_at else { return inbox.recv().unwrap_or(Message::Close) };
        match inbox.recv_timeout(wake_at.saturating_duration_since(Instant::now())) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => {
                self.wake_at = None;
                Message::Wake
            }
            Err(RecvTimeoutError::Disconnected) => Message::Close,
        }
    }

    fn handle(&mut self, input: Input) {
        let effects = self.client.handle(input, self.clock.moment());
        self.publish();
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        self.store.begin_turn();
        for effect in effects {
            match effect {
                Effect::Put { key, value } => self.store.put(key, value),
                Effect::Delete { key } => self.store.delete(key),
                // No background of an app is too short for one request, so that `closing` changes nothing.
                Effect::Upload { id, url, headers, body, closing: _ } => {
                    // Stored first: a crash between the two resends, and the collector knows the event.
                    self.store.write();
                    self.upload(id, Parcel { url, headers, body });
                }
                Effect::WakeAfter { delay_ms } => {
                    self.wake_at = Instant::now().checked_add(Duration::from_millis(delay_ms));
                }
                Effect::Verdict { message_id, code } => self.notices.tell(News::Verdict(Notice { message_id, code })),
                Effect::Drop { message_id, code } => self.notices.tell(News::Drop(Notice { message_id, code })),
            }
        }
    }

    fn upload(&mut self, id: u64, parcel: Parcel) {
        self.under_way += 1;
        let (transport, line) = (self.transport.clone(), self.line.clone());
        let started = thread::Builder::new().name("selvedge-upload".into()).spawn(move || {
            // An upload that never ends would hold the queue for ever.
            let outcome = catch_unwind(AssertUnwindSafe(|| transport.send(&parcel))).unwrap_or_default();
            // Nobody there: the driver has ended, and what was sent stays stored.
            let _ = line.send(Message::Landed { id, outcome });
        });
        if started.is_err() {
            // To ourselves: no thread is no answer, as much as no network.
            let _ = self.line.send(Message::Landed { id, outcome: Outcome::default() });
        }
    }

    fn land(&mut self, id: u64, outcome: Outcome) {
        self.under_way -= 1;
        let Outcome { status, retry_after, answer } = outcome;
        let retry_after_s = retry_after.and_then(|header| retry_after_s(&header, unix_ms()));
        self.handle(Input::UploadFinished { id, status, retry_after_s, answer });
    }

    /// What other processes did meanwhile: queues that they left behind, a login.
    fn look_around(&mut self) {
        self.store.write();
        let entries = left_behind(&mut self.store, &mut self.owners);
        if !entries.is_empty() {
            self.handle(Input::Adopt { entries });
        }
        if let Some(Entry { value, .. }) = self.store.read(IDENTITY) {
            self.handle(Input::IdentityChanged { entry: value });
        }
        self.handle(Input::Wake);
    }

    /// Says what the core has taken in.
    fn publish(&mut self) {
        let ids = self.client.ids();
        let ids = Ids {
            anonymous_id: ids.anonymous_id.to_owned(),
            user_id: json::string(ids.user_id.as_bytes()).map(String::from),
            session_id: ids.session_id.to_owned(),
        };
        let stats = Stats {
            queued: self.client.queued() as u64,
            dropped: self.client.dropped(),
            unstored: self.store.unstored() as u64,
        };
        let taken_in = self.taken_in;
        let refused = self.standing.update(|now| {
            (now.taken_in, now.ids, now.stats) = (taken_in, ids, stats);
            now.refused
        });
        for _ in self.refused_told..refused {
            let code = String::from(selvedge_core::wire::code::QUEUE_FULL);
            self.notices.tell(News::Drop(Notice { message_id: String::new(), code }));
        }
        self.refused_told = refused;
    }

    /// Writes what is held, and says that all is done.
    fn settle(&mut self) {
        self.store.write();
        let (unstored, done, under_way) = (self.store.unstored() as u64, self.taken_in, self.under_way);
        self.standing.update(|now| {
            (now.done, now.under_way) = (done, under_way);
            now.stats.unstored = unstored;
        });
    }
}

/// The entries of queues whose owners are dead; from now on they live here.
fn left_behind(store: &mut Store, owners: &mut Owners) -> Vec<Entry> {
    let mut keys = store.keys();
    keys.retain(|key| owner_of(key).is_some_and(|owner| !owners.has(owner)));
    keys.retain(|key| owner_of(key).is_some_and(|owner| owners.become_owner(owner)));
    keys.iter().filter_map(|key| store.read(key)).collect()
}

/// The driver's clocks and its chance.
struct Clock {
    began: Instant,
}

impl Clock {
    fn moment(&self) -> Moment {
        let monotonic_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment { unix_ms: unix_ms(), monotonic_ms, entropy: entropy() }
    }
}

/// ms since 1970; before it, as some devices start, below 0.
fn unix_ms() -> i64 {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(|error| -ms(error.duration()), ms)
}

fn entropy() -> [u8; 32] {
    let mut entropy = [0; 32];
    if getrandom::fill(&mut entropy).is_err() {
        // Ids need to be different, not secret, and std seeds its hashers apart in every process.
        for (place, bytes) in entropy.chunks_mut(8).enumerate() {
            bytes.copy_from_slice(&RandomState::new().hash_one((place, Instant::now())).to_le_bytes());
        }
    }
    entropy
}

/// A name as the core takes it.
pub(crate) fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    json::push_quoted(&mut text, name);
    text
}

/// The core's entry of who is speaking, shared by all owners.
const IDENTITY: &str = "identity";
/// What a message weighs beside its texts.
const BYTES_PER_CALL: usize = 256;
/// Calls that may come without a pause until what they put is written all the same.
const MOST_GATHERED: u64 = 256;
