//! Section 2, "Hashed equals clear": which identifier of a ledger a digest is.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

use md5::Md5;
use selvedge_core::identifier::{Identifier, Kind};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Event;
use super::rules::Rules;

/// What stands in a ledger of the kinds that may come hashed.
pub(super) struct Hashed {
    /// Of every form that a digest could be made of, as that digest: the clear values that have it.
    clear_of: BTreeMap<Identifier, BTreeSet<Identifier>>,
    /// Digests whose clear value no one said.
    alone: BTreeSet<Identifier>,
    /// Clear values.
    clear: BTreeSet<Identifier>,
    /// What was said with trust.
    trusted: BTreeSet<Identifier>,
    rules: Rules,
}

impl Hashed {
    pub(super) fn of(log: &[Event], rules: &Rules) -> Self {
        let said = log.iter().flat_map(|event| &event.claim).map(|claimed| &claimed.identifier);
        let (digests, clear): (BTreeSet<&Identifier>, BTreeSet<&Identifier>) =
            said.filter(|name| may_come_hashed(&name.kind)).partition(|name| is_digest(&name.value));
        let mut clear_of: BTreeMap<Identifier, BTreeSet<Identifier>> = BTreeMap::new();
        for name in &clear {
            for digest in digests_of(name, rules) {
                clear_of.entry(digest).or_default().insert((*name).clone());
            }
        }
        let alone = digests.into_iter().filter(|digest| !clear_of.contains_key(digest)).cloned().collect();
        let claims = log.iter().flat_map(|event| &event.claim).filter(|claimed| claimed.strength.is_trusted());
        let trusted = claims.map(|claimed| claimed.identifier.clone()).collect();
        Self { clear_of, alone, clear: clear.into_iter().cloned().collect(), trusted, rules: rules.clone() }
    }

    /// The identifier that this one is, by its canonical value; none of a digest that is no identifier.
    ///
    /// Asked of a clear value that no event said (a decision did), it is the digest that it produces, if one is here.
    pub(super) fn canonical(&self, name: &Identifier) -> Option<Identifier> {
        if !may_come_hashed(&name.kind) {
            return Some(name.clone());
        }
        if !is_digest(&name.value) {
            if self.clear.contains(name) {
                return Some(name.clone());
            }
            let known = digests_of(name, &self.rules).into_iter().find(|digest| self.alone.contains(digest));
            return Some(known.unwrap_or_else(|| name.clone()));
        }
        if is_of_a_blocked_value(name) {
            return None;
        }
        let (trusted, observed): (Vec<&Identifier>, Vec<&Identifier>) =
            self.clear_of.get(name).into_iter().flatten().partition(|clear| self.trusted.contains(clear));
        match (&*trusted, &*observed) {
            ([], []) => Some(name.clone()),
            ([clear], _) | ([], [clear]) => Some((*clear).clone()),
            // What is observed makes nothing ambiguous that was said with trust.
            ([], _) if self.trusted.contains(name) => Some(name.clone()),
            _ => None,
        }
    }
}

/// Whether values of this kind may come as digests.
pub(super) fn may_come_hashed(kind: &Kind) -> bool {
    ["email", "phone", "imei", "mac", "idfa", "gaid", "oaid"].contains(&kind.as_str())
}

