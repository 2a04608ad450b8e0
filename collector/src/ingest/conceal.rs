//! Puts keyed digests in the place of clear values, for a ledger that keeps none: in what an event claims, in what is
//! stored of it, and in what operators ask for. Pure; knows the key and no ledger.
//!
//! A message is gone through twice. First, what stands where a value of a hashable kind is *said*: at a key of the
//! kind's name, in `externalIds`, as a device's `advertisingId`. It becomes what the claim has, so that the message can be
//! read again; what is no identifier there becomes `[concealed]`, but for words that name nobody anywhere. Then all other
//! texts: they lose what was said in the first place, in any customary form, and whatever has the shape of a mail
//! address or of an international telephone number (see `shapes`). What stands in the ledger as the name of an account or
//! of another kind is left alone. By one key and the same rules, what becomes of a message depends on it and on its
//! batch's context alone.

mod chars;
mod shapes;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use selvedge_core::identifier::{Identifier, Kind, is_blocked};
use selvedge_core::wire::{MAX_IDENTIFIER_BYTES, MAX_IDENTIFIERS_PER_EVENT, field};

use super::message_id::{IMPORT_PREFIX, PROFILE_PREFIX, of_profile};
use super::parts::{self, member, text};
use super::redact::Redaction;
use super::rewrite::{Place, Rewrite, renamed_keys, rewritten};
use crate::identity::Rules;
use crate::identity::normal::digest::{digest_of, is_hashable};
use crate::identity::normal::{self, Algorithm, Blocked, CONCEALED, ERASED, Veil, Veiled, is_veiled};
use crate::store::{Lookup, Sought};
use shapes::Shape;

/// How a ledger that keeps no clear values conceals them.
#[derive(Debug, Clone)]
pub struct Concealment {
    veil: Veil,
    /// The rules of the ledger, by which no value is blocked: one that is keeps its normal form, so that other rules can
    /// let it count. What a pattern blocks has none: nobody could compare it later.
    rules: Rules,
}

impl Concealment {
    /// With this key, by the rules of the ledger.
    pub fn new(veil: Veil, rules: &Rules) -> Self {
        let blocked = rules.blocked.without_values();
        Self { veil, rules: Rules { blocked, ..rules.clone() } }
    }

    /// The rules of the ledger, by which no value is blocked.
    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What stands for an identifier in its normal form.
    pub fn cover(&self, identifier: &Identifier) -> Veiled {
        self.veil.cover(identifier, &self.rules)
    }

    /// What an operator asks for by an identifier in its normal form: a clear value, a digest of one, or a name as the
    /// product prints it. Not for what events say.
    pub fn lookup(&self, identifier: Identifier) -> Lookup {
        if !is_hashable(&identifier.kind) || is_veiled(&identifier) {
            return Lookup::Identifier(identifier);
        }
        let veiled = self.cover(&identifier);
        let printed = digest_of(&identifier).map(|_| identifier);
        Lookup::Concealed(Box::new(Sought { veiled, printed }))
    }

