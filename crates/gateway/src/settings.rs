//! The session settings that PostgreSQL clients expect: kept, shown and reported, mostly without effect here.

use std::collections::BTreeMap;

use crate::fault::Fault;

/// What the server calls itself. Clients write their catalog questions for this version.
pub(crate) const SERVER_VERSION: &str = "15.0 (Privet)";

/// Settings whose changes are reported (PostgreSQL 15, section 55.2.7), as clients spell them.
const REPORTED: [&str; 14] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
    "search_path",
];

const DEFAULTS: [(&str, &str); 34] = [
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("datestyle", "ISO, MDY"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "off"),
    ("escape_string_warning", "on"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("intervalstyle", "postgres"),
    ("is_superuser", "off"),
    ("jit", "off"),
    ("lc_collate", "C"),
    ("lc_ctype", "C"),
    ("lc_messages", "C"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("row_security", "on"),
    ("search_path", "\"$user\", public"),
    ("server_encoding", "UTF8"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", "150000"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("timezone", "UTC"),
    ("transaction_isolation", "serializable"),
    ("transaction_read_only", "off"),
];

/// What cannot be set.
const FIXED: [&str; 13] = [
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "max_identifier_length",
    "max_index_keys",
    "server_encoding",
    "server_version",
    "server_version_num",
    "transaction_isolation",
    "transaction_read_only",
    "default_transaction_read_only",
];

const VALUE_BYTES_MAX: usize = 4_096;

/// One session's settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    user: String,
    values: BTreeMap<&'static str, String>,
}

impl Settings {
    /// The defaults for this user.
    pub(crate) fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            values: BTreeMap::new(),
        }
    }

    /// The value of a setting, by its name in any case.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        if name == "session_authorization" || name == "role" {
            return Some(if name == "role" { "none" } else { &self.user });
        }
        let (known, default) = DEFAULTS.iter().find(|(known, _)| *known == name)?;
        Some(self.values.get(known).map_or(default, String::as_str))
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        DEFAULTS.iter().map(|(name, default)| {
            (
                *name,
                self.values.get(name).map_or(*default, String::as_str),
            )
        })
    }

    /// What a client is told after login.
    pub(crate) fn reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        REPORTED
            .iter()
            .filter_map(|name| self.value(name).map(|value| (*name, value)))
    }

    /// Changes a setting, `None` to its default; answers its reported name if clients are to be told.
    ///
    /// # Errors
    /// An unknown setting, one that is fixed, or a value that this server does not offer.
    pub(crate) fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
    ) -> Result<Option<&'static str>, Fault> {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("privet.") {
            let fault = Fault::error("42501", "what privet does is called, not set");
            return Err(fault.hint(crate::commands::JUSTIFY));
        }
        let is_self = |value: &str| value.eq_ignore_ascii_case("none") || value == self.user;
        if matches!(lower.as_str(), "role" | "session_authorization") {
            return match value {
                Some(value) if !is_self(value) => Err(Fault::error(
                    "42501",
                    "you are who you logged in as: roles cannot be changed here",
                )),
                _ => Ok(None),
            };
        }
        let Some((known, default)) = DEFAULTS.iter().find(|(known, _)| *known == lower) else {
            let message = format!("unrecognized configuration parameter \"{name}\"");
            return Err(Fault::error("42704", message));
        };
        let value = value.unwrap_or(default);
        if FIXED.contains(known) && value != *default {
            return Err(Fault::error(
                "55P02",
                format!("parameter \"{known}\" cannot be changed"),
            ));
        }
        check(known, value)?;
        let value = if *known == "client_encoding" {
            "UTF8"
        } else {
            value
        };
        self.values.insert(known, value.to_owned());
        Ok(REPORTED
            .iter()
            .find(|reported| reported.eq_ignore_ascii_case(known))
            .copied())
    }

    /// Back to the defaults; answers the reported names that changed.
    pub(crate) fn reset(&mut self) -> Vec<&'static str> {
        let changed = std::mem::take(&mut self.values);
        let reported = |name: &&str| changed.keys().any(|known| known.eq_ignore_ascii_case(name));
        REPORTED
            .iter()
            .filter(|name| reported(name))
            .copied()
            .collect()
    }
}

/// Refuses what no source can have: a value that is too long, an encoding that hides markers, strings with backslashes.
///
/// # Errors
/// What is wrong with the value.
pub(crate) fn check(name: &str, value: &str) -> Result<(), Fault> {
    let name = name.to_ascii_lowercase();
    let lower = value.to_ascii_lowercase();
    let invalid = |why: &str| {
        Fault::error("22023", format!("invalid value for parameter \"{name}\""))
            .detail(why.to_owned())
    };
    if value.len() > VALUE_BYTES_MAX || value.contains('\0') {
        return Err(invalid("it is too long"));
    }
    match name.as_str() {
        // Other encodings use ASCII bytes inside characters, and a marker could hide in one.
        "client_encoding"
            if !matches!(
                lower.as_str(),
                "utf8" | "utf-8" | "unicode" | "auto" | "sql_ascii"
            ) =>
        {
            Err(invalid("only UTF8 is spoken here"))
        }
        "standard_conforming_strings" if !matches!(lower.as_str(), "on" | "true" | "yes" | "1") => {
            Err(invalid("it is always on here"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_and_strings_cannot_be_changed() {
        let mut settings = Settings::new("ann");
        assert_eq!(
            settings
                .set("client_encoding", Some("SJIS"))
                .unwrap_err()
                .code,
            "22023"
        );
        assert_eq!(
            settings.set("Client_Encoding", Some("utf-8")),
            Ok(Some("client_encoding"))
        );
        assert_eq!(settings.value("client_encoding"), Some("UTF8"));
        assert!(
            settings
                .set("standard_conforming_strings", Some("off"))
                .is_err()
        );
        assert!(settings.set("server_version", Some("9")).is_err());
        assert!(settings.set("role", Some("postgres")).is_err());
        assert!(settings.set("session_authorization", Some("ann")).is_ok());
        assert_eq!(
            settings.set("privet.reason", Some("x")).unwrap_err().code,
            "42501"
        );
        assert_eq!(
            settings.set("nonsense", Some("x")).unwrap_err().code,
            "42704"
        );
    }

    #[test]
    fn changes_are_reported_and_undone() {
        let mut settings = Settings::new("ann");
        assert_eq!(
            settings.set("application_name", Some("psql")),
            Ok(Some("application_name"))
        );
        assert_eq!(
            settings.set("timezone", Some("Europe/Berlin")),
            Ok(Some("TimeZone"))
        );
        assert_eq!(settings.set("extra_float_digits", Some("3")), Ok(None));
        assert_eq!(settings.reported().count(), REPORTED.len());
        assert_eq!(settings.reset(), ["application_name", "TimeZone"]);
        assert_eq!(settings.value("TIMEZONE"), Some("UTC"));
    }
}
