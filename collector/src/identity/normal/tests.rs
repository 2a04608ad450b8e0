//! Golden vectors: what is written, and the one form of it. A value here must never change its form in a later
//! version, or people would fall apart.

use super::*;

#[test]
fn mail_addresses_have_one_form() {
    for (written, normal) in [
        ("jane@example.com", "jane@example.com"),
        ("  Jane.Doe+shop@Example.COM\t", "jane.doe+shop@example.com"),
        ("ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "jane@example.com"),
        ("jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@BÜCHER.example", "jane@xn--bcher-kva.example"),
        ("jane@bu\u{308}cher.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
        ("jane@faß.de", "jane@xn--fa-hia.de"),
        ("李@例子.中国", "李@xn--fsqu00a.xn--fiqs8s"),
        ("JÜRGEN@example.com", "jürgen@example.com"),
        ("\"odd@local\"@example.com", "\"odd@local\"@example.com"),
        ("jane@host name", "jane@host name"),
        ("No-Address", "no-address"),
    ] {
        assert_eq!(form(Kind::EMAIL, written), Ok(normal.to_owned()), "{written:?}");
    }
}

#[test]
fn telephone_numbers_have_one_form() {
    for (written, normal) in [
        ("+4930123456", "+4930123456"),
        (" +49 (30) 12 34-56 ", "+4930123456"),
        ("+49 (0) 30 / 12.34.56", "+4930123456"),
        ("+４９３０１２３４５６", "+4930123456"),
        ("\u{202a}+1 415‑555‑2671\u{202c}", "+14155552671"),
        ("+8613800138000", "+8613800138000"),
    ] {
        assert_eq!(form(Kind::PHONE, written), Ok(normal.to_owned()), "{written:?}");
    }
}

#[test]
fn a_national_number_is_ambiguous_without_a_default_region() {
    for written in ["030 123456", "0049 30 123456", "(415) 555-2671", "13800138000"] {
        assert_eq!(form(Kind::PHONE, written), Err(Blocked::AmbiguousPhone), "{written:?}");
    }
}

#[test]
fn a_national_number_is_the_default_regions() {
    for (region, written, normal) in [
        ("DE", "030 123456", "+4930123456"),
        ("de", "0049 30 123456", "+4930123456"),
        ("DE", "+1 415 555 2671", "+14155552671"),
        ("GB", "020 7946 0958", "+442079460958"),
        ("US", "(415) 555-2671", "+14155552671"),
        ("US", "1-415-555-2671", "+14155552671"),
        ("US", "011 49 30 123456", "+4930123456"),
        ("FR", "01 23 45 67 89", "+33123456789"),
        ("ES", "612 345 678", "+34612345678"),
        ("IT", "06 1234 5678", "+390612345678"),
        ("CN", "138 0013 8000", "+8613800138000"),
        ("HU", "06 1 234 5678", "+3612345678"),
        ("AU", "(02) 1234 5678", "+61212345678"),
    ] {
        let rules = Rules { default_region: Some(region.parse().unwrap()), ..Rules::default() };
        let identifier = identifier(Kind::PHONE, written, &rules).unwrap();
        assert_eq!(&*identifier.value, normal, "{region} {written:?}");
    }
}

#[test]
fn what_is_no_telephone_number_names_nobody() {
    for written in ["+49", "+0123456789", "+1234567890123456", "call me", "+49 30 123456 ext. 7", "+", "++4930123456"] {
        assert_eq!(form(Kind::PHONE, written), Err(Blocked::NamesNobody), "{written:?}");
    }
}

#[test]
fn user_ids_and_devices_are_trimmed_and_keep_their_case() {
    for kind in [Kind::USER_ID, Kind::ANONYMOUS_ID, Kind::new("crm_id")] {
        assert_eq!(form(kind.clone(), " Ab 1 \n"), Ok("Ab 1".to_owned()));
        assert_eq!(form(kind, "Ａ"), Ok("Ａ".to_owned()));
    }
}

#[test]
fn blocked_values_of_every_kind_name_nobody() {
    for kind in [Kind::USER_ID, Kind::EMAIL, Kind::PHONE, Kind::ANONYMOUS_ID] {
        for written in [" NULL ", "\"undefined\"", "0000", "a\0b", "[object Object]", &"9".repeat(257)] {
            assert_eq!(form(kind.clone(), written), Err(Blocked::NamesNobody), "{kind} {written:?}");
        }
    }
    assert_eq!(form(Kind::EMAIL, "ｎｕｌｌ"), Err(Blocked::NamesNobody), "in its normal form");
    assert_eq!(form(Kind::EMAIL, &"\u{fdfa}".repeat(40)), Err(Blocked::NamesNobody), "NFKC makes 18 characters of it");
}

#[test]
fn a_normal_form_is_its_own_normal_form() {
    for written in
        ["İ@example.com", "Σ@ΣΑΣ.example", "ﬀ@ﬃ.example", "ǅ@example.com", "a@İ.example", "\u{1e9e}@x.de", "@", "a@"]
    {
        let once = form(Kind::EMAIL, written).unwrap();
        assert_eq!(form(Kind::EMAIL, &once), Ok(once.clone()), "{written:?}");
    }
}

fn form(kind: Kind, written: &str) -> Result<String, Blocked> {
    identifier(kind, written, &Rules::default()).map(|identifier| identifier.value.to_string())
}
