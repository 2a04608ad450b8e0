use super::*;
use crate::identity::normal::Blocklist;
use crate::identity::normal::Digest;

#[test]
fn what_is_said_becomes_the_keyed_digest_of_its_normal_form_however_it_is_written() {
    let message = format!(
        r#"{{"userId":"ada@shop.example","traits":{{"email":" Ada@Shop.Example ","phone":"+49 30 1234567","plan":"pro"}},"context":{{"device":{{"type":"iOS","id":"V-1","advertisingId":"{}"}}}}}}"#,
        IDFA.to_ascii_uppercase()
    );
    let stored = format!(
        r#"{{"userId":"ada@shop.example","traits":{{"email":"{}","phone":"{}","plan":"pro"}},"context":{{"device":{{"type":"iOS","id":"V-1","advertisingId":"{}"}}}}}}"#,
        keyed(Kind::EMAIL, "ada@shop.example"),
        keyed(Kind::PHONE, "+49301234567"),
        keyed(Kind::IDFA, IDFA)
    );
    assert_eq!(concealed(&message), stored);
}

#[test]
fn external_ids_are_keyed_by_their_kind_and_digests_stay_digests() {
    let digest = Digest::of(Algorithm::Md5, "ada@shop.example");
    let message = format!(
        r#"{{"context":{{"externalIds":[{{"id":"{}","type":"email","encoding":"md5"}},{{"id":"00:1B:44:11:3A:B7","type":"mac"}},{{"id":"c@1.de","type":"crm_id"}}]}}}}"#,
        digest.hex
    );
    let stored = concealed(&message);
    let md5 = keyed(Kind::EMAIL, &digest.to_string());
    assert!(md5.starts_with("md5.") && stored.contains(&format!(r#""id":"{md5}""#)), "{stored}");
    assert!(stored.contains(&keyed(Kind::MAC, "001b44113ab7")) && stored.contains("c@1.de"), "{stored}");
}

#[test]
fn texts_lose_what_is_said_beside_them_and_whatever_looks_like_an_address_or_a_number() {
    let digest = Digest::of(Algorithm::Sha256, "ada@shop.example").hex;
    let message = format!(
        r#"{{"messageId":"ada@shop.example/1","event":"Wrote to bob@shop.example","traits":{{"email":"ada@shop.example","phone":"+49301234567"}},"properties":{{"url":"/?m=ADA%40shop.example&h={digest}","tel":"49301234567","n":49301234567,"of ada@shop.example":"call +49 30 7654321"}}}}"#
    );
    let stored = concealed(&message);
    let (ada, bob) = (keyed(Kind::EMAIL, "ada@shop.example"), keyed(Kind::EMAIL, "bob@shop.example"));
    let id = concealment().veil.word("message", "ada@shop.example/1");
    assert!(stored.contains(&format!(r#""messageId":"{id}","event":"Wrote to {bob}""#)), "{stored}");
    assert!(stored.contains(&format!(r#""of {ada}":"call {}""#, keyed(Kind::PHONE, "+49307654321"))), "{stored}");
    for clear in ["ada@", "ADA%40", "bob@", &digest, "49301234567", "7654321"] {
        assert!(!stored.contains(clear), "{clear}: {stored}");
    }
}

#[test]
fn what_is_refused_is_no_more_clear_than_what_names_someone_and_words_for_nobody_stay() {
    for (said, stored) in [
        (r#"{"traits":{"phone":"030 1234567"}}"#, r#"{"traits":{"phone":"[concealed]"}}"#),
        (r#"{"traits":{"phone":301234567}}"#, r#"{"traits":{"phone":"[concealed]"}}"#),
        (r#"{"traits":{"email":"x@kiosk.example"}}"#, r#"{"traits":{"email":"[concealed]"}}"#),
        (r#"{"text":"to x@kiosk.example"}"#, r#"{"text":"to [concealed]"}"#),
        (r#"{"traits":{"email":"null","phone":"","mac":null,"imei":true}}"#, ""),
        (
            r#"{"externalIds":[{"id":"abc","type":"email","encoding":"md5"}]}"#,
            r#"{"externalIds":[{"id":"[concealed]","type":"email","encoding":"md5"}]}"#,
        ),
    ] {
        assert_eq!(concealed(said), if stored.is_empty() { said } else { stored });
    }
    // One that a rule names keeps its normal form: other rules may let it count.
    let blocked = concealed(r#"{"traits":{"email":"Desk@shop.example"}}"#);
    assert_eq!(blocked, format!(r#"{{"traits":{{"email":"{}"}}}}"#, keyed(Kind::EMAIL, "desk@shop.example")));
}

#[test]
fn what_stands_for_a_value_is_a_value_like_any_other_where_an_event_says_it() {
    let ada = keyed(Kind::EMAIL, "ada@shop.example");
    let stored = concealed(&format!(r#"{{"traits":{{"email":"{ada}"}}}}"#));
    assert!(!stored.contains(&ada), "{stored}");
    assert!(stored.contains(&keyed(Kind::EMAIL, &ada)), "{stored}");
}

#[test]
fn an_operator_finds_a_name_by_its_value_by_a_digest_and_as_it_is_printed() {
    let name = |value: &str| Identifier::new(Kind::EMAIL, value);
    let printed = name(&keyed(Kind::EMAIL, "ada@shop.example"));
    assert_eq!(concealment().lookup(printed.clone()), Lookup::Identifier(printed.clone()));
    assert_eq!(concealment().lookup(name("ada@shop.example")).names().collect::<Vec<_>>(), [&printed]);
    let digest = name(&Digest::of(Algorithm::Sha1, "ada@shop.example").to_string());
    let lookup = concealment().lookup(digest.clone());
    assert_eq!(lookup.names().collect::<Vec<_>>(), [&name(&keyed(Kind::EMAIL, &digest.value)), &digest]);
    let account = Identifier::new(Kind::USER_ID, "ada");
    assert_eq!(concealment().lookup(account.clone()), Lookup::Identifier(account));
}

#[test]
fn the_id_of_a_profile_that_another_collector_made_is_keyed_as_well() {
    let id = "9cda47fd-5a0e-884a-b758-a7b9261557ee";
    let stored = concealed(&format!(
        r#"{{"messageId":"profile:{id}:3","context":{{"selvedge":{{"profileId":"{id}","strength":{{"email":"observed"}}}}}}}}"#
    ));
    let word = concealment().veil.word("profile", id);
    assert!(stored.contains(&format!(r#""messageId":"profile:{word}:3""#)), "{stored}");
    assert!(stored.contains(&format!(r#""profileId":"{word}""#)) && !stored.contains(id), "{stored}");
    assert!(stored.contains(r#""strength":{"email":"observed"}"#), "{stored}");
}

#[test]
fn a_message_without_any_of_it_stays_as_it_came() {
    for message in [r#"{ "event" : "Paid", "properties":{"total":1.0,"list":[1, 2]} }"#, "{}", r#"{"a":"50 %"}"#] {
        assert_eq!(concealment().of_json(message.as_bytes(), "", Around::default()).message, None, "{message}");
    }
}

#[test]
fn a_number_that_is_said_goes_as_it_is_dialled_abroad_and_as_a_fraction_too() {
    let number = keyed(Kind::PHONE, "+493034343434");
    let stored =
        concealed(r#"{"traits":{"phone":"+49 30 34343434","a":"tel 00493034343434","b":493034343434.0,"c":1.0}}"#);
    assert_eq!(stored, format!(r#"{{"traits":{{"phone":"{number}","a":"tel {number}","b":"{number}","c":1.0}}}}"#));
}

#[test]
fn two_keys_of_an_object_that_say_the_same_stay_two() {
    let stored = concealed(r#"{"properties":{"ada@shop.example":1,"ADA@shop.example":2}}"#);
    let ada = keyed(Kind::EMAIL, "ada@shop.example");
    assert!(stored.contains(&format!(r#""{ada}":"#)) && stored.contains(&format!(r#""{ada} 2":"#)), "{stored}");
}

#[test]
fn an_address_that_is_longer_than_a_name_may_be_is_no_more_clear_than_another() {
    for before in ["\u{4fe1}".repeat(90), "x".repeat(300)] {
        let stored = concealed(&format!(r#"{{"text":"to {before}ada@shop.example."}}"#));
        assert_eq!(stored, r#"{"text":"to [concealed]."}"#);
    }
}

#[test]
fn what_is_escaped_is_concealed_as_what_it_says() {
    let number = "+4930111001";
    let stored = concealed(&format!(
        r#"{{"url":"/?m=ada%2Bnews%40shop.example","ref":"/?to=%2Fm%3Dada%252Bnews%2540shop.example","q":"?call%20%2B49{}"}}"#,
        &number[3..]
    ));
    let (ada, number) = (keyed(Kind::EMAIL, "ada+news@shop.example"), keyed(Kind::PHONE, number));
    assert_eq!(stored, format!(r#"{{"url":"/?m={ada}","ref":"/?to=%2Fm%3D{ada}","q":"?call%20{number}"}}"#));
}

#[test]
fn a_crowd_of_names_is_concealed_to_the_last_and_so_is_whatever_may_be_their_digest() {
    let numbers: Vec<String> = (0..80).map(|last| format!("+49301818{last:04}")).collect();
    let said: Vec<String> = numbers.iter().map(|number| format!(r#"{{"phone":"{number}"}}"#)).collect();
    let digits: Vec<&str> = numbers.iter().map(|number| &number[1..]).collect();
    let digest = Digest::of(Algorithm::Sha256, &numbers[79]).hex;
    let message = format!(r#"{{"items":[{}],"all":"{}","hash":"{digest}"}}"#, said.join(","), digits.join(" "));
    let stored = concealed(&message);
    assert!(!stored.contains("49301818") && stored.contains(&keyed(Kind::PHONE, &numbers[79])), "{stored}");
    assert!(stored.ends_with(r#""hash":"[concealed]"}"#), "{stored}");
}

#[test]
fn what_a_token_proves_is_said_by_the_message_that_it_came_with() {
    let proven = [(Kind::EMAIL, "Ada@shop.example".into()), (Kind::PHONE, "+493055667788".into())];
    let digest = Digest::of(Algorithm::Sha256, "ada@shop.example").hex;
    let message = format!(r#"{{"a":"tel 493055667788 ok","b":"{digest}"}}"#);
    let around = Around { proven: &proven, ..Around::default() };
    let stored = String::from_utf8(concealment().of_json(message.as_bytes(), "", around).message.unwrap()).unwrap();
    assert!(stored.contains(&format!(r#""tel {} ok""#, keyed(Kind::PHONE, "+493055667788"))), "{stored}");
    assert!(!stored.contains(&*digest), "{stored}");
}

#[test]
fn what_an_operator_writes_loses_the_names_that_it_is_about() {
    let digest = Digest::of(Algorithm::Sha256, "ada@shop.example").hex;
    for (about, form) in [
        ((Kind::IMEI, "490154203237518"), "490154203237518"),
        ((Kind::IMEI, "49-015420-323751-8"), "49-015420-323751-8"),
        ((Kind::IDFA, IDFA), &*IDFA.to_ascii_uppercase()),
        ((Kind::PHONE, "+49 30 12121212"), "493012121212"),
        ((Kind::EMAIL, "Ada@shop.example"), &digest),
        ((Kind::EMAIL, &*format!("sha256.{digest}")), &digest),
    ] {
        let reason = concealment().words(&format!("it is {form}, of bob@shop.example"), [(about.0.as_str(), about.1)]);
        assert!(!reason.contains(form) && !reason.contains("bob@") && reason.starts_with("it is "), "{reason}");
    }
    assert_eq!(concealment().words("ada asked", [("user_id", "ada asked")]), "ada asked");
}

fn concealed(message: &str) -> String {
    let concealed = concealment().of_json(message.as_bytes(), "", Around::default()).message;
    concealed.map_or(message.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
}

fn keyed(kind: Kind, value: &str) -> String {
    concealment().cover(&Identifier::new(kind, value)).identifier.value.to_string()
}

fn concealment() -> Concealment {
    let mut rules = Rules::default();
    let (values, patterns) = (["desk@shop.example".to_owned()], ["*@kiosk.example".to_owned()]);
    rules.blocked = Blocklist::new(&values, &patterns, &rules).unwrap();
    let veil = Veil::of(&[7; 32]);
    Concealment::new(veil.clone(), &rules.under(&veil))
}

const IDFA: &str = "6d92078a-8246-4ba4-ae5b-76104861e7dc";
