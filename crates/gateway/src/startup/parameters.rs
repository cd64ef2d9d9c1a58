//! The start-up message's parameters.

use crate::fault::Fault;

/// What a client says about itself and wants set.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Its name: a person, or `person+tokenid`.
    pub(crate) user: String,
    /// The source.
    pub(crate) database: String,
    /// `privet.reason`: why it is here.
    pub(crate) reason: Option<String>,
    /// `privet.link`: the ticket.
    pub(crate) link: Option<String>,
    /// Everything else to be set, in order.
    pub(crate) settings: Vec<(String, String)>,
    unknown: Vec<String>,
}

impl Parameters {
    /// Sorts the parameters of a start-up message.
    ///
    /// # Errors
    /// No user, an attempt at replication, or malformed `options`.
    pub(crate) fn read(sent: Vec<(String, String)>) -> Result<Self, Fault> {
        let mut parameters = Self {
            user: String::new(),
            database: String::new(),
            reason: None,
            link: None,
            settings: Vec::new(),
            unknown: Vec::new(),
        };
        for (name, value) in sent {
            match name.as_str() {
                "user" => parameters.user = value,
                "database" => parameters.database = value,
                "options" => {
                    for (name, value) in options(&value)? {
                        parameters.set(name, value)?;
                    }
                }
                _ if name.starts_with("_pq_.") => parameters.unknown.push(name),
                _ => parameters.set(name, value)?,
            }
        }
        if parameters.user.is_empty() {
            return Err(Fault::fatal(
                "28000",
                "no user name specified in the start-up message",
            ));
        }
        if parameters.database.is_empty() {
            // PostgreSQL's own default.
            parameters.database.clone_from(&parameters.user);
        }
        Ok(parameters)
    }

    fn set(&mut self, name: String, value: String) -> Result<(), Fault> {
        match name.to_ascii_lowercase().as_str() {
            "privet.reason" => self.reason = Some(value),
            "privet.link" => self.link = Some(value),
            "replication" => {
                if !matches!(
                    value.to_ascii_lowercase().as_str(),
                    "false" | "off" | "no" | "0" | "f" | "n"
                ) {
                    return Err(Fault::fatal("0A000", "replication is not available here"));
                }
            }
            _ => self.settings.push((name, value)),
        }
        Ok(())
    }

    /// Protocol options that this version does not know.
    pub(crate) fn unknown_protocol_options(&self) -> Vec<&str> {
        self.unknown.iter().map(String::as_str).collect()
    }
}

/// `-c name=value`, `-cname=value` and `--name=value`, separated by white space; a backslash takes the next character
/// as it is (libpq's documentation of `options`).
fn options(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let malformed = || {
        Fault::fatal(
            "22023",
            "malformed `options`: expected `-c name=value`, with a backslash before each space of a value",
        )
    };
    let mut words = words(text).into_iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(setting), _) => setting.to_owned(),
            (None, Some("")) => words.next().ok_or_else(malformed)?,
            (None, Some(setting)) => setting.to_owned(),
            (None, None) => return Err(malformed()),
        };
        let (name, value) = setting.split_once('=').ok_or_else(malformed)?;
        // PostgreSQL takes `-` for `_` in names given this way.
        found.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(found)
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: &[(&str, &str)]) -> Result<Parameters, Fault> {
        Parameters::read(
            sent.iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
        )
    }

    #[test]
    fn options_carry_a_reason() {
        let options =
            r"-c privet.reason=it\ is\ down -cprivet.link=https://t/1 --statement-timeout=5";
        let parameters =
            read(&[("user", "ann"), ("database", "shop"), ("options", options)]).unwrap();
        assert_eq!(parameters.reason.as_deref(), Some("it is down"));
        assert_eq!(parameters.link.as_deref(), Some("https://t/1"));
        assert_eq!(
            parameters.settings,
            [("statement_timeout".into(), "5".into())]
        );
    }

    #[test]
    fn what_is_malformed_or_not_offered_is_refused() {
        for (name, value) in [
            ("options", "-c"),
            ("options", "-c reason"),
            ("options", "-x a=b"),
            ("options", "-c privet.reason=it is down"),
            ("replication", "true"),
            ("replication", "database"),
            ("options", "-c replication=1"),
        ] {
            assert!(
                read(&[("user", "ann"), (name, value)]).is_err(),
                "{name} {value}"
            );
        }
        assert!(read(&[("database", "shop")]).is_err());
        assert!(read(&[("user", "ann"), ("replication", "off")]).is_ok());
    }

    #[test]
    fn unknown_protocol_options_are_kept_for_the_answer() {
        let parameters = read(&[("user", "ann"), ("_pq_.compression", "x")]).unwrap();
        assert_eq!(parameters.unknown_protocol_options(), ["_pq_.compression"]);
        assert_eq!(parameters.database, "ann");
    }
}
