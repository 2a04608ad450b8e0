//! Tells the app what became of its events, on a thread of its own: a slow or failing listener holds up nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::error::ListenerError;
use crate::records::Notice;

/// What an app may want to hear. Called on a thread of the tracker's; may call the tracker.
#[uniffi::export(with_foreign)]
pub trait Listener: Send + Sync {
    /// The collector judged an event: refused, or stored with a warning.
    ///
    /// # Errors
    /// Whatever the app throws; the tracker goes on.
    fn on_verdict(&self, notice: Notice) -> Result<(), ListenerError>;

    /// An event was dropped here, never to be sent.
    ///
    /// # Errors
    /// Whatever the app throws; the tracker goes on.
    fn on_drop(&self, notice: Notice) -> Result<(), ListenerError>;
}

/// The way to the listener, if there is one.
#[derive(Debug)]
pub(crate) struct Notices {
    line: Option<SyncSender<News>>,
}

/// One thing to tell.
#[derive(Debug)]
pub(crate) enum News {
    Verdict(Notice),
    Drop(Notice),
}

impl Notices {
    pub(crate) fn open(listener: Option<Arc<dyn Listener>>) -> Self {
        let (line, news) = sync_channel(MOST_UNHEARD);
        let started = listener.map(|listener| {
            thread::Builder::new().name("selvedge-notices".into()).spawn(move || tell_all(&news, listener.as_ref()))
        });
        // Without a thread nobody hears; stats count all the same.
        Self { line: started.and_then(Result::ok).map(|_| line) }
    }

    /// Never waits. What a listener that hangs leaves unheard is counted in the stats all the same.
    pub(crate) fn tell(&self, news: News) {
        if let Some(line) = &self.line {
            let _ = line.try_send(news);
        }
    }
}

fn tell_all(news: &Receiver<News>, listener: &dyn Listener) {
    for news in news {
        // An error is the app's own, and the app has its own ways to see it.
        let _ = match news {
            News::Verdict(notice) => listener.on_verdict(notice),
            News::Drop(notice) => listener.on_drop(notice),
        };
    }
}

/// More than one upload can bring (2,500 verdicts).
const MOST_UNHEARD: usize = 4_096;
