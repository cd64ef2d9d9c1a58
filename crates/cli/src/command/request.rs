//! `privet request`: what people ask for, by when it is due, and how it ends.

mod receipt;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::civil::Date;
use privet_vault::subject_request::why_untold;
use privet_wire::{
    AskRequest, EraseFields, FieldsErased, OutstandingSource, Personal, RequestChannel, RequestRun,
    RequestUrgency, SubjectRequest, SubjectRequestDetail, SubjectRequestId, SubjectRequestKind,
    SubjectRequestPage, SubjectRequestQuery, SubjectRequestState,
};
use reqwest::Method;
use serde_json::json;

use super::session::printable;
use crate::arguments::{Channel, Request, Requests};
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Progress, Style, line};
use crate::target::Target;

pub(crate) async fn run(dir: Option<PathBuf>, requests: Requests, style: Style) -> Result<()> {
    if let Request::Verify { file, key, log_key } = &requests.command {
        return receipt::check(dir, file, key.as_deref(), log_key, style);
    }
    let client = Client::new(&Folder::find(dir)?, &requests.who, "operator")?;
    match requests.command {
        Request::Access {
            subject,
            channel,
            checked,
            received,
        } => {
            let path = format!("/v1/subjects/{subject}/access");
            let ask = ask(channel, received, checked);
            asked(&client.send(Method::POST, &path, &ask).await?, style)
        }
        Request::File { id, out, force } => file(&client, id, &out, force).await,
        Request::Erase {
            subject,
            channel,
            checked,
            received,
        } => {
            let path = format!("/v1/subjects/{subject}/erasure");
            let ask = ask(channel, received, checked);
            asked(&client.send(Method::POST, &path, &ask).await?, style)
        }
        Request::EraseFields {
            subject,
            fields,
            checked,
        } => erase_fields(&client, subject, fields, checked, style).await,
        Request::List {
            running,
            subject,
            after,
            count,
        } => {
            let query = SubjectRequestQuery {
                subject,
                running,
                after,
                count: Some(count),
            };
            list(&client.find("/v1/requests", &query).await?, style)
        }
        Request::Receipt { id, output } => receipt::show(&client, id, output.as_deref()).await,
        // Answered above, without a server.
        Request::Verify { .. } => Ok(()),
        Request::Show { id } => show(&client.get(&format!("/v1/requests/{id}")).await?, style),
        Request::Cancel { id } => {
            let path = format!("/v1/requests/{id}/cancel");
            let cancelled: SubjectRequest = client.send(Method::POST, &path, &json!({})).await?;
            match style {
                Style::Programs => output::json(&cancelled),
                Style::People => line(format!("request {id} is taken back")),
            }
        }
        Request::Run => ran(&run_all(&client).await?, style),
    }
}

async fn erase_fields(
    client: &Client,
    subject: privet_wire::Oid,
    fields: Vec<String>,
    checked: String,
    style: Style,
) -> Result<()> {
    let path = format!("/v1/subjects/{subject}/fields/erase");
    let body = EraseFields {
        fields,
        checked: Some(Personal::new(checked)),
    };
    fields_erased(&client.send(Method::POST, &path, &body).await?, style)
}

fn ask(channel: Channel, received: Option<Date>, checked: String) -> AskRequest {
    AskRequest {
        channel: Some(channel.into()),
        received_on: received,
        checked: Some(Personal::new(checked)),
    }
}

/// Fetches a file; what broke off on the way is kept under no name.
async fn file(client: &Client, id: SubjectRequestId, out: &Path, force: bool) -> Result<()> {
    let mut target = Target::open_private(Some(out), force)?;
    let path = format!("/v1/requests/{id}/file");
    let fetched = client.fetch(&path, |piece| {
        target
            .write_all(piece)
            .with_context(|| format!("cannot write {}", target.shown()))
    });
    fetched.await?;
    target.keep()
}

fn asked(request: &SubjectRequest, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(request);
    }
    line(format!("request {} is entered", request.id))?;
    if let Some(next) = request.next_at {
        let what = match request.kind {
            SubjectRequestKind::Access => "made from",
            SubjectRequestKind::Erasure => "taken back until",
        };
        fact(what, &output::moment(next))?;
    }
    fact("due by", &request.due_on.to_string())
}

fn fields_erased(erased: &FieldsErased, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(erased);
    }
    line(format!("erased: {}", erased.fields.join(", ")))?;
    let count = |count: u64| match count {
        1 => "1 value".to_owned(),
        count => format!("{count} values"),
    };
    fact("deleted", &count(erased.values_deleted))?;
    fact("sealed anew", &count(erased.values_resealed))?;
    for kept in &erased.kept {
        fact(
            "kept by law",
            &format!("{} until {}", kept.field, kept.expires_on),
        )?;
    }
    for rows in &erased.tables {
        let counts = [
            (rows.cleared, "cleared"),
            (rows.kept, "kept by law"),
            (rows.resealed, "sealed anew"),
            (rows.unreadable, "unreadable"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(n, what)| format!("{n} {what}")).collect();
        let place = format!("{}.{}", rows.source, rows.table);
        fact("at", &format!("{place}: {}", counts.join(", ")))?;
    }
    for OutstandingSource { source, why } in &erased.outstanding {
        fact("not yet at", &format!("{source}: {why}"))?;
    }
    if let Some(until) = erased.old_key_until {
        fact("old key until", &output::moment(until))?;
    }
    for column in &erased.elsewhere {
        let place = format!("{}.{}.{}", column.source, column.table, column.column);
        fact("still at", &format!("{place} ({})", column.field))?;
    }
    fact("entry", &erased.entry.to_string())?;
    if let Some(request) = &erased.request {
        fact("receipt of", &request.to_string())?;
    }
    match erased.confirmed {
        true => Ok(()),
        false => fact("mirror", "does not say so yet; it holds when it answers"),
    }
}

