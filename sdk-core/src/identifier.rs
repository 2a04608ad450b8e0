//! What names a person or a device: kinds, classes, blocked values. Both ends use it.
//!
//! Normal forms that need Unicode or phone tables are the collector's (`identity::normal`): they weigh 50 KB in a
//! Wasm. Which class a kind has is a rule of the workspace (`identity::Rules`).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::ser::SerializeStruct;

use crate::wire::MAX_IDENTIFIER_BYTES;

/// What a kind of identifier can name (identity.md, section 2). The order is the first part of the kind priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// One value of a kind per person, ever.
    Account,
    /// Reaches one person; a person has a few.
    Contact,
    /// A thing that people share and swap.
    Device,
    /// A kind that the rules do not know: kept as data, names no one.
    Undeclared,
}

/// What sort of name a value is: `user_id`, `email`, or a word that a workspace declares.
///
/// Equal and ordered by its text. Cloning allocates nothing.
#[derive(Clone)]
pub struct Kind(Word);

#[derive(Clone)]
enum Word {
    Known(&'static str),
    Declared(Arc<str>),
}

impl Kind {
    /// The site's own account, the first of accounts.
    pub const USER_ID: Kind = Kind(Word::Known("user_id"));
    /// A mail address.
    pub const EMAIL: Kind = Kind(Word::Known("email"));
    /// A telephone number.
    pub const PHONE: Kind = Kind(Word::Known("phone"));
    /// The id that an SDK gives a browser or an installed app.
    pub const ANONYMOUS_ID: Kind = Kind(Word::Known("anonymous_id"));

    /// The kind of that name, exactly as written.
    pub fn new(name: &str) -> Self {
        let known = [Self::USER_ID, Self::EMAIL, Self::PHONE, Self::ANONYMOUS_ID];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or_else(|| Self(Word::Declared(name.into())))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Word::Known(name) => name,
            Word::Declared(name) => name,
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kind {}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A kind and a value in its normal form. A clone costs one count.
///
/// Ordered by the kind's name, then the value, in bytes: an order for maps. Who comes first in a claim is the rules'
/// to say.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// What sort of name it is.
    pub kind: Kind,
    /// Its normal form.
    pub value: Arc<str>,
}

impl Identifier {
    /// An identifier whose value is in its normal form already, as one from the ledger is.
    pub fn new(kind: Kind, value: impl Into<Arc<str>>) -> Self {
        Self { kind, value: value.into() }
    }
}

/// `kind:value`, the form of paths and the command line.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `{"kind": …, "value": …}`, the form of answers.
impl serde::Serialize for Identifier {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Identifier", 2)?;
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("value", &*self.value)?;
        fields.end()
    }
}

/// Whether a value can never be an identifier: what programs send when they know no one.
///
/// The empty value is blocked too; who must tell "absent" from "blocked" asks for it first.
pub fn is_blocked(value: &str) -> bool {
    let bare = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    value.trim().len() > MAX_IDENTIFIER_BYTES
        || value.contains('\0')
        || bare.chars().all(|c| c.is_whitespace() || matches!(c, '0' | '-' | ':'))
        || BLOCKED_WORDS.iter().any(|word| bare.eq_ignore_ascii_case(word))
}

/// identity.md, section 2: the words that libraries, forms and databases write for "nobody".
const BLOCKED_WORDS: [&str; 26] = [
    "null",
    "nil",
    "none",
    "undefined",
    "nan",
    "n/a",
    "na",
    "unknown",
    "anonymous",
    "anon",
    "guest",
    "anonymousid",
    "distinct_id",
    "not_authenticated",
    "user",
    "userid",
    "user_id",
    "email",
    "id",
    "test",
    "true",
    "false",
    "[object object]",
    "{}",
    "[]",
    "-1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_equal_by_its_text_however_it_was_made() {
        assert_eq!(Kind::new("email"), Kind::EMAIL);
        assert_eq!(Kind::new("crm_id"), Kind::new("crm_id"));
        assert_ne!(Kind::new("crm_id"), Kind::USER_ID);
        assert!(Kind::EMAIL < Kind::USER_ID);
    }

    #[test]
    fn accounts_come_before_contacts_and_contacts_before_devices() {
        assert!(Class::Account < Class::Contact && Class::Contact < Class::Device && Class::Device < Class::Undeclared);
    }

    #[test]
    fn words_for_nobody_are_blocked_in_any_case_and_in_quotes() {
        for word in BLOCKED_WORDS {
            assert!(is_blocked(word), "{word}");
            assert!(is_blocked(&format!(" \"{}\" ", word.to_ascii_uppercase())), "{word}");
        }
    }

    #[test]
    fn values_made_only_of_zeros_dashes_colons_and_spaces_are_blocked() {
        for value in ["", "  ", "0", "000", "00000000-0000-0000-0000-000000000000", "00:00:00:00:00:00", "- -"] {
            assert!(is_blocked(value), "{value:?}");
        }
    }

    #[test]
    fn a_nul_character_and_more_than_256_bytes_are_blocked() {
        assert!(is_blocked("a\0b"));
        assert!(is_blocked(&"x".repeat(257)));
        assert!(!is_blocked(&"x".repeat(256)));
    }

    #[test]
    fn values_that_name_someone_pass() {
        for value in ["u-1", "1", "nullable", "testuser", "0a", "guest@example.com", "10", "名"] {
            assert!(!is_blocked(value), "{value}");
        }
    }
}
