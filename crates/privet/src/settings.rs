//! Where the server is, which environment it must be, and who asks.

use std::env::VarError;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::Url;
use zeroize::Zeroizing;

use crate::{Environment, Error, Limits, Token};

/// The environment that a process belongs to.
const ENVIRONMENT: &str = "PRIVET_ENV";
/// Its token, or the file that holds it.
const TOKEN: &str = "PRIVET_TOKEN";
const TOKEN_FILE: &str = "PRIVET_TOKEN_FILE";
/// Where the server is, if not where the convention says.
const ADDRESS: &str = "PRIVET_URL";
/// Certificates that may sign the server's, as PEM, in the place of the system's.
const AUTHORITIES: &str = "PRIVET_CA_FILE";

/// Where the server of an environment is by convention. `.internal` is reserved for private use (ICANN Board resolution
/// 2024.07.29.06).
const CONVENTION: &str = "https://privet.{environment}.internal:7300";
/// What stands for the environment's name in an address.
const PLACE: &str = "{environment}";

/// What a [`Client`](crate::Client) is made of. [`Settings::from_env`] reads it from the variables of the process:
///
/// | Variable | Meaning |
/// |---|---|
/// | `PRIVET_ENV` | the environment, always |
/// | `PRIVET_TOKEN` or `PRIVET_TOKEN_FILE` | the token, or a file that holds it and nothing else |
/// | `PRIVET_URL` | where the server is, with `{environment}` for its name; without it, `https://privet.{environment}.internal:7300` |
/// | `PRIVET_CA_FILE` | certificates (PEM) that may sign the server's, in the place of the system's |
///
/// ```
/// use privet::{Client, Settings};
///
/// let token = format!("pvt_staging_{}", "0".repeat(56));
/// let settings = Settings::new("staging".parse()?, token.parse()?)
///     .address("https://privet.{environment}.example.com");
/// let client = Client::new(settings)?;
/// assert_eq!(client.address(), "https://privet.staging.example.com");
/// # Ok::<(), privet::Error>(())
/// ```
#[derive(Debug)]
pub struct Settings {
    pub(crate) environment: Environment,
    pub(crate) token: Token,
    address: String,
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) limits: Limits,
}

impl Settings {
    /// The settings of an environment, with its token. The server is where the convention says.
    ///
    /// ```
    /// # let token = format!("pvt_staging_{}", "0".repeat(56)).parse()?;
    /// let settings = privet::Settings::new("staging".parse()?, token);
    /// let client = privet::Client::new(settings)?;
    /// assert_eq!(client.address(), "https://privet.staging.internal:7300");
    /// # Ok::<(), privet::Error>(())
    /// ```
    pub fn new(environment: Environment, token: Token) -> Self {
        Self {
            environment,
            token,
            address: CONVENTION.to_owned(),
            authorities: None,
            limits: Limits::default(),
        }
    }

    /// Another address than the convention's; `{environment}` in it is the environment's name.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// let settings = settings.address("https://pii.{environment}.example.com");
    /// assert_eq!(privet::Client::new(settings)?.address(), "https://pii.staging.example.com");
    /// # Ok::<(), privet::Error>(())
    /// ```
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Only these certificates, a file in PEM, may sign the server's.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// let settings = settings.authorities("/etc/privet/ca.pem");
    /// // There is no such file here, and the system's certificates do not do instead.
    /// assert!(privet::Client::new(settings).is_err());
    /// # Ok::<(), privet::Error>(())
    /// ```
    #[must_use]
    pub fn authorities(mut self, file: impl Into<PathBuf>) -> Self {
        self.authorities = Some(file.into());
        self
    }

