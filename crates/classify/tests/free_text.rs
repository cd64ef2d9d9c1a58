//! What is found in free text, and what is left alone.

use privet_classify::free_text;
use proptest::prelude::*;

fn check(text: &str, expected: &str) {
    let mut shown = String::new();
    let found = free_text::redact(text, &mut shown);
    assert_eq!(shown, expected);
    assert_eq!(found, text != expected);
}

fn left_alone(text: &str) {
    check(text, text);
}

#[test]
fn mail_addresses() {
    check("ada@example.org", "[email]");
    check(
        "to: <Ada.Lovelace+news@mail.example.co.uk>, ok",
        "to: <[email]>, ok",
    );
    check("'ada@example.org'.", "'[email]'.");
    check(
        "mailto:ada@example.org?subject=x",
        "mailto:[email]?subject=x",
    );
    check(
        "a@example.org,b@example.org;c@example.org",
        "[email],[email];[email]",
    );
    check(
        "{\"email\":\"jörg@straße.example\"}",
        "{\"email\":\"[email]\"}",
    );
    let long = "é".repeat(50);
    check(
        &format!("a{long}@{long}.example"),
        &format!("a{}[email]", "é".repeat(18)),
    );
    let longer = "é".repeat(200);
    check(
        &format!("ada@example.{longer}"),
        &format!("[email]{}", "é".repeat(76)),
    );
    check("user=ada@example.org ok", "[email] ok");
    for text in [
        "@",
        "@ada",
        "ada@",
        "ada@localhost",
        "x@y.1",
        "@example.org",
        "a @ b.org",
        "v1@sha256:ab",
    ] {
        left_alone(text);
    }
}

#[test]
fn telephone_numbers() {
    check("call +41 44 668 18 00 now", "call [phone] now");
    check("call +12025550142.", "call [phone].");
    check("(202) 555-0142", "[phone]");
    check("202-555-0142, 202.555.0142", "[phone], [phone]");
    check("tel 044/668 18 00", "tel [phone]");
    check("+49 (0)30 1234567", "[phone]");
    check("00 41 44 668 18 00", "[phone]");
}

#[test]
fn numbers_that_are_no_ones() {
    for text in [
        "",
        "42",
        "took 1234567 us",
        "at 2026-11-26T08:30:00.123456Z",
        "26.11.2026",
        "1234567890",
        "order-4711-1234",
        "v1.2.3",
        "550e8400-e29b-41d4-a716-446655440000",
        "a-1234-5678-9012",
        "pp1_k1_4111111111111111",
        "row 3 of 17",
        "3.141592653589793",
        "status 200 in 12.5 ms",
        "src/main.rs:12:5",
        "deadbeef12345678",
    ] {
        left_alone(text);
    }
}

#[test]
fn card_numbers() {
    check("4111 1111 1111 1111", "[card]");
    check("card=5555-5555-5555-4444;", "card=[card];");
    check("378282246310005 and 6011111111111117", "[card] and [card]");
    // A wrong check digit, too short, too long, no card's first digit.
    left_alone("4111111111111112");
    left_alone("411111111111");
    left_alone("41111111111111111111");
    left_alone("9111111111111111");
}

#[test]
fn ip_addresses() {
    check("from 192.0.2.1:8080", "from [ip]:8080");
    check("192.0.2.1, 203.0.113.255.", "[ip], [ip].");
    check(
        "[2001:db8::1]:443 and 2001:db8:0:0:0:0:0:1",
        "[[ip]]:443 and [ip]",
    );
    check("::ffff:192.0.2.1", "[ip]");
    check("peer 2001:db8::1: refused", "peer [ip]: refused");
    for text in [
        "::",
        "std::fmt",
        "a::b",
        "12:34:56",
        "1.2.3",
        "1.2.3.4.5",
        "300.1.1.1",
        "fe::Error1",
    ] {
        left_alone(text);
    }
}

#[test]
fn account_numbers() {
    check("CH93 0076 2011 6238 5295 7", "[iban]");
    check("iban DE89370400440532013000, thanks", "iban [iban], thanks");
    check("to GB29NWBK60161331926819", "to [iban]");
    check("CH93 0076 2011 6238 5295 7 12 francs", "[iban] 12 francs");
    // Wrong check digits; a part of a word.
    left_alone("DE88370400440532013000");
    left_alone("xDE89370400440532013000");
}

proptest! {
    /// Whatever the text: no panic, what is not redacted stands as it was, and nothing is left.
    #[test]
    fn any_text(text in "[ -~äé\u{2028}\n]{0,60}|[0-9 .:@+()-]{0,40}|[A-Z0-9 ]{0,40}") {
        let mut once = String::new();
        free_text::redact(&text, &mut once);
        let found: Vec<_> = free_text::find(&text).collect();
        let mut end = 0;
        for (range, _) in found {
            prop_assert!(end <= range.start && range.start < range.end);
            prop_assert!(text.get(range.clone()).is_some());
            end = range.end;
        }
    }

    #[test]
    fn an_address_between_anything(before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
        let mut shown = String::new();
        free_text::redact(&format!("{before} marker@example.org {after}"), &mut shown);
        prop_assert!(!shown.contains("marker@"), "{shown}");
    }
}
