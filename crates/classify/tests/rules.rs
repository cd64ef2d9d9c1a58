//! Rules from class to redactor, pseudonyms and the text that rendering tells apart.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt;
use std::thread;

use privet_classify::provenance::{self, Origin};
use privet_classify::taxonomy::Label;
use privet_classify::wire::{self, Wire};
use privet_classify::{
    Class, MaskRules, PseudonymKey, Redactor, Redactors, RulesError, Sys, Uii, Upi, ValueType,
    because, value,
};

const SECRET: [u8; 32] = [7; 32];

fn key() -> PseudonymKey {
    PseudonymKey::new("2026q4", SECRET).unwrap()
}

fn pseudonyms() -> Redactors {
    Redactors::builder()
        .key(key())
        .class(Class::Uii, Redactor::Mask)
        .class(Class::Upi, Redactor::Pseudonym)
        .class(Class::Udi, Redactor::Keep)
        .class(Class::Cc, Redactor::Pseudonym)
        .named("clinic/ward", Redactor::Pseudonym)
        .build()
        .unwrap()
}

fn shown(rules: &Redactors, label: impl Into<Label>, value: &dyn fmt::Display) -> String {
    let mut out = String::new();
    rules.write(label.into(), None, value, &mut out).unwrap();
    out
}

#[test]
fn without_rules_all_but_sys_is_erased() {
    let rules = Redactors::strictest();
    let all: Vec<_> = Class::ALL
        .into_iter()
        .map(|class| shown(&rules, class, &"secret"))
        .collect();
    assert_eq!(all, ["[UII]", "[UPI]", "[UDI]", "[CC]", "[OI]", "secret"]);
    assert_eq!(
        shown(&rules, Label::Own("clinic/ward"), &3),
        "[clinic/ward]"
    );
}

#[test]
fn a_class_without_a_rule_is_erased_beside_classes_with_one() {
    let rules = pseudonyms();
    assert_eq!(
        shown(&rules, Label::Own("clinic/health"), &3),
        "[clinic/health]"
    );
    assert_eq!(shown(&rules, Class::Oi, &"Example Ltd"), "[OI]");
}

#[test]
fn what_names_a_person_is_never_kept() {
    for class in [Class::Uii, Class::Upi, Class::Cc] {
        let built = Redactors::builder().class(class, Redactor::Keep).build();
        let error = built.unwrap_err();
        assert_eq!(error, RulesError::Kept { class });
        let named = Redactors::builder().named(class.as_str(), Redactor::Keep);
        assert_eq!(named.build().unwrap_err(), error);
    }
    let error = RulesError::Kept { class: Class::Upi }.to_string();
    assert_eq!(
        error,
        "values of class `UPI` are never kept as they are; use `erase`, `mask` or `pseudonym`"
    );
}

#[test]
fn pseudonyms_need_a_key() {
    let built = Redactors::builder().class(Class::Upi, Redactor::Pseudonym);
    assert_eq!(
        built.build().unwrap_err().to_string(),
        "class `UPI` is to have pseudonyms and there is no key for them; give one with `key`"
    );
    for id in ["", "Key", "key-1", "seventeenletters1"] {
        let error = PseudonymKey::new(id, SECRET).unwrap_err().to_string();
        assert_eq!(
            error,
            "not the id of a key; use 1 to 16 of `a-z` and `0-9`, as `2026q4`"
        );
    }
}

/// The vectors of `docs/formats/log-pseudonyms.md`, made by HMAC of another library.
#[test]
fn vectors() {
    let page = include_str!("../../../docs/formats/log-pseudonyms.md");
    let rules = pseudonyms();
    let long = "a".repeat(200);
    let values: [(&str, Label, &str); 6] = [
        ("UPI", Class::Upi.into(), "4711"),
        ("UPI", Class::Upi.into(), "cust_01HV9Z3K6Q8Y"),
        ("UPI", Class::Upi.into(), ""),
        ("CC", Class::Cc.into(), "4711"),
        ("clinic/ward", Label::Own("clinic/ward"), "Zürich 3"),
        ("UPI", Class::Upi.into(), &long),
    ];
    for (class, label, value) in values {
        let expected = with_another_library(class, value);
        assert_eq!(shown(&rules, label, &value), expected);
        let value = match value.len() {
            0 => "(nothing)".to_owned(),
            200 => "`a` 200 times".to_owned(),
            _ => format!("`{value}`"),
        };
        let row = format!("| `{class}` | {value} | `{expected}` |");
        assert!(page.contains(&row), "the page has no row\n{row}");
    }
}