    /// What an operator or a destination writes, without the names that it is about, given by kind and value, and without
    /// the addresses and numbers that are recognised in it.
    pub fn words<'n>(&self, text: &str, about: impl IntoIterator<Item = (&'n str, &'n str)>) -> String {
        let mut text = text.to_owned();
        let mut names = Vec::new();
        for (kind, value) in about {
            let Ok(name) = normal::identifier(Kind::new(kind), value, &self.rules) else { continue };
            if !is_hashable(&name.kind) {
                continue;
            }
            // Whoever decides about a name writes it the same way twice.
            if !is_veiled(&name) && value.trim().len() >= SHORTEST_ALIKE {
                text = text.replace(value.trim(), &self.veil.stand_in(&name).value);
            }
            names.push(name);
        }
        let without = self.of_names(&names, true).and_then(|said| said.without(&text));
        let text = without.unwrap_or(text);
        self.without_shapes(&text, &mut Met::new()).unwrap_or(text)
    }

    /// A JSON text that stands at `within` (a message: empty) as it is to be stored, and what it says.
    pub(super) fn of_json(&self, message: &[u8], within: &str, around: Around<'_>) -> Concealed {
        let Around { beside, proven } = around;
        let may_be_hashed = may_hold_digests(message);
        let saying = Saying { concealment: self, said: RefCell::default(), met: RefCell::default() };
        let proven =
            proven.iter().filter_map(|(kind, value)| normal::identifier(kind.clone(), value, &self.rules).ok());
        proven.for_each(|name| saying.said.borrow_mut().push(name));
        let first = rewritten(message, within, &saying);
        let names = saying.said.into_inner().names;
        let message = first.as_deref().unwrap_or(message);
        let own = self.of_names(&names, may_be_hashed);
        let elsewhere = if own.is_none() && beside.is_none() && !may_hold_shapes(message) {
            None
        } else {
            let said = [own.as_ref(), beside];
            rewritten(message, within, &Elsewhere { concealment: self, said, met: RefCell::default() })
        };
        Concealed { message: elsewhere.or(first), names }
    }

    /// What takes names out of texts that may hold digests of them; `None` where there are none. The digests of very many
    /// are not sought: see [`is_crowd`].
    pub(super) fn of_names<'a>(&'a self, names: &'a [Identifier], may_be_hashed: bool) -> Option<Redaction<'a>> {
        let stand_ins = || names.iter().map(|name| self.stand_in(name)).collect();
        let may_be_hashed = may_be_hashed && !is_crowd(names);
        (!names.is_empty()).then(|| Redaction::standing_in(names, stand_ins(), (&self.rules, may_be_hashed)))
    }

    /// In a text: of a digest the digits alone, since its algorithm may stand before them.
    fn stand_in(&self, name: &Identifier) -> Box<str> {
        let stand_in = self.veil.stand_in(name);
        digest_of(&stand_in).map_or_else(|| (&*stand_in.value).into(), |digest| digest.hex)
    }

    fn without_shapes(&self, text: &str, met: &mut Met) -> Option<String> {
        let mut out = String::new();
        let mut copied = 0;
        for Shape { range, kind, value } in shapes::of(text) {
            let stand_in = met.entry(value).or_insert_with_key(|value| self.in_place_of(kind, value));
            let Some(stand_in) = stand_in else { continue };
            out.push_str(text.get(copied..range.start)?);
            out.push_str(stand_in);
            copied = range.end;
        }
        if copied == 0 {
            return None;
        }
        out.push_str(text.get(copied..)?);
        Some(out)
    }

    /// What stands in place of what has the shape of an address or a number; `None` where it is none.
    fn in_place_of(&self, kind: Kind, value: &str) -> Option<Box<str>> {
        if let Ok(identifier) = normal::identifier(kind.clone(), value, &self.rules) {
            return Some(self.veil.stand_in(&identifier).value.as_ref().into());
        }
        // A pattern blocks it, or it is longer than an identifier may be, as where no space divides it from the sentence
        // before it. Digits that are nobody's number are a number of another sort.
        let is_meant = || kind == Kind::EMAIL || normal::identifier(kind, value, &Rules::default()).is_ok();
        is_meant().then(|| CONCEALED.into())
    }
}

/// What stands for the shapes that were met, by what they say: most that are met again are of one message, and to hash one
/// costs more than to find it.
type Met = HashMap<String, Option<Box<str>>>;

/// What is said around a JSON text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// By what it stands beside.
    pub(super) beside: Option<&'a Redaction<'a>>,
    /// By the identity token that came with it.
    pub(super) proven: &'a [(Kind, Box<str>)],
}

/// What is stored in place of a JSON text.
pub(super) struct Concealed {
    /// `None` where all of it stays.
    pub(super) message: Option<Vec<u8>>,
    /// What it says, in clear or as a digest that its sender made: all of it, also where no event may claim so much.
    pub(super) names: Vec<Identifier>,
}

/// The kind that a value is said to be of, and how it is hashed where that is stated.
type SaidAs = (Kind, Option<Box<str>>);

type SaidValue = (SaidAs, Box<str>);

/// The first time: what is said.
struct Saying<'a> {
    concealment: &'a Concealment,
    said: RefCell<Said>,
    /// What stands for a value of a kind and an encoding: one that is said again is hashed once.
    met: RefCell<HashMap<SaidValue, Option<String>>>,
}

/// Names in the order in which they are said, each once.
#[derive(Default)]
struct Said {
    names: Vec<Identifier>,
    known: HashSet<Identifier>,
}

