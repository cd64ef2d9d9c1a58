//! `privet adopt`: asks the server to seal a database in place or to take that back, and watches.

use anyhow::Result;
use privet_vault::JobStatus;
use privet_wire::{AdoptRequest, JobStarted, UndoRequest, UndoRequested};
use reqwest::Method;

use crate::adoption;
use crate::arguments::Adopt;
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Style};

pub(crate) async fn run(folder: Folder, adopt: Adopt, style: Style) -> Result<()> {
    let client = Client::new(&folder, &adopt.who, "operator")?;
    let source = &adopt.source;
    let started: JobStarted = if let Some(reason) = adopt.reason {
        let path = format!("/v1/sources/{source}/undo");
        let asked: UndoRequested = client
            .send(Method::POST, &path, &UndoRequest { reason })
            .await?;
        return match style {
            Style::Programs => output::json(&asked),
            Style::People => output::line(format!(
                "Nothing was changed yet. Until {:.0} another person approves it with:\n  privet adopt {source} --approve {}",
                asked.until, asked.job
            )),
        };
    } else if let Some(request) = adopt.approve {
        let path = format!("/v1/jobs/{request}/approve");
        client.send(Method::POST, &path, &()).await?
    } else {
        let order = AdoptRequest {
            dry_run: adopt.dry_run,
            max_rate: adopt.max_rate,
            rewrite: adopt.rewrite,
        };
        let path = format!("/v1/sources/{source}/adopt");
        client.send(Method::POST, &path, &order).await?
    };
    let path = format!("/v1/jobs/{}", started.job);
    // The API's job is the vault's status, member for member.
    let status: JobStatus = adoption::watch(|| client.get(&path)).await?;
    match style {
        Style::Programs => output::json(&status)?,
        Style::People if status.tables.is_empty() => {}
        Style::People => adoption::report(&status)?,
    }
    adoption::failure(&status).map_or(Ok(()), Err)
}
