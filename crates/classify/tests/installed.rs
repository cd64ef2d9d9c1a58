//! Rules of the process: a test program of its own, because they are set once.

use privet_classify::taxonomy::{DataClass, Label};
use privet_classify::{
    AlreadyInstalled, Class, Classified, PseudonymKey, Redactor, Redactors, Udi, Uii, Upi,
};

enum Ward {}

impl DataClass for Ward {
    const LABEL: Label = Label::Own("clinic/ward");
}

#[test]
fn rules_are_installed_once() {
    let id: Upi<u64> = 4711.into();
    assert_eq!(format!("{id}"), "[UPI]");
    Redactors::builder()
        .key(PseudonymKey::new("2026q4", [7; 32]).unwrap())
        .class(Class::Uii, Redactor::Mask)
        .class(Class::Upi, Redactor::Pseudonym)
        .class(Class::Udi, Redactor::Keep)
        .named("clinic/ward", Redactor::Pseudonym)
        .build()
        .unwrap()
        .install()
        .unwrap();
    // The first of the vectors in `docs/formats/log-pseudonyms.md`.
    let pseudonym = "pp1_2026q4_lZwsDUShBbQL-6amjQ9QbA";
    let shown = format!("{id} {id:?} {id:>48}");
    assert_eq!(shown, format!("{pseudonym} {pseudonym} {pseudonym:>48}"));
    assert_eq!(
        serde_json::to_string(&id).unwrap(),
        format!("\"{pseudonym}\"")
    );
    assert_eq!(format!("{:?}", Udi::<_>::new(1990)), "1990");
    assert_eq!(format!("{:?}", Uii::<_>::new("Ada")), "•••••");
    let ward = format!("{:?}", Classified::<_, Ward>::new(3));
    assert!(ward.starts_with("pp1_2026q4_"), "{ward}");
    assert_eq!(Redactors::strictest().install(), Err(AlreadyInstalled));
    assert_eq!(id.to_string(), pseudonym);
}
