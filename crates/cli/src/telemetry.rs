//! The telemetry door's parts, put together.

pub(crate) mod bucket;
mod check;
mod forward;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_api::ApiConfig;
use privet_classify::DataMap;
use privet_telemetry::{
    DoorMetrics, EventCopies, Forwarding, Intake, Journal, JournalLimits, Limits, Monitor,
    QueryLimits, QueryProgram, Queue, Rules, Storing, VaultMonitor, serve, tell, tell_once,
};
use privet_telemetry_store::{Access, Machine, Settings as StoreSettings, Store};
use privet_vault::{ThreadEntropy, Vault};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::folder::{Folder, make_private};
use crate::output::note;
use crate::serve::this_program;
use crate::settings::{Settings, Telemetry, Tls};

pub(crate) use check::{check, writable};

/// A file of the journal that is this long is stored at once.
const SEGMENT_BYTES: u64 = 32 * 1024 * 1024;
/// How long the last records may take on their way into the store when the server stops; what is left waits for the next start.
const LAST_TIME: Duration = Duration::from_secs(10);
/// What answers questions to telemetry; it lies beside this program.
const QUERY_PROGRAM: &str = "privet-query";
/// How long reading one kind of event may take, of everybody who waits for a copy.
const COPY_TIME: Duration = Duration::from_secs(3_600);
/// Where questions put what does not fit into memory.
const SPILL: &str = "telemetry-queries";

/// The door, before it listens.
pub(crate) struct TelemetryDoor {
    intake: Arc<Intake>,
    journal: Journal,
    storing: Storing,
    forwarding: Option<Forwarding>,
    vault: Vault,
    notice: String,
    tls: Option<Arc<ServerConfig>>,
    every: Duration,
}

impl TelemetryDoor {
    /// Opens journal and store.
    ///
    /// # Errors
    /// What is not right, and what to do about it.
    pub(crate) fn open(
        folder: &Folder,
        settings: &Settings,
        telemetry: &Telemetry,
        vault: &Vault,
    ) -> Result<Self> {
        listens_safely(telemetry)?;
        let rules = Arc::new(Rules::new(vault.map()));
        let limits = Limits {
            journal_bytes_max: u64::from(telemetry.journal_mib_max) << 20,
            ..Limits::default()
        };
        let path = folder.join(&telemetry.journal);
        make_private(&path)?;
        let journal_limits = JournalLimits {
            bytes_max: limits.journal_bytes_max,
            segment_bytes: SEGMENT_BYTES,
        };
        let journal = Journal::open(&path, journal_limits, &ThreadEntropy)
            .context("the telemetry door cannot open")?;
        let address = address(folder, telemetry);
        let options = options(folder, telemetry)?;
        let store = store(&address, options.clone())?;
        let tenant = settings.tenant.as_str();
        let storing = Storing::new(journal.clone(), store, Arc::clone(&rules), tenant)
            .context("the telemetry door cannot open")?;
        vault.answer_queries(Arc::new(QueryProgram::new(
            this_program()?.with_file_name(QUERY_PROGRAM),
            address,
            options,
            storing.columns().to_vec(),
            folder.join(SPILL),
            QueryLimits::default(),
        )));
        vault.call_roll_ahead();
        let monitor: Arc<dyn Monitor> = Arc::new(VaultMonitor::new(vault.clone()));
        let forwarding = match &telemetry.forward {
            Some(forward) => {
                let (journal, rules, monitor) = (&journal, &rules, &monitor);
                let opened = forward::open(folder, forward, journal, rules, (tenant, monitor));
                Some(opened?)
            }
            None => {
                forward::say_what_is_left(&Queue::folder(&path));
                None
            }
        };
        let storing = match &forwarding {
            Some(forwarding) => storing.forwarding(forwarding.clone()),
            None => storing,
        };
        let intake = Intake::new(monitor, rules, limits, journal.clone());
        let tls = telemetry.tls.as_ref().map(|tls| server_config(folder, tls));
        Ok(Self {
            intake: Arc::new(intake),
            journal,
            storing,
            forwarding,
            notice: vault.pseudonymizer().notice(),
            vault: vault.clone(),
            tls: tls.transpose()?,
            every: Duration::from_secs(telemetry.store_seconds.max(1).into()),
        })
    }

    /// Lets the API's `/metrics` show the door's numbers as well.
    ///
    /// # Errors
    /// A mistake of this program.
    pub(crate) fn show_metrics(&self, api: &mut ApiConfig) -> Result<()> {
        let intake = Arc::clone(&self.intake);
        let (journal, storing) = (self.journal.clone(), self.storing.clone());
        let metrics = DoorMetrics::registry(intake, journal, storing, self.forwarding.clone());
        let metrics = metrics.context("the telemetry door's metrics cannot be shown")?;
        api.metrics.push(metrics);
        Ok(())
    }

