//! `privet console`: our own client of the gateway.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_console::{ConsoleConfig, Output, Transport, Trust, is_loopback};
use privet_vault::SourceName;
use privet_wire::Whoami;

use crate::arguments::Console;
use crate::client::{self, Client};
use crate::folder::{Folder, named_or_current};
use crate::output::Style;
use crate::serve::{data_map, warn_of_plaintext};
use crate::settings::Settings;

/// The port of a gateway that is named without one.
const PORT: u16 = 7432;
/// Whose token is used where nobody says.
const USUAL: &str = "on_call";

pub(crate) fn run(dir: Option<PathBuf>, console: Console, style: Style) -> Result<()> {
    let mut config = match &console.gateway {
        Some(gateway) => elsewhere(dir, &console, gateway)?,
        None => here(&Folder::find(dir)?, &console)?,
    };
    if style == Style::Programs {
        config.output = Output::Programs;
    }
    privet_console::run(config).map_err(|error| match error {
        privet_console::Error::Refused {
            message,
            hint: Some(hint),
            ..
        } => anyhow!("{message}: {hint}"),
        error => error.into(),
    })
}

/// The gateway of a folder on this machine.
fn here(folder: &Folder, console: &Console) -> Result<ConsoleConfig> {
    let settings = Settings::read(folder)?;
    let source = source(&settings, console.source.clone())?;
    let client = Client::new(folder, &console.who, USUAL)?;
    // The server says who the token is, so that a token of PRIVET_TOKEN needs no name, and which one it is, so that
    // the gateway asks for this one and not for another of the same person.
    let who: Whoami = super::block_on(client.get("/v1/whoami"))?;
    if let Ok(map) = data_map(folder, &settings) {
        super::block_on(async {
            warn_of_plaintext(folder, &settings, &map, Some(&source)).await;
            Ok(())
        })?;
    }
    let server = client.server();
    let transport = match &server.gateway_tls {
        Some(tls) => encrypted(
            console
                .ca
                .clone()
                .map_or_else(|| Trust::File(tls.certificate.clone()), Trust::File),
            &tls.name,
        ),
        None if console.ca.is_some() => {
            bail!(
                "--ca is of no use: the gateway speaks no TLS (`tls` under [gateway] in `privet.toml`)"
            )
        }
        None => Transport::Plain,
    };
    Ok(ConsoleConfig {
        host: server.gateway.ip().to_string(),
        port: server.gateway.port(),
        transport,
        database: source.to_string(),
        user: format!("{}+{}", who.principal, who.token),
        token: client.token().to_owned(),
        reason: console.reason.clone(),
        link: console.link.clone(),
        environment: who.environment,
        output: Output::People,
    })
}

/// A gateway that was named, without a folder of its own: its certificate says who it is.
fn elsewhere(dir: Option<PathBuf>, console: &Console, gateway: &str) -> Result<ConsoleConfig> {
    let (host, port) = host_and_port(gateway)?;
    let folder = Folder::new(named_or_current(dir));
    let user = console
        .user
        .as_ref()
        .context("say who you are with --user")?;
    let named = console.who.principal.as_ref();
    let (token, _) = client::token(&folder, named, user.as_str())?;
    let source = console
        .source
        .as_ref()
        .context("say which source you mean")?;
    let local = is_loopback(&host);
    let transport = match &console.ca {
        Some(file) => encrypted(Trust::File(file.clone()), &host),
        None if local => Transport::Plain,
        None => encrypted(Trust::System, &host),
    };
    Ok(ConsoleConfig {
        environment: environment(&token)?.to_owned(),
        host,
        port,
        transport,
        database: source.to_string(),
        user: user.to_string(),
        token: token.to_string(),
        reason: console.reason.clone(),
        link: console.link.clone(),
        output: Output::People,
    })
}

fn encrypted(trust: Trust, name: &str) -> Transport {
    Transport::Tls {
        trust,
        name: name.to_owned(),
    }
}

/// `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
fn host_and_port(text: &str) -> Result<(String, u16)> {
    let wrong = || format!("`{text}` is no address: write HOST:PORT");
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address without a port.
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, None),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.map_or(Ok(PORT), str::parse).with_context(wrong)?;
    if host.is_empty() {
        bail!(wrong());
    }
    Ok((host.to_owned(), port))
}

/// The environment that a token names: `pvt_ENVIRONMENT_SECRET`.
fn environment(token: &str) -> Result<&str> {
    let named = token
        .strip_prefix("pvt_")
        .and_then(|rest| rest.rsplit_once('_'));
    let (environment, _) = named.context("this is no token: a token begins with `pvt_`")?;
    Ok(environment)
}

fn source(settings: &Settings, named: Option<SourceName>) -> Result<SourceName> {
    let names: Vec<_> = settings.sources.keys().map(ToString::to_string).collect();
    match named {
        Some(name) if settings.sources.contains_key(&name) => Ok(name),
        Some(name) => bail!(
            "`{name}` is not in `privet.toml`; its sources: {}",
            names.join(", ")
        ),
        None if names.len() > 1 => {
            bail!("say which source you mean: {}", names.join(", "))
        }
        None => settings
            .sources
            .keys()
            .next()
            .cloned()
            .context("`privet.toml` names no source: add one as [sources.NAME]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, host, port) in [
            ("db.example.com:7000", "db.example.com", 7000),
            ("db.example.com", "db.example.com", PORT),
            ("10.0.0.1:7000", "10.0.0.1", 7000),
            ("[2001:db8::1]:7000", "2001:db8::1", 7000),
            ("2001:db8::1", "2001:db8::1", PORT),
            ("[::1]", "::1", PORT),
        ] {
            assert_eq!(
                host_and_port(text).unwrap(),
                (host.to_owned(), port),
                "{text}"
            );
        }
        for text in ["", ":7432", "host:port", "host:70000"] {
            assert!(host_and_port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_name_their_environment() {
        assert_eq!(environment("pvt_my_stage_0a1b").unwrap(), "my_stage");
        assert!(environment("hunter2").is_err());
    }
}
