//! The doors of a running server: opened, announced to commands on this machine, closed in order.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_api::{ApiConfig, TlsFiles};
use privet_seal::Zeroizing;
use privet_vault::{Caller, Environment, Vault};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Stop, copies};
use crate::folder::{Folder, replace_secret};
use crate::output::note;
use crate::settings::{Settings, Tls};
use crate::telemetry::TelemetryDoor;

/// How many ports a door tries when the configured one is taken and it may move.
const PORTS_TRIED: u16 = 100;

/// Whether a door may take another port than the configured one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ports {
    /// A taken port is an error.
    Fixed,
    /// A taken port moves on to a free one.
    Moving,
}

/// What a running server says of itself to commands on this machine, in `server.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) environment: Environment,
    /// Where commands reach the API.
    pub(crate) api: String,
    /// Where that name is, when it is a certificate's.
    pub(crate) api_address: SocketAddr,
    /// Where clients reach the gateway.
    pub(crate) gateway: SocketAddr,
    /// How clients on this machine check whom they reached; none: it speaks no TLS.
    #[serde(default)]
    pub(crate) gateway_tls: Option<GatewayTls>,
    /// Where programs send telemetry, if they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) telemetry: Option<String>,
    /// The certificate that the API shows, for commands to trust.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) pid: u32,
}

/// What the gateway shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GatewayTls {
    /// The certificate to trust.
    pub(crate) certificate: PathBuf,
    /// The name or address that it is for.
    pub(crate) name: String,
}

/// A link that opens the pages once. It is for a person at a terminal, so nothing shows it by itself.
pub(crate) struct Login(Zeroizing<String>);

impl Login {
    /// A link for this person.
    ///
    /// # Errors
    /// When the vault does not make one.
    pub(crate) async fn of(vault: &Vault, caller: &Caller, server: &Server) -> Result<Self> {
        let code = vault.login_code(caller).await?;
        let path = privet_api::login_path(&code.text);
        Ok(Self(Zeroizing::new(format!("{}{path}", server.api))))
    }

    /// The address to open.
    pub(crate) fn address(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// The doors, open.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) api: SocketAddr,
    pub(crate) gateway: SocketAddr,
    telemetry: Option<SocketAddr>,
    folder: Folder,
    environment: Environment,
    api_tls: Option<Tls>,
    gateway_tls: Option<Tls>,
    telemetry_tls: Option<Tls>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<()>>,
}

impl Doors {
    /// Opens the doors.
    ///
    /// # Errors
    /// When a port is taken, a certificate is missing or wrong, or the telemetry journal or the folder of copies cannot be used.
    pub(crate) async fn open(
        folder: &Folder,
        settings: &Settings,
        vault: &Vault,
        ports: Ports,
    ) -> Result<Self> {
        let api = bind("API", settings.api.listen, ports).await?;
        let gateway = bind("gateway", settings.gateway.listen, ports).await?;
        let (stop, _) = watch::channel(false);
        let mut doors = Self {
            api: api.local_addr()?,
            gateway: gateway.local_addr()?,
            telemetry: None,
            folder: folder.clone(),
            environment: settings.environment.clone(),
            api_tls: settings.api.tls.clone(),
            gateway_tls: settings.gateway.tls.clone(),
            telemetry_tls: None,
            stop,
            tasks: JoinSet::new(),
        };
        let mut config = doors.api_config();
        config.drp = settings
            .drp
            .as_ref()
            .map(|drp| drp.read(folder, vault.map()))
            .transpose()?;
        if settings.telemetry.is_some() {
            let telemetry = doors.spawn_telemetry(settings, vault, ports, &mut config);
            telemetry.await?;
        }
        // After telemetry, so that no copy is made without what is in it.
        vault.make_copies(copies::parts(folder, settings, vault.map())?);
        doors.spawn_api(config, vault, api);
        doors.spawn_gateway(settings, vault, gateway)?;
        Ok(doors)
    }

    async fn spawn_telemetry(
        &mut self,
        settings: &Settings,
        vault: &Vault,
        ports: Ports,
        api: &mut ApiConfig,
    ) -> Result<()> {
        let Some(telemetry) = &settings.telemetry else {
            return Ok(());
        };
        let listener = bind("telemetry door", telemetry.listen, ports).await?;
        let door = TelemetryDoor::open(&self.folder, settings, telemetry, vault)?;
        door.show_metrics(api)?;
        self.telemetry = Some(listener.local_addr()?);
        self.telemetry_tls.clone_from(&telemetry.tls);
        let stop = self.stop.subscribe();
        self.tasks.spawn(door.serve(listener, stop));
        Ok(())
    }

