//! `privet consent kept`: what law keeps of somebody who left.

use std::path::Path;

use anyhow::Result;
use privet_wire::{KeptAnswer, KeptConsent, Personal, Puid, ReadKeptConsent};
use reqwest::Method;

use crate::client::Client;
use crate::command::session::printable;
use crate::folder::{make_private, replace_secret};
use crate::output::{self, Style, line};

/// Reads all of it, and shows it.
pub(super) async fn show(
    client: &Client,
    puid: Puid,
    reason: &str,
    receipts: Option<&Path>,
    style: Style,
) -> Result<()> {
    let kept = read(client, puid, reason).await?;
    if let Some(folder) = receipts {
        write(folder, &kept.answers)?;
    }
    if style == Style::Programs {
        return output::json(&kept);
    }
    line(format!(
        "kept until {}, and destroyed on that day",
        kept.until
    ))?;
    let events: Vec<_> = kept.answers.iter().map(|kept| kept.event.clone()).collect();
    super::list(&events, style)?;
    for event in &events {
        if let Some(evidence) = &event.evidence {
            let evidence = printable(evidence);
            line(format!("evidence of {}: {evidence}", event.number))?;
        }
    }
    Ok(())
}

async fn read(client: &Client, puid: Puid, reason: &str) -> Result<KeptConsent> {
    let mut whole: Option<KeptConsent> = None;
    loop {
        let body = ReadKeptConsent {
            puid,
            reason: Personal::new(reason),
            before: whole.as_ref().and_then(|whole| whole.before),
        };
        let page: KeptConsent = client.send(Method::POST, "/v1/kept-consent", &body).await?;
        let whole = match &mut whole {
            None => whole.insert(page),
            Some(whole) => {
                whole.answers.extend(page.answers);
                whole.before = page.before;
                whole
            }
        };
        if whole.before.is_none() {
            return Ok(whole.clone());
        }
    }
}

/// Whoever has them knows when this account answered what: nobody else on this machine may read them.
fn write(folder: &Path, answers: &[KeptAnswer]) -> Result<()> {
    make_private(folder)?;
    for answer in answers {
        if let Some(receipt) = &answer.receipt {
            let path = folder.join(format!("{}.json", answer.event.number));
            replace_secret(&path, format!("{receipt}\n").as_bytes())?;
        }
    }
    Ok(())
}
