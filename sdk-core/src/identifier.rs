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
    /// What a mini program or an official account calls its reader.
    pub const OPENID: Kind = Kind(Word::Known("openid"));
    /// What all apps of one owner on such a platform call their reader.
    pub const UNIONID: Kind = Kind(Word::Known("unionid"));
    /// The id that an SDK gives a browser or an installed app.
    pub const ANONYMOUS_ID: Kind = Kind(Word::Known("anonymous_id"));
    /// The advertising id of an Apple device.
    pub const IDFA: Kind = Kind(Word::Known("idfa"));
    /// What the apps of one vendor call an Apple device.
    pub const IDFV: Kind = Kind(Word::Known("idfv"));
    /// The advertising id of Google's services on an Android device.
    pub const GAID: Kind = Kind(Word::Known("gaid"));
    /// The advertising id of an Android device without Google's services.
    pub const OAID: Kind = Kind(Word::Known("oaid"));
    /// What an Android device calls itself to the apps of one signer.
    pub const ANDROID_ID: Kind = Kind(Word::Known("android_id"));
    /// The number of a telephone as a piece of hardware.
    pub const IMEI: Kind = Kind(Word::Known("imei"));
    /// The address of a network interface.
    pub const MAC: Kind = Kind(Word::Known("mac"));
    /// Where a device receives push messages of one app.
    pub const PUSH_TOKEN: Kind = Kind(Word::Known("push_token"));
    /// The family of cookies that a site or its other trackers set. Names no value itself; each of its members is a
    /// kind, such as `cookie._ga`.
    pub const COOKIES: Kind = Kind(Word::Known("cookie."));

    /// The kind of that name, exactly as written.
    pub fn new(name: &str) -> Self {
        KNOWN_KINDS
            .iter()
            .find(|kind| kind.as_str() == name)
            .cloned()
            .unwrap_or_else(|| Self(Word::Declared(name.into())))
    }

    /// Whether it is a member of [`Kind::COOKIES`]: the family's name and behind it that of a cookie, a token of
    /// RFC 6265 (so that it can stand in a path before a colon) that with the family's name has at most 128 bytes.
    pub fn is_cookie(&self) -> bool {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let name = self.as_str().strip_prefix(Self::COOKIES.as_str()).unwrap_or_default();
        !name.is_empty() && self.as_str().len() <= MAX_COOKIE_KIND_BYTES && name.bytes().all(is_token)
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

/// Kinds that cost no allocation.
static KNOWN_KINDS: [Kind; 14] = [
    Kind::USER_ID,
    Kind::EMAIL,
    Kind::PHONE,
    Kind::OPENID,
    Kind::UNIONID,
    Kind::ANONYMOUS_ID,
    Kind::IDFA,
    Kind::IDFV,
    Kind::GAID,
    Kind::OAID,
    Kind::ANDROID_ID,
    Kind::IMEI,
    Kind::MAC,
    Kind::PUSH_TOKEN,
];

/// A kind stands in paths and in every row of an identifier. The longest cookies of the field carry a digest and the
/// name of a host.
const MAX_COOKIE_KIND_BYTES: usize = 128;

/// identity.md, section 2: the words that libraries, forms and databases write for "nobody".
pub const BLOCKED_WORDS: [&str; 26] = [
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
    fn a_cookie_is_a_kind_of_its_own_by_any_name_that_a_cookie_can_have() {
        for name in ["cookie._ga", "cookie.ajs_anonymous_id", "cookie.AMCV_1%40Org", "cookie..", "cookie.cookie.x"] {
            assert!(Kind::new(name).is_cookie(), "{name}");
        }
        let long = format!("cookie.{}", "x".repeat(122));
        for name in ["cookie.", "cookie", "cookies.x", "cookie.a:b", "cookie.a b", "cookie.ä", "cookie.\0", &long] {
            assert!(!Kind::new(name).is_cookie(), "{name}");
        }
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
