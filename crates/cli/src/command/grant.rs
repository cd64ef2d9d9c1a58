//! `privet grant`: what is open now, what waits for a second person, and how it ends.

use anyhow::Result;
use privet_wire::{
    Decide, GrantList, GrantQuery, GrantRequest, GrantRequestId, GrantRequestList, ListedGrant,
    Personal, RequestState, RevokeGrant,
};
use reqwest::Method;
use serde_json::json;

use super::session::printable;
use crate::arguments::{Grant, Grants};
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Style, line};

pub(crate) async fn run(folder: Folder, grants: Grants, style: Style) -> Result<()> {
    let usual = match grants.command {
        Grant::List { .. } | Grant::Revoke { .. } => "auditor",
        Grant::Requests | Grant::Approve { .. } | Grant::Deny { .. } => "on_call",
    };
    let client = Client::new(&folder, &grants.who, usual)?;
    match grants.command {
        Grant::List { live, count } => {
            let query = GrantQuery {
                live,
                count: Some(count),
            };
            list(&client.find("/v1/grants", &query).await?, style)
        }
        Grant::Revoke { id, note } => {
            let request = RevokeGrant {
                note: note.map(Personal::new),
            };
            let path = format!("/v1/grants/{id}/revoke");
            client.send::<()>(Method::POST, &path, &request).await?;
            match style {
                Style::Programs => output::json(&json!({ "id": id, "revoked": true })),
                Style::People => line(format!("grant {id} opens nothing any more")),
            }
        }
        Grant::Requests => requests(&client.get("/v1/grant-requests").await?, style),
        Grant::Approve { id, note } => {
            decide(&client, id, "approve", note).await?;
            told(id, "approved", style)
        }
        Grant::Deny { id, note } => {
            decide(&client, id, "deny", note).await?;
            told(id, "denied", style)
        }
    }
}

async fn decide(
    client: &Client,
    id: GrantRequestId,
    what: &str,
    note: Option<String>,
) -> Result<()> {
    let request = Decide {
        note: note.map(Personal::new),
    };
    let path = format!("/v1/grant-requests/{id}/{what}");
    client.send::<()>(Method::POST, &path, &request).await
}

fn told(id: GrantRequestId, word: &str, style: Style) -> Result<()> {
    match style {
        Style::Programs => output::json(&json!({ "id": id, "state": word })),
        Style::People => line(format!("request {id} is {word}")),
    }
}

fn list(list: &GrantList, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(list);
    }
    if list.grants.is_empty() {
        return line("no grants");
    }
    list.grants.iter().try_for_each(grant)
}

fn grant(listed: &ListedGrant) -> Result<()> {
    let grant = &listed.grant;
    let end = grant
        .ended_at
        .map_or(grant.ends_at, |ended| ended.min(grant.ends_at));
    let state = match listed.live {
        true => format!("LIVE until {}", output::moment(end)),
        false => format!(
            "{} to {}",
            output::moment(grant.starts_at),
            output::moment(end)
        ),
    };
    let mark = if grant.emergency { "  EMERGENCY" } else { "" };
    line(format!(
        "{}  {}  {}  {state}{mark}",
        grant.id, listed.principal, listed.source
    ))?;
    fact("session", &listed.session.to_string())?;
    match &grant.subject {
        Some(subject) => fact("whose", &printable(subject))?,
        None => fact("whose", &grant.references.join(", "))?,
    }
    fact("fields", &grant.fields.join(", "))?;
    if let Some(evidence) = &grant.evidence {
        fact("consent", &printable(evidence))?;
    }
    if let Some(why) = &grant.emergency_reason {
        fact("emergency", &printable(why))?;
    }
    match &grant.approved_by {
        Some(second) => fact("approved by", second),
        None => Ok(()),
    }
}

fn requests(list: &GrantRequestList, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(list);
    }
    if list.requests.is_empty() {
        return line("nothing waits for a second person");
    }
    list.requests.iter().try_for_each(request)
}

fn request(request: &GrantRequest) -> Result<()> {
    let by = request.decided_by.as_ref();
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    line(format!(
        "{}  {}  {}  {}{by}",
        request.id,
        request.principal,
        request.source,
        state_word(request.state)
    ))?;
    let known = |text: &Option<Personal>| {
        let text = text.as_ref().map(|text| printable(text));
        text.unwrap_or_else(|| "-".to_owned())
    };
    fact("whose", &known(&request.subject))?;
    fact("fields", &request.fields.join(", "))?;
    fact("for", &format!("{} min", request.minutes))?;
    fact("consent", &known(&request.evidence))?;
    fact("why", &known(&request.reason))?;
    fact("link", &known(&request.link))?;
    fact(
        "when",
        &format!(
            "{}, ends {}",
            output::moment(request.asked_at),
            output::moment(request.expires_at)
        ),
    )
}

fn fact(name: &str, text: &str) -> Result<()> {
    line(format!("    {name:<12} {text}"))
}

fn state_word(state: RequestState) -> &'static str {
    match state {
        RequestState::Waiting => "waiting",
        RequestState::Approved => "approved",
        RequestState::Rejected => "rejected",
        RequestState::Used => "used",
        RequestState::Expired => "expired",
    }
}
