//! Invented people stay who they are: a demo that was made with one version looks the same with the
//! next.

use std::collections::HashSet;

use privet_classify::ValueType;
use privet_classify::synthetic::{Person, product_name, support_message};

#[test]
fn the_same_seed_makes_the_same_people() {
    let people: Vec<_> = (0..4).map(|index| Person::new(2026, index)).collect();
    insta::assert_debug_snapshot!(people);
}

#[test]
fn the_same_seed_makes_the_same_texts() {
    let texts: Vec<_> = (0..3)
        .flat_map(|index| [support_message(2026, index), product_name(2026, index)])
        .chain(ValueType::ALL.map(|kind| format!("{kind}: {}", kind.synthesize(2026, 0))))
        .collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn people_differ() {
    let people: Vec<_> = (0..20_000).map(|index| Person::new(1, index)).collect();
    let emails: HashSet<_> = people.iter().map(|person| &person.email).collect();
    assert_eq!(
        emails.len(),
        people.len(),
        "a mail address belongs to one person"
    );
    let names: HashSet<_> = people.iter().map(Person::full_name).collect();
    assert!(names.len() > 10_000, "{} names", names.len());
    let other = Person::new(2, 0);
    assert_ne!(people.first(), Some(&other), "another seed, other people");
}
