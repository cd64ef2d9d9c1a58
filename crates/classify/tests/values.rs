//! Value types, table by table: what is valid, what equal values become, what masks show, what
//! counts as an example.
#![expect(clippy::unwrap_used, reason = "tests")]

use privet_classify::{MaskRules, ValueType};

/// Normalizes `value`; the result, or the error without its first words.
fn check(value_type: ValueType, value: &str, want: &str) {
    let got = match value_type.normalize(value) {
        Ok(normal) => normal,
        Err(error) => {
            let text = error.to_string();
            let prefix = format!("not a valid `{value_type}`: ");
            let (wrong, _right) = text
                .strip_prefix(&prefix)
                .unwrap()
                .split_once("; ")
                .unwrap();
            format!("! {wrong}")
        }
    };
    assert_eq!(got, want, "{value_type} {value:?}");
    assert_eq!(
        value_type.validate(value).is_ok(),
        !want.starts_with('!'),
        "{value:?}"
    );
}

fn check_all(value_type: ValueType, cases: &[(&str, &str)]) {
    for (value, want) in cases {
        check(value_type, value, want);
    }
}

#[test]
fn email() {
    let local = "! a character before the `@` is not allowed there";
    let domain = "! the domain is malformed";
    check_all(
        ValueType::Email,
        &[
            (
                " Ada.Lovelace+News@Example.ORG\n",
                "ada.lovelace+news@example.org",
            ),
            ("stanisław.wójcik@wp.pl", "stanisław.wójcik@wp.pl"),
            ("STANISŁAW.WO\u{301}JCIK@wp.pl", "stanisław.wójcik@wp.pl"),
            ("o'neill@example.org", "o'neill@example.org"),
            ("a@b.c", "a@b.c"),
            ("ada@müller.example", "ada@müller.example"),
            ("", "! it has no `@`"),
            ("ada", "! it has no `@`"),
            ("@example.org", "! nothing stands before the `@`"),
            ("ada@localhost", "! the domain has no dot"),
            ("ada@", "! the domain has no dot"),
            ("ada@.org", domain),
            ("ada@example..org", domain),
            ("ada@-example.org", domain),
            ("ada@exa_mple.org", domain),
            ("ada@[192.0.2.1]", domain),
            ("ada@exam\u{200b}ple.org", domain),
            ("a b@example.org", local),
            ("a@b@example.org", local),
            (".ada@example.org", local),
            ("ada..l@example.org", local),
            ("\"ada\"@example.org", local),
            ("a\u{202e}da@example.org", local),
            ("a\0@example.org", local),
            ("<ada@example.org>", local),
        ],
    );
    let long = format!("{}@example.org", "a".repeat(65));
    check(
        ValueType::Email,
        &long,
        "! more than 64 bytes stand before the `@`",
    );
    let long = format!("a@{}org", "example.".repeat(32));
    check(ValueType::Email, &long, "! it is longer than 254 bytes");
}

#[test]
fn phone() {
    let foreign = "! it holds a character that is not of a number";
    let count = "! it does not have 3 to 15 digits";
    check_all(
        ValueType::Phone,
        &[
            ("+1 (514) 721-4711", "+15147214711"),
            ("1 (780) 836-9987", "17808369987"),
            ("001 514.721.4711", "+15147214711"),
            ("+44 (0)20 7976 5722", "+442079765722"),
            ("(0)20 7976 5722", "02079765722"),
            ("+31\u{a0}020\u{2011}6223130", "+310206223130"),
            ("＋４９ ３０ １２３４５６", "+4930123456"),
            ("555-0142 ext. 12", "5550142x12"),
            ("555-0142 X12", "5550142x12"),
            ("112", "112"),
            ("11", count),
            ("+1234567890123456", count),
            ("", count),
            ("call me", foreign),
            ("+1+514", foreign),
            ("5550142; drop", foreign),
            (
                "0000 123",
                "! it starts with two zeros after the country sign",
            ),
            ("555-0142 x", "! the extension is not of 1 to 8 digits"),
            ("555-0142 x12x13", "! the extension is not of 1 to 8 digits"),
        ],
    );
}

#[test]
fn name_address_and_text() {
    let blank = "! it holds no letter and no digit";
    let control = "! it holds a line break or another control character";
    check_all(
        ValueType::Name,
        &[
            ("  Ada   LOVELACE ", "ada lovelace"),
            ("Ju\u{308}rgen", "jürgen"),
            ("JÜRGEN", "jürgen"),
            ("Ｊｕｎ", "jun"),
            ("ΠΑΠΑΣ", "παπασ"),
            ("Παπας", "παπασ"),
            ("O'Neill", "o'neill"),
            ("山田 太郎", "山田 太郎"),
            ("", blank),
            (" - ", blank),
            ("Ada\nLovelace", control),
            ("Ada\u{7}", control),
        ],
    );
    check_all(
        ValueType::Address,
        &[
            ("12 Juniper Lane\r\nLarkmere", "12 juniper lane larkmere"),
            ("\t", blank),
            ("12\u{1b}[2J", "! it holds a control character"),
        ],
    );
    check_all(
        ValueType::Text,
        &[
            ("", ""),
            ("Calls\n\nOFTEN ", "calls often"),
            ("a\0b", "! it holds a zero character"),
        ],
    );
}

