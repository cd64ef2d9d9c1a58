//! Notices: what people are shown when they are asked for their consent.

use axum::extract::State;
use privet_vault as vault;
use privet_wire::{Notice, NoticeText};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::PathId;
use crate::convert::hex;
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// What people are to be shown before they are asked, or were shown when it was in force, for each purpose and in each language. A
/// text never changes. Whoever has a token may read it: it is nobody's data.
#[utoipa::path(get, path = "/v1/notices/{version}", tag = "consent",
    params(("version" = String, Path, description = "The version, as a purpose's `current_notice` names it")),
    responses((status = 200, body = Notice), Refusals))]
pub(crate) async fn show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(version): PathId<String>,
) -> Result<Answer, Refusal> {
    let notice = api.vault.notice(&caller, &version).await?;
    Answer::ok(&Notice {
        version: notice.version,
        texts: notice.texts.into_iter().map(text_out).collect(),
    })
}

fn text_out(text: vault::NoticeText) -> NoticeText {
    NoticeText {
        purpose: text.purpose,
        language: text.language,
        text: text.text,
        sha256: hex(&text.sha256),
        since: text.since,
    }
}
