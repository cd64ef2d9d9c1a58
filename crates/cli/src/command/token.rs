//! `privet token`: issue, list, revoke.

use anyhow::{Context as _, Result};
use privet_vault::PrincipalName;
use privet_wire::{IssueToken, IssuedToken, TokenId, TokenList, TokenState};
use reqwest::Method;
use serde_json::json;

use crate::arguments::{Token, Tokens};
use crate::client::Client;
use crate::folder::{Folder, make_private, replace_secret};
use crate::output::{self, Style};

pub(crate) async fn run(folder: Folder, tokens: Tokens, style: Style) -> Result<()> {
    let client = Client::new(&folder, &tokens.who, "operator")?;
    match tokens.command {
        Token::Issue {
            principal,
            days,
            note,
            keep,
        } => {
            let request = IssueToken {
                principal: principal.to_string(),
                days,
                note: note.unwrap_or_default(),
            };
            let issued: IssuedToken = client.send(Method::POST, "/v1/tokens", &request).await?;
            if keep {
                kept(&folder, &principal, &issued, style)
            } else {
                shown(&principal, &issued, style)
            }
        }
        Token::List => list(&client.get("/v1/tokens").await?, style),
        Token::Revoke { id } => revoke(&client, id, style).await,
    }
}

fn kept(folder: &Folder, whose: &PrincipalName, issued: &IssuedToken, style: Style) -> Result<()> {
    let path = folder.token(whose);
    if let Some(parent) = path.parent() {
        make_private(parent)?;
    }
    replace_secret(&path, issued.token.as_bytes())
        .with_context(|| format!("token {} was issued and is lost: revoke it", issued.id))?;
    match style {
        Style::Programs => output::json(&json!({
            "id": issued.id, "file": path, "expires_at": issued.expires_at
        })),
        Style::People => output::line(format!(
            "token {} for `{whose}`, valid until {}, lies in {}",
            issued.id,
            output::moment(issued.expires_at),
            path.display()
        )),
    }
}

fn shown(whose: &PrincipalName, issued: &IssuedToken, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(issued);
    }
    output::note(format!(
        "token {} for `{whose}`, valid until {}; it is shown this once:",
        issued.id,
        output::moment(issued.expires_at)
    ));
    output::line(issued.token.as_str())
}

fn list(list: &TokenList, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(list);
    }
    let mut table = output::table([
        "id",
        "principal",
        "state",
        "issued (UTC)",
        "ends (UTC)",
        "note",
    ]);
    for token in &list.tokens {
        let (state, ends) = match (token.state, token.revoked_at) {
            (TokenState::Revoked, Some(at)) => ("revoked", at),
            (TokenState::Revoked, None) => ("revoked", token.expires_at),
            (TokenState::Expired, _) => ("expired", token.expires_at),
            (TokenState::Orphaned, _) => ("not in the policy", token.expires_at),
            (TokenState::Live, _) => ("live", token.expires_at),
        };
        table.add_row([
            token.id.to_string(),
            token.principal.clone(),
            state.to_owned(),
            output::cell(token.created_at),
            output::cell(ends),
            token.note.clone(),
        ]);
    }
    output::line(table)
}

async fn revoke(client: &Client, id: TokenId, style: Style) -> Result<()> {
    client.delete(&format!("/v1/tokens/{id}")).await?;
    match style {
        Style::Programs => output::json(&json!({ "id": id, "revoked": true })),
        Style::People => output::line(format!("token {id} is revoked")),
    }
}