#[test]
fn only_free_text_may_be_long() {
    let long = "a".repeat(1025);
    check(ValueType::Text, &long, &long);
    for value_type in ValueType::ALL {
        if value_type != ValueType::Text {
            check(value_type, &long, "! it is longer than 1024 bytes");
        }
    }
    // One letter of three bytes that becomes eighteen, so that the result is too long.
    let growing = "\u{fdfa}".repeat(100);
    check(ValueType::Name, &growing, "! it is longer than 1024 bytes");
}

#[test]
fn date() {
    let form = "! it is not a day";
    let calendar = "! the calendar has no such day";
    let time = "! what follows the day is not a time";
    check_all(
        ValueType::Date,
        &[
            ("1990-12-31", "1990-12-31"),
            (" 1962-02-18 00:00:00", "1962-02-18"),
            ("1962-02-18T23:59:59.123456Z", "1962-02-18"),
            ("1962-02-18 23:59+01", "1962-02-18"),
            ("1962-02-18 23:59:00 -0130", "1962-02-18"),
            ("2024-02-29", "2024-02-29"),
            ("2023-02-29", calendar),
            ("1990-13-01", calendar),
            ("0000-01-01", calendar),
            ("19901231", form),
            ("1990-W52-1", form),
            ("31.12.1990", form),
            ("12/31/1990", form),
            ("1990-1-1", form),
            ("1990–12–31", form),
            ("", form),
            ("1990-12-31 noon", time),
            ("1990-12-31T25:00", time),
            ("1990-12-31T", time),
            ("1990-12-31T12:00+1", time),
            ("1990-12-31T12:00+01:0", time),
        ],
    );
}

#[test]
fn codes_and_numbers() {
    let country = "! it is not a country code";
    let cases = [
        ("ch", "CH"),
        (" XK ", "XK"),
        ("ZZ", country),
        ("Germany", country),
        ("", country),
    ];
    check_all(ValueType::CountryCode, &cases);
    let foreign = "! it holds a character that is not of a postal code";
    let count = "! it does not have 2 to 12 letters and digits";
    let cases = [
        ("sw1v 3en", "SW1V3EN"),
        ("12227-000", "12227000"),
        ("H-1073", "H1073"),
        ("0171", "0171"),
        ("1", count),
        (" - ", count),
        ("1234567890123", count),
        ("10115 Berlin!", foreign),
    ];
    check_all(ValueType::PostalCode, &cases);
    let number = "! it is not a whole number of 64 bits";
    let cases = [
        ("007", "7"),
        ("+7", "7"),
        ("-0", "0"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", number),
        ("1.5", number),
        ("", number),
    ];
    check_all(ValueType::Integer, &cases);
}

#[test]
fn url_and_ip() {
    let host = "! the host is missing or malformed";
    check_all(
        ValueType::Url,
        &[
            ("HTTPS://Example.ORG", "https://example.org/"),
            (
                "https://example.org/Ada?Q=1#F",
                "https://example.org/Ada?Q=1#F",
            ),
            ("https://example.org?q", "https://example.org/?q"),
            (
                "https://Ada:pw@Example.org:8443/x",
                "https://Ada:pw@example.org:8443/x",
            ),
            ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]:80/"),
            ("example.org", "! it has no scheme"),
            ("1http://example.org", "! the scheme is malformed"),
            ("https://", host),
            (
                "https://exa mple.org",
                "! it holds a space or a control character",
            ),
            ("https://[2001:db8::g]/", host),
            ("https://a..b/", host),
            (
                "https://example.org:99999/",
                "! the port is not a number up to 65535",
            ),
        ],
    );
    let bad = "! it is not an IP address";
    let cases = [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:0DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.01", bad),
        ("192.0.2", bad),
        ("fe80::1%eth0", bad),
    ];
    check_all(ValueType::Ip, &cases);
}

fn check_mask(value_type: ValueType, value: &str, want: &str) {
    let public_mail_domains = ["gmail.com", "wp.pl"].map(str::to_owned).into();
    let rules = MaskRules {
        public_mail_domains,
    };
    assert_eq!(value_type.mask(value, &rules), want, "{value_type}");
}

