//! One thread that gathers what waits and commits it as one group; whoever waited is answered after the commit.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use tokio::sync::oneshot;

use crate::ledger::{Ledger, Receipt};
use crate::message::Message;

/// The way into the writer's thread.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    inbox: Sender<Submission>,
}

struct Submission {
    messages: Vec<Message>,
    committed: oneshot::Sender<Receipt>,
}

impl Writer {
    pub(crate) fn start(ledger: Ledger) -> Self {
        let (inbox, submissions) = mpsc::channel();
        thread::spawn(move || work(ledger, &submissions));
        Self { inbox }
    }

    /// Returns once the messages are on disk; none if they are not.
    pub(crate) async fn commit(&self, messages: Vec<Message>) -> Option<Receipt> {
        let (committed, receipt) = oneshot::channel();
        self.inbox.send(Submission { messages, committed }).ok()?;
        receipt.await.ok()
    }
}

fn work(mut ledger: Ledger, submissions: &Receiver<Submission>) {
    while let Ok(first) = submissions.recv() {
        let mut events = first.messages.len();
        let mut group = vec![first];
        while events < GROUP_EVENTS
            && let Ok(next) = submissions.try_recv()
        {
            events += next.messages.len();
            group.push(next);
        }
        match ledger.commit(group.iter().map(|submission| submission.messages.as_slice())) {
            Ok(receipts) => {
                for (submission, receipt) in group.into_iter().zip(receipts) {
                    // A client that hung up learns by its resend, which is then a duplicate.
                    let _ = submission.committed.send(receipt);
                }
            }
            Err(fault) => eprintln!("group of {events} events not stored: {fault}"),
        }
    }
}

/// As the collector's inbox: a larger group saves nothing and keeps its first client waiting.
const GROUP_EVENTS: usize = 10_000;
