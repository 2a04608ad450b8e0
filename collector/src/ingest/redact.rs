//! Takes names out of texts and messages that stay: where a name stood, they say `[erased]`. Pure; knows no ledger.
//!
//! A name is looked for in two ways. Where an event *says* it, every text that reads as the name goes, however it is
//! written. Anywhere else it goes as it stands in its normal form, in its digests and percent-encoded, in any case and
//! within longer texts too, but only if it is *telling*: `product` may be somebody's user id, and is a word all the same.
//! Where a text may go on to another name, a mail address rather goes than stays; an id stays (see `shape`).

mod shape;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, Match};
use selvedge_core::identifier::{Identifier, Kind as NameKind};
use selvedge_core::json::{self, Kind};
use shape::{Shape, stands_alone};

use crate::identity::Rules;
use crate::identity::normal;
use crate::identity::normal::ERASED;
use crate::identity::normal::digest::{digest_of, digests, is_hashable};

/// The names to take out.
pub(super) struct Redaction<'a> {
    rules: &'a Rules,
    /// Each value, and the kinds that it is a name of.
    names: HashMap<&'a str, Vec<&'a NameKind>>,
    /// One kind for each way in which the names are written: a text is read once for each.
    read_as: Vec<&'a NameKind>,
    /// What is telling of the names, as it may be written.
    telling: Option<AhoCorasick>,
    /// Of what shape each of those is.
    shapes: Vec<Shape>,
}

/// Whose message it is that names are taken out of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// Whether it says one of the names.
    pub(super) says_them: bool,
    /// What else it says: that stays, whatever it looks like.
    pub(super) kept: &'a [Identifier],
}

impl<'a> Redaction<'a> {
    pub(super) fn new(names: &'a [Identifier], rules: &'a Rules) -> Self {
        let mut kinds_of: HashMap<&str, Vec<&NameKind>> = HashMap::new();
        let mut read_as: Vec<&NameKind> = Vec::new();
        for name in names {
            kinds_of.entry(&name.value).or_default().push(&name.kind);
            if !read_as.iter().any(|kind| is_written_alike(kind, &name.kind)) {
                read_as.push(&name.kind);
            }
        }
        let mut telling: Vec<(String, Shape)> = names.iter().flat_map(|name| writings(name, rules)).collect();
        telling.sort_unstable();
        telling.dedup_by(|one, other| one.0 == other.0);
        let (patterns, shapes): (Vec<String>, Vec<Shape>) = telling.into_iter().unzip();
        // Fails only for more than memory holds.
        let telling = AhoCorasick::builder().ascii_case_insensitive(true).build(patterns).ok();
        let telling = telling.filter(|_| !shapes.is_empty());
        Self { rules, names: kinds_of, read_as, telling, shapes }
    }

    /// Whether a value of any kind reads as one of the names.
    pub(super) fn is(&self, value: &str) -> bool {
        self.names.contains_key(value) || self.reads_as(value, |_, _| true)
    }

    /// Whether a message that says none of the names may hold one. Quick: most hold none.
    pub(super) fn may_be_in(&self, message: &[u8]) -> bool {
        self.telling.as_ref().is_some_and(|telling| telling.is_match(message) || message.contains(&b'\\'))
    }