fn with_another_library(class: &str, value: &str) -> String {
    use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let label = format!("privet/v1/log-pseudonym\0{class}");
    let class_key = sign(&Key::new(HMAC_SHA256, &SECRET), label.as_bytes());
    let tag = sign(&Key::new(HMAC_SHA256, class_key.as_ref()), value.as_bytes());
    format!("pp1_2026q4_{}", URL_SAFE_NO_PAD.encode(&tag.as_ref()[..16]))
}

/// Thousands of values through 256 places of a cache, twice, under two keys and on two threads: each
/// has the pseudonym that it has without a cache.
#[test]
fn no_value_gets_the_pseudonym_of_another() {
    let check = || {
        let (one, two) = (pseudonyms(), pseudonyms());
        for round in 0..2 {
            for id in 0..3_000 {
                let id = format!("user-{id}");
                let expected = with_another_library("UPI", &id);
                assert_eq!(shown(&one, Class::Upi, &id), expected, "round {round}");
                assert_eq!(shown(&two, Class::Upi, &id), expected, "round {round}");
                let other = with_another_library("CC", &id);
                assert_eq!(shown(&two, Class::Cc, &id), other, "round {round}");
            }
        }
    };
    let other = thread::spawn(check);
    check();
    other.join().unwrap();
}

#[test]
fn text_in_pieces_has_the_pseudonym_of_the_whole() {
    struct Pieces(usize);
    impl fmt::Display for Pieces {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (0..self.0).try_for_each(|_| f.write_str("abc"))
        }
    }
    let rules = pseudonyms();
    for pieces in [0, 1, 13, 14, 42, 43, 44, 1000] {
        let whole = with_another_library("UPI", &"abc".repeat(pieces));
        assert_eq!(shown(&rules, Class::Upi, &Pieces(pieces)), whole);
    }
}

/// A value whose `Display` shows another classified value while its own is being made.
#[test]
fn a_pseudonym_inside_of_a_pseudonym() {
    struct Outer(Redactors);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(Class::Upi.into(), None, &4711, f)
        }
    }
    let inner = with_another_library("UPI", "4711");
    let outer = with_another_library("UPI", &inner);
    assert_eq!(
        shown(&pseudonyms(), Class::Upi, &Outer(pseudonyms())),
        outer
    );
}

#[test]
fn masks_show_no_more_than_a_public_domain() {
    let check = |rules: &Redactors, email: &str, expected: &str| {
        let email = Uii::<_, value::Email>::new(email);
        let mut out = String::new();
        email.write_log_form(rules, &mut out).unwrap();
        assert_eq!(out, expected);
    };
    check(&pseudonyms(), "ada@example.org", "•••••@•••••");
    let public = MaskRules {
        public_mail_domains: ["example.org".to_owned()].into(),
    };
    let rules = Redactors::builder()
        .class(Class::Uii, Redactor::Mask)
        .masks(public)
        .build()
        .unwrap();
    check(&rules, "Ada@Example.ORG", "•••••@example.org");
    check(&rules, "ada@example.com", "•••••@•••••");
    check(&rules, "no address at all", "•••••@•••••");
    let mut out = String::new();
    for value_type in ValueType::ALL {
        out.clear();
        let label = Label::Known(Class::Uii);
        rules
            .write(label, Some(value_type), &"secret", &mut out)
            .unwrap();
        assert!(
            !out.contains(|c: char| c.is_alphanumeric()),
            "{value_type}: {out}"
        );
    }
}

