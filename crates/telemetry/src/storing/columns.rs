//! The data map's columns as the store has them.

use privet_classify::AttributeType;
use privet_telemetry_store::{Attribute, Type};

use crate::rules::Rules;

impl Rules {
    /// The columns of attributes that stored records may have, as the store has them.
    ///
    /// # Errors
    /// [`Error::Attribute`](privet_telemetry_store::Error::Attribute) if the store does not take the name of one.
    pub fn stored_columns(&self) -> Result<Vec<Attribute>, privet_telemetry_store::Error> {
        let columns = self.columns().iter().map(|(name, value_type)| {
            let of = match value_type {
                AttributeType::Text => Type::String,
                AttributeType::Int => Type::Int,
                AttributeType::Double => Type::Double,
                AttributeType::Bool => Type::Bool,
            };
            Attribute::new(name, of)
        });
        columns.collect()
    }
}
