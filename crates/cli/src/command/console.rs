//! `privet console`: our own client of the gateway.

use anyhow::{Context as _, Result, anyhow, bail};
use privet_console::ConsoleConfig;
use privet_vault::SourceName;
use privet_wire::Whoami;

use crate::arguments::Console;
use crate::client::Client;
use crate::folder::Folder;
use crate::settings::Settings;

pub(crate) fn run(folder: &Folder, console: Console) -> Result<()> {
    let settings = Settings::read(folder)?;
    let source = source(&settings, console.source)?;
    let client = Client::new(folder, &console.who, "on_call")?;
    // The server says who the token is, so that a token of PRIVET_TOKEN needs no name, and which one it is, so that
    // the gateway asks for this one and not for another of the same person.
    let who: Whoami = super::block_on(client.get("/v1/whoami"))?;
    let gateway = client.server().gateway;
    let config = ConsoleConfig {
        host: gateway.ip().to_string(),
        port: gateway.port(),
        database: source.to_string(),
        user: format!("{}+{}", who.principal, who.token),
        token: client.token().to_owned(),
        reason: console.reason,
        link: console.link,
        environment: who.environment,
    };
    privet_console::run(config).map_err(|error| match error {
        privet_console::Error::Refused {
            message,
            hint: Some(hint),
        } => anyhow!("{message}: {hint}"),
        error => error.into(),
    })
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
