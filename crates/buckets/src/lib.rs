//! Real object stores for tests: servers that speak as S3, Google Cloud Storage and Azure Blob Storage do, with an empty
//! bucket, listening on loopback alone, gone with the test process.
//!
//! ```no_run
//! use privet_buckets::{Bucket, Service};
//!
//! let installed = std::path::Path::new("target/tmp");
//! if let Some(bucket) = Bucket::start(Service::S3, installed)? {
//!     println!("{} {:?}", bucket.address(), bucket.options());
//! }
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! S3 is moto and Azure is Azurite, programs of others, which `./test` installs; where one is not installed, a test says that it
//! is left out. Google is a small server of our own in Python. Azurite checks signatures, the others take any. [`Careless`] stands for
//! services that take no notice of conditions, of which none can be installed.

mod careless;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

pub use careless::Careless;

/// The bucket's name.
const BUCKET: &str = "telemetry";
/// Below what everything is put.
const PREFIX: &str = "of/a prefix";
/// Azurite's account, and a key whose only use is to show that it is asked for: `only for tests`.
const ACCOUNT: &str = "privet";
const KEY: &str = "b25seSBmb3IgdGVzdHM=";

/// What a server speaks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    /// The program that has to be installed for it.
    pub fn program(self) -> &'static str {
        match self {
            Self::S3 => "moto",
            Self::Google => "Python",
            Self::Azure => "Azurite",
        }
    }

    fn command(self, installed: &Path) -> Command {
        let python = installed.join("object-stores/bin/python");
        let (program, script) = match self {
            Self::S3 => (python, ["-c", include_str!("s3.py")]),
            Self::Google => ("python3".into(), ["-c", include_str!("google.py")]),
            Self::Azure => ("node".into(), ["-e", include_str!("azure.js")]),
        };
        let mut command = Command::new(program);
        command
            .args(script)
            .arg(BUCKET)
            .env("NODE_PATH", installed.join("node_modules"));
        if self == Self::Azure {
            command.args([ACCOUNT, KEY]);
        }
        command
    }

    fn is_installed(self, installed: &Path) -> bool {
        let python = installed.join("object-stores/bin/python");
        let mut asks = match self {
            Self::S3 => Command::new(python),
            Self::Google => Command::new("python3"),
            Self::Azure => Command::new("node"),
        };
        match self {
            Self::S3 => asks.args(["-c", "import flask, flask_cors, moto.s3.models"]),
            Self::Google => asks.args(["-c", "import http.server"]),
            Self::Azure => asks
                .args(["-e", "require.resolve('azurite/dist/src/blob/main.js')"])
                .env("NODE_PATH", installed.join("node_modules")),
        };
        asks.output().is_ok_and(|output| output.status.success())
    }
}

/// A certificate and its key, as PEM.
#[derive(Clone, Copy)]
pub struct Tls<'a> {
    /// The certificate, which is for `localhost`.
    pub certificate: &'a str,
    /// Its private key.
    pub key: &'a str,
}

impl std::fmt::Debug for Tls<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// A running server with one bucket.
#[derive(Debug)]
pub struct Bucket {
    service: Service,
    child: Child,
    /// Closing it ends the server.
    hold: Option<ChildStdin>,
    endpoint: String,
    account: NamedTempFile,
}

impl Bucket {
    /// Starts a server and waits until it answers; `None`: its program is not below `installed`, Cargo's folder for tests'
    /// files.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(service: Service, installed: &Path) -> Result<Option<Self>> {
        match service.is_installed(installed) {
            true => Self::of(service, service.command(installed), "http://127.0.0.1").map(Some),
            false => Ok(None),
        }
    }

    /// S3 over TLS.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_tls(tls: Tls<'_>, installed: &Path) -> Result<Option<Self>> {
        let service = Service::S3;
        if !service.is_installed(installed) {
            return Ok(None);
        }
        let file = |text: &str| -> Result<NamedTempFile> {
            let mut file = NamedTempFile::new()?;
            file.write_all(text.as_bytes())?;
            Ok(file)
        };
        let (certificate, key) = (file(tls.certificate)?, file(tls.key)?);
        let mut command = service.command(installed);
        command.args([certificate.path(), key.path()]);
        // Both files have been read when it says that it is ready.
        Self::of(service, command, "https://localhost").map(Some)
    }

    fn of(service: Service, mut command: Command, host: &str) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let hold = child.stdin.take();
        let output = child.stdout.take().context("no standard output")?;
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        let Some(port) = said.strip_prefix("ready ") else {
            drop(hold);
            child.wait()?;
            bail!("{} does not start", service.program());
        };
        let endpoint = format!("{host}:{}", port.trim());
        let mut account = NamedTempFile::new()?;
        let text = format!(
            r#"{{"gcs_base_url":"{endpoint}","disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}}"#
        );
        account.write_all(text.as_bytes())?;
        Ok(Self {
            service,
            child,
            hold,
            endpoint,
            account,
        })
    }

    /// The address of a place in the bucket, without credentials.
    pub fn address(&self) -> String {
        let scheme = match self.service {
            Service::S3 => "s3",
            Service::Google => "gs",
            Service::Azure => "az",
        };
        format!("{scheme}://{BUCKET}/{PREFIX}")
    }

    /// Where the server listens, as a client is told.
    pub fn endpoint(&self) -> String {
        match self.service {
            Service::Azure => format!("{}/{ACCOUNT}", self.endpoint),
            Service::S3 | Service::Google => self.endpoint.clone(),
        }
    }

    /// What an object store's client is told to reach it: variables of the environment as such services have them.
    pub fn options(&self) -> Vec<(String, String)> {
        let endpoint = self.endpoint();
        let account = self.account.path().display().to_string();
        let pairs = match self.service {
            Service::S3 => vec![
                ("AWS_ENDPOINT", &*endpoint),
                ("AWS_ALLOW_HTTP", "true"),
                ("AWS_ACCESS_KEY_ID", "only"),
                ("AWS_SECRET_ACCESS_KEY", "for-tests"),
            ],
            // The file says where, and that nobody need be asked for a token.
            Service::Google => vec![
                ("GOOGLE_SERVICE_ACCOUNT", &*account),
                ("GOOGLE_ALLOW_HTTP", "true"),
            ],
            Service::Azure => vec![
                ("AZURE_STORAGE_ENDPOINT", &*endpoint),
                ("AZURE_ALLOW_HTTP", "true"),
                ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
                ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
            ],
        };
        // Loopback is not asked for by way of whatever proxy this machine has.
        let (proxy, excludes) = match self.service {
            Service::S3 => ("AWS_PROXY_URL", "AWS_PROXY_EXCLUDES"),
            Service::Google => ("GOOGLE_PROXY_URL", "GOOGLE_PROXY_EXCLUDES"),
            Service::Azure => ("AZURE_PROXY_URL", "AZURE_PROXY_EXCLUDES"),
        };
        let direct = [
            (proxy, "http://127.0.0.1:1"),
            (excludes, "127.0.0.1,localhost"),
        ];
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        pairs.into_iter().chain(direct).map(owned).collect()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.hold.take();
        // It ends by itself; nobody is left to whom it could be told that it does not.
        let _ = self.child.wait();
    }
}