impl Said {
    fn push(&mut self, name: Identifier) {
        if self.known.insert(name.clone()) {
            self.names.push(name);
        }
    }
}

impl Saying<'_> {
    fn in_place_of(&self, value: &str, said_as: SaidAs) -> Option<String> {
        if value.trim().is_empty() {
            return None;
        }
        let met = (said_as, value.into());
        if let Some(stand_in) = self.met.borrow().get(&met) {
            return stand_in.clone();
        }
        let stand_in = self.stand_in(value, met.0.clone());
        self.met.borrow_mut().insert(met, stand_in.clone());
        stand_in
    }

    /// What stands in place of a value that is said to be of a kind.
    fn stand_in(&self, value: &str, (kind, encoding): SaidAs) -> Option<String> {
        let rules = &self.concealment.rules;
        let read = match encoding {
            None => normal::identifier(kind, value, rules),
            Some(encoding) => Algorithm::parse(&encoding)
                .ok_or(Blocked::NamesNobody)
                .and_then(|algorithm| normal::hashed(kind, value, algorithm, rules)),
        };
        match read {
            Ok(identifier) => {
                let stand_in = self.concealment.veil.stand_in(&identifier);
                self.said.borrow_mut().push(identifier);
                Some(stand_in.value.to_string())
            }
            Err(_) if is_a_word_for_nobody(value) => None,
            Err(_) => Some(CONCEALED.to_owned()),
        }
    }
}

impl Rewrite for Saying<'_> {
    fn text(&self, text: &str, place: Place<'_>) -> Option<String> {
        self.in_place_of(text, said_at(place)?)
    }

    fn number(&self, text: &str, place: Place<'_>) -> Option<String> {
        let said = said_at(place)?;
        self.in_place_of(&parts::name(text.as_bytes()).ok().flatten()?, said)
    }

    fn keys(&self, _: &[u8], _: Place<'_>) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// The second time: all other texts.
struct Elsewhere<'a, 'n> {
    concealment: &'a Concealment,
    /// What the message says, and what is said beside it.
    said: [Option<&'a Redaction<'n>>; 2],
    met: RefCell<Met>,
}

impl<'n> Elsewhere<'_, 'n> {
    fn said(&self) -> impl Iterator<Item = &Redaction<'n>> {
        self.said.iter().copied().flatten()
    }

    fn without(&self, text: &str) -> Option<String> {
        let undigested = if self.is_among_a_crowd() { shapes::without_digests(text, CONCEALED) } else { None };
        let without = self.without_names(undigested.as_deref().unwrap_or(text)).or(undigested);
        let mut met = self.met.borrow_mut();
        self.concealment.without_shapes(without.as_deref().unwrap_or(text), &mut met).or(without)
    }

    fn is_among_a_crowd(&self) -> bool {
        self.said().any(|said| is_crowd(said.names()))
    }

    fn without_names(&self, text: &str) -> Option<String> {
        let less =
            |before: Option<String>, said: &Redaction<'_>| said.without(before.as_deref().unwrap_or(text)).or(before);
        self.said().fold(None, less)
    }

    /// One that tells something becomes another, as long as any may be, of the same sort.
    fn message_id(&self, text: &str) -> Option<String> {
        if let Some((id, version)) = of_profile(text) {
            return Some(format!("{PROFILE_PREFIX}{}:{version}", self.profile(id)));
        }
        let word = |text| self.concealment.veil.word("message", text);
        if let Some(row) = text.strip_prefix(IMPORT_PREFIX) {
            // Whatever this version of the row says: all versions are of one subject.
            return Some(format!("{IMPORT_PREFIX}{}", word(row)));
        }
        self.without(text).map(|_| word(text))
    }

    /// The id of a profile is a digest of who leads it, which another collector made without a key.
    fn profile(&self, id: &str) -> String {
        self.concealment.veil.word("profile", id)
    }
}

impl Rewrite for Elsewhere<'_, '_> {
    fn text(&self, text: &str, place: Place<'_>) -> Option<String> {
        match (place.within, place.key) {
            ("", field::MESSAGE_ID) => self.message_id(text),
            ("selvedge", "profileId") => Some(self.profile(text)),
            _ if is_left_alone(place) => None,
            (_, key) => {
                let said = self.said().find_map(|said| said.in_place_of(text, key));
                said.map(str::to_owned).or_else(|| self.without(text))
            }
        }
    }

