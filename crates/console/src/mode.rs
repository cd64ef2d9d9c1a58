//! What the gateway says of the connection's mode, in its parameter `privet.mode`.

/// The mode, for the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// No reason yet.
    #[default]
    Unjustified,
    /// Values stay sealed.
    Protected,
    /// One subject's values open.
    Decrypted {
        /// Whose.
        subject: String,
        /// Until when, as the gateway writes it (RFC 3339).
        until: String,
    },
}

impl Mode {
    /// Reads the parameter; what is not understood is the most careful mode.
    pub(crate) fn parse(text: &str) -> Self {
        if text == "protected" {
            return Self::Protected;
        }
        let Some(rest) = text.strip_prefix("decrypted ") else {
            return Self::Unjustified;
        };
        match rest.rsplit_once(" until ") {
            Some((subject, until)) => Self::Decrypted {
                subject: subject.to_owned(),
                until: until.to_owned(),
            },
            None => Self::Unjustified,
        }
    }

    /// The prompt's words: `protected`, or for whom and until when (hours and minutes, UTC).
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Unjustified => "no reason yet".to_owned(),
            Self::Protected => "protected".to_owned(),
            Self::Decrypted { subject, until } => {
                let clock = until
                    .split_once('T')
                    .map_or(until.as_str(), |(_, time)| time);
                let minutes = clock.get(..5).unwrap_or(clock);
                format!("DECRYPTED {subject} until {minutes} UTC")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mode;

    fn check(text: &str, words: &str) {
        assert_eq!(Mode::parse(text).words(), words);
    }

    #[test]
    fn words_of_each_mode() {
        check("protected", "protected");
        check("unjustified", "no reason yet");
        check(
            "decrypted customer:42 until 2026-11-20T17:12:03Z",
            "DECRYPTED customer:42 until 17:12 UTC",
        );
        check("decrypted", "no reason yet");
        check("anything else", "no reason yet");
    }
}
