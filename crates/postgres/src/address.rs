//! An address in libpq's words, read strictly: what is not checked is refused instead of ignored.

mod text;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use zeroize::Zeroizing;

use self::text::Parameters;
use crate::file;
use crate::tls::{Identity, Name};
use crate::{Error, Host, Tls, Trust};

/// Parameters that go to the driver as they are.
const PASSED_ON: [&str; 11] = [
    "options",
    "application_name",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// Those that are read here.
const OURS: [&str; 12] = [
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "password_file",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslnegotiation",
];

const PORT: u16 = 5432;

/// A dead server is noticed within this; libpq's default is two hours.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What an address may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules<'a> {
    /// The folder of files that it names without a leading `/`.
    pub folder: &'a Path,
    /// To whom a connection without TLS may go.
    pub plaintext: Plaintext,
}

/// To whom a connection without TLS may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plaintext {
    /// To this machine alone.
    Local,
    /// Anywhere: only where there is nothing to protect.
    Anywhere,
}

/// Where a database is, who we are there, and how sure we are of it. `docs/configuration.md` lists what may be written.
///
/// Files are read once, when the address is: a renewed certificate is used after the next start.
#[derive(Clone)]
pub struct Address {
    hosts: Vec<Host>,
    user: String,
    database: String,
    password: Option<Zeroizing<Vec<u8>>>,
    says_password: bool,
    tls: Tls,
    encrypted: bool,
    /// Without the password.
    bare: Config,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("hosts", &self.hosts)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("encrypted", &self.encrypted)
            .finish_non_exhaustive()
    }
}

impl Address {
    /// Reads a URL or `key=value` pairs, and the files that they name.
    ///
    /// # Errors
    /// [`Error::Address`] for what is not understood or not allowed, [`Error::File`] for a file.
    pub fn new(text: &str, rules: &Rules<'_>) -> Result<Self, Error> {
        let said = Said(known(text::parameters(text)?)?);
        let hosts = hosts(&said)?;
        let user = said.needed("user")?.to_owned();
        let database = said.one("dbname").unwrap_or(&user).to_owned();
        let password = match (said.one("password"), said.path("password_file", rules)) {
            (Some(_), Some(_)) => {
                return Err(wrong("it has a `password` and a `password_file`: keep one"));
            }
            (Some(password), None) => Some(Zeroizing::new(password.as_bytes().to_vec())),
            (None, Some(path)) => Some(file::password(&path)?),
            (None, None) => None,
        };
        let name = mode(&said, &hosts, rules)?;
        let tls = match name {
            Some(name) => tls(&said, name, rules)?,
            None => Tls::none(),
        };
        let bare = config(&said, &hosts, &user, &database, name.is_some())?;
        Ok(Self {
            hosts,
            user,
            database,
            password,
            says_password: said.one("password").is_some(),
            tls,
            encrypted: name.is_some(),
            bare,
        })
    }

    /// As whom an address logs in. It is read as strictly as by [`Address::new`], but no file is.
    ///
    /// # Errors
    /// [`Error::Address`] for what is not understood.
    pub fn user_of(text: &str) -> Result<String, Error> {
        let said = Said(known(text::parameters(text)?)?);
        Ok(said.needed("user")?.to_owned())
    }

    /// The servers, in the order in which they are tried; at least one.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// As whom we log in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What we log in with.
    pub fn password(&self) -> Option<&[u8]> {
        self.password.as_ref().map(|password| password.as_slice())
    }

