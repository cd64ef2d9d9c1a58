//! The SQL door as a process of its own, so that its CPU and memory can be told from everything else.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use privet_postgres::{Address, Plaintext, Rules};
use privet_source::{PostgresAddresses, PostgresSource};
use privet_vault::audit::AuditLimits;
use privet_vault::port::Source;
use privet_vault::{SourceName, SubjectName, Vault};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::place::{self, Place};

/// What the process is asked to serve.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Serve {
    pub(crate) folder: PathBuf,
    /// Addresses of the database under its two roles.
    pub(crate) console: String,
    pub(crate) reader: String,
    /// Values of one subject that are sealed first, of fields `first_name` and `email` in turn.
    pub(crate) values: Vec<String>,
}

/// What it answers once it serves.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Serving {
    pub(crate) port: u16,
    pub(crate) token: String,
    pub(crate) sealed: Vec<String>,
}

/// A running door; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) serving: Serving,
    child: Child,
    hold: Option<ChildStdin>,
}

impl Door {
    /// Starts the process and waits until it serves.
    pub(crate) fn start(serve: &Serve) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--door")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut hold = child.stdin.take().context("no standard input")?;
        writeln!(hold, "{}", serde_json::to_string(serve)?)?;
        let mut line = String::new();
        let output = child.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        let serving = serde_json::from_str(&line).context("the door does not open")?;
        Ok(Self {
            serving,
            child,
            hold: Some(hold),
        })
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        drop(self.hold.take());
        // It ends by itself now; there is nobody to tell if it does not.
        let _ = self.child.wait();
    }
}

/// The process's side.
pub(crate) fn serve() -> Result<()> {
    let mut input = BufReader::new(std::io::stdin());
    let mut line = String::new();
    input.read_line(&mut line)?;
    let serve: Serve = serde_json::from_str(&line)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (vault, serving, served) = runtime.block_on(start(&serve))?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&serving)?)?;
    // Up to the end of the pipe that the other side holds.
    input.read_to_string(&mut line)?;
    served.abort();
    runtime.block_on(vault.audit().shutdown());
    Ok(())
}

type Served = tokio::task::JoinHandle<Result<(), privet_gateway::Error>>;

async fn start(serve: &Serve) -> Result<(Vault, Serving, Served)> {
    let place = Place::at(serve.folder.clone());
    let name: SourceName = "shop".parse()?;
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let addresses = PostgresAddresses {
        console: Arc::new(Address::new(&serve.console, &rules)?),
        reader: Arc::new(Address::new(&serve.reader, &rules)?),
        owner: None,
    };
    let source: Arc<dyn Source> =
        Arc::new(PostgresSource::new(name.clone(), addresses, Vec::new()));
    let sources = BTreeMap::from([(name, source)]);
    let vault = place.vault(AuditLimits::default(), sources).await?;
    let sealed = seal(&vault, &serve.values).await?;
    let (_, token) = place::caller(&vault, "on_call").await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let config = privet_gateway::Config {
        connections_max: 2_000,
        ..privet_gateway::Config::default()
    };
    let never = std::future::pending();
    let served = tokio::spawn(privet_gateway::serve(
        config,
        vault.clone(),
        listener,
        never,
    ));
    let serving = Serving {
        port,
        token: token.to_string(),
        sealed,
    };
    Ok((vault, serving, served))
}

/// Seals the values for `customer:1`.
async fn seal(vault: &Vault, values: &[String]) -> Result<Vec<String>> {
    let (job, _) = place::caller(vault, "job").await?;
    let subject: SubjectName = "customer:1".parse()?;
    let aliases = std::slice::from_ref(&subject);
    vault.create_subject(&job, BTreeMap::new(), aliases).await?;
    let mut sealed = Vec::with_capacity(values.len());
    for values in values.chunks(100) {
        let items: Vec<privet_vault::SealItem> = values
            .iter()
            .zip(["first_name", "email"].iter().cycle())
            .map(|(value, field)| privet_vault::SealItem {
                subject: subject.clone(),
                field: (*field).to_owned(),
                value: privet_seal::Zeroizing::new(value.clone()),
            })
            .collect();
        let done = vault.seal_values(&job, &items).await?;
        sealed.extend(done.into_iter().map(|item| item.sealed));
    }
    Ok(sealed)
}
