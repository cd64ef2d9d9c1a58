//! Which claim of an ID token names the subject, and how.

use std::str::FromStr;

use privet_vault::{SourceName, SubjectName};

use crate::SettingsError;

/// Claims that providers give to one person today and to another tomorrow (OpenID Connect Core section 5.7), and those that
/// are about the token.
const UNSTABLE: [&str; 14] = [
    "email",
    "phone_number",
    "preferred_username",
    "nickname",
    "name",
    "given_name",
    "family_name",
    "username",
    "upn",
    "iss",
    "aud",
    "azp",
    "nonce",
    "sid",
];
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 128;

/// Which claim names a person: `{claim}` is an operational id, `source/table:{claim}` the key of a row of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectClaim {
    claim: String,
    row: Option<(SourceName, String)>,
}

impl FromStr for SubjectClaim {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let open = text.find('{').ok_or(SettingsError::Subject)?;
        let (before, claim) = text.split_at(open);
        let claim = claim
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let claim = claim.ok_or(SettingsError::Subject)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
        if claim.is_empty() || !claim.chars().all(is_name) {
            return Err(SettingsError::Subject);
        }
        if let Some(unstable) = UNSTABLE.iter().find(|name| **name == claim) {
            return Err(SettingsError::Claim(unstable));
        }
        let row = match before {
            "" => None,
            before => {
                let (source, table) = before.split_once('/').ok_or(SettingsError::Subject)?;
                let table = table.strip_suffix(':').ok_or(SettingsError::Subject)?;
                let is_table = (1..=KEY_BYTES_MAX).contains(&table.len()) && !table.contains(':');
                if !is_table {
                    return Err(SettingsError::Subject);
                }
                let source = source.parse().map_err(|_| SettingsError::Subject)?;
                Some((source, table.to_owned()))
            }
        };
        Ok(Self {
            claim: claim.to_owned(),
            row,
        })
    }
}

impl SubjectClaim {
    /// The claim's name.
    pub(crate) fn name(&self) -> &str {
        &self.claim
    }

    /// The subject of a claim's value; `None` for what cannot be one. The value is a key and nothing else, whatever it looks
    /// like: it can name neither another table nor another source.
    pub(crate) fn subject(&self, value: &str) -> Option<SubjectName> {
        match &self.row {
            None => value.parse().ok().map(SubjectName::Oid),
            Some((source, table)) => {
                let is_key = (1..=KEY_BYTES_MAX).contains(&value.len())
                    && !value.chars().any(char::is_control);
                is_key.then(|| SubjectName::Alias {
                    source: Some(source.clone()),
                    table: table.clone(),
                    key: value.to_owned(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(claim: &str, value: &str) -> Option<String> {
        let claim: SubjectClaim = claim.parse().unwrap();
        claim.subject(value).map(|subject| subject.to_string())
    }

    #[test]
    fn a_claim_names_a_row_or_an_operational_id() {
        let row = "shop/customer:{sub}";
        assert_eq!(check(row, "42").as_deref(), Some("shop/customer:42"));
        assert_eq!(
            check(row, "auth0|4:2/x").as_deref(),
            Some("shop/customer:auth0|4:2/x")
        );
        let oid = "6f1c2d3e-0000-4000-8000-000000000000";
        assert_eq!(
            check("{https://shop.example/oid}", oid).as_deref(),
            Some(oid)
        );
    }

    #[test]
    fn a_value_is_a_key_and_nothing_else() {
        assert_eq!(check("{oid}", "shop/customer:42"), None);
        assert_eq!(check("shop/customer:{sub}", ""), None);
        assert_eq!(check("shop/customer:{sub}", &"4".repeat(129)), None);
        assert_eq!(check("shop/customer:{sub}", "4\n2"), None);
        // An oid is a key like others where a row is meant.
        let claim: SubjectClaim = "shop/customer:{sub}".parse().unwrap();
        let subject = claim.subject("6f1c2d3e-0000-4000-8000-000000000000");
        assert!(matches!(subject, Some(SubjectName::Alias { .. })));
    }

    #[test]
    fn what_is_no_rule() {
        for text in [
            "",
            "sub",
            "{}",
            "{sub",
            "{sub}x",
            "customer:{sub}",
            "shop/customer{sub}",
            "Shop/customer:{sub}",
            "shop/:{sub}",
            "{a}{b}",
            "shop/a:b:{sub}",
        ] {
            let error = text.parse::<SubjectClaim>().unwrap_err();
            assert!(matches!(error, SettingsError::Subject), "{text}");
        }
        for text in ["{email}", "shop/customer:{preferred_username}", "{aud}"] {
            let error = text.parse::<SubjectClaim>().unwrap_err();
            assert!(matches!(error, SettingsError::Claim(_)), "{text}");
        }
    }
}
