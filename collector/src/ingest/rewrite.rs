//! Copies a JSON text that was checked, with other texts in some places. What stands where is its caller's to say.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use selvedge_core::json::{self, Kind};

/// Where in a message a text stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The key of the text, or of the lists around it; empty where there is none.
    pub(super) key: &'a str,
    /// The object that has this key; empty where there is none.
    pub(super) object: &'a [u8],
    /// The key of that object, or of the lists around it.
    pub(super) within: &'a str,
}

/// What stands in place of texts; `None` where one stays.
pub(super) trait Rewrite {
    /// Of a string.
    fn text(&self, text: &str, place: Place<'_>) -> Option<String>;
    /// Of a number, which becomes a string.
    fn number(&self, text: &str, place: Place<'_>) -> Option<String>;
    /// Of the keys of an object that stands here: something else for each of them.
    fn keys(&self, object: &[u8], place: Place<'_>) -> BTreeMap<String, String>;
}

/// A JSON text that stands at the key `within`, rewritten; `None` when all of it stays.
pub(super) fn rewritten(message: &[u8], within: &str, by: &impl Rewrite) -> Option<Vec<u8>> {
    let mut copy = Copy { by, out: Vec::with_capacity(message.len()), is_other: false };
    copy.value(message, Place { key: within, object: b"", within: "" });
    copy.is_other.then_some(copy.out)
}

/// What stands in place of the keys of an object of which `other` gives something. Two that would be the same are
/// numbered: no value hides another.
pub(super) fn renamed_keys(
    object: &[u8],
    other: impl Fn(&str) -> Option<String>,
    numbered: impl Fn(&str, u64) -> String,
) -> BTreeMap<String, String> {
    let keys = || json::members(object).filter_map(Result::ok).filter_map(|(key, _)| key.decode());
    let mut renamed: BTreeMap<String, String> =
        keys().filter_map(|key| Some((key.to_string(), other(&key)?))).collect();
    if renamed.is_empty() {
        return renamed;
    }
    let mut taken: HashSet<String> = keys().filter(|key| !renamed.contains_key(&**key)).map(Cow::into_owned).collect();
    let mut counts: HashMap<String, u64> = HashMap::new();
    for name in renamed.values_mut() {
        let first = name.clone();
        let count = counts.entry(first.clone()).or_insert(1);
        while !taken.insert(name.clone()) {
            *count += 1;
            *name = numbered(&first, *count);
        }
    }
    renamed
}

/// A message on its way into another.
struct Copy<'r, R> {
    by: &'r R,
    out: Vec<u8>,
    is_other: bool,
}

impl<R: Rewrite> Copy<'_, R> {
    fn value(&mut self, value: &[u8], place: Place<'_>) {
        match json::kind(value) {
            Some(Kind::Object) => self.object(value, place),
            Some(Kind::Array) => {
                self.out.push(b'[');
                for (count, element) in json::elements(value).filter_map(Result::ok).enumerate() {
                    if count > 0 {
                        self.out.push(b',');
                    }
                    self.value(element, place);
                }
                self.out.push(b']');
            }
            Some(Kind::String) => {
                let other = json::string(value).and_then(|text| self.by.text(&text, place));
                self.push(other, value);
            }
            Some(Kind::Number) => {
                let text = core::str::from_utf8(value).unwrap_or_default().trim();
                self.push(self.by.number(text, place), value);
            }
            Some(Kind::Bool | Kind::Null) | None => self.out.extend_from_slice(value),
        }
    }

    fn object(&mut self, object: &[u8], place: Place<'_>) {
        let renamed = self.by.keys(object, place);
        self.out.push(b'{');
        for (count, (key, member)) in json::members(object).filter_map(Result::ok).enumerate() {
            if count > 0 {
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
            self.value(member, Place { key: &text, object, within: place.key });
        }
        self.out.push(b'}');
    }

    fn push(&mut self, other: Option<String>, value: &[u8]) {
        match other {
            Some(text) => {
                self.is_other = true;
                let mut quoted = String::with_capacity(text.len() + 2);
                json::push_quoted(&mut quoted, &text);
                self.out.extend_from_slice(quoted.as_bytes());
            }
            None => self.out.extend_from_slice(value),
        }
    }
}
