//! `privet consent`: what people say yes and no to.

mod import;
mod kept;
mod notice;
pub(super) mod receipt;

use std::io::{self, Read as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use privet_seal::Zeroizing;
use privet_wire::{
    Consent, ConsentAnswer, ConsentEvent, ConsentGrant, ConsentHistory, ConsentHistoryQuery,
    ConsentQuery, Oid, Personal, PutConsent,
};
use reqwest::Method;

use crate::arguments::{Consent as Command, Consents, How};
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Style};

/// Bytes of evidence; the server takes no more.
const EVIDENCE_BYTES_MAX: u64 = 16 * 1024;

pub(crate) async fn run(dir: Option<PathBuf>, consents: Consents, style: Style) -> Result<()> {
    if let Command::Verify { file, key } = &consents.command {
        return receipt::check(dir, file, key.as_deref(), style);
    }
    let usual = match &consents.command {
        Command::Kept { .. } => "auditor",
        _ => "job",
    };
    let client = Client::new(&Folder::find(dir)?, &consents.who, usual)?;
    match consents.command {
        Command::Notice { version } => notice::show(&client, &version, style).await,
        Command::Show { subject, as_of } => {
            let query = ConsentQuery { as_of };
            let consent: Consent = client.find(&path(subject), &query).await?;
            show(&consent, style)
        }
        Command::Grant {
            subject,
            purpose,
            notice,
            how,
        } => {
            let grant = vec![ConsentGrant { purpose, notice }];
            record(&client, subject, grant, Vec::new(), &how, style).await
        }
        Command::Withdraw {
            subject,
            purposes,
            how,
        } => record(&client, subject, Vec::new(), purposes, &how, style).await,
        Command::History { subject, count } => {
            let events = history(&client, subject, count).await?;
            list(&events, style)
        }
        Command::Receipt {
            subject,
            number,
            output,
        } => receipt::show(&client, subject, number, output.as_deref()).await,
        Command::Kept {
            puid,
            reason,
            receipts,
        } => kept::show(&client, puid, &reason, receipts.as_deref(), style).await,
        Command::Import { file } => import::run(&client, &file, style).await,
        // Answered above, without a server.
        Command::Verify { .. } => Ok(()),
    }
}

fn path(subject: Oid) -> String {
    format!("/v1/subjects/{subject}/consent")
}

async fn record(
    client: &Client,
    subject: Oid,
    grant: Vec<ConsentGrant>,
    withdraw: Vec<String>,
    how: &How,
    style: Style,
) -> Result<()> {
    let change = PutConsent {
        grant,
        withdraw,
        channel: how.channel.into(),
        language: how.language.clone().map(Into::into),
        evidence: match how.evidence {
            true => Some(evidence()?),
            false => None,
        },
    };
    let consent: Consent = client.send(Method::PUT, &path(subject), &change).await?;
    show(&consent, style)
}

fn evidence() -> Result<Personal> {
    let mut text = Zeroizing::new(String::new());
    let mut input = io::stdin().lock().take(EVIDENCE_BYTES_MAX + 1);
    input
        .read_to_string(&mut text)
        .context("cannot read the evidence from standard input")?;
    if text.len() as u64 > EVIDENCE_BYTES_MAX {
        bail!("evidence has at most {EVIDENCE_BYTES_MAX} bytes: say where the rest lies");
    }
    Ok(Personal::from(text))
}

async fn history(client: &Client, subject: Oid, count: u32) -> Result<Vec<ConsentEvent>> {
    let path = format!("{}/history", path(subject));
    let mut events = Vec::new();
    let mut before = None;
    loop {
        let page: ConsentHistory = client.find(&path, &ConsentHistoryQuery { before }).await?;
        events.extend(page.events);
        before = page.before;
        if before.is_none() || events.len() >= count as usize {
            events.truncate(count as usize);
            return Ok(events);
        }
    }
}

fn show(consent: &Consent, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(consent);
    }
    let mut table = output::table([
        "purpose",
        "agrees",
        "answer",
        "since (UTC)",
        "notice",
        "in force",
    ]);
    for purpose in &consent.purposes {
        let answer = match purpose.answer {
            Some(ConsentAnswer::Yes) => "yes",
            Some(ConsentAnswer::No) => "no",
            None => "never asked",
        };
        table.add_row([
            purpose.purpose.clone(),
            if purpose.agreed { "yes" } else { "no" }.to_owned(),
            answer.to_owned(),
            purpose.since.map(output::cell).unwrap_or_default(),
            purpose.notice.clone().unwrap_or_default(),
            purpose.current_notice.clone(),
        ]);
    }
    if consent.purposes.is_empty() {
        return output::line("no purpose of the data map rests on consent");
    }
    output::line(table)?;
    if consent.lost {
        output::line(
            "their last answer was lost: the data store went back, or rows were taken out of it. They agree to nothing until they answer again",
        )?;
    }
    Ok(())
}

fn list(events: &[ConsentEvent], style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(&events);
    }
    if events.is_empty() {
        return output::line("this person has never answered");
    }
    let mut table = output::table([
        "number", "at (UTC)", "yes to", "no to", "channel", "language", "evidence",
    ]);
    for event in events {
        let granted = event
            .granted
            .iter()
            .map(|grant| format!("{} ({})", grant.purpose, grant.notice));
        let channel = serde_json::to_value(event.channel)?;
        table.add_row([
            event.number.to_string(),
            output::cell(event.at),
            granted.collect::<Vec<_>>().join(", "),
            event.withdrawn.join(", "),
            channel.as_str().unwrap_or_default().to_owned(),
            event.language.clone().unwrap_or_default(),
            if event.has_evidence { "kept" } else { "" }.to_owned(),
        ]);
    }
    output::line(table)
}