    fn api_config(&self) -> ApiConfig {
        let tls = self.api_tls.as_ref().map(|tls| TlsFiles {
            certificate: self.folder.join(&tls.certificate),
            key: self.folder.join(&tls.key),
        });
        ApiConfig {
            tls,
            is_catalog_question: privet_gateway::asks_catalog_only,
            ..ApiConfig::default()
        }
    }

    fn spawn_api(&mut self, config: ApiConfig, vault: &Vault, listener: TcpListener) {
        let (vault, stop) = (vault.clone(), self.stop.subscribe());
        self.tasks.spawn(async move {
            let served = privet_api::serve(config, vault, listener, stop).await;
            served.context("the API cannot serve")
        });
    }

    fn spawn_gateway(
        &mut self,
        settings: &Settings,
        vault: &Vault,
        listener: TcpListener,
    ) -> Result<()> {
        let tls = settings.gateway.tls.as_ref();
        let config = privet_gateway::Config {
            tls: tls.map(|tls| gateway_tls(&self.folder, tls)).transpose()?,
            ..privet_gateway::Config::default()
        };
        let (vault, mut stop) = (vault.clone(), self.stop.subscribe());
        self.tasks.spawn(async move {
            let stopped = async move {
                // An error means that the sender is gone, which is an order to stop as well.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            let served = privet_gateway::serve(config, vault, listener, stopped).await;
            served.context("the gateway cannot serve")
        });
        Ok(())
    }

    /// Tells commands on this machine where the server is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn announce(&self) -> Result<Server> {
        let api = reachable(self.api);
        let api_url = url(api, self.api_tls.as_ref());
        let telemetry = self.telemetry.map(reachable);
        let certificate = self.api_tls.as_ref().map(|tls| &tls.certificate);
        let gateway = reachable(self.gateway);
        let gateway_tls = self.gateway_tls.as_ref().map(|tls| GatewayTls {
            certificate: self.folder.join(&tls.certificate),
            name: tls.name.clone().unwrap_or_else(|| gateway.ip().to_string()),
        });
        let server = Server {
            environment: self.environment.clone(),
            api: api_url,
            api_address: api,
            gateway,
            gateway_tls,
            telemetry: telemetry.map(|address| url(address, self.telemetry_tls.as_ref())),
            certificate: certificate.map(|path| self.folder.join(path)),
            pid: std::process::id(),
        };
        let text = format!("{}\n", serde_json::to_string_pretty(&server)?);
        replace_secret(&self.folder.server(), text.as_bytes())?;
        Ok(server)
    }

    /// Waits for the order to stop, or a door that fails; then closes the doors and lets running work end. A second
    /// order ends it at once.
    ///
    /// # Errors
    /// Why a door stopped.
    pub(crate) async fn wait(mut self, stop: &mut Stop) -> Result<()> {
        let failed = tokio::select! {
            () = stop.ordered() => None,
            ended = self.tasks.join_next() => ended,
        };
        // A server that goes is not to be asked any more.
        let _ = fs::remove_file(self.folder.server());
        let _ = self.stop.send(true);
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = drained => {}
            () = stop.ordered() => note("stopped without waiting for running work"),
        }
        match failed {
            None => Ok(()),
            Some(ended) => ended.context("a door broke off")?,
        }
    }
}

/// Opens a door's port.
async fn bind(name: &str, listen: SocketAddr, ports: Ports) -> Result<TcpListener> {
    let mut address = listen;
    for _ in 0..PORTS_TRIED {
        let error = match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => error,
        };
        let taken = error.kind() == std::io::ErrorKind::AddrInUse;
        if !taken || ports == Ports::Fixed {
            let advice = "choose another address in `privet.toml`";
            return Err(error)
                .with_context(|| format!("the {name} cannot listen on {address}: {advice}"));
        }
        address.set_port(address.port().checked_add(1).unwrap_or(1_024));
    }
    bail!("the {name} found no free port from {listen} on")
}

fn gateway_tls(folder: &Folder, tls: &Tls) -> Result<privet_gateway::Tls> {
    let (certificate, key) = (folder.join(&tls.certificate), folder.join(&tls.key));
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| anyhow!("`{}` holds no certificate: {error}", certificate.display()))?;
    let private = PrivateKeyDer::from_pem_file(&key)
        .map_err(|error| anyhow!("`{}` holds no private key: {error}", key.display()))?;
    privet_gateway::Tls::new(chain, private).context("the gateway's certificate is not right")
}

/// The address by which a client on this machine reaches a door, and trusts it.
fn url(address: SocketAddr, tls: Option<&Tls>) -> String {
    match tls {
        Some(Tls {
            name: Some(name), ..
        }) => format!("https://{name}:{}", address.port()),
        Some(_) => format!("https://{address}"),
        None => format!("http://{address}"),
    }
}

/// Where this machine reaches what listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
