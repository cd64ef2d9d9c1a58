//! What must hold for every value: normalizing twice changes nothing, masks show nothing, invented
//! values are valid and recognized, and no text makes the parsers panic.
#![expect(clippy::string_slice, reason = "tests")]

use privet_classify::{DataMap, MaskRules, ValueType, synthetic};
use proptest::prelude::*;
use proptest::sample::select;

fn value_type() -> impl Strategy<Value = ValueType> {
    select(&ValueType::ALL[..])
}

/// Any text, or one that is close to a value of some type.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ a-zA-Z0-9äßΣσςİı\u{301}\u{308}\u{fb01}\u{ff21}.+-]{0,20}",
        "[a-zÄÖß.+]{1,8}@[a-zÄ]{1,6}\\.[a-z]{2,3}",
        "\\+?[0-9 ()/.-]{2,20}(x[0-9]{1,4})?",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9]Z?)?",
        "[a-zA-Z]{1,6}://[a-zA-Z.@:0-9\\[\\]]{1,20}[/?#]?[a-zA-Z/?#]{0,8}",
        "[0-9a-f:.]{2,20}",
        (value_type(), any::<u64>(), any::<u64>())
            .prop_map(|(t, seed, index)| t.synthesize(seed, index)),
    ]
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(500);
    let seed = proptest::test_runner::RngSeed::Fixed(20_261_120);
    ProptestConfig {
        cases,
        rng_seed: seed,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn normalizing_twice_changes_nothing(kind in value_type(), value in text()) {
        if let Ok(normal) = kind.normalize(&value) {
            prop_assert_eq!(kind.normalize(&normal), Ok(normal));
        }
    }

    #[test]
    fn case_and_spacing_do_not_count(kind in value_type(), seed: u64, index: u64) {
        let value = kind.synthesize(seed, index);
        let normal = kind.normalize(&value).unwrap();
        prop_assert_eq!(kind.normalize(&format!(" {value}\t")), Ok(normal.clone()));
        if kind != ValueType::Url {
            prop_assert_eq!(kind.normalize(&value.to_uppercase()), Ok(normal));
        }
    }

    #[test]
    fn masks_show_nothing_that_identifies(kind in value_type(), value in text()) {
        let public_mail_domains = ["gmail.com", "example.org"].map(str::to_owned).into();
        let rules = MaskRules { public_mail_domains };
        let mask = kind.mask(&value, &rules);
        // Mail: what stands before the last `@`, and everything unless the domain is public.
        let identifying = match value.rsplit_once('@') {
            Some((local, domain)) if rules.public_mail_domains.contains(domain) => local,
            _ => &value,
        };
        let shown = mask.replace("@gmail.com", "").replace("@example.org", "");
        let letters: Vec<char> = identifying.chars().filter(|c| *c != '•').collect();
        for part in letters.windows(3) {
            let part: String = part.iter().collect();
            prop_assert!(!shown.contains(&part), "{} in {}", part, mask);
        }
        // But for a public mail domain, the mask is the same for all.
        if mask == shown {
            prop_assert_eq!(mask, kind.mask("", &rules));
        } else {
            prop_assert_eq!(kind, ValueType::Email);
        }
    }

    #[test]
    fn invented_values_are_valid_and_recognized(kind in value_type(), seed: u64, index: u64) {
        let value = kind.synthesize(seed, index);
        prop_assert_eq!(kind.validate(&value), Ok(()));
        prop_assert!(kind.is_reserved_example(&value), "{} {}", kind, value);
        prop_assert_eq!(value, kind.synthesize(seed, index));
    }

    #[test]
    fn invented_people_fit_together(seed: u64, index: u64) {
        let person = synthetic::Person::new(seed, index);
        prop_assert_eq!(&person.email, &ValueType::Email.synthesize(seed, index));
        let (local, _) = person.email.split_once('@').unwrap();
        let index = index.to_string();
        prop_assert_eq!(local.rsplit('.').next(), Some(index.as_str()));
        for (kind, value) in [
            (ValueType::Name, person.full_name()),
            (ValueType::Name, person.first_name.clone()),
            (ValueType::Name, person.last_name.clone()),
            (ValueType::Phone, person.phone.clone()),
            (ValueType::Address, person.address.to_string()),
            (ValueType::Address, person.address.street.clone()),
            (ValueType::Address, person.address.city.clone()),
            (ValueType::PostalCode, person.address.postal_code.clone()),
            (ValueType::Date, person.birthday.clone()),
            (ValueType::Text, person.note.clone()),
            (ValueType::Text, synthetic::support_message(seed, 1)),
        ] {
            prop_assert!(kind.is_reserved_example(&value), "{} {}", kind, value);
        }
        prop_assert!(("1940-01-01".."2006-01-01").contains(&person.birthday.as_str()));
    }

    #[test]
    fn any_text_makes_no_panic(text in any::<String>()) {
        let _ = DataMap::parse(&text);
    }

    #[test]
    fn a_damaged_map_makes_no_panic(from: usize, cut in 0_usize..40, put in "[ -~\n]{0,12}") {
        let good = include_str!("maps/allowed/everything.toml");
        prop_assert!(good.is_ascii());
        let from = from % good.len();
        let to = good.len().min(from + cut);
        let damaged = format!("{}{put}{}", &good[..from], &good[to..]);
        if let Err(errors) = DataMap::parse(&damaged) {
            let lines = damaged.lines().count().max(1);
            prop_assert!(!errors.as_slice().is_empty());
            // One past the end: a file that stops short.
            for error in errors.as_slice() {
                prop_assert!((1..=lines + 1).contains(&error.line), "{}", error);
            }
        }
    }
}

/// Planes 0 and 1, the compatibility ideographs of plane 2 and the tags: all that normalization
/// changes.
#[test]
fn every_letter_normalizes_to_something_stable() {
    let letters = (1..=0x1_ffff)
        .chain(0x2_f800..=0x2_fa1f)
        .chain(0xe_0000..=0xe_0fff);
    for c in letters.filter_map(char::from_u32) {
        let once = ValueType::Text.normalize(&format!("a{c}B")).unwrap();
        assert_eq!(
            ValueType::Text.normalize(&once),
            Ok(once),
            "U+{:04X}",
            u32::from(c)
        );
    }
}