/// Whether a value is the canonical form of a digest.
pub(super) fn is_digest(value: &str) -> bool {
    let length =
        |algorithm: &str| ALGORITHMS.iter().find(|(name, ..)| *name == algorithm).map(|(_, length, _)| *length);
    value.split_once('.').is_some_and(|(algorithm, hex)| {
        length(algorithm) == Some(hex.len())
            && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// The digest of a text by `sha256`, `sha1` or `md5`, as an identifier's value: `sha256.HEX`.
pub fn digest(algorithm: &str, text: &str) -> String {
    let (_, _, hash) = ALGORITHMS.iter().find(|(name, ..)| *name == algorithm).expect("one of the three");
    format!("{algorithm}.{}", hash(text))
}

/// Every digest that a clear value produces: by the stronger algorithm first, and of one algorithm the least.
pub(super) fn digests_of(name: &Identifier, rules: &Rules) -> Vec<Identifier> {
    let forms = customary_forms(name, rules);
    let by = |algorithm: &'static str| forms.iter().map(|form| digest(algorithm, form)).collect::<BTreeSet<_>>();
    let values = ALGORITHMS.iter().flat_map(|(algorithm, ..)| by(algorithm));
    values.map(|value| Identifier::new(name.kind.clone(), value)).collect()
}

/// The normal form; for phones also the digits without `+` and, in the default region, the national number, as it is
/// dialled and without the prefix; for ids also upper case and, for MAC, with colons.
fn customary_forms(name: &Identifier, rules: &Rules) -> BTreeSet<String> {
    let normal = name.value.to_string();
    let mut forms = BTreeSet::from([normal.clone()]);
    match name.kind.as_str() {
        "email" => {}
        "phone" => {
            let digits = normal.trim_start_matches('+');
            forms.insert(digits.to_owned());
            if let Some(region) = rules.region
                && let Some(national) = digits.strip_prefix(region.calling_code)
            {
                forms.extend([national.to_owned(), format!("{}{national}", region.trunk_prefix)]);
            }
        }
        "mac" => {
            let pairs: Vec<&str> =
                normal.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
            let with_colons = pairs.join(":");
            forms.extend([normal.to_uppercase(), with_colons.to_uppercase(), with_colons]);
        }
        _ => {
            forms.insert(normal.to_uppercase());
        }
    }
    forms
}

fn is_of_a_blocked_value(name: &Identifier) -> bool {
    DIGESTS_OF_BLOCKED.contains(&*name.value)
}

static DIGESTS_OF_BLOCKED: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let spellings = BLOCKED.iter().flat_map(|word| [(*word).to_owned(), word.to_uppercase()]);
    let texts = spellings.chain((0..=40).map(|count| "0".repeat(count)));
    texts.flat_map(|text| ALGORITHMS.map(|(algorithm, ..)| digest(algorithm, &text))).collect()
});

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

type Hash = fn(&str) -> String;

/// Name, hex characters and hash; the one that stands for an identifier of no known clear value first.
const ALGORITHMS: [(&str, usize, Hash); 3] = [
    ("sha256", 64, |text| hex(&Sha256::digest(text.as_bytes()))),
    ("sha1", 40, |text| hex(&Sha1::digest(text.as_bytes()))),
    ("md5", 32, |text| hex(&Md5::digest(text.as_bytes()))),
];

/// Blocked values that programs are known to hash; the rest are zeros.
const BLOCKED: [&str; 29] = [
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
    "00000000-0000-0000-0000-000000000000",
    "00:00:00:00:00:00",
    "-",
];

#[cfg(test)]
mod tests {
    use selvedge_collector::event::{Claimed, Order, Strength, UnixMillis};

    use super::super::rules::Region;
    use super::*;

    #[test]
    fn a_digest_is_the_clear_value_that_produces_it_by_any_algorithm_and_form() {
        let phone = named("phone", "+49301234001");
        let hashed = Hashed::of(&saying(&[&phone]), &Rules { region: Some(GERMANY), ..Rules::default() });
        for form in ["+49301234001", "49301234001", "0301234001", "301234001"] {
            for algorithm in ["md5", "sha1", "sha256"] {
                assert_eq!(hashed.canonical(&named("phone", &digest(algorithm, form))), Some(phone.clone()), "{form}");
            }
        }
        let mac = named("mac", "0a1b2c3d4e5f");
        let hashed = Hashed::of(&saying(&[&mac]), &Rules::default());
        for form in ["0a1b2c3d4e5f", "0A1B2C3D4E5F", "0a:1b:2c:3d:4e:5f", "0A:1B:2C:3D:4E:5F"] {
            assert_eq!(hashed.canonical(&named("mac", &digest("md5", form))), Some(mac.clone()), "{form}");
        }
    }

    #[test]
    fn a_digest_that_fits_two_clear_values_is_no_identifier() {
        let far = named("phone", "+4930123456");
        let near = named("phone", "+14930123456");
        let both = digest("sha256", "4930123456");
        let rules = Rules { region: Some(Region { calling_code: "1", trunk_prefix: "" }), ..Rules::default() };
        assert_eq!(Hashed::of(&saying(&[&far]), &rules).canonical(&named("phone", &both)), Some(far.clone()));
        assert_eq!(Hashed::of(&saying(&[&far, &near]), &rules).canonical(&named("phone", &both)), None);
    }

    #[test]
    fn digests_of_one_value_by_two_algorithms_are_two_until_the_clear_value_is_known() {
        let clear = named("email", "e@example.com");
        let sha256 = named("email", &digest("sha256", "e@example.com"));
        let md5 = named("email", &digest("md5", "e@example.com"));
        let unknown = Hashed::of(&saying(&[&sha256, &md5]), &Rules::default());
        assert_eq!((unknown.canonical(&sha256), unknown.canonical(&md5)), (Some(sha256.clone()), Some(md5.clone())));
        assert_eq!(unknown.canonical(&clear), Some(sha256.clone()), "what a decision says in clear");
        let known = Hashed::of(&saying(&[&sha256, &clear, &md5]), &Rules::default());
        assert_eq!((known.canonical(&sha256), known.canonical(&md5)), (Some(clear.clone()), Some(clear)));
    }

    #[test]
    fn the_digest_of_a_blocked_value_is_no_identifier() {
        let hashed = Hashed::of(&[], &Rules::default());
        for text in ["", "null", "NULL", "000000000000000", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(hashed.canonical(&named("imei", &digest("md5", text))), None, "{text:?}");
        }
    }

    #[test]
    fn a_kind_that_does_not_come_hashed_may_look_like_a_digest() {
        let user = named("user_id", &digest("md5", "null"));
        assert_eq!(Hashed::of(&[], &Rules::default()).canonical(&user), Some(user));
    }

    fn named(kind: &str, value: &str) -> Identifier {
        Identifier::new(Kind::new(kind), value)
    }

    fn saying(names: &[&Identifier]) -> Vec<Event> {
        let claimed = |name: &&Identifier| Claimed { identifier: (*name).clone(), strength: Strength::Observed };
        let order = Order { time: UnixMillis(0), message_id: "m".into() };
        vec![Event::naming(order, names.iter().map(claimed).collect())]
    }

    const GERMANY: Region = Region { calling_code: "49", trunk_prefix: "0" };
}
