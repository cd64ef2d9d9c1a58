//! Tokens as a client sees them: which environment they are of, and nothing else.

use std::str::FromStr;

use zeroize::Zeroizing;

use crate::{Environment, Error};

/// Digits behind the environment: 24 random bytes and a checksum of 4, in hex.
const SECRET_DIGITS: usize = 56;

/// A bearer token: `pvt_<environment>_<secret>`. It shows itself to nobody and is overwritten when it is dropped.
///
/// ```
/// let text = format!("pvt_staging_{}", "0".repeat(56));
/// let token: privet::Token = text.parse()?;
/// assert_eq!(token.environment(), "staging");
/// # Ok::<(), privet::Error>(())
/// ```
pub struct Token {
    text: Zeroizing<String>,
    environment_end: usize,
}

/// What every token starts with.
const PREFIX: &str = "pvt_";

impl Token {
    /// The environment that it was issued in.
    ///
    /// ```
    /// let token: privet::Token = format!("pvt_prod_{}", "0".repeat(56)).parse()?;
    /// assert_eq!(token.environment(), "prod");
    /// # Ok::<(), privet::Error>(())
    /// ```
    pub fn environment(&self) -> &str {
        self.text
            .get(PREFIX.len()..self.environment_end)
            .unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl FromStr for Token {
    type Err = Error;

    /// Takes a token's text, spaces, line ends and a byte order mark around it aside.
    ///
    /// # Errors
    /// [`Error::Setting`] when it is no whole token. The text is not repeated.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = Zeroizing::new(text.trim_start_matches('\u{feff}').trim().to_owned());
        let shape = text.strip_prefix(PREFIX).and_then(|body| {
            let (environment, secret) = body.rsplit_once('_')?;
            let whole = secret.len() == SECRET_DIGITS && is_hex(secret.as_bytes());
            // The environment is shown in errors. Where two tokens stand one behind the other, it would be the first one.
            let named = environment.parse::<Environment>().is_ok()
                && !environment.as_bytes().windows(SECRET_DIGITS).any(is_hex);
            (whole && named).then_some(environment.len())
        });
        match shape {
            Some(length) => Ok(Self {
                environment_end: PREFIX.len() + length,
                text,
            }),
            None => Err(Error::setting(
                "the token is not whole: it is `pvt_`, an environment, `_` and 56 digits, as `privet token issue` shows it",
            )),
        }
    }
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("environment", &self.environment())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_cut_token_is_told_without_being_shown() {
        let whole = format!("pvt_my_env_{}", "ab".repeat(28));
        let token: Token = format!(" {whole}\n").parse().unwrap();
        assert_eq!(token.environment(), "my_env");
        assert_eq!(token.text(), whole);
        assert_eq!(
            format!("{token:?}"),
            "Token { environment: \"my_env\", .. }"
        );
        for cut in [&whole[..whole.len() - 1], &whole[4..], "pvt_", "", "pvt__"] {
            let error = cut.parse::<Token>().unwrap_err().to_string();
            assert!(error.contains("not whole"), "{error}");
            assert!(cut.len() < 8 || !error.contains(&cut[cut.len() - 8..]));
        }
        assert!(
            format!("pvt__{}", "ab".repeat(28))
                .parse::<Token>()
                .is_err()
        );
    }

    #[test]
    fn two_tokens_are_none_and_neither_is_shown() {
        let secret = "0123456789abcdef".repeat(4)[..SECRET_DIGITS].to_owned();
        for text in [
            format!("pvt_dev_{secret}\npvt_dev_{secret}"),
            format!("pvt_d_{secret}pvt_d_{secret}"),
            format!("pvt_dev_{secret}_{secret}"),
            format!("pvt_de\u{1b}[2Jv_{secret}"),
            format!("pvt_De v_{secret}"),
        ] {
            let error = text.parse::<Token>().unwrap_err().to_string();
            assert!(error.contains("not whole"), "{error}");
            assert!(!error.contains(&secret[..12]), "{error}");
        }
    }

    #[test]
    fn what_editors_put_around_a_token_is_left_away() {
        let whole = format!("pvt_dev_{}", "ab".repeat(28));
        for text in [
            format!("\u{feff}{whole}\r\n"),
            format!("{whole}\r\n\r\n"),
            format!("\t{whole} "),
        ] {
            assert_eq!(text.parse::<Token>().unwrap().text(), whole);
        }
    }
}
