//! Takes names out of texts and messages that stay: where a name stood, they say `[erased]` or what stands for it. Pure;
//! knows no ledger.
//!
//! A name is looked for in two ways. Where an event *says* it, every text that reads as the name goes, however it is
//! written. Anywhere else it goes as it stands in its normal form, in its digests and percent-encoded, in any case and
//! within longer texts too, but only if it is *telling*: `product` may be somebody's user id, and is a word all the same.
//! Where a text may go on to another name, a mail address rather goes than stays; an id stays (see `shape`).

mod shape;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, Match};
use selvedge_core::identifier::{Class, Identifier, Kind as NameKind};
use selvedge_core::wire::field;
use shape::{Shape, stands_alone};

use super::rewrite::{Place, Rewrite, renamed_keys, rewritten};
use crate::identity::Rules;
use crate::identity::normal::digest::{digest_of, digests, forms, is_hashable};
use crate::identity::normal::{self, Algorithm, ERASED, is_veiled};

/// The names to take out.
#[derive(Debug)]
pub(super) struct Redaction<'a> {
    rules: &'a Rules,
    names: &'a [Identifier],
    /// What stands in place of each; `[erased]` of those that have none.
    stand_ins: Vec<Box<str>>,
    /// Each value, and the places of the names that have it.
    values: HashMap<&'a str, Vec<usize>>,
    /// One kind for each way in which the names are written: a text is read once for each.
    read_as: Vec<&'a NameKind>,
    /// What is telling of the names, as it may be written.
    telling: Option<AhoCorasick>,
    /// Of what shape each of those is, and the place of the name that it is of.
    shapes: Vec<(Shape, usize)>,
    /// Digests of the names that are not among those.
    digests: Digests,
}

/// As what a name may stand in a text.
type Writings = fn(&Identifier, &Rules) -> Vec<(String, Shape)>;

/// Whose message it is that names are taken out of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// Whether it says one of the names.
    pub(super) says_them: bool,
    /// What else it says: that stays, whatever it looks like.
    pub(super) kept: &'a [Identifier],
}

impl<'a> Redaction<'a> {
    /// Of these names; each becomes `[erased]`.
    pub(super) fn new(names: &'a [Identifier], rules: &'a Rules) -> Self {
        Self::writing(names, Vec::new(), (rules, writings), &AhoCorasick::builder())
    }

    /// Of these names, each of which becomes what stands for it at the same place. They are looked for in all their
    /// customary forms and, where there may be any, in the digests of those.
    pub(super) fn standing_in(
        names: &'a [Identifier],
        stand_ins: Vec<Box<str>>,
        (rules, may_be_hashed): (&'a Rules, bool),
    ) -> Self {
        let digests = if may_be_hashed { Digests::of(names, rules) } else { Digests::default() };
        // Made for one message: what is quickly made, not what then reads the quickest.
        let mut builder = AhoCorasick::builder();
        builder.kind(Some(AhoCorasickKind::NoncontiguousNFA)).prefilter(false);
        Self { digests, ..Self::writing(names, stand_ins, (rules, customary_writings), &builder) }
    }

    fn writing(
        names: &'a [Identifier],
        stand_ins: Vec<Box<str>>,
        (rules, writings): (&'a Rules, Writings),
        builder: &AhoCorasickBuilder,
    ) -> Self {
        let mut values: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut read_as: Vec<&NameKind> = Vec::new();
        let mut telling: Vec<(String, (Shape, usize))> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            values.entry(&name.value).or_default().push(place);
            if !read_as.iter().any(|kind| is_written_alike(kind, &name.kind)) {
                read_as.push(&name.kind);
            }
            telling.extend(writings(name, rules).into_iter().map(|(text, shape)| (text, (shape, place))));
        }
        telling.sort_unstable();
        telling.dedup_by(|one, other| one.0 == other.0);
        let (patterns, shapes): (Vec<String>, Vec<(Shape, usize)>) = telling.into_iter().unzip();
        // Fails only for more than memory holds.
        let telling = builder.clone().ascii_case_insensitive(true).build(patterns).ok();
        let telling = telling.filter(|_| !shapes.is_empty());
        Self { rules, names, stand_ins, values, read_as, telling, shapes, digests: Digests::default() }
    }

    /// The names, as they are taken out.
    pub(super) fn names(&self) -> &'a [Identifier] {
        self.names
    }

