//! A data map and an application's Rust code, so that they cannot drift: [`generate()`] prints types
//! for the fields of a map, [`check()`] compares them with what is in the code, and lists where values
//! leave their classes.
//!
//! ```
//! use privet_classify::DataMap;
//!
//! let map = DataMap::parse(
//!     "[purposes]\nsupport = { basis = \"contract\" }\n\
//!      [fields.email]\nnumber = 1\nclass = \"UII\"\ntype = \"email\"\npurposes = [\"support\"]\n",
//! )?;
//! let types = privet_code::generate(&map);
//! assert!(types.contains("pub type Email = privet_classify::Uii<String, privet_classify::value::Email>;"));
//!
//! let report = privet_code::check(&map, &[("src/fields.rs", &types)]);
//! assert!(report.problems.is_empty());
//! # Ok::<(), privet_classify::MapErrors>(())
//! ```
//!
//! Not here: reading files, and any proof. Code is read as it is written, one file at a time, without
//! its types; a value that was revealed is not followed further.

mod check;
mod generate;
mod visit;

pub use check::{Finding, Report, check};
pub use generate::{generate, generate_for_client};