fn list(page: &SubjectRequestPage, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(page);
    }
    if page.requests.is_empty() {
        return line("no requests");
    }
    let mut table = output::table(["id", "kind", "state", "subject", "due by", "next (UTC)"]);
    for request in &page.requests {
        table.add_row([
            request.id.to_string(),
            kind(request),
            state(request.state).to_owned(),
            request
                .subject
                .map(|oid| oid.to_string())
                .unwrap_or_default(),
            due(request),
            request.next_at.map(output::cell).unwrap_or_default(),
        ]);
    }
    line(table)?;
    match page.next {
        Some(next) => line(format!("more with --after {next}")),
        None => Ok(()),
    }
}

fn show(detail: &SubjectRequestDetail, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(detail);
    }
    let request = &detail.request;
    line(format!(
        "{}  {}  {}",
        request.id,
        kind(request),
        state(request.state)
    ))?;
    if let Some(subject) = request.subject {
        fact("subject", &subject.to_string())?;
    }
    fact("received", &output::moment(request.received_at))?;
    fact("entered", &output::moment(request.asked_at))?;
    fact("due by", &due(request))?;
    if let Some(next) = request.next_at {
        fact("next step", &output::moment(next))?;
    }
    if let Some(code) = &request.failure {
        match why_untold(code) {
            Some(why) => fact("mail", &format!("{why} ({code})"))?,
            None => fact(
                "failed",
                &format!("{} times, last with {code}", request.attempts),
            )?,
        }
    }
    if let Some(ended) = request.ended_at {
        fact("ended", &output::moment(ended))?;
    }
    if let Some(by) = &detail.by {
        fact("entered by", by)?;
    }
    if let Some(came) = detail.channel {
        fact("came", channel(came))?;
    }
    match &detail.checked {
        Some(checked) => fact("checked", &printable(checked.as_str())),
        None => Ok(()),
    }
}

/// However long it takes: the server goes on, and is asked again.
async fn run_all(client: &Client) -> Result<RequestRun> {
    let progress = Progress::of("requests");
    progress.waiting("requests are carried out");
    let run = loop {
        let run: Result<RequestRun> = client
            .send(Method::POST, "/v1/requests/run", &json!({}))
            .await;
        match run {
            Ok(run) if run.running => {}
            run => break run,
        }
    };
    progress.clear();
    run
}

fn ran(run: &RequestRun, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(run);
    }
    let RequestRun {
        erased,
        confirmed,
        collected,
        expired,
        failed,
        running: _,
    } = run;
    line(format!(
        "{erased} erased, {confirmed} confirmed, {collected} collected, {expired} expired, {failed} failed"
    ))
}

fn due(request: &SubjectRequest) -> String {
    let mark = match request.urgency {
        Some(RequestUrgency::Late) => "  LATE",
        Some(RequestUrgency::Soon) => "  SOON",
        Some(RequestUrgency::InTime) | None => "",
    };
    format!("{}{mark}", request.due_on)
}

fn kind(request: &SubjectRequest) -> String {
    match request.kind {
        SubjectRequestKind::Access => "access".to_owned(),
        SubjectRequestKind::Erasure if request.fields.is_empty() => "erasure".to_owned(),
        SubjectRequestKind::Erasure => format!("erasure of {}", request.fields.join(", ")),
    }
}

fn state(state: SubjectRequestState) -> &'static str {
    match state {
        SubjectRequestState::Waiting => "waiting",
        SubjectRequestState::Collecting => "collecting",
        SubjectRequestState::Ready => "ready",
        SubjectRequestState::Notified => "notified",
        SubjectRequestState::Expired => "expired",
        SubjectRequestState::Cooling => "cooling",
        SubjectRequestState::Destroying => "destroying",
        SubjectRequestState::Confirming => "confirming",
        SubjectRequestState::Done => "done",
        SubjectRequestState::Cancelled => "cancelled",
    }
}

fn channel(channel: RequestChannel) -> &'static str {
    match channel {
        RequestChannel::App => "through an application",
        RequestChannel::Mail => "by mail",
        RequestChannel::Phone => "by phone",
        RequestChannel::Letter => "by letter",
        RequestChannel::InPerson => "in person",
        RequestChannel::Agent => "through an agent",
    }
}

fn fact(name: &str, text: &str) -> Result<()> {
    line(format!("  {name:<16}  {text}"))
}