    /// Other limits than the usual ones.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// let limits = privet::Limits { attempts_max: 1, ..privet::Limits::default() };
    /// assert_eq!(privet::Client::new(settings.limits(limits))?.limits().attempts_max, 1);
    /// # Ok::<(), privet::Error>(())
    /// ```
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What the variables of the process say.
    ///
    /// ```
    /// # fn example() -> Result<(), privet::Error> {
    /// let settings = privet::Settings::from_env()?.limits(privet::Limits::default());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, Error> {
        for name in [ENVIRONMENT, TOKEN, TOKEN_FILE, ADDRESS, AUTHORITIES] {
            check_text(name, &std::env::var(name))?;
        }
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// What these variables say: as [`from_env`](Self::from_env), for programs that keep them elsewhere.
    ///
    /// ```
    /// let token = format!("pvt_prod_{}", "0".repeat(56));
    /// let settings = privet::Settings::from_variables(|name| match name {
    ///     "PRIVET_ENV" => Some("prod".to_owned()),
    ///     "PRIVET_TOKEN" => Some(token.clone()),
    ///     _ => None,
    /// })?;
    /// # Ok::<(), privet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let environment = set(ENVIRONMENT).ok_or_else(|| {
            Error::setting(format!(
                "`{ENVIRONMENT}` is not set: give it the name of the environment that this process runs in, such as `dev`"
            ))
        })?;
        let environment = environment
            .trim()
            .parse()
            .map_err(|error| about(ENVIRONMENT, &error))?;
        let (name, text) = match (set(TOKEN).map(Zeroizing::new), set(TOKEN_FILE)) {
            (Some(_), Some(_)) => {
                return Err(Error::setting(format!(
                    "`{TOKEN}` and `{TOKEN_FILE}` are both set: keep one"
                )));
            }
            (Some(text), None) => (TOKEN, text),
            (None, Some(path)) => (TOKEN_FILE, read_token(Path::new(&path))?),
            (None, None) => {
                return Err(Error::setting(format!(
                    "neither `{TOKEN}` nor `{TOKEN_FILE}` is set: `privet token issue` on the server's machine makes a token"
                )));
            }
        };
        let token = text.parse().map_err(|error| about(name, &error))?;
        let mut settings = Self::new(environment, token);
        if let Some(address) = set(ADDRESS) {
            settings.address = address.trim().to_owned();
        }
        settings.authorities = set(AUTHORITIES).map(PathBuf::from);
        Ok(settings)
    }

    /// The token fits the environment: else nothing can be sent.
    pub(crate) fn check_token(&self) -> Result<(), Error> {
        if self.token.environment() == self.environment.as_str() {
            return Ok(());
        }
        Err(Error::OtherToken {
            token: self.token.environment().to_owned(),
            wanted: self.environment.to_string(),
        })
    }

    /// Where the server is, without a slash at the end.
    pub(crate) fn url(&self) -> Result<Url, Error> {
        let wrong = |what: &str| {
            Err(Error::setting(format!(
                "the server's address (`{ADDRESS}`) {what}"
            )))
        };
        let text = self.address.replace(PLACE, self.environment.as_str());
        let Ok(url) = Url::parse(&text) else {
            return wrong("is no URL: write it as `https://privet.example.com:7300`");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return wrong(&format!(
                "holds a user or a password: put the token in `{TOKEN}`"
            ));
        }
        if url.query().is_some() || url.fragment().is_some() || url.path() != "/" {
            return wrong("has something behind its host and port: leave that away");
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            "http" => wrong(
                "is reached without TLS: write `https`; only a server on this machine (`127.0.0.1`) does without",
            ),
            _ => wrong("begins neither with `https` nor with `http`"),
        }
    }
}

/// Nobody listens on the way to an address of this machine. A name could lead anywhere.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn about(name: &str, error: &Error) -> Error {
    Error::setting(format!("`{name}`: {error}"))
}

/// What is set and cannot be read is not taken for unset: the system's certificates would be trusted, or the convention's
/// address asked.
fn check_text(name: &str, variable: &Result<String, VarError>) -> Result<(), Error> {
    match variable {
        Err(VarError::NotUnicode(_)) => Err(Error::setting(format!("`{name}` is not UTF-8"))),
        _ => Ok(()),
    }
}

/// A token's file is a line; what is longer is another file.
const TOKEN_FILE_BYTES_MAX: usize = 1024;