    /// Whether the address itself holds the password, so that nobody else may read where it is written.
    pub fn says_password(&self) -> bool {
        self.says_password
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether connections are encrypted. If not, they stay on this machine or [`Plaintext::Anywhere`] was said.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// For `tokio-postgres`, with the password, of which the driver keeps a copy that it does not overwrite.
    pub fn config(&self) -> Config {
        let mut config = self.bare.clone();
        if let Some(password) = &self.password {
            config.password(password);
        }
        config
    }

    /// The same without the password: whom to connect to, with which options, how login is bound.
    pub fn bare(&self) -> &Config {
        &self.bare
    }

    /// The connector that goes with [`Address::config`].
    pub fn tls(&self) -> &Tls {
        &self.tls
    }
}

fn wrong(why: impl Into<String>) -> Error {
    Error::Address(why.into())
}

/// Refuses what nobody would heed, without repeating it: it may be half of a password.
fn known(parameters: Parameters) -> Result<Parameters, Error> {
    let is_known = |key: &str| PASSED_ON.contains(&key) || OURS.contains(&key);
    match parameters.iter().position(|(key, _)| !is_known(key)) {
        None => Ok(parameters),
        Some(index) => Err(wrong(format!(
            "parameter {} is none that is known; these are: {}, {}",
            index + 1,
            OURS.join(", "),
            PASSED_ON.join(", ")
        ))),
    }
}

struct Said(Parameters);

impl Said {
    fn one(&self, key: &str) -> Option<&str> {
        let mut found = self.0.iter().rev().filter(|(named, _)| named == key);
        found.next().map(|(_, value)| value.as_str())
    }

    fn needed(&self, key: &str) -> Result<&str, Error> {
        self.one(key)
            .ok_or_else(|| wrong(format!("it does not say `{key}`")))
    }

    fn path(&self, key: &str, rules: &Rules<'_>) -> Option<PathBuf> {
        self.one(key).map(|path| rules.folder.join(path))
    }

    fn list(&self, key: &str) -> Vec<&str> {
        self.one(key)
            .map(|list| list.split(',').map(str::trim).collect())
            .unwrap_or_default()
    }
}

fn hosts(said: &Said) -> Result<Vec<Host>, Error> {
    let (names, addresses, ports) = (said.list("host"), said.list("hostaddr"), said.list("port"));
    let count = names.len().max(addresses.len());
    if count == 0 {
        return Err(wrong("it does not say `host`"));
    }
    if (!names.is_empty() && names.len() != count)
        || (!addresses.is_empty() && addresses.len() != count)
        || (ports.len() > 1 && ports.len() != count)
    {
        return Err(wrong(
            "`host`, `hostaddr` and `port` name different numbers of servers",
        ));
    }
    let mut hosts = Vec::with_capacity(count);
    for index in 0..count {
        let port = match ports.get(index).or(ports.first()).copied() {
            None | Some("") => PORT,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| wrong("a `port` is no number from 1 to 65535"))?,
        };
        let address = match addresses.get(index).copied() {
            None => None,
            Some(address) => Some(
                address
                    .parse::<IpAddr>()
                    .map_err(|_| wrong("a `hostaddr` is no IP address"))?,
            ),
        };
        hosts.push(match (names.get(index).copied(), address) {
            (Some(folder), None) if folder.starts_with('/') => Host::Unix {
                folder: folder.into(),
                port,
            },
            (Some(name), address) if !name.is_empty() && !name.starts_with('/') => Host::Tcp {
                name: name.to_owned(),
                address,
                port,
            },
            (None, Some(address)) => Host::Tcp {
                name: address.to_string(),
                address: Some(address),
                port,
            },
            _ => {
                return Err(wrong(
                    "a `host` is neither a name nor the folder of a Unix socket",
                ));
            }
        });
    }
    let sockets = hosts
        .iter()
        .filter(|host| matches!(host, Host::Unix { .. }));
    // The driver would ask for TLS on either or on none.
    if ![0, count].contains(&sockets.count()) {
        return Err(wrong(
            "it names Unix sockets and other hosts: keep one kind",
        ));
    }
    Ok(hosts)
}

