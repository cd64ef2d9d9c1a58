//! Rules from class to redactor, while they are put together.

use std::collections::BTreeMap;

use super::{PseudonymKey, Redactor, Redactors, Rule};
use crate::class::Class;
use crate::value_type::MaskRules;

/// Rules that are being put together; see [`Redactors`].
///
/// ```
/// use privet_classify::{Class, Redactor, Redactors, RedactorsBuilder};
///
/// let builder: RedactorsBuilder = Redactors::builder().class(Class::Udi, Redactor::Mask);
/// assert!(builder.build().is_ok());
/// ```
#[derive(Debug, Default)]
pub struct RedactorsBuilder {
    known: BTreeMap<Class, Redactor>,
    own: BTreeMap<String, Redactor>,
    key: Option<PseudonymKey>,
    masks: MaskRules,
}

impl RedactorsBuilder {
    /// The redactor of a class of the data map.
    ///
    /// ```
    /// # use privet_classify::{Class, Redactor, Redactors, taxonomy::Label};
    /// let rules = Redactors::builder().class(Class::Udi, Redactor::Keep).build()?;
    /// assert_eq!(rules.redactor(Label::Known(Class::Udi)), Redactor::Keep);
    /// # Ok::<(), privet_classify::RulesError>(())
    /// ```
    #[must_use]
    pub fn class(mut self, class: Class, redactor: Redactor) -> Self {
        self.known.insert(class, redactor);
        self
    }

    /// The redactor of a class by its name, as a file of settings has it: one of the six, or an
    /// organisation's own.
    ///
    /// ```
    /// # use privet_classify::{Redactor, Redactors, taxonomy::Label};
    /// let rules = Redactors::builder().named("clinic/ward", Redactor::Keep).build()?;
    /// assert_eq!(rules.redactor(Label::Own("clinic/ward")), Redactor::Keep);
    /// assert_eq!(rules.redactor(Label::Own("clinic/health")), Redactor::Erase);
    /// # Ok::<(), privet_classify::RulesError>(())
    /// ```
    #[must_use]
    pub fn named(mut self, class: &str, redactor: Redactor) -> Self {
        match class.parse() {
            Ok(known) => self.known.insert(known, redactor),
            Err(_) => self.own.insert(class.to_owned(), redactor),
        };
        self
    }

    /// The key of pseudonyms, for every class whose rule asks for one.
    ///
    /// ```
    /// # use privet_classify::{Class, PseudonymKey, Redactor, Redactors};
    /// let rules = || Redactors::builder().class(Class::Upi, Redactor::Pseudonym);
    /// assert!(rules().build().is_err());
    /// assert!(rules().key(PseudonymKey::new("2026q4", [7; 32])?).build().is_ok());
    /// # Ok::<(), privet_classify::KeyIdError>(())
    /// ```
    #[must_use]
    pub fn key(mut self, key: PseudonymKey) -> Self {
        self.key = Some(key);
        self
    }

    /// What masks may show.
    ///
    /// ```
    /// # use privet_classify::{Class, MaskRules, Redactor, Redactors, ValueType};
    /// let masks = MaskRules { public_mail_domains: ["gmail.com".to_owned()].into() };
    /// let rules = Redactors::builder().class(Class::Uii, Redactor::Mask).masks(masks).build()?;
    /// let mut shown = String::new();
    /// rules.write(Class::Uii.into(), Some(ValueType::Email), &"ada@gmail.com", &mut shown)?;
    /// assert_eq!(shown, "•••••@gmail.com");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn masks(mut self, masks: MaskRules) -> Self {
        self.masks = masks;
        self
    }

    /// The rules.
    ///
    /// ```
    /// # use privet_classify::{Class, Redactor, Redactors};
    /// assert!(Redactors::builder().class(Class::Oi, Redactor::Keep).build().is_ok());
    /// assert!(Redactors::builder().class(Class::Uii, Redactor::Keep).build().is_err());
    /// ```
    ///
    /// # Errors
    /// If a rule keeps `UII`, `UPI` or `CC`, or asks for pseudonyms and there is no key.
    pub fn build(self) -> Result<Redactors, RulesError> {
        let key = self.key.as_ref();
        let mut rules = Redactors::strictest();
        rules.masks = self.masks;
        for (slot, class) in rules.known.iter_mut().zip(Class::ALL) {
            let Some(&redactor) = self.known.get(&class) else {
                continue;
            };
            let never_kept = matches!(class, Class::Uii | Class::Upi | Class::Cc);
            if redactor == Redactor::Keep && never_kept {
                return Err(RulesError::Kept { class });
            }
            *slot = rule(class.as_str(), redactor, key)?;
        }
        for (name, redactor) in self.own {
            let rule = rule(&name, redactor, key)?;
            rules.own.insert(name, rule);
        }
        Ok(rules)
    }
}

fn rule(class: &str, redactor: Redactor, key: Option<&PseudonymKey>) -> Result<Rule, RulesError> {
    match (redactor, key) {
        (Redactor::Erase, _) => Ok(Rule::Erase),
        (Redactor::Mask, _) => Ok(Rule::Mask),
        (Redactor::Keep, _) => Ok(Rule::Keep),
        (Redactor::Pseudonym, Some(key)) => Ok(Rule::Pseudonym(key.for_class(class))),
        (Redactor::Pseudonym, None) => Err(RulesError::NoKey {
            class: class.to_owned(),
        }),
    }
}

/// Rules that cannot be.
///
/// ```
/// use privet_classify::{Class, Redactor, Redactors, RulesError};
///
/// let error = Redactors::builder().class(Class::Cc, Redactor::Keep).build().unwrap_err();
/// assert_eq!(error, RulesError::Kept { class: Class::Cc });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A class whose plain values never stand in a log.
    #[error(
        "values of class `{class}` are never kept as they are; use `erase`, `mask` or `pseudonym`"
    )]
    Kept {
        /// The class.
        class: Class,
    },
    /// Pseudonyms were asked for and there is no key.
    #[error(
        "class `{class}` is to have pseudonyms and there is no key for them; give one with `key`"
    )]
    NoKey {
        /// The class.
        class: String,
    },
}
