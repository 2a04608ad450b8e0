//! Copies what the log holds into the ledger's file, beside the writer: it is a tenth of the work of a busy ledger.
//!
//! A log begins anew only when all of it was copied while nobody wrote, and who copies beside a writer lags a group or
//! two behind. So the writer copies the rest itself when the log has become long: little, and seldom.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;

/// The thread beside a writer.
pub(super) struct Checkpointer {
    /// Gives its connection back, so that this one is the last to close: that ends the log.
    thread: Option<JoinHandle<Connection>>,
}

impl Checkpointer {
    /// Takes over the checkpoints of `writer`, with a connection of its own to the same file. It ends when the writer
    /// is closed.
    pub(super) fn start(writer: &mut Connection, beside: Connection) -> rusqlite::Result<Self> {
        // One wish is as good as several.
        let (wish, wishes) = sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoints".into()).spawn(move || run(beside, &wishes)).ok();
        let mut pace = Pace { beside_from: BESIDE_PAGES, has_thread: thread.is_some() };
        writer.wal_hook(Some(move |log: &mut Wal, pages| {
            match pace.after(pages) {
                Turn::Nobody => {}
                Turn::Beside => drop(wish.try_send(())),
                Turn::Writer => copy("the writer", || log.checkpoint_v2(CheckpointMode::PASSIVE)),
            }
            Ok(())
        }))?;
        Ok(Self { thread })
    }

    /// Gives the checkpoints back to a writer that lives on.
    pub(super) fn end(self, writer: &mut Connection) -> rusqlite::Result<()> {
        writer.wal_hook(None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>)
    }
}

impl Drop for Checkpointer {
    /// Waits for a checkpoint that is under way. The writer has to be closed before, or to have the checkpoints back.
    fn drop(&mut self) {
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the checkpoints had panicked");
        }
    }
}

fn run(beside: Connection, wishes: &Receiver<()>) -> Connection {
    while wishes.recv().is_ok() {
        copy("beside the writer", || beside.wal_checkpoint_v2(rusqlite::MAIN_DB.into(), CheckpointMode::PASSIVE));
    }
    beside
}

/// A checkpoint that another one, or a reader, keeps from its end is made up for by the next.
fn copy(who: &'static str, checkpoint: impl FnOnce() -> rusqlite::Result<(i32, i32)>) {
    match checkpoint() {
        Ok(_) => {}
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {}
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the log could not be copied by {who}");
        }
    }
}

/// Whose turn it is to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Nobody,
    Beside,
    Writer,
}

/// Decides it after each commit, by the pages that the log holds.
#[derive(Debug)]
struct Pace {
    /// From how many pages on the thread is asked next.
    beside_from: i32,
    has_thread: bool,
}

impl Pace {
    fn after(&mut self, pages: i32) -> Turn {
        if pages < self.beside_from.saturating_sub(BESIDE_PAGES) {
            // It began anew.
            self.beside_from = BESIDE_PAGES;
        }
        if pages >= WRITER_PAGES || (pages >= BESIDE_PAGES && !self.has_thread) {
            return Turn::Writer;
        }
        if pages < self.beside_from {
            return Turn::Nobody;
        }
        self.beside_from = pages.saturating_add(BESIDE_PAGES);
        Turn::Beside
    }
}

/// 16 MiB of log between checkpoints: pages that many groups change are moved once, and a checkpoint stays below what
/// a disk writes in some 100 ms.
const BESIDE_PAGES: i32 = 4_000;
/// 64 MiB of log: of every four checkpoints, the writer makes the last.
const WRITER_PAGES: i32 = 16_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace { beside_from: BESIDE_PAGES, has_thread: true }
    }

    #[test]
    fn the_thread_is_asked_once_for_each_stretch_of_log() {
        let mut pace = pace();
        let turns: Vec<Turn> = (1..=10).map(|group| pace.after(group * 1_000)).collect();
        let asked: Vec<usize> = (0..10).filter(|group| turns[*group] == Turn::Beside).collect();
        assert_eq!(asked, [3, 7]);
    }

    #[test]
    fn the_writer_copies_the_rest_of_a_long_log_until_it_begins_anew() {
        let mut pace = pace();
        assert_eq!(pace.after(WRITER_PAGES), Turn::Writer);
        assert_eq!(pace.after(WRITER_PAGES + 10), Turn::Writer);
        assert_eq!(pace.after(10), Turn::Nobody);
        assert_eq!(pace.after(BESIDE_PAGES), Turn::Beside);
    }

    #[test]
    fn a_writer_alone_copies_what_it_would_ask_a_thread_for() {
        let mut pace = Pace { has_thread: false, ..pace() };
        assert_eq!(pace.after(BESIDE_PAGES - 1), Turn::Nobody);
        assert_eq!(pace.after(BESIDE_PAGES), Turn::Writer);
    }

    #[test]
    fn a_log_under_load_is_copied_and_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("some.db");
        let mut writer = super::super::connection::open_writer(&file).unwrap();
        let beside = super::super::connection::open_writer(&file).unwrap();
        let checkpointer = Checkpointer::start(&mut writer, beside).unwrap();
        writer.execute_batch("create table filling (page blob)").unwrap();
        for _ in 0..400 {
            writer.execute("insert into filling values (zeroblob(400000))", []).unwrap();
        }
        let log = std::fs::metadata(directory.path().join("some.db-wal")).unwrap().len();
        assert!(log < 100 << 20, "160 MB were written through a log of {log} bytes");
        drop(writer);
        drop(checkpointer);
        let kept: i64 = super::super::connection::open_writer(&file)
            .unwrap()
            .query_row("select count(*) from filling", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 400);
    }
}
