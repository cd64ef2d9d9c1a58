//! Answers that were given elsewhere, taken over in bulk: a body of JSON lines, and what became of each.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::{self as vault, ImportLine, Imported, Language};
use privet_wire::{IMPORT_LINES_MAX, ImportAnswer, ImportOutcome, ImportedConsent, ImportedLine};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::{Lines, Read};
use crate::convert::{language_in, oid_in};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Takes over answers that people gave elsewhere, as JSON lines, at most 500 a call. A line never overrules what a person said
/// later, and one that was taken over before adds nothing: after a failure, send the same again. The lines of one person are in order of
/// time.
#[utoipa::path(post, path = "/v1/consent/import", tag = "consent",
    request_body(content = ImportedConsent, content_type = "application/x-ndjson"),
    responses((status = 200, body = ImportAnswer), Refusals))]
pub(crate) async fn import(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Lines(read): Lines<ImportedConsent>,
) -> Result<Answer, Refusal> {
    if read.is_empty() || read.len() > IMPORT_LINES_MAX {
        return Err(Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_many",
            format!("send 1 to {IMPORT_LINES_MAX} lines a call"),
        ));
    }
    let (mut good, mut places) = (Vec::new(), Vec::new());
    let mut lines: Vec<ImportedLine> = Vec::with_capacity(read.len());
    for Read { line, content } in read {
        let mut answer = outcome(line, ImportOutcome::Invalid);
        match content {
            Ok(content) => match language_in(content.language.as_deref()) {
                Ok(language) => {
                    places.push(lines.len());
                    good.push(line_in(content, language));
                }
                Err(why) => {
                    answer.code = Some("language_invalid".to_owned());
                    answer.detail = Some(why.to_string());
                }
            },
            Err(why) => {
                answer.code = Some("malformed_json".to_owned());
                answer.detail = Some(why);
            }
        }
        lines.push(answer);
    }
    // Policy is asked all the same.
    let imported = api.vault.import_consent(&caller, good).await?;
    for (place, imported) in places.into_iter().zip(imported) {
        if let Some(line) = lines.get_mut(place) {
            *line = line_out(line.line, imported);
        }
    }
    Answer::ok(&ImportAnswer { lines })
}

fn line_in(line: ImportedConsent, language: Option<Language>) -> ImportLine {
    let grant = line.grant.into_iter().map(|grant| vault::ConsentGrant {
        purpose: grant.purpose,
        notice: grant.notice,
    });
    ImportLine {
        subject: oid_in(line.subject),
        change: vault::ConsentChange {
            grant: grant.collect(),
            withdraw: line.withdraw,
            channel: vault::ConsentChannel::Import,
            language,
            evidence: line.evidence.map(privet_wire::Personal::into_inner),
        },
        at: line.at,
    }
}

fn line_out(line: u32, imported: Imported) -> ImportedLine {
    match imported {
        Imported::Recorded(number) => ImportedLine {
            number: Some(number),
            ..outcome(line, ImportOutcome::Recorded)
        },
        Imported::Known => outcome(line, ImportOutcome::Known),
        Imported::Older => outcome(line, ImportOutcome::Older),
        Imported::Unknown => outcome(line, ImportOutcome::Unknown),
        Imported::Invalid(reason) => ImportedLine {
            code: Some(reason.code.to_owned()),
            detail: Some(reason.text),
            ..outcome(line, ImportOutcome::Invalid)
        },
        Imported::Failed(code) => ImportedLine {
            code: Some(code.to_owned()),
            ..outcome(line, ImportOutcome::Failed)
        },
    }
}

fn outcome(line: u32, outcome: ImportOutcome) -> ImportedLine {
    ImportedLine {
        line,
        outcome,
        number: None,
        code: None,
        detail: None,
    }
}