    /// Whether a value of any kind reads as one of the names.
    pub(super) fn is(&self, value: &str) -> bool {
        self.values.contains_key(value) || self.reads_as(value, |_, _| true).is_some()
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
        let shape_of = |found: &Match| self.shapes.get(found.pattern().as_usize()).copied();
        let stands_alone = |found: &Match| {
            let shape = shape_of(found).map_or(Shape::Mail, |(shape, _)| shape);
            stands_alone(text, found.range(), shape)
        };
        // Each that is found, also within another: it may be the one that stands alone.
        let found = self.telling.iter().flat_map(|telling| telling.find_overlapping_iter(text)).filter(stands_alone);
        let mut found: Vec<(Range<usize>, usize)> =
            found.filter_map(|found| Some((found.range(), shape_of(&found)?.1))).collect();
        found.extend(self.digests.found_in(text));
        found.sort_unstable_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::new();
        let mut copied = 0;
        for (range, name) in found {
            if range.start >= copied {
                out.push_str(text.get(copied..range.start)?);
                out.push_str(self.stand_in(name));
            }
            copied = copied.max(range.end);
        }
        out.push_str(text.get(copied..)?);
        (copied > 0).then_some(out)
    }

    /// A JSON text without them; `None` when it holds none.
    pub(super) fn without_in_json(&self, message: &[u8], said: Said<'_>) -> Option<Vec<u8>> {
        rewritten(message, "", &Without { redaction: self, said })
    }

    /// What stands in place of a text at `key` that reads as one of the names.
    pub(super) fn in_place_of(&self, text: &str, key: &str) -> Option<&str> {
        let is_meant = |kind: &NameKind, value: &str| is_telling(value) || is_for_names(key) || key == kind.as_str();
        self.reads_as(text, is_meant).map(|name| self.stand_in(name))
    }

    /// The same of a number: it says a name only where it stands for one, and elsewhere counts something.
    pub(super) fn in_place_of_number(&self, text: &str, key: &str) -> Option<&str> {
        let is_name = is_for_names(key) || text.len() >= LONGEST_COUNT;
        if is_name { self.in_place_of(text, key) } else { None }
    }

    fn stand_in(&self, name: usize) -> &str {
        self.stand_ins.get(name).map_or(ERASED, |stand_in| stand_in)
    }

    /// The place of the name that a text reads as, and of which `is_meant`, given its kind and value, holds.
    fn reads_as(&self, text: &str, is_meant: impl Fn(&NameKind, &str) -> bool) -> Option<usize> {
        self.read_as.iter().copied().find_map(|kind| {
            let Identifier { value, .. } = normal::identifier(kind.clone(), text, self.rules).ok()?;
            let mut places = self.values.get(&*value).into_iter().flatten().copied();
            places.find(|place| {
                let named = self.names.get(*place).map(|name| &name.kind);
                named.is_some_and(|named| is_written_alike(named, kind) && is_meant(named, &value))
            })
        })
    }
}

/// Digests of names, by how they begin: to look each of them up is quickly made ready, where an automaton of so many digits
/// takes longer than all else that is done for a message.
#[derive(Debug, Default)]
struct Digests(HashMap<[u8; BEGINNING], Vec<(Box<str>, usize)>>);

impl Digests {
    fn of(names: &[Identifier], rules: &Rules) -> Self {
        let mut all = Self::default();
        for (place, name) in names.iter().enumerate() {
            for digest in digests(name, rules).into_iter().chain(digest_of(name)) {
                let Some(beginning) = digest.hex.as_bytes().first_chunk() else { continue };
                all.0.entry(*beginning).or_default().push((digest.hex, place));
            }
        }
        all
    }

    /// Where they stand in a text in any case, also within more digits, and the places of the names that they are of.
    fn found_in(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let text = text.to_ascii_lowercase();
        let mut found = Vec::new();
        for (start, digits) in text.as_bytes().windows(BEGINNING).enumerate() {
            let Some(beginning) = digits.first_chunk() else { continue };
            for (hex, place) in self.0.get(beginning).into_iter().flatten() {
                let range = start..start + hex.len();
                if text.get(range.clone()) == Some(&**hex) {
                    found.push((range, *place));
                }
            }
        }
        found
    }
}

/// A message without the names.
struct Without<'a, 'n> {
    redaction: &'a Redaction<'n>,
    said: Said<'a>,
}

impl Rewrite for Without<'_, '_> {
    fn text(&self, text: &str, place: Place<'_>) -> Option<String> {
        let Self { redaction, said } = *self;
        let key = place.key;
        if self.is_word_of_the_protocol(text, place) {
            return None;
        }
        if said.says_them
            && let Some(stand_in) = redaction.in_place_of(text, key)
        {
            return Some(stand_in.to_owned());
        }
        let without = redaction.without(text)?;
        (!self.keeps(text)).then_some(without)
    }

    fn number(&self, text: &str, Place { key, within, .. }: Place<'_>) -> Option<String> {
        let Self { redaction, said } = *self;
        if (within, key) == (OURS, field::VERSION) {
            return None;
        }
        let stand_in = match said.says_them {
            true => redaction.in_place_of_number(text, key),
            // As a text that tells it, wherever it stands.
            false => redaction.in_place_of_number(text, "").filter(|_| !self.keeps(text)),
        };
        stand_in.map(str::to_owned)
    }

