//! `privet adopt`: asks the server to seal a database in place, and watches.

use anyhow::Result;
use privet_vault::JobStatus;
use privet_wire::{AdoptRequest, JobStarted};
use reqwest::Method;

use crate::adoption;
use crate::arguments::Adopt;
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Style};

pub(crate) async fn run(folder: Folder, adopt: Adopt, style: Style) -> Result<()> {
    let client = Client::new(&folder, &adopt.who, "operator")?;
    let path = format!("/v1/sources/{}/adopt", adopt.source);
    let order = AdoptRequest {
        dry_run: adopt.dry_run,
        max_rate: adopt.max_rate,
        rewrite: adopt.rewrite,
    };
    let JobStarted { job } = client.send(Method::POST, &path, &order).await?;
    let path = format!("/v1/jobs/{job}");
    // The API's job is the vault's status, member for member.
    let status: JobStatus = adoption::watch(|| client.get(&path)).await?;
    match style {
        Style::Programs => output::json(&status)?,
        Style::People if status.tables.is_empty() => {}
        Style::People => adoption::report(&status)?,
    }
    adoption::failure(&status).map_or(Ok(()), Err)
}
