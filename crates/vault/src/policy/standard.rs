//! The policy bundle that a new environment begins with. `privet init` writes it into the environment's folder, where its
//! owner changes it.

use super::PolicyFiles;

impl PolicyFiles<'static> {
    /// The standard bundle.
    pub const STANDARD: Self = Self {
        schema: include_str!("../../assets/policy/schema.cedarschema"),
        policies: &[
            (
                "analysts.cedar",
                include_str!("../../assets/policy/analysts.cedar"),
            ),
            (
                "auditors.cedar",
                include_str!("../../assets/policy/auditors.cedar"),
            ),
            ("jobs.cedar", include_str!("../../assets/policy/jobs.cedar")),
            (
                "operators.cedar",
                include_str!("../../assets/policy/operators.cedar"),
            ),
            (
                "staff.cedar",
                include_str!("../../assets/policy/staff.cedar"),
            ),
            (
                "subjects.cedar",
                include_str!("../../assets/policy/subjects.cedar"),
            ),
        ],
        principals: include_str!("../../assets/policy/principals.toml"),
    };
}
