//! Golden vectors, `tests/vectors/identifiers/*.json`: what is written, the one form of it, and the digests by which it
//! may be said. A value there must never change its form in a later version, or people would fall apart.

use proptest::prelude::*;
use serde::Deserialize;

use super::digest::{digests, is_digest};
use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    title: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    kind: String,
    written: String,
    /// The workspace's default region.
    region: Option<String>,
    /// As in an external id.
    encoding: Option<String>,
    /// Its one form; absent for what is no identifier.
    normal: Option<String>,
    /// The code of what is none.
    blocked: Option<String>,
    /// Every customary form, with its digests.
    digests: Option<Vec<FormDigests>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormDigests {
    of: String,
    md5: String,
    sha1: String,
    sha256: String,
}

#[test]
fn every_value_of_the_vectors_has_its_form() {
    for (title, case) in cases() {
        let read =
            case.read().map(|identifier| identifier.value.to_string()).map_err(|blocked| blocked.code().to_owned());
        let expected = case.normal.clone().ok_or_else(|| case.blocked.clone().unwrap_or_default());
        assert_eq!(read, expected, "{title}: {} {:?}", case.kind, case.written);
    }
}

#[test]
fn every_form_of_the_vectors_has_its_digests_and_no_others() {
    for (title, case) in cases() {
        let (Ok(identifier), Some(forms)) = (case.read(), &case.digests) else { continue };
        let named = |form: &FormDigests| {
            [format!("md5.{}", form.md5), format!("sha1.{}", form.sha1), format!("sha256.{}", form.sha256)]
        };
        let mut expected: Vec<String> = forms.iter().flat_map(named).collect();
        let mut computed: Vec<String> = digests(&identifier, &case.rules()).iter().map(Digest::to_string).collect();
        expected.sort();
        computed.sort();
        assert_eq!(computed, expected, "{title}: {identifier}");
        let written: Vec<&str> = forms.iter().map(|form| form.of.as_str()).collect();
        assert_eq!(digest::forms(&identifier, &case.rules()), written, "{title}: {identifier}");
    }
}

#[test]
fn every_normal_form_of_the_vectors_is_its_own_normal_form() {
    for (title, case) in cases() {
        let Ok(once) = case.read() else { continue };
        assert_eq!(identifier(once.kind.clone(), &once.value, &case.rules()), Ok(once), "{title}: {}", case.kind);
    }
}

#[test]
fn the_vectors_know_every_kind() {
    let cases = cases();
    let rules = Rules::default();
    let kinds = rules.account_kinds.iter().chain(&rules.contact_kinds).chain(&rules.device_kinds);
    for kind in kinds.filter(|kind| **kind != Kind::COOKIES) {
        assert!(cases.iter().any(|(_, case)| case.kind == kind.as_str() && case.normal.is_some()), "{kind}");
    }
    assert!(cases.len() > 150, "{} cases", cases.len());
}

#[test]
fn letters_that_change_twice_come_to_rest() {
    for written in
        ["İ@example.com", "Σ@ΣΑΣ.example", "ﬀ@ﬃ.example", "ǅ@example.com", "a@İ.example", "\u{1e9e}@x.de", "@", "a@"]
    {
        let once = identifier(Kind::EMAIL, written, &Rules::default()).unwrap();
        assert_eq!(identifier(Kind::EMAIL, &once.value, &Rules::default()), Ok(once), "{written:?}");
    }
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own_normal_form(
        kind in prop::sample::select(HASHABLE.to_vec()),
        written in prop_oneof![any::<String>(), "[-0-9a-fA-F:. +]{0,70}", "(sha256|SHA1|md5)[.][0-9a-fA-F]{30,66}"],
    ) {
        let rules = Rules::default();
        if let Ok(once) = identifier(kind, &written, &rules) {
            prop_assert_eq!(identifier(once.kind.clone(), &once.value, &rules), Ok(once));
        }
    }

    #[test]
    fn every_digest_of_a_clear_value_is_read_as_itself(
        kind in prop::sample::select(HASHABLE.to_vec()),
        written in "[+1-9][0-9]{11}|[0-9]{15}|[0-9a-fA-F]{12}|[a-z]{1,5}@[a-z]{1,5}[.]example",
    ) {
        let rules = Rules { default_region: "DE".parse().ok(), ..Rules::default() };
        if let Ok(clear) = identifier(kind.clone(), &written, &rules) {
            for digest in digests(&clear, &rules) {
                let read = hashed(kind.clone(), &digest.hex.to_ascii_uppercase(), digest.algorithm, &Rules::default()).unwrap();
                prop_assert!(is_digest(&read) && !is_digest(&clear));
                prop_assert_eq!(&identifier(kind.clone(), &digest.to_string(), &rules), &Ok(read));
            }
        }
    }
}

impl Case {
    fn rules(&self) -> Rules {
        Rules { default_region: self.region.as_ref().map(|region| region.parse().unwrap()), ..Rules::default() }
    }

    fn read(&self) -> Result<Identifier, Blocked> {
        let kind = Kind::new(&self.kind);
        match &self.encoding {
            None => identifier(kind, &self.written, &self.rules()),
            Some(encoding) => Algorithm::parse(encoding)
                .map_or(Err(Blocked::NamesNobody), |by| hashed(kind, &self.written, by, &Rules::default())),
        }
    }
}

/// The files of `tests/vectors/identifiers`.
const VECTORS: [&str; 6] = [
    include_str!("../../../../tests/vectors/identifiers/accounts-and-other-contacts.json"),
    include_str!("../../../../tests/vectors/identifiers/blocked-values.json"),
    include_str!("../../../../tests/vectors/identifiers/devices.json"),
    include_str!("../../../../tests/vectors/identifiers/digests.json"),
    include_str!("../../../../tests/vectors/identifiers/mail-addresses.json"),
    include_str!("../../../../tests/vectors/identifiers/telephone-numbers.json"),
];

/// Every case, with the title of its file.
fn cases() -> Vec<(String, Case)> {
    let vectors = VECTORS.iter().map(|text| serde_json::from_str::<Vectors>(text).unwrap());
    vectors.flat_map(|file| file.cases.into_iter().map(move |case| (file.title.clone(), case))).collect()
}

const HASHABLE: [Kind; 7] = [Kind::EMAIL, Kind::PHONE, Kind::IMEI, Kind::MAC, Kind::IDFA, Kind::GAID, Kind::OAID];
