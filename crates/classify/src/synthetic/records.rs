//! Records of invented subjects: every field of a data map, for the vault.

use std::collections::BTreeMap;

use super::label::Label;
use super::part::{Part, Slot, Someone};
use crate::error::SyntheticError;
use crate::map::DataMap;
use crate::name::FieldName;

/// Invented subjects, each with a value of every field of a data map. The values of one subject fit
/// together as one [`Person`](super::Person), and all of them lie in ranges reserved for examples.
///
/// ```
/// use privet_classify::{DataMap, synthetic::Records};
///
/// let map = DataMap::parse(
///     r#"
///     [purposes]
///     support = { basis = "contract" }
///     [fields.email]
///     number = 1
///     class = "UII"
///     type = "email"
///     lookup = { unique = true }
///     purposes = ["support"]
///     [fields.last_name]
///     number = 2
///     class = "UII"
///     type = "name"
///     purposes = ["support"]
///     "#,
/// )?;
/// let records = Records::new(&map, 2026);
/// let subject = records.subject(0)?;
/// assert_eq!(subject["email"], "deepa.silva.0@example.net");
/// assert_eq!(subject["last_name"], "Silva");
/// assert_eq!(records.subject(0)?, subject);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A field that must be unique and of which there are not endlessly many values (anything but mail
/// and web addresses) is dealt out, so that none returns; it does not follow from the person then.
#[derive(Clone, Debug)]
pub struct Records {
    seed: u64,
    slots: Vec<(FieldName, Slot)>,
    /// The field of which the fewest different values can be made, and how many.
    fewest: Option<(FieldName, u64)>,
}

impl Records {
    /// Those of a data map and a seed: the same for the same two, on every machine.
    ///
    /// ```
    /// # use privet_classify::synthetic::Records;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let records = Records::new(&map, 2026);
    /// assert_eq!(records.subject(4)?, Records::new(&map, 2026).subject(4)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(map: &DataMap, seed: u64) -> Self {
        let slots = map.fields().map(|field| {
            let label = Label::of(field.name.as_str());
            let part = Part::of(field.value_type, field.class, &label);
            let unique = field.lookup.is_some_and(|lookup| lookup.unique);
            (
                field.name.clone(),
                Slot::new(part, &label, (unique, false), seed),
            )
        });
        let slots: Vec<_> = slots.collect();
        let counted = slots
            .iter()
            .filter_map(|(name, slot)| Some((name.clone(), slot.different()?)));
        Self {
            seed,
            fewest: counted.min_by_key(|(_, different)| *different),
            slots,
        }
    }

    /// The fields of every record, by name.
    ///
    /// ```
    /// # use privet_classify::synthetic::Records;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let records = Records::new(&map, 2026);
    /// assert!(records.fields().eq(map.fields().map(|field| &field.name)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &FieldName> {
        self.slots.iter().map(|(name, _)| name)
    }

    /// Checks that there are that many different subjects.
    ///
    /// ```
    /// # use privet_classify::synthetic::Records;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert!(Records::new(&map, 2026).check(100_000).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a field must be unique and has fewer values: the field, and how many there are.
    pub fn check(&self, count: u64) -> Result<(), SyntheticError> {
        match &self.fewest {
            Some((name, different)) if count > *different => Err(SyntheticError::TooFew {
                what: format!("field `{name}`"),
                different: *different,
                wanted: count,
            }),
            _ => Ok(()),
        }
    }

    /// The subject of that index, by field.
    ///
    /// ```
    /// # use privet_classify::{ValueType, synthetic::Records};
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let subject = Records::new(&map, 2026).subject(0)?;
    /// assert!(ValueType::Email.is_reserved_example(&subject["email"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::check`], if a value would be one that an earlier subject has.
    pub fn subject(&self, index: u64) -> Result<BTreeMap<FieldName, String>, SyntheticError> {
        self.check(index.saturating_add(1))?;
        let someone = Someone::new(self.seed, index);
        let values = self
            .slots
            .iter()
            .map(|(name, slot)| (name.clone(), slot.value(&someone, index)));
        Ok(values.collect())
    }
}
