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
fn what_stands_for_a_clear_value_goes_from_within_a_word() {
    let keyed = format!("keyed.{}", normal::Digest::of(normal::Algorithm::Sha256, "x").hex);
    let names = [Identifier::new(Kind::EMAIL, &*keyed)];
    assert_eq!(left_of(&names, &format!("order_{keyed}, a{keyed}b")), "order_[erased], a[erased]b");
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
    let out =
        if said.says_them || redaction.may_be_in(message) { redaction.without_in_json(message, said) } else { None };
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
