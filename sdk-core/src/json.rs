//! Scans JSON text without building it: checks it, splits it, decodes its strings.
//!
//! The page checks what a site hands over, the collector checks and splits what arrives: the same rules at both
//! ends, and no parser in the Wasm. [`members`] and [`elements`] only follow quotes and brackets, so that one event
//! with a bare `NaN` or a lone surrogate costs itself and not its batch; [`check`] is exact (RFC 8259).
//! Nothing here allocates but [`string`], and that only when there are escapes to decode.

mod check;
mod cursor;
mod split;
mod text;

pub use check::{check, check_text};
pub use split::{Elements, Members, RawKey, elements, members};
pub use text::{push_quoted, string};

/// What [`check`] lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Levels of nesting; `1` allows `[]`, not `[[]]`. Never more than [`MAX_DEPTH`], whatever stands here.
    pub depth: usize,
    /// Keys of all objects, all levels together.
    pub keys: usize,
}

/// The deepest nesting that can be checked: the scanner's stack is one machine word, a bit per level.
pub const MAX_DEPTH: usize = 64;

impl Limits {
    /// The limits of one event (protocol.md, section 3).
    pub const EVENT: Self = Self { depth: crate::wire::MAX_JSON_DEPTH, keys: crate::wire::MAX_KEYS_PER_EVENT };
}

/// How much a checked value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The deepest nesting that occurs; 0 for a scalar.
    pub depth: usize,
    /// Keys of all objects, all levels together.
    pub keys: usize,
}

/// Why a text is refused, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Bytes before the fault.
    pub offset: usize,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Not JSON.
    Syntax,
    /// JSON so far, but the text ends too early.
    Unfinished,
    /// A bare `NaN`, `Infinity` or `-Infinity`, as some serialisers write.
    NotANumber,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Nested deeper than the limit.
    TooDeep,
    /// More keys than the limit.
    TooManyKeys,
}

/// What sort of value a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of RFC 8259")]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// What sort of value `value` would be, judged by its first byte after white space; `None` when no value starts so.
pub fn kind(value: &[u8]) -> Option<Kind> {
    match value.trim_ascii_start().first()? {
        b'{' => Some(Kind::Object),
        b'[' => Some(Kind::Array),
        b'"' => Some(Kind::String),
        b'-' | b'0'..=b'9' => Some(Kind::Number),
        b't' | b'f' => Some(Kind::Bool),
        b'n' => Some(Kind::Null),
        _ => None,
    }
}