    /// Serves until `stop` is true; then what was acknowledged is stored, if that takes no longer than the operator will wait.
    ///
    /// # Errors
    /// Why the door cannot serve.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        // A store that does not answer stops nobody from sending: what is taken waits in the journal.
        match timeout(LAST_TIME, self.storing.go_on()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => note(format!("the telemetry store does not answer yet: {error}")),
            Err(_) => note("the telemetry store does not answer yet"),
        }
        // What works behind the door goes on until the door is closed.
        let (stop_behind, stopped) = watch::channel(false);
        let storing = tokio::spawn(self.storing.clone().run(self.every, stopped.clone()));
        let forwarding = self.forwarding.map(|forwarding| {
            let stopped = stopped.clone();
            tokio::spawn(forwarding.run(stopped))
        });
        let (vault, journal) = (self.vault.clone(), self.journal.clone());
        let telling = tokio::spawn(tell(vault, journal, self.notice.clone(), stopped));
        let served = serve(self.intake, self.tls, listener, stop).await;
        // Neither is there without the other.
        let _ = stop_behind.send(true);
        let _ = tokio::join!(storing, telling);
        if let Some(forwarding) = forwarding {
            // What was not forwarded waits for the next start.
            let _ = forwarding.await;
        }
        let last = async {
            // What could not be told waits in the key store.
            let _ = tell_once(&self.vault, &self.journal, &self.notice).await;
            self.storing.store_all().await
        };
        match timeout(LAST_TIME, last).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => note(format!(
                "telemetry waits in its journal for the next start: {error}"
            )),
            Err(_) => note("telemetry waits in its journal for the next start: the store is slow"),
        }
        self.journal.end().await;
        served.context("the telemetry door cannot serve")
    }
}

/// What reads people's events for the copies that they get: all of them, however many, one reading at a time.
///
/// # Errors
/// What is not right, and what to do about it.
pub(crate) fn copies(folder: &Folder, telemetry: &Telemetry, map: &DataMap) -> Result<EventCopies> {
    let rules = Rules::new(map);
    let limits = QueryLimits {
        time: COPY_TIME,
        rows: u64::MAX,
        output_bytes: u64::MAX,
        at_once: 1,
        ..QueryLimits::default()
    };
    let program = QueryProgram::new(
        this_program()?.with_file_name(QUERY_PROGRAM),
        address(folder, telemetry),
        bucket::options(
            folder,
            &telemetry.store,
            telemetry.bucket.as_ref(),
            "telemetry",
        )?,
        rules
            .stored_columns()
            .context("telemetry cannot be copied")?,
        folder.join(SPILL),
        limits,
    );
    Ok(EventCopies::new(program, &rules, map))
}

/// Refuses to let tokens cross a network in the clear.
fn listens_safely(telemetry: &Telemetry) -> Result<()> {
    let listen = telemetry.listen;
    if telemetry.tls.is_none() && !listen.ip().to_canonical().is_loopback() {
        bail!(
            "`{listen}` is not a loopback address, so TLS is required: set a certificate and its key under \
             `[telemetry.tls]`, or listen on 127.0.0.1"
        );
    }
    Ok(())
}

/// Where the store is, whatever folder a program is started in.
fn address(folder: &Folder, telemetry: &Telemetry) -> String {
    match Store::folder(&telemetry.store) {
        Some(path) => folder.join(path).to_string_lossy().into_owned(),
        None => telemetry.store.clone(),
    }
}

fn options(folder: &Folder, telemetry: &Telemetry) -> Result<Vec<(String, String)>> {
    bucket::options(
        folder,
        &telemetry.store,
        telemetry.bucket.as_ref(),
        "telemetry",
    )
}

fn store(address: &str, options: Vec<(String, String)>) -> Result<Store> {
    let settings = StoreSettings {
        options,
        ..StoreSettings::new(Access::Write)
    };
    Store::open(address, settings, Arc::new(Machine))
        .context("the telemetry store cannot be opened")
}

fn server_config(folder: &Folder, tls: &Tls) -> Result<Arc<ServerConfig>> {
    let (certificate, key) = (folder.join(&tls.certificate), folder.join(&tls.key));
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| anyhow!("`{}` holds no certificate: {error}", certificate.display()))?;
    let private = PrivateKeyDer::from_pem_file(&key)
        .map_err(|error| anyhow!("`{}` holds no private key: {error}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .context("the telemetry door's certificate is not right")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