/// Which certificates are good enough; `None` is for connections without TLS.
fn mode(said: &Said, hosts: &[Host], rules: &Rules<'_>) -> Result<Option<Name>, Error> {
    let local = hosts.iter().all(Host::is_local);
    let sockets = hosts.iter().any(|host| matches!(host, Host::Unix { .. }));
    let own_authority = said
        .one("sslrootcert")
        .is_some_and(|named| named != "system");
    let name = match said.one("sslmode") {
        _ if sockets => None,
        None if local && !own_authority => None,
        None | Some("verify-full") => Some(Name::Checked),
        Some("disable") if local || rules.plaintext == Plaintext::Anywhere => None,
        Some("disable") => {
            return Err(wrong(
                "`sslmode=disable` would send a password and personal data in clear to another machine: write \
                 `sslmode=verify-full`",
            ));
        }
        Some("verify-ca") if own_authority => Some(Name::Any),
        Some("verify-ca") => {
            return Err(wrong(
                "`sslmode=verify-ca` accepts every server that somebody got a certificate for: name your own \
                 authority with `sslrootcert=FILE`, or write `sslmode=verify-full`",
            ));
        }
        Some("allow" | "prefer" | "require") => {
            return Err(wrong(
                "its `sslmode` does not check who answers, so that anybody on the way could read everything: write \
                 `sslmode=verify-full`, with `sslrootcert=FILE` if the authority is your own",
            ));
        }
        Some(_) => {
            return Err(wrong(
                "its `sslmode` is none of `verify-full`, `verify-ca`, `disable`",
            ));
        }
    };
    // Otherwise somebody who wrote them believes that they are heeded.
    let tls_only = ["sslrootcert", "sslcert", "sslkey", "sslnegotiation"];
    match tls_only.into_iter().find(|key| said.one(key).is_some()) {
        Some(key) if name.is_none() => Err(wrong(format!(
            "`{key}` is of no use without TLS: write `sslmode=verify-full` and a host name"
        ))),
        _ if name.is_none() && said.one("channel_binding") == Some("require") => Err(wrong(
            "`channel_binding=require` needs TLS: write `sslmode=verify-full`",
        )),
        _ => Ok(name),
    }
}

fn tls(said: &Said, name: Name, rules: &Rules<'_>) -> Result<Tls, Error> {
    let trust = match said.one("sslrootcert") {
        None | Some("system") => Trust::System,
        Some(file) => Trust::File(rules.folder.join(file)),
    };
    let identity = match (said.path("sslcert", rules), said.path("sslkey", rules)) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        _ => {
            return Err(wrong(
                "`sslcert` and `sslkey` belong together: one is missing",
            ));
        }
    };
    Tls::new(&trust, name, identity.as_ref())
}

fn config(
    said: &Said,
    hosts: &[Host],
    user: &str,
    database: &str,
    encrypted: bool,
) -> Result<Config, Error> {
    let mut pairs = String::new();
    for key in PASSED_ON.into_iter().chain(["sslnegotiation"]) {
        let Some(value) = said.one(key) else { continue };
        let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
        let pair = format!("{key}='{escaped}' ");
        if pair.parse::<Config>().is_err() {
            return Err(wrong(format!(
                "the value of `{key}` is none that it may have"
            )));
        }
        pairs.push_str(&pair);
    }
    let mut config: Config = pairs
        .parse()
        .map_err(|_| wrong("its parameters contradict each other"))?;
    config
        .user(user)
        .dbname(database)
        .ssl_mode(match encrypted {
            true => SslMode::Require,
            false => SslMode::Disable,
        });
    for host in hosts {
        config.port(host.port());
        match host {
            Host::Unix { folder, .. } => config.host_path(folder),
            Host::Tcp { name, .. } => config.host(name),
        };
        if let Host::Tcp {
            address: Some(address),
            ..
        } = host
        {
            config.hostaddr(*address);
        }
    }
    if said.one("keepalives_idle").is_none() {
        config.keepalives_idle(SILENCE_MAX);
    }
    if said.one("tcp_user_timeout").is_none() {
        config.tcp_user_timeout(SILENCE_MAX);
    }
    Ok(config)
}