    fn keys(&self, object: &[u8], place: Place<'_>) -> BTreeMap<String, String> {
        if (place.within, place.key) == (OURS, "strength") {
            // Kinds; another word in the place of one would say another strength.
            return BTreeMap::new();
        }
        let numbered = |name: &str, count: u64| name.replace(ERASED, &format!("[erased {count}]"));
        renamed_keys(object, |key| self.redaction.without(key), numbered)
    }
}

impl Without<'_, '_> {
    /// Whether a text says of what kind, how written or of which version what stands beside it is. It stays, though it reads like a name:
    /// without it, the event would say something else.
    fn is_word_of_the_protocol(&self, text: &str, Place { key, within, .. }: Place<'_>) -> bool {
        match (within, key) {
            (EXTERNAL_IDS, "type") => self.redaction.rules.class(&NameKind::new(text)) != Class::Undeclared,
            (EXTERNAL_IDS, "encoding") => Algorithm::parse(text).is_some(),
            (OURS, field::VERSION) => text.parse::<u64>().is_ok(),
            _ => false,
        }
    }

    /// Whether a text is something else that the message says.
    fn keeps(&self, text: &str) -> bool {
        let rules = self.redaction.rules;
        let is = |name: &Identifier| normal::identifier(name.kind.clone(), text, rules).as_ref() == Ok(name);
        self.said.kept.iter().any(is)
    }
}

/// Whether the values of two kinds are normalised alike.
fn is_written_alike(one: &NameKind, other: &NameKind) -> bool {
    one == other || (!is_hashable(one) && !is_hashable(other))
}

/// As what a telling name may stand in a text.
fn writings(name: &Identifier, rules: &Rules) -> Vec<(String, Shape)> {
    [hashed(name, rules), encoded(name)].concat()
}

/// The same but digests, and in its other customary forms: a number without its plus, a device's in capitals.
fn customary_writings(name: &Identifier, rules: &Rules) -> Vec<(String, Shape)> {
    [encoded(name), other_forms(name, rules)].concat()
}

fn hashed(name: &Identifier, rules: &Rules) -> Vec<(String, Shape)> {
    let hex = |digest: normal::Digest| (String::from(digest.hex), Shape::Unique);
    digests(name, rules).into_iter().chain(digest_of(name)).map(hex).collect()
}

/// The normal form, as texts and addresses of the web write it.
fn encoded(name: &Identifier) -> Vec<(String, Shape)> {
    if is_veiled(name) {
        return vec![(name.value.to_string(), Shape::Unique)];
    }
    if digest_of(name).is_some() || !is_telling(&name.value) {
        return Vec::new();
    }
    let shape = Shape::of(&name.value);
    let mut writings = vec![(name.value.to_string(), shape)];
    writings.extend(LEFT_ALONE.map(|left| (percent_encoded(&name.value, left), shape)));
    writings.push((percent_encoded(&name.value, LEFT_ALONE_BY_FORMS).replace("%20", "+"), shape));
    writings
}

fn other_forms(name: &Identifier, rules: &Rules) -> Vec<(String, Shape)> {
    // As it is dialled abroad from most countries.
    let dialled =
        name.value.strip_prefix('+').filter(|_| name.kind == NameKind::PHONE).map(|digits| format!("00{digits}"));
    let forms = forms(name, rules).into_iter().chain(dialled).filter(|form| **form != *name.value && is_telling(form));
    let shaped = |form: String| {
        let is_number = form.bytes().all(|byte| byte.is_ascii_digit());
        let shape = if is_number { Shape::Number } else { Shape::of(&form) };
        (form, shape)
    };
    forms.map(shaped).collect()
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

/// What an event says of itself as another collector forwards it, in its context.
const OURS: &str = "selvedge";
/// Names of every kind, in a context.
const EXTERNAL_IDS: &str = "externalIds";
/// What RFC 3986 (2.3) and what `encodeURIComponent` (ECMA-262, 19.2.6.4) leave alone.
const LEFT_ALONE: [&str; 2] = ["-_.~", "-_.~!'()*"];
/// What `application/x-www-form-urlencoded` leaves alone; a space becomes a plus.
const LEFT_ALONE_BY_FORMS: &str = "-_.*";
/// Bytes of a digest that tell it from most others.
const BEGINNING: usize = 8;
/// Shorter values stand in many texts by chance.
const SHORTEST_TELLING: usize = 6;
/// Shorter numbers are prices, quantities and the like.
const LONGEST_COUNT: usize = 8;

#[cfg(test)]
mod tests;
