//! What is shown in place of a value. A mask is the same for every value of a type: no first
//! letter, no last digits, no length. Initials were considered and rejected: among the few
//! customers of one support case, an initial and a mail domain are enough to tell who it is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ValueType, email};

/// What masks may show.
///
/// ```
/// use privet_classify::{MaskRules, ValueType};
///
/// let rules = MaskRules { public_mail_domains: ["gmail.com".to_owned()].into() };
/// assert_eq!(ValueType::Email.mask("ada@gmail.com", &rules), "•••••@gmail.com");
/// assert_eq!(ValueType::Email.mask("ada@example.org", &rules), "•••••@•••••");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskRules {
    /// Domains, in lower case, with so many mailboxes that showing one tells nobody who the person
    /// is (`gmail.com`). Empty by default: then no domain is shown.
    pub public_mail_domains: BTreeSet<String>,
}

impl ValueType {
    /// The mask of a value whose type is not known.
    pub(crate) const MASK_OF_UNKNOWN: &str = "•••••";
}

pub(super) fn mask(value_type: ValueType, value: &str, rules: &MaskRules) -> Cow<'static, str> {
    Cow::Borrowed(match value_type {
        ValueType::Email => {
            let domain = email::normalize(value).ok();
            let domain = domain.as_deref().and_then(|normal| normal.rsplit_once('@'));
            match domain {
                Some((_, domain)) if rules.public_mail_domains.contains(domain) => {
                    return Cow::Owned(format!("•••••@{domain}"));
                }
                _ => "•••••@•••••",
            }
        }
        ValueType::Phone => "••• ••• ••",
        ValueType::Name => "••• •••••",
        ValueType::Address => "••••• ••, •••••",
        ValueType::Date => "••••-••-••",
        ValueType::CountryCode => "••",
        ValueType::Ip => "•••.•••.•••.•••",
        ValueType::Text | ValueType::PostalCode | ValueType::Integer | ValueType::Url => {
            ValueType::MASK_OF_UNKNOWN
        }
    })
}
