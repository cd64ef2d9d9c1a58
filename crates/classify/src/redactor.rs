//! What is shown in place of a classified value: the rules from class to redactor.
//!
//! `Debug` and `Display` take no argument, so the rules that they follow are the process's: set once,
//! by [`Redactors::install`], early in `main`. Nothing depends on doing it: without rules, all but
//! `SYS` is erased. Whoever can pass rules does so ([`Redactors::write`]) and uses no global state.

mod builder;
mod cache;
mod pseudonym;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Serialize};

pub use builder::{RedactorsBuilder, RulesError};
pub use pseudonym::{KeyIdError, PseudonymKey};

use crate::class::Class;
use crate::error::UnknownName;
use crate::taxonomy::Label;
use crate::value_type::{MaskRules, ValueType};
use pseudonym::ClassKey;

/// What is done to the values of a class. The text form (serde) is in lower case.
///
/// ```
/// use privet_classify::Redactor;
///
/// assert_eq!("pseudonym".parse(), Ok(Redactor::Pseudonym));
/// ```
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
    ///
    /// ```
    /// # use privet_classify::Redactor;
    /// assert_eq!(Redactor::ALL.map(Redactor::as_str), ["erase", "mask", "pseudonym", "keep"]);
    /// ```
    pub const ALL: [Self; 4] = [Self::Erase, Self::Mask, Self::Pseudonym, Self::Keep];

    /// The name, as settings write it.
    ///
    /// ```
    /// # use privet_classify::Redactor;
    /// assert_eq!(Redactor::Keep.as_str(), "keep");
    /// ```
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
    ///
    /// ```
    /// # use privet_classify::{Class, Redactor, Redactors, taxonomy::Label};
    /// let rules = Redactors::builder().build()?;
    /// assert_eq!(rules.redactor(Label::Known(Class::Oi)), Redactor::Erase);
    /// # Ok::<(), privet_classify::RulesError>(())
    /// ```
    #[must_use]
    pub fn builder() -> RedactorsBuilder {
        RedactorsBuilder::default()
    }

    /// Everything is erased but `SYS`, which is kept: the rules of a process that set none.
    ///
    /// ```
    /// # use privet_classify::{Class, Redactor, Redactors};
    /// let rules = Redactors::strictest();
    /// let kept = Class::ALL.into_iter().filter(|class| rules.redactor((*class).into()) == Redactor::Keep);
    /// assert_eq!(kept.collect::<Vec<_>>(), [Class::Sys]);
    /// ```
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
    /// ```standalone_crate
    /// # use privet_classify::{Class, Oi, Redactor, Redactors};
    /// let company = Oi::<_>::new("Example Ltd");
    /// assert_eq!(company.to_string(), "[OI]");
    /// Redactors::builder().class(Class::Oi, Redactor::Keep).build()?.install()?;
    /// assert_eq!(company.to_string(), "Example Ltd");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the process has rules already: they do not change, so that one value has one log form.
    pub fn install(self) -> Result<(), AlreadyInstalled> {
        INSTALLED.set(self).map_err(|_| AlreadyInstalled)
    }

    /// The rules of the process: what was installed, else [`Self::strictest`].
    ///
    /// ```
    /// # use privet_classify::{Class, Redactor, Redactors, taxonomy::Label};
    /// let redactor = Redactors::installed().redactor(Label::Known(Class::Uii));
    /// assert_ne!(redactor, Redactor::Keep);
    /// ```
    #[must_use]
    pub fn installed() -> &'static Self {
        match INSTALLED.get() {
            Some(rules) => rules,
            None => &STRICTEST,
        }
    }

    /// What these rules do to the values of a class.
    ///
    /// ```
    /// # use privet_classify::{Redactor, Redactors, taxonomy::Label};
    /// let unknown = Redactors::strictest().redactor(Label::Own("clinic/health"));
    /// assert_eq!(unknown, Redactor::Erase);
    /// ```
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
    /// ```
    /// # use privet_classify::{Class, Redactors, taxonomy::Label};
    /// let mut shown = String::new();
    /// Redactors::strictest().write(Label::Known(Class::Upi), None, &4711, &mut shown)?;
    /// assert_eq!(shown, "[UPI]");
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
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

/// The process has rules already.
///
/// ```standalone_crate
/// use privet_classify::{AlreadyInstalled, Redactors};
///
/// Redactors::strictest().install()?;
/// assert_eq!(Redactors::strictest().install(), Err(AlreadyInstalled));
/// # Ok::<(), AlreadyInstalled>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process has its redactors already; install them once, first thing in `main`")]
pub struct AlreadyInstalled;