fn read_token(path: &Path) -> Result<Zeroizing<String>, Error> {
    let wrong = |what: &str| {
        let path = path.display();
        Error::setting(format!("`{TOKEN_FILE}`: cannot read `{path}`: {what}"))
    };
    // Read into one place, which is overwritten: a text that grows leaves its beginnings behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(TOKEN_FILE_BYTES_MAX + 1));
    let file = File::open(path).map_err(|error| wrong(&error.to_string()))?;
    file.take(TOKEN_FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(&error.to_string()))?;
    if bytes.len() > TOKEN_FILE_BYTES_MAX {
        return Err(wrong("it is too long for a token"));
    }
    let text = str::from_utf8(&bytes).map_err(|_| wrong("it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(environment: &str) -> String {
        format!("pvt_{environment}_{}", "0a".repeat(28))
    }

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let settings = Settings::from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        settings.map_err(|error| error.to_string())
    }

    fn url(address: &str) -> Result<String, String> {
        let settings = Settings::new(
            "staging".parse().unwrap(),
            token("staging").parse().unwrap(),
        );
        let url = settings.address(address).url();
        url.map(|url| url.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_says_where_the_server_is() {
        let settings = read(&[("PRIVET_ENV", "prod"), ("PRIVET_TOKEN", &token("prod"))]).unwrap();
        assert_eq!(
            settings.url().unwrap().as_str(),
            "https://privet.prod.internal:7300/"
        );
        let own = ("PRIVET_URL", "https://pii.{environment}.acme.example");
        let settings = read(&[
            ("PRIVET_ENV", "prod"),
            ("PRIVET_TOKEN", &token("prod")),
            own,
        ])
        .unwrap();
        assert_eq!(
            settings.url().unwrap().as_str(),
            "https://pii.prod.acme.example/"
        );
        settings.check_token().unwrap();
    }

    #[test]
    fn what_is_missing_is_named() {
        let prod = token("prod");
        let environment = ("PRIVET_ENV", "prod");
        for (variables, said) in [
            (&[][..], "`PRIVET_ENV` is not set"),
            (&[("PRIVET_ENV", " ")], "`PRIVET_ENV` is not set"),
            (
                &[("PRIVET_ENV", "Prod!")],
                "`PRIVET_ENV`: an environment is named by",
            ),
            (
                &[environment],
                "neither `PRIVET_TOKEN` nor `PRIVET_TOKEN_FILE`",
            ),
            (
                &[environment, ("PRIVET_TOKEN", "pvt_prod_12")],
                "`PRIVET_TOKEN`: the token is not whole",
            ),
            (
                &[
                    environment,
                    ("PRIVET_TOKEN", &prod),
                    ("PRIVET_TOKEN_FILE", "x"),
                ],
                "both set",
            ),
            (
                &[environment, ("PRIVET_TOKEN_FILE", "/no/such")],
                "cannot read `/no/such`",
            ),
        ] {
            let error = read(variables).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_tokens_is_not_read_to_its_end() {
        let file = |path: &str| {
            let settings = read(&[("PRIVET_ENV", "prod"), ("PRIVET_TOKEN_FILE", path)]);
            settings.unwrap_err()
        };
        // A kilobyte of this crate, and no token.
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/src/settings.rs");
        assert!(file(own).ends_with("it is too long for a token"));
        assert!(file(env!("CARGO_MANIFEST_DIR")).contains("cannot read"));
        #[cfg(unix)]
        assert!(file("/dev/zero").ends_with("it is too long for a token"));
    }

    #[test]
    #[cfg(unix)]
    fn what_cannot_be_read_is_not_taken_for_unset() {
        use std::os::unix::ffi::OsStringExt as _;

        let odd = VarError::NotUnicode(std::ffi::OsString::from_vec(vec![b'/', 0xff]));
        let error = check_text(AUTHORITIES, &Err(odd)).unwrap_err();
        assert_eq!(error.to_string(), "`PRIVET_CA_FILE` is not UTF-8");
        check_text(AUTHORITIES, &Err(VarError::NotPresent)).unwrap();
        check_text(AUTHORITIES, &Ok(String::new())).unwrap();
    }

    #[test]
    fn a_token_of_another_environment_is_not_used() {
        let settings =
            read(&[("PRIVET_ENV", "staging"), ("PRIVET_TOKEN", &token("prod"))]).unwrap();
        let error = settings.check_token().unwrap_err().to_string();
        assert!(
            error.contains("of environment `prod`, and `staging` is set"),
            "{error}"
        );
    }

    #[test]
    fn a_token_goes_through_tls_or_stays_on_the_machine() {
        for (address, there) in [
            ("https://privet.example.com", "https://privet.example.com/"),
            ("http://127.0.0.1:7300", "http://127.0.0.1:7300/"),
            ("http://[::1]:7300/", "http://[::1]:7300/"),
        ] {
            assert_eq!(url(address).unwrap(), there);
        }
        for (address, said) in [
            ("http://privet.example.com", "without TLS"),
            ("http://localhost:7300", "without TLS"),
            ("http://127.0.0.1.example.com", "without TLS"),
            ("http://0.0.0.0:7300", "without TLS"),
            ("http://[::]:7300", "without TLS"),
            ("http://[::ffff:127.0.0.1]:7300", "without TLS"),
            ("http://127.0.0.1@example.com", "a user or a password"),
            ("http://127.0.0.1%2eexample.com", "without TLS"),
            ("http://127.0.0.1\\@example.com", "behind its host"),
            ("https://", "no URL"),
            ("https://privet.example.com:99999", "no URL"),
            ("https://privet example.com", "no URL"),
            ("https://privet.example.com#x", "behind its host"),
            ("https://privet.example.com/a/..//", "behind its host"),
            ("ftp://privet.example.com", "neither with"),
            ("privet.example.com", "no URL"),
            (
                "https://ada:secret@privet.example.com",
                "a user or a password",
            ),
            ("https://privet.example.com/v1", "behind its host"),
            ("https://privet.example.com/?a=1", "behind its host"),
        ] {
            let error = url(address).unwrap_err();
            assert!(error.contains(said), "{address}: {error}");
            assert!(!error.contains("secret"));
        }
    }
}
