//! Classes as types: the six classes of the data map, and room for an organisation's own.
//!
//! ```
//! use privet_classify::{Classified, taxonomy};
//!
//! /// What a clinic knows about a patient's health.
//! enum Health {}
//!
//! impl taxonomy::DataClass for Health {
//!     const LABEL: taxonomy::Label = taxonomy::Label::Own("clinic/health");
//! }
//!
//! let diagnosis: Classified<String, Health> = "fracture".to_owned().into();
//! // No rule names the class, so it is erased.
//! assert_eq!(format!("{diagnosis}"), "[clinic/health]");
//! ```

use crate::class::Class;

/// How a class is known at run time, when its rule is looked up.
///
/// ```
/// use privet_classify::{Class, taxonomy::Label};
///
/// assert_eq!(Label::from(Class::Uii), Label::Known(Class::Uii));
/// assert_eq!(Label::Own("clinic/health").as_str(), "clinic/health");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// One of the six classes of the data map.
    Known(Class),
    /// A class of an organisation's own, as `taxonomy/class`. Without a rule of its own it is erased.
    Own(&'static str),
}

impl Label {
    /// The name, as rules and log forms write it: `UII`, or `clinic/health`.
    ///
    /// ```
    /// # use privet_classify::{Class, taxonomy::Label};
    /// assert_eq!(Label::Known(Class::Upi).as_str(), "UPI");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known(class) => class.as_str(),
            Self::Own(name) => name,
        }
    }

    /// What stands in place of an erased value: `UII` in square brackets, which neither JSON nor
    /// HTML has to escape.
    pub(crate) fn erased(self, write: impl FnOnce(&str) -> std::fmt::Result) -> std::fmt::Result {
        match self {
            Self::Known(Class::Uii) => write("[UII]"),
            Self::Known(Class::Upi) => write("[UPI]"),
            Self::Known(Class::Udi) => write("[UDI]"),
            Self::Known(Class::Cc) => write("[CC]"),
            Self::Known(Class::Oi) => write("[OI]"),
            Self::Known(Class::Sys) => write("[SYS]"),
            Self::Own(name) => write(&format!("[{name}]")),
        }
    }
}

impl From<Class> for Label {
    fn from(class: Class) -> Self {
        Self::Known(class)
    }
}

/// A class as a type: the second parameter of [`Classified`](struct@crate::Classified). An organisation's own class is
/// an empty enum with this trait.
///
/// ```
/// use privet_classify::{Classified, taxonomy::{DataClass, Label}};
///
/// enum Salary {}
/// impl DataClass for Salary {
///     const LABEL: Label = Label::Own("staff/salary");
/// }
/// assert_eq!(Classified::<_, Salary>::new(4_711).to_string(), "[staff/salary]");
/// ```
pub trait DataClass {
    /// The class at run time.
    ///
    /// ```
    /// # use privet_classify::{Class, taxonomy::{DataClass, Label, Uii}};
    /// assert_eq!(Uii::LABEL, Label::Known(Class::Uii));
    /// ```
    const LABEL: Label;
}

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident = $class:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// ```
            /// use privet_classify::taxonomy::{self, DataClass};
            ///
            #[doc = concat!("let label = taxonomy::", stringify!($name), "::LABEL;")]
            #[doc = concat!("assert_eq!(label.as_str(), \"", stringify!($name), "\".to_uppercase());")]
            /// ```
            #[derive(Debug)]
            pub enum $name {}

            impl DataClass for $name {
                const LABEL: Label = Label::Known(Class::$class);
            }
        )*
    };
}

known! {
    /// `UII`: identifies a person directly. See [`Class::Uii`].
    Uii = Uii;
    /// `UPI`: a pseudonymous identifier. See [`Class::Upi`].
    Upi = Upi;
    /// `UDI`: describes a person. See [`Class::Udi`].
    Udi = Udi;
    /// `CC`: what a person wrote or uploaded. See [`Class::Cc`].
    Cc = Cc;
    /// `OI`: about an organisation. See [`Class::Oi`].
    Oi = Oi;
    /// `SYS`: about the machine. See [`Class::Sys`].
    Sys = Sys;
}
