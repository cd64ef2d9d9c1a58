//! Tests of the log's arithmetic and formats, against slow oracles and published values.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helper functions of tests may fail loudly"
)]

mod bundle;
mod checkpoint;
mod note;
mod oracle;
mod proof;
mod proof_bundle;
mod proof_file;
mod tile;
mod vectors;
mod verifier;

use proptest::test_runner::{Config, RngSeed};

/// Generated cases repeat exactly; `PROPTEST_CASES` asks for more of them.
fn config() -> Config {
    Config {
        rng_seed: RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..Config::default()
    }
}