#[test]
fn masks_show_a_public_mail_domain_at_most() {
    check_mask(ValueType::Email, "ada@gmail.com", "•••••@gmail.com");
    check_mask(
        ValueType::Email,
        "Countess.Ada@GMail.com ",
        "•••••@gmail.com",
    );
    check_mask(ValueType::Email, "ada@lovelace.example", "•••••@•••••");
    check_mask(ValueType::Email, "ada@not-gmail.com", "•••••@•••••");
    check_mask(ValueType::Email, "ada@mail.gmail.com", "•••••@•••••");
    check_mask(ValueType::Email, "no mail address@gmail.com", "•••••@•••••");
    assert_eq!(
        ValueType::Email.mask("ada@gmail.com", &MaskRules::default()),
        "•••••@•••••"
    );
    check_mask(ValueType::Phone, "+1 202 555 0142", "••• ••• ••");
    check_mask(ValueType::Name, "Ada Lovelace", "••• •••••");
    check_mask(
        ValueType::Address,
        "12 Juniper Lane, 00412 Larkmere",
        "••••• ••, •••••",
    );
    check_mask(ValueType::Date, "1990-12-31", "••••-••-••");
    check_mask(ValueType::CountryCode, "CH", "••");
    check_mask(ValueType::PostalCode, "8001", "•••••");
    check_mask(ValueType::Integer, "42", "•••••");
    check_mask(ValueType::Url, "https://example.org/ada", "•••••");
    check_mask(ValueType::Ip, "192.0.2.1", "•••.•••.•••.•••");
    check_mask(ValueType::Text, "", "•••••");
}

fn check_examples(value_type: ValueType, examples: &[&str], real: &[&str]) {
    for value in examples {
        assert!(
            value_type.is_reserved_example(value),
            "{value_type} {value:?} is an example"
        );
    }
    for value in real {
        assert!(
            !value_type.is_reserved_example(value),
            "{value_type} {value:?} may be real"
        );
    }
}

#[test]
fn ranges_reserved_for_examples() {
    check_examples(
        ValueType::Email,
        &[
            "ada@example.org",
            "ADA@mail.Example.COM",
            "ada@shop.test",
            "ada@x.invalid",
            "a@b.example",
        ],
        &[
            "ada@gmail.com",
            "ada@example.org.uk",
            "ada@notexample.org",
            "ada@example.de",
            "ada",
            "",
        ],
    );
    check_examples(
        ValueType::Phone,
        &[
            "+1 202 555 0142",
            "555-0100",
            "(202) 555-0199",
            "1 202 555 0142",
            "555-0142 x7",
        ],
        &[
            "+1 202 555 0242",
            "555-0200",
            "+49 202 555 0142",
            "2 202 555 0142",
            "0142",
            "+5550142",
        ],
    );
    check_examples(
        ValueType::Name,
        &[
            "Wanjiru Nakamura",
            "nakamura",
            "JÜRGEN O'NEILL",
            "Ana Uma Silva Costa",
        ],
        &[
            "Ada Lovelace",
            "Wanjiru Lovelace",
            "",
            "Ana Ana Ana Ana Ana",
            "Wanjiru,Nakamura",
        ],
    );
    check_examples(
        ValueType::Address,
        &[
            "12 Juniper Lane, 00412 Larkmere",
            "12 juniper lane\n, larkmere 00412",
            "Larkmere",
            "7 Ivy Row",
        ],
        &[
            "12 Main Street, 00412 Larkmere",
            "12 Juniper Lane, 10115 Berlin",
            "Larkmere,",
            "Juniper Lane",
        ],
    );
}

#[test]
fn more_ranges_reserved_for_examples() {
    check_examples(
        ValueType::Url,
        &[
            "https://www.example.org/x",
            "http://192.0.2.1/",
            "http://[2001:db8::1]:80/",
        ],
        &[
            "https://github.com/ada",
            "http://10.0.0.1/",
            "https://ada@example.org/",
            "https://a.dev/?u=example.org",
        ],
    );
    check_examples(
        ValueType::Ip,
        &[
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.255",
            "2001:db8::1",
            "3fff:fff::1",
            "::ffff:192.0.2.1",
        ],
        &[
            "192.0.3.1",
            "8.8.8.8",
            "127.0.0.1",
            "2001:db9::1",
            "3fff:1000::1",
        ],
    );
    check_examples(
        ValueType::Integer,
        &["0", "9999"],
        &["10000", "-1", "756123456789"],
    );
    check_examples(
        ValueType::Text,
        &[
            "",
            "Is away every August.",
            "Hello, two of the screws do not fit. Kind regards\nNia Obi",
        ],
        &[
            "Is away every August. Call Ada.",
            "Ada owes us money",
            "Hello, Ada",
        ],
    );
    check_examples(ValueType::Date, &["1990-12-31"], &["no date"]);
}

#[test]
fn only_free_text_is_not_padded() {
    for value_type in ValueType::ALL {
        let block = if value_type == ValueType::Text { 1 } else { 32 };
        assert_eq!(value_type.padding_block(), block, "{value_type}");
    }
}

#[test]
fn text_form_round_trips() {
    for value_type in ValueType::ALL {
        assert_eq!(value_type.to_string().parse(), Ok(value_type));
    }
    assert!("Email".parse::<ValueType>().is_err());
}

#[test]
fn errors_say_what_would_be_right_and_never_the_value() {
    let error = ValueType::Email.validate("secret person").unwrap_err();
    let text = "not a valid `email`: it has no `@`; write it like `ada@example.org`";
    assert_eq!(error.to_string(), text);
    assert!(!format!("{error:?}").contains("secret"));
}