    /// Whether a text holds a telling name.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.without(text).is_some()
    }

    /// A text without the telling names; `None` when it holds none.
    pub(super) fn without(&self, text: &str) -> Option<String> {
        let telling = self.telling.as_ref()?;
        let stands_alone = |found: &Match| {
            let shape = self.shapes.get(found.pattern().as_usize()).copied().unwrap_or(Shape::Mail);
            stands_alone(text, found.range(), shape)
        };
        // Each that is found, also within another: it may be the one that stands alone.
        let mut found: Vec<Range<usize>> =
            telling.find_overlapping_iter(text).filter(stands_alone).map(|found| found.range()).collect();
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut out = String::new();
        let mut copied = 0;
        for range in found {
            if range.start >= copied {
                out.push_str(text.get(copied..range.start)?);
                out.push_str(ERASED);
            }
            copied = copied.max(range.end);
        }
        out.push_str(text.get(copied..)?);
        (copied > 0).then_some(out)
    }

    /// A JSON text without them; `None` when it holds none.
    pub(super) fn without_in_json(&self, message: &[u8], said: Said<'_>) -> Option<Vec<u8>> {
        let mut copy = Copy { redaction: self, said, out: Vec::with_capacity(message.len()), found: false };
        copy.value(message, "");
        copy.found.then_some(copy.out)
    }

    /// Whether a text that stands at `key` reads as one of the names.
    fn reads_as_name(&self, text: &str, key: &str) -> bool {
        self.reads_as(text, |kind, value| is_telling(value) || is_for_names(key) || key == kind.as_str())
    }

    /// Whether a text reads as a name of which `is_meant`, given its kind and value, holds.
    fn reads_as(&self, text: &str, is_meant: impl Fn(&NameKind, &str) -> bool) -> bool {
        self.read_as.iter().copied().any(|kind| {
            let Ok(Identifier { value, .. }) = normal::identifier(kind.clone(), text, self.rules) else { return false };
            let kinds = self.names.get(&*value).into_iter().flatten();
            kinds.copied().any(|named| is_written_alike(named, kind) && is_meant(named, &value))
        })
    }

    /// What stands in place of a text at `key`; `None` when it stays.
    fn replaced(&self, text: &str, key: &str, said: Said<'_>) -> Option<String> {
        if said.says_them && self.reads_as_name(text, key) {
            return Some(ERASED.to_owned());
        }
        let without = self.without(text)?;
        let is = |name: &Identifier| normal::identifier(name.kind.clone(), text, self.rules).as_ref() == Ok(name);
        (!said.kept.iter().any(is)).then_some(without)
    }

    /// The keys of an object that hold a telling name, and what stands in their place: something else for each of them.
    fn renamed_keys(&self, object: &[u8]) -> BTreeMap<String, String> {
        let keys = || json::members(object).filter_map(Result::ok).filter_map(|(key, _)| key.decode());
        let mut renamed: BTreeMap<String, String> =
            keys().filter_map(|key| Some((key.to_string(), self.without(&key)?))).collect();
        if renamed.is_empty() {
            return renamed;
        }
        let mut taken: HashSet<String> =
            keys().filter(|key| !renamed.contains_key(&**key)).map(Cow::into_owned).collect();
        let mut counts: HashMap<String, u64> = HashMap::new();
        for name in renamed.values_mut() {
            let first = name.clone();
            let count = counts.entry(first.clone()).or_insert(1);
            while !taken.insert(name.clone()) {
                *count += 1;
                *name = first.replace(ERASED, &format!("[erased {count}]"));
            }
        }
        renamed
    }
}

/// A message on its way into another.
struct Copy<'a, 'n> {
    redaction: &'a Redaction<'n>,
    said: Said<'a>,
    out: Vec<u8>,
    found: bool,
}

impl Copy<'_, '_> {
    fn value(&mut self, value: &[u8], key: &str) {
        match json::kind(value) {
            Some(Kind::Object) => self.object(value),
            Some(Kind::Array) => {
                self.out.push(b'[');
                for (place, element) in json::elements(value).filter_map(Result::ok).enumerate() {
                    if place > 0 {
                        self.out.push(b',');
                    }
                    self.value(element, key);
                }
                self.out.push(b']');
            }
            Some(Kind::String) => {
                let replaced = json::string(value).and_then(|text| self.redaction.replaced(&text, key, self.said));
                self.push(replaced, value);
            }
            // A number says a name only where it stands for one: elsewhere it counts something.
            Some(Kind::Number) if self.said.says_them => {
                let text = core::str::from_utf8(value).unwrap_or_default().trim();
                let is_name =
                    (is_for_names(key) || text.len() >= LONGEST_COUNT) && self.redaction.reads_as_name(text, key);
                self.push(is_name.then(|| ERASED.to_owned()), value);
            }
            Some(Kind::Number | Kind::Bool | Kind::Null) | None => self.out.extend_from_slice(value),
        }
    }