    fn number(&self, text: &str, place: Place<'_>) -> Option<String> {
        if is_left_alone(place) {
            return None;
        }
        // As programs write it that know fractions only.
        let text = text.strip_suffix(".0").unwrap_or(text);
        let is_whole = || text.bytes().all(|byte| byte.is_ascii_digit());
        let said = self.said().find_map(|said| said.in_place_of_number(text, place.key));
        said.map(str::to_owned).or_else(|| self.without_names(text).filter(|_| is_whole()))
    }

    fn keys(&self, object: &[u8], _: Place<'_>) -> BTreeMap<String, String> {
        renamed_keys(object, |key| self.without(key), |name, count| format!("{name} {count}"))
    }
}

/// As a value of which kind a text is said where it stands, and how it is hashed there.
fn said_at(place: Place<'_>) -> Option<SaidAs> {
    let word = |name: &str| member(place.object, name).and_then(|value| text(value).ok().flatten());
    if place.within == EXTERNAL_IDS {
        if place.key != "id" {
            // Nor is it read what kind it would be of: once for each member, that would cost more than all else.
            return None;
        }
        let kind = word("type").map(|kind| Kind::new(&kind));
        let encoding = word("encoding").filter(|encoding| !encoding.eq_ignore_ascii_case("none"));
        return Some((kind.filter(is_hashable)?, encoding.map(|encoding| encoding.as_ref().into())));
    }
    if place.within == "strength" {
        // How far another collector trusted a value of the kind.
        return None;
    }
    if place.key.eq_ignore_ascii_case("advertisingId") {
        let is_ios = word("type").is_some_and(|platform| platform.eq_ignore_ascii_case("ios"));
        return Some((if is_ios { Kind::IDFA } else { Kind::GAID }, None));
    }
    let kind = Kind::new(&place.key.to_ascii_lowercase());
    is_hashable(&kind).then_some((kind, None))
}

/// Whether what stands there is a name that the ledger has as it is.
fn is_left_alone(place: Place<'_>) -> bool {
    match place.within {
        "" => [field::USER_ID, field::ANONYMOUS_ID, field::PREVIOUS_ID].contains(&place.key),
        EXTERNAL_IDS => place.key == "id",
        "device" => ["id", "token"].contains(&place.key),
        _ => said_at(place).is_some(),
    }
}

/// Whether a value is known to say nothing, and may stay.
fn is_a_word_for_nobody(value: &str) -> bool {
    let is_short = value.trim().len() <= MAX_IDENTIFIER_BYTES && !value.contains('\0');
    (is_short && is_blocked(value)) || [ERASED, CONCEALED].contains(&value.trim())
}

/// Whether a message may hold a mail address, a telephone number, the id of a profile or of an import's row. Quick: most
/// hold none.
fn may_hold_shapes(message: &[u8]) -> bool {
    let holds = |text: &[u8]| message.windows(text.len()).any(|window| window == text);
    shapes::may_be_in(message) || holds(PROFILE) || holds(IMPORT_PREFIX.as_bytes())
}

/// Whether names are more than any event may claim. To hash them all, and to seek what comes out, would cost more than
/// any message is worth: beside them, whatever may be a digest goes.
fn is_crowd(names: &[Identifier]) -> bool {
    names.len() > MAX_IDENTIFIERS_PER_EVENT
}

/// Whether a message may hold a digest: most hold none, and the names need not be sought in that form.
fn may_hold_digests(message: &[u8]) -> bool {
    let mut digits = 0;
    let mut is_long_enough = |byte: &u8| {
        digits = if byte.is_ascii_hexdigit() { digits + 1 } else { 0 };
        // An escape may be any digit.
        digits >= shapes::SHORTEST_DIGEST || *byte == b'\\'
    };
    message.iter().any(&mut is_long_enough)
}

/// A shorter value may stand within a word of what is written.
const SHORTEST_ALIKE: usize = 6;
/// In what another collector says of the id of a profile.
const PROFILE: &[u8] = b"profile";
/// Where an event lists names of any kind.
const EXTERNAL_IDS: &str = "externalIds";

#[cfg(test)]
mod tests;
