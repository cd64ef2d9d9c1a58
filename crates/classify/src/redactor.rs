//! What is shown in place of a classified value: the rules from class to redactor.
//!
//! `Debug` and `Display` take no argument, so the rules that they follow are the process's: set once,
//! by [`Redactors::install`], early in `main`. Nothing depends on doing it: without rules, all but
//! `SYS` is erased. Whoever can pass rules does so ([`Redactors::write`]) and uses no global state.

mod cache;
mod pseudonym;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Serialize};

pub use pseudonym::{KeyIdError, PseudonymKey};

use crate::class::Class;
use crate::error::UnknownName;
use crate::taxonomy::Label;
use crate::value_type::{MaskRules, ValueType};
use pseudonym::ClassKey;

/// What is done to the values of a class. The text form (serde) is in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Redactor {
    /// The class in brackets, `[UII]`: nothing is shown, not even that two values are equal.
    Erase,
    /// The mask of the value type ([`ValueType::mask`]), or `•••••` where that is not known.
    Mask,
    /// A keyed pseudonym ([`PseudonymKey`]): equal values look equal, until the key changes.
    Pseudonym,
    /// The value itself. Refused for `UII`, `UPI` and `CC`.
    Keep,
}

impl Redactor {
    /// Every redactor, the strictest first.
    pub const ALL: [Self; 4] = [Self::Erase, Self::Mask, Self::Pseudonym, Self::Keep];

    /// The name, as settings write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erase => "erase",
            Self::Mask => "mask",
            Self::Pseudonym => "pseudonym",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for Redactor {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("redactor", &Self::ALL, Self::as_str, text)
    }
}

/// The rules of a process or of one sink: class to redactor. A class without a rule is erased.
///
/// ```
/// use privet_classify::{Class, PseudonymKey, Redactor, Redactors, taxonomy::Label};
///
/// let rules = Redactors::builder()
///     .key(PseudonymKey::new("2026q4", [7; 32])?)
///     .class(Class::Upi, Redactor::Pseudonym)
///     .class(Class::Oi, Redactor::Keep)
///     .build()?;
/// let mut shown = String::new();
/// rules.write(Label::Known(Class::Upi), None, &4711, &mut shown)?;
/// assert_eq!(shown, "pp1_2026q4_lZwsDUShBbQL-6amjQ9QbA");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Redactors {
    known: [Rule; Class::ALL.len()],
    own: BTreeMap<String, Rule>,
    masks: MaskRules,
}

#[derive(Debug)]
enum Rule {
    Erase,
    Mask,
    Pseudonym(ClassKey),
    Keep,
}

static INSTALLED: OnceLock<Redactors> = OnceLock::new();
static STRICTEST: LazyLock<Redactors> = LazyLock::new(Redactors::strictest);

impl Redactors {
    /// Rules to be built, which start as [`Self::strictest`].
    #[must_use]
    pub fn builder() -> RedactorsBuilder {
        RedactorsBuilder::default()
    }

    /// Everything is erased but `SYS`, which is kept: the rules of a process that set none.
    #[must_use]
    pub fn strictest() -> Self {
        let known = Class::ALL.map(|class| match class {
            Class::Sys => Rule::Keep,
            _ => Rule::Erase,
        });
        Self {
            known,
            own: BTreeMap::new(),
            masks: MaskRules::default(),
        }
    }

    /// Makes these the rules of the process, which `Debug`, `Display` and `Serialize` of classified
    /// values follow from now on.
    ///
    /// # Errors
    /// If the process has rules already: they do not change, so that one value has one log form.
    pub fn install(self) -> Result<(), AlreadyInstalled> {
        INSTALLED.set(self).map_err(|_| AlreadyInstalled)
    }

    /// The rules of the process: what was installed, else [`Self::strictest`].
    #[must_use]
    pub fn installed() -> &'static Self {
        match INSTALLED.get() {
            Some(rules) => rules,
            None => &STRICTEST,
        }
    }

    /// What these rules do to the values of a class.
    #[must_use]
    pub fn redactor(&self, label: Label) -> Redactor {
        match self.rule(label) {
            Rule::Erase => Redactor::Erase,
            Rule::Mask => Redactor::Mask,
            Rule::Pseudonym(_) => Redactor::Pseudonym,
            Rule::Keep => Redactor::Keep,
        }
    }

    /// Writes the log form of `value`, which bears the class `label` and looks like `value_type`.
    ///
    /// # Errors
    /// Only those of `out` and of the value's own `Display`.
    pub fn write(
        &self,
        label: Label,
        value_type: Option<ValueType>,
        value: &dyn fmt::Display,
        out: &mut dyn fmt::Write,
    ) -> fmt::Result {
        match self.rule(label) {
            Rule::Erase => label.erased(|erased| out.write_str(erased)),
            Rule::Mask => self.mask(value_type, value, |mask| out.write_str(mask)),
            Rule::Pseudonym(key) => key.write(value, |pseudonym| out.write_str(pseudonym)),
            Rule::Keep => write!(out, "{value}"),
        }
    }

    /// As [`Self::write`], with the width and alignment of a format string.
    pub(crate) fn fmt(
        &self,
        label: Label,
        value_type: Option<ValueType>,
        value: &dyn fmt::Display,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        match self.rule(label) {
            Rule::Erase => label.erased(|erased| f.pad(erased)),
            Rule::Mask => self.mask(value_type, value, |mask| f.pad(mask)),
            Rule::Pseudonym(key) => key.write(value, |pseudonym| f.pad(pseudonym)),
            Rule::Keep => value.fmt(f),
        }
    }

    fn rule(&self, label: Label) -> &Rule {
        let rule = match label {
            Label::Known(class) => self.known.get(class as usize),
            Label::Own(name) => self.own.get(name),
        };
        rule.unwrap_or(&Rule::Erase)
    }

    fn mask(
        &self,
        value_type: Option<ValueType>,
        value: &dyn fmt::Display,
        write: impl FnOnce(&str) -> fmt::Result,
    ) -> fmt::Result {
        match value_type {
            None => write(ValueType::MASK_OF_UNKNOWN),
            // Only a mail domain on the public list is ever shown, so all others need no value.
            Some(ValueType::Email) if !self.masks.public_mail_domains.is_empty() => {
                write(&ValueType::Email.mask_text(&value.to_string(), &self.masks))
            }
            Some(value_type) => write(&value_type.mask_text("", &self.masks)),
        }
    }
}

/// Rules that are being put together; see [`Redactors`].
#[derive(Debug, Default)]
pub struct RedactorsBuilder {
    known: BTreeMap<Class, Redactor>,
    own: BTreeMap<String, Redactor>,
    key: Option<PseudonymKey>,
    masks: MaskRules,
}

impl RedactorsBuilder {
    /// The redactor of a class of the data map.
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
    #[must_use]
    pub fn key(mut self, key: PseudonymKey) -> Self {
        self.key = Some(key);
        self
    }

    /// What masks may show.
    #[must_use]
    pub fn masks(mut self, masks: MaskRules) -> Self {
        self.masks = masks;
        self
    }

    /// The rules.
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

/// The process has rules already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process has its redactors already; install them once, first thing in `main`")]
pub struct AlreadyInstalled;