#[test]
fn rendering_tells_log_forms_from_anything_else() {
    fn check(value: fmt::Arguments<'_>, text: &str, origin: Origin) {
        let mut out = String::new();
        assert_eq!(provenance::render(value, &mut out, 1_000), origin, "{out}");
        assert_eq!(out, text);
    }
    struct Plain(Uii<String>);
    impl fmt::Display for Plain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0.to_string())
        }
    }
    struct Broken(Uii<String>);
    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)?;
            Err(fmt::Error)
        }
    }
    let name = || Uii::<String>::new("Ada".to_owned());
    check(format_args!("{}", name()), "[UII]", Origin::Classified);
    check(format_args!("{:>7}", name()), "  [UII]", Origin::Classified);
    check(
        format_args!("{:?}", vec![Some(name())]),
        "[Some([UII])]",
        Origin::Classified,
    );
    check(
        format_args!("{:?}", (name(), Ok::<_, ()>(name()))),
        "([UII], Ok([UII]))",
        Origin::Classified,
    );
    let pretty = "[\n    Some(\n        [UII],\n    ),\n]";
    check(
        format_args!("{:#?}", [Some(name())]),
        pretty,
        Origin::Classified,
    );
    // No value at all, values that only look so, values beside others.
    check(
        format_args!("{:?}", None::<Uii<String>>),
        "None",
        Origin::Other,
    );
    check(format_args!("[UII]"), "[UII]", Origin::Other);
    check(format_args!("{} ", name()), "[UII] ", Origin::Other);
    check(format_args!("{}{}", name(), 1), "[UII]1", Origin::Other);
    check(
        format_args!("{:?}", ("", name())),
        "(\"\", [UII])",
        Origin::Other,
    );
    check(format_args!("{}", Plain(name())), "[UII]", Origin::Other);
    check(format_args!("{}", Broken(name())), "[UII]", Origin::Other);
}

#[test]
fn rendering_has_a_limit_and_a_state_of_its_own() {
    let mut out = "12".to_owned();
    let long = Sys::<_>::new("äöü".repeat(100));
    assert_eq!(
        provenance::render(format_args!("{long}"), &mut out, 5),
        Origin::Classified
    );
    assert_eq!(out, "12äö…");

    struct Logs(Uii<u8>);
    impl fmt::Display for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let mut inner = String::new();
            let origin = provenance::render(format_args!("plain"), &mut inner, 80);
            assert_eq!(origin, Origin::Other);
            self.0.fmt(f)
        }
    }
    let mut out = String::new();
    let origin = provenance::render(format_args!("{}", Logs(1.into())), &mut out, 80);
    assert_eq!(origin, Origin::Classified);
}

#[test]
fn rendering_forgets_what_a_panic_left() {
    struct Panics;
    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("inside of a value")
        }
    }
    let caught = std::panic::catch_unwind(|| {
        let mut out = String::new();
        provenance::render(format_args!("{}", Sys::<_>::new(Panics)), &mut out, 80)
    });
    assert!(caught.is_err());
    let mut out = String::new();
    let origin = provenance::render(format_args!("plain"), &mut out, 80);
    assert_eq!(origin, Origin::Other);
}

#[test]
fn the_wire_shows_what_it_is_asked_for_and_nothing_after() {
    let email = Uii::<_>::new("ada@example.org");
    let pair = (
        email,
        Wire::new(email, because("an answer to herself")),
        email,
    );
    let json = serde_json::to_string(&pair).unwrap();
    assert_eq!(json, r#"["[UII]","ada@example.org","[UII]"]"#);

    /// Fails, panics or logs in the middle of an answer.
    struct Middle<'a>(Uii<&'a str>, fn(&Uii<&str>) -> Result<String, ()>);
    impl serde::Serialize for Middle<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match (self.1)(&self.0) {
                Ok(text) => serializer.serialize_str(&text),
                Err(()) => Err(serde::ser::Error::custom("no")),
            }
        }
    }
    let answer = |what| Wire::new(Middle(email, what), because("an answer to herself"));
    let json = serde_json::to_string(&answer(|email| Ok(format!("{email:?}")))).unwrap();
    assert_eq!(json, r#""[UII]""#);
    let logs = |email: &Uii<&str>| wire::as_for_logs(|| serde_json::to_string(email).map_err(drop));
    assert_eq!(
        serde_json::to_string(&answer(logs)).unwrap(),
        r#""\"[UII]\"""#
    );
    assert!(serde_json::to_string(&answer(|_| Err(()))).is_err());
    let caught = std::panic::catch_unwind(|| serde_json::to_string(&answer(|_| panic!("no"))));
    assert!(caught.is_err());
    assert_eq!(serde_json::to_string(&email).unwrap(), r#""[UII]""#);
}

#[test]
fn what_is_read_is_not_quoted_in_errors() {
    let right: Uii<String, value::Email> = serde_json::from_str(r#""ada@example.org""#).unwrap();
    assert_eq!(right.reveal(because("a test")), "ada@example.org");
    let wrong = serde_json::from_str::<Upi<u64>>(r#""ada@example.org""#);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "a value of class `UPI` is not of the type expected here"
    );
    assert_eq!("4711".parse(), Ok(Upi::<u64>::new(4711)));
    assert_eq!(
        "ada".parse::<Upi<u64>>().unwrap_err().to_string(),
        "not a value of the type that was expected of class `UPI`"
    );
}