    fn object(&mut self, object: &[u8]) {
        let renamed = self.redaction.renamed_keys(object);
        self.out.push(b'{');
        for (place, (key, member)) in json::members(object).filter_map(Result::ok).enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            let text = key.decode().unwrap_or_default();
            match renamed.get(&*text) {
                Some(name) => self.push(Some(name.clone()), b""),
                None => {
                    self.out.push(b'"');
                    self.out.extend_from_slice(key.as_bytes());
                    self.out.push(b'"');
                }
            }
            self.out.push(b':');
            self.value(member, &text);
        }
        self.out.push(b'}');
    }

    fn push(&mut self, replaced: Option<String>, value: &[u8]) {
        match replaced {
            Some(text) => {
                self.found = true;
                let mut quoted = String::with_capacity(text.len() + 2);
                json::push_quoted(&mut quoted, &text);
                self.out.extend_from_slice(quoted.as_bytes());
            }
            None => self.out.extend_from_slice(value),
        }
    }
}

/// Whether the values of two kinds are normalised alike.
fn is_written_alike(one: &NameKind, other: &NameKind) -> bool {
    one == other || (!is_hashable(one) && !is_hashable(other))
}

/// As what a telling name may stand in a text.
fn writings(name: &Identifier, rules: &Rules) -> Vec<(String, Shape)> {
    let hex = |digest: normal::Digest| (String::from(digest.hex), Shape::Unique);
    let mut writings: Vec<(String, Shape)> = digests(name, rules).into_iter().map(hex).collect();
    match digest_of(name) {
        Some(digest) => writings.push(hex(digest)),
        None if is_telling(&name.value) => {
            let shape = Shape::of(&name.value);
            writings.push((name.value.to_string(), shape));
            writings.extend(LEFT_ALONE.map(|left| (percent_encoded(&name.value, left), shape)));
            writings.push((percent_encoded(&name.value, LEFT_ALONE_BY_FORMS).replace("%20", "+"), shape));
        }
        None => {}
    }
    writings
}

/// Whether a value is found in a text by more than chance.
fn is_telling(value: &str) -> bool {
    let is_all = |is: fn(&u8) -> bool| value.as_bytes().iter().all(is);
    let is_word = is_all(u8::is_ascii_alphabetic);
    let is_count = is_all(u8::is_ascii_digit) && value.len() < LONGEST_COUNT;
    value.len() >= SHORTEST_TELLING && !is_word && !is_count
}

/// Whether what stands at a key is there to name someone.
fn is_for_names(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with("id") || key.ends_with("ids") || ["email", "phone", "token"].contains(&&*key)
}

