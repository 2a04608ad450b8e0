//! A place in a text, and the steps that checking and splitting share.

use super::{Fault, FaultKind};

/// A place in a text.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Bytes before this place.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over one byte.
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Steps over `byte` if it stands here.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Steps over `word` if it stands here.
    pub(super) fn take_word(&mut self, word: &[u8]) -> bool {
        let here = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        self.at += if here { word.len() } else { 0 };
        here
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over the rest of a string whose opening quote is behind, up to and over the closing quote or up to the
    /// next byte that is not plain: a backslash or a control character. Returns that byte.
    pub(super) fn skip_plain(&mut self) -> Option<u8> {
        // Eight bytes at a time: strings are most of an event.
        while let Some(chunk) = self.text.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let special = special_bytes(u64::from_le_bytes(*chunk));
            if special != 0 {
                self.at += (special.trailing_zeros() / 8) as usize;
                return self.special_byte();
            }
            self.at += 8;
        }
        while let Some(byte) = self.peek() {
            if byte == b'"' || byte == b'\\' || byte < 0x20 {
                return self.special_byte();
            }
            self.at += 1;
        }
        None
    }

    fn special_byte(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    /// What lies between `from` and this place.
    pub(super) fn since(&self, from: usize) -> &'a [u8] {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// A fault here; the end of the text is a fault of its own kind.
    pub(super) fn fault(&self, kind: FaultKind) -> Fault {
        let ended = kind == FaultKind::Syntax && self.at >= self.text.len();
        Fault { offset: self.at.min(self.text.len()), kind: if ended { FaultKind::Unfinished } else { kind } }
    }
}

/// The high bit of the first byte in `word` that is a quote, a backslash or a control character; higher bytes may
/// be marked falsely, the lowest mark is right (Mycroft's test for a zero byte, as in serde_json's `SliceRead`).
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}
