//! `data_privacy` of Microsoft's Oxidizer, set up as its documentation shows it.

use data_privacy::simple_redactor::{SimpleRedactor, SimpleRedactorMode};
use data_privacy::xxh3_redactor::xxH3Redactor;
use data_privacy::{RedactionEngine, classified, taxonomy};

#[taxonomy(bench)]
pub(crate) enum Taxonomy {
    Uii,
    Upi,
}

#[classified(Taxonomy::Uii)]
pub(crate) struct Email(pub(crate) String);

#[classified(Taxonomy::Upi)]
pub(crate) struct Id(pub(crate) String);

/// Whatever it is, nothing is shown.
pub(crate) fn erasing() -> RedactionEngine {
    let erase = SimpleRedactor::with_mode(SimpleRedactorMode::Erase);
    RedactionEngine::builder()
        .add_class_redactor(Taxonomy::Uii.data_class(), erase)
        .build()
}

/// Its hash with a secret, of 64 bits and not cryptographic.
pub(crate) fn hashing() -> RedactionEngine {
    RedactionEngine::builder()
        .add_class_redactor(
            Taxonomy::Upi.data_class(),
            xxH3Redactor::with_secret([7; 192]),
        )
        .build()
}