/// As an address writes it, but for letters, digits and what it leaves alone.
fn percent_encoded(value: &str, left_alone: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || left_alone.as_bytes().contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What RFC 3986 (2.3) and what `encodeURIComponent` (ECMA-262, 19.2.6.4) leave alone.
const LEFT_ALONE: [&str; 2] = ["-_.~", "-_.~!'()*"];
/// What `application/x-www-form-urlencoded` leaves alone; a space becomes a plus.
const LEFT_ALONE_BY_FORMS: &str = "-_.*";
/// Shorter values stand in many texts by chance.
const SHORTEST_TELLING: usize = 6;
/// Shorter numbers are prices, quantities and the like.
const LONGEST_COUNT: usize = 8;

#[cfg(test)]
mod tests {
    use selvedge_core::identifier::Kind;

    use super::*;

    #[test]
    fn a_name_that_is_said_goes_however_it_is_written() {
        let message = r#"{"userId":42,"traits":{"email":" Ada@Shop.Example ","phone":"+49 30 1234567"},"externalIds":[{"id":"42"}],"total":42,"v":1.0}"#;
        assert_eq!(
            said(message).unwrap(),
            r#"{"userId":"[erased]","traits":{"email":"[erased]","phone":"[erased]"},"externalIds":[{"id":"[erased]"}],"total":42,"v":1.0}"#
        );
    }

    #[test]
    fn a_telling_name_goes_from_within_texts_keys_and_addresses() {
        let message = r#"{"note":"write to ADA@shop.example, or /x?m=ada%40shop.example","ada@shop.example":1,"list":["ada\u0040shop.example"]}"#;
        assert_eq!(
            elsewhere(message, &[]).unwrap(),
            r#"{"note":"write to [erased], or /x?m=[erased]","[erased]":1,"list":["[erased]"]}"#
        );
    }

    #[test]
    fn its_digests_go_too() {
        let hex = normal::Digest::of(normal::Algorithm::Md5, "ada@shop.example").hex.to_ascii_uppercase();
        assert_eq!(elsewhere(&format!(r#"["x {hex}"]"#), &[]).unwrap(), r#"["x [erased]"]"#);
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        for text in ["42", "xada@shop.example", "ada@shop.example.org", "x.ada@shop.example", "+493012345678"] {
            assert_eq!(elsewhere(&format!(r#"{{ "a" : "{text}" }}"#), &[]), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_begins_another_leaves_neither() {
        let mails = ["ann@shop.co", "ann@shop.com"].map(|value| Identifier::new(Kind::EMAIL, value));
        for (text, left) in [
            ("write ann@shop.com", "write [erased]"),
            ("ann@shop.co, ann@shop.com", "[erased], [erased]"),
            ("ann@shop.com-ann@shop.co", "[erased]-[erased]"),
            ("ann@shop.company", "ann@shop.company"),
        ] {
            assert_eq!(left_of(&mails, text), left);
        }
        let longer = ["ann@shop.co", "ann@shop.co-op.com"].map(|value| Identifier::new(Kind::EMAIL, value));
        assert_eq!(left_of(&longer, "ann@shop.co-op.com, ann@shop.co-ops"), "[erased], [erased]-ops");
    }

    #[test]
    fn a_name_goes_beside_letters_that_are_none_of_its_own() {
        for (text, left) in [
            ("\u{8054}\u{7cfb}ada@shop.example\u{8c22}\u{8c22}", "\u{8054}\u{7cfb}[erased]\u{8c22}\u{8c22}"),
            ("\u{43a}ada@shop.example\u{438}", "\u{43a}[erased]\u{438}"),
            ("\u{8054}ada-42\u{8c22}", "\u{8054}[erased]\u{8c22}"),
            ("?email%3Dada%40shop.example", "?email%3D[erased]"),
            ("?to%253dada-42", "?to%253d[erased]"),
            (r"Hi\nada@shop.example", r"Hi\n[erased]"),
            (r"{\tada-42\n}", r"{\t[erased]\n}"),
            (r"\u003cada@shop.example\u003e", r"\u003c[erased]\u003e"),
            ("order_ada@shop.example", "order_[erased]"),
            ("see-ada@shop.example_1", "see-[erased]_1"),
            ("q=mail+ada@shop.example", "q=mail+[erased]"),
            ("tel_+49301234567x12", "tel_[erased]x12"),
        ] {
            assert_eq!(left_of(&ada(), text), left);
        }
    }

    #[test]
    fn a_digest_goes_with_its_algorithm_before_it() {
        let hex = normal::Digest::of(normal::Algorithm::Sha256, "ada@shop.example").hex;
        assert_eq!(left_of(&ada(), &format!("by sha256.{hex}, _{hex}_")), "by sha256.[erased], _[erased]_");
    }

    #[test]
    fn what_nobody_else_can_have_goes_from_within_a_word_and_a_number_not_from_a_longer_one() {
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        let names = [uuid, "123456789012", "a1b2c3d4e5f6"].map(|value| Identifier::new(Kind::USER_ID, value));
        for (text, left) in [
            (format!("page{uuid}_1"), "page[erased]_1"),
            ("user_123456789012-x".to_owned(), "user_[erased]-x"),
            ("1234567890123".to_owned(), "1234567890123"),
            ("deva1b2c3d4e5f6a".to_owned(), "dev[erased]a"),
        ] {
            assert_eq!(left_of(&names, &text), left);
        }
    }

    #[test]
    fn a_name_within_a_longer_word_stays() {
        for text in [
            "annual",
            "100",
            "ada-421",
            "xada-42",
            "x-ada-42",
            "ada-42.x",
            "M\u{fc}ada-42",
            "x%2Dada-42",
            "%61ada-42",
            "xada@shop.example",
            "x.ada@shop.example",
            "ada@shop.example.org",
            "ada@shop.examples",
            "x%2Eada@shop.example",
        ] {
            assert_eq!(left_of(&ada(), text), text);
        }
    }

    #[test]
    fn a_name_goes_as_every_encoder_writes_it() {
        let names = [Identifier::new(Kind::EMAIL, "o'brien(x)!~*y z@shop.example")];
        for text in [
            "o%27brien%28x%29%21~%2Ay%20z%40shop.example",
            "o'brien(x)!~*y%20z%40shop.example",
            "o%27brien%28x%29%21%7E*y+z%40shop.example",
        ] {
            assert_eq!(left_of(&names, &format!("?m={text}&v=1")), "?m=[erased]&v=1");
        }
    }

    #[test]
    fn no_value_hides_another_where_two_keys_of_an_object_go() {
        let message = r#"{"ada@shop.example":1,"of ada-42":2,"x":{"ada-42":3},"ada-42":4,"of ada@shop.example":5}"#;
        assert_eq!(
            elsewhere(message, &[]).unwrap(),
            r#"{"[erased 2]":1,"of [erased]":2,"x":{"[erased]":3},"[erased]":4,"of [erased 2]":5}"#
        );
        let again = r#"{"ada-42":1,"[erased]":2,"[erased 2]":3}"#;
        assert_eq!(elsewhere(again, &[]).unwrap(), r#"{"[erased 3]":1,"[erased]":2,"[erased 2]":3}"#);
    }

    #[test]
    fn a_text_is_read_once_for_each_way_of_writing_however_many_names_there_are() {
        let ids = (0..2000).map(|count| Identifier::new(Kind::new(&format!("crm_{count}")), format!("id-{count}")));
        let mails = (0..2000).map(|count| Identifier::new(Kind::EMAIL, format!("ada-{count}@shop.example")));
        let names: Vec<Identifier> = ids.chain(mails).collect();
        let rules = Rules::default();
        let redaction = Redaction::new(&names, &rules);
        assert_eq!(redaction.read_as.len(), 2);
        assert!(redaction.is(" id-1999 ") && redaction.is("ADA-1999@shop.example") && !redaction.is("id-2000"));
    }

    #[test]
    fn a_word_that_is_said_goes_where_it_names_and_stays_elsewhere() {
        let names = ["crm", "shop"].map(|kind| Identifier::new(Kind::new(kind), "product"));
        let rules = Rules::default();
        let message = br#"{"crm":"product","shop":" product ","till":"product","rowId":"product","email":"Product"}"#;
        let out = Redaction::new(&names, &rules).without_in_json(message, Said { says_them: true, kept: &[] });
        assert_eq!(
            String::from_utf8(out.unwrap()).unwrap(),
            r#"{"crm":"[erased]","shop":"[erased]","till":"product","rowId":"[erased]","email":"Product"}"#
        );
    }
    #[test]
    fn a_name_of_somebody_else_stays() {
        let other = [Identifier::new(Kind::ANONYMOUS_ID, "of ada@shop.example")];
        assert_eq!(elsewhere(r#"{"anonymousId":"of ada@shop.example"}"#, &other), None);
    }

    #[test]
    fn a_word_is_not_telling_and_neither_is_a_small_number() {
        for (value, telling) in
            [("product", false), ("123456", false), ("12345678", true), ("u-1", false), ("ada-42", true)]
        {
            assert_eq!(is_telling(value), telling, "{value}");
        }
    }

    fn said(message: &str) -> Option<String> {
        redacted(message, Said { says_them: true, kept: &[] })
    }

    fn elsewhere(message: &str, kept: &[Identifier]) -> Option<String> {
        redacted(message, Said { says_them: false, kept })
    }

    fn redacted(message: &str, said: Said<'_>) -> Option<String> {
        let (names, rules) = (ada(), Rules::default());
        let redaction = Redaction::new(&names, &rules);
        let message = message.as_bytes();
        let out = if said.says_them || redaction.may_be_in(message) {
            redaction.without_in_json(message, said)
        } else {
            None
        };
        Some(String::from_utf8(out?).unwrap())
    }

    fn left_of(names: &[Identifier], text: &str) -> String {
        let rules = Rules::default();
        Redaction::new(names, &rules).without(text).unwrap_or_else(|| text.to_owned())
    }

    fn ada() -> Vec<Identifier> {
        let ids = ["42", "1", "ann", "ada-42"].map(|value| (Kind::USER_ID, value));
        let others = [(Kind::EMAIL, "ada@shop.example"), (Kind::PHONE, "+49301234567")];
        ids.into_iter().chain(others).map(|(kind, value)| Identifier::new(kind, value)).collect()
    }
}
