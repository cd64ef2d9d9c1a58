//! `privet serve`: the server, until Ctrl-C or SIGTERM.

use anyhow::Result;

use super::init;
use crate::folder::{Folder, read_secret_line};
use crate::output::{self, Style};
use crate::serve::{
    Doors, Login, Ports, Stop, log_to_stderr, open_vault, warn_of_gaps, warn_of_plaintext,
};
use crate::settings::Settings;

pub(crate) async fn run(folder: Folder, style: Style) -> Result<()> {
    log_to_stderr();
    let mut stop = Stop::listen()?;
    let settings = Settings::read(&folder)?;
    let vault = open_vault(&folder, &settings).await?;
    let served = async {
        let auditors = init::first_tokens(&folder, &vault).await?;
        let doors = Doors::open(&folder, &settings, &vault, Ports::Fixed).await?;
        let server = doors.announce()?;
        warn_of_gaps(vault.map());
        warn_of_plaintext(&folder, &settings, vault.map(), None).await;
        for auditor in auditors {
            let token = read_secret_line(&folder.token(&auditor))?;
            let caller = vault.authenticate(&token, "local").await?;
            let login = Login::of(&vault, &caller, &server).await?;
            output::note(format!(
                "to read sessions as `{auditor}`, open {} within ten minutes; it works once (later: `privet login-link`)",
                login.address()
            ));
        }
        match style {
            Style::Programs => output::json(&server)?,
            Style::People => {
                let telemetry = server.telemetry.iter();
                let telemetry: String =
                    telemetry.map(|at| format!(", telemetry on {at}")).collect();
                output::line(format!(
                    "serving environment `{}`: API on {}, gateway on {}{telemetry}; Ctrl-C stops",
                    settings.environment, server.api, server.gateway
                ))?;
            }
        }
        doors.wait(&mut stop).await
    };
    let served = served.await;
    vault.audit().shutdown().await;
    served
}
