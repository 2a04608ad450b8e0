//! The tracking core in iOS and Android apps, through UniFFI: the same calls and the same decisions as in a page.
//!
//! The way of one event: [`Tracker::track`] -> `driver` adds the moment and lines it up -> the core, on the driver's
//! thread -> `store` writes it -> `transport` sends it -> the core settles it -> `store` removes it, and `listener`
//! tells the app what the collector thought of it. Other files: `records` and `error` cross the border, `owners` says
//! whose queue is whose, `standing` what callers may know.
//!
//! No call throws into the app, none waits for the disk or the network but [`Tracker::flush`] and
//! [`Tracker::shut_down`]. What decides is in `selvedge-core`; what knows a platform (lifecycle, device) is in the
//! wrappers.

mod driver;
mod error;
mod listener;
mod owners;
mod records;
mod standing;
mod store;
mod transport;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::Input;

use crate::driver::{Driver, Parts, quoted};
pub use crate::error::{ListenerError, TrackerError};
pub use crate::listener::Listener;
use crate::listener::Notices;
use crate::owners::Owners;
pub use crate::records::{Ids, Notice, Options, Stats};
use crate::store::Store;

uniffi::setup_scaffolding!();

/// The tracker of an app. Make one and keep it: it may be called from any thread.
///
/// Names are plain text, properties and traits the JSON text of an object. What cannot become an event is dropped, and
/// the listener hears of it.
#[derive(Debug, uniffi::Object)]
pub struct Tracker {
    driver: Driver,
}

#[uniffi::export]
impl Tracker {
    /// Begins, and goes on with what an earlier run left.
    ///
    /// # Errors
    /// What a developer must mend: an empty write key, a host or a context that is none, a directory that cannot be
    /// written.
    #[uniffi::constructor(default(listener = None))]
    pub fn new(options: Options, listener: Option<Arc<dyn Listener>>) -> Result<Self, TrackerError> {
        let config = options.parse()?;
        let directory = Path::new(&options.directory);
        let limit_bytes = (config.queue_limit_bytes as u64).saturating_add(ROOM_BESIDE_QUEUE_BYTES);
        let store = Store::open(directory, limit_bytes)
            .map_err(|source| TrackerError::DirectoryNotWritable { directory: options.directory.clone(), source })?;
        let (owners, notices) = (Owners::of(directory), Notices::open(listener));
        let driver = Driver::start(Parts { config, store, owners, notices });
        Ok(Self { driver: driver.map_err(|source| TrackerError::NoThread { source })? })
    }

    /// Something a person did.
    #[uniffi::method(default(properties = None))]
    pub fn track(&self, event: String, properties: Option<String>) {
        self.driver.call(Some(&event), properties, Input::Track);
    }

    /// Who the person is, what is known of them, or both.
    #[uniffi::method(default(user_id = None, traits = None))]
    pub fn identify(&self, user_id: Option<String>, traits: Option<String>) {
        self.driver.call(user_id.as_deref(), traits, Input::Identify);
    }

    /// A screen was seen.
    #[uniffi::method(default(name = None, properties = None))]
    pub fn screen(&self, name: Option<String>, properties: Option<String>) {
        self.driver.call(name.as_deref(), properties, Input::Screen);
    }

    /// A page was seen, in an app that shows pages.
    #[uniffi::method(default(name = None, properties = None))]
    pub fn page(&self, name: Option<String>, properties: Option<String>) {
        self.driver.call(name.as_deref(), properties, Input::Page);
    }

    /// The person belongs to a group.
    #[uniffi::method(default(traits = None))]
    pub fn group(&self, group_id: String, traits: Option<String>) {
        self.driver.call(Some(&group_id), traits, Input::Group);
    }

    /// Two names of one person. Without `previous_id` the older name is the one that is spoken under now.
    #[uniffi::method(default(previous_id = None))]
    pub fn alias(&self, user_id: String, previous_id: Option<String>) {
        let previous_id = previous_id.as_deref().map(quoted).unwrap_or_default();
        self.driver.call(Some(&user_id), None, |call| Input::Alias { call, previous_id });
    }

    /// Log-out: forgets the user, takes a new anonymous id.
    pub fn reset(&self) {
        self.driver.input(Input::Reset);
    }

    /// Who is speaking, with every call made before. Waits for the core only, not for disk or network.
    pub fn ids(&self) -> Ids {
        self.driver.standing().up_to_date().ids
    }

    /// How much waits and how much was lost, with every call made before.
    pub fn stats(&self) -> Stats {
        self.driver.standing().up_to_date().all_stats()
    }

    /// Sends what waits and waits for the answers, for `timeout_ms` at most. Not for the main thread.
    ///
    /// True when everything is answered for; false when the time is over or something has to wait for the network. It
    /// is stored then, and goes out by itself.
    pub fn flush(&self, timeout_ms: u64) -> bool {
        self.driver.input(Input::Flush);
        self.driver.standing().wait_until_settled(Duration::from_millis(timeout_ms))
    }

    /// The app goes to the background: hands over one upload with all that waits. Returns at once; an app that asks the
    /// system for time calls [`Self::flush`] next, on another thread, and gives the time back after it.
    pub fn suspend(&self) {
        self.driver.input(Input::Suspend);
    }

    /// The app is in the foreground again, or the network is back: sends soon, and takes in what a process of the same
    /// app left behind.
    pub fn resume(&self) {
        self.driver.resume();
    }

    /// Writes what was called and ends; later calls are dropped, and counted in the stats. Waits for `timeout_ms` at
    /// most; false if it has not ended by then. An app that is going to be killed anyway need not call it.
    pub fn shut_down(&self, timeout_ms: u64) -> bool {
        self.driver.close();
        self.driver.standing().wait_until_ended(Duration::from_millis(timeout_ms))
    }
}

/// Beside the queue's texts: frames around each event, keys, headers, and the second copy of a block that moves.
const ROOM_BESIDE_QUEUE_BYTES: u64 = 4 * 1_024 * 1_024;
