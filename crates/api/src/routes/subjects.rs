//! Subjects: made, described, written, erased in part, closed.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::{
    FieldValues, Oid, RowsErased, SourceFields, SourceName, SourceRows, SubjectName,
};
use privet_wire::{
    ClearedTable, Closed, ConsentKept, CreateSubject, EraseFields, ErasedRows, FieldElsewhere,
    FieldsErased, KeptField, KeptKey, OutstandingSource, Personal, PutFields, Subject,
    SubjectCreated,
};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::{Json, PathId};
use crate::convert::{oid_out, puid_out, request_id_out, subject_names};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Makes a subject with its keys and first values.
#[utoipa::path(post, path = "/v1/subjects", tag = "subjects", request_body = CreateSubject,
    responses((status = 201, body = SubjectCreated), Refusals))]
pub(crate) async fn create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<CreateSubject>,
) -> Result<Answer, Refusal> {
    let aliases = subject_names(&body.aliases)?;
    let values: FieldValues = body
        .fields
        .into_iter()
        .map(|(name, value)| (name, Some(value.into_inner())))
        .collect();
    let oid = api.vault.create_subject(&caller, values, &aliases).await?;
    Answer::created(&SubjectCreated { oid: oid_out(oid) })
}

/// What there is of a subject, without any value.
#[utoipa::path(get, path = "/v1/subjects/{oid}", tag = "subjects",
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 200, body = Subject), Refusals))]
pub(crate) async fn describe(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
) -> Result<Answer, Refusal> {
    let name = SubjectName::Oid(oid);
    let view = api.vault.describe_subject(&caller, &name).await?;
    Answer::ok(&Subject {
        oid: oid_out(view.oid),
        tenant: view.tenant.into(),
        created_at: view.created_at,
        fields: view.fields,
        aliases: view.aliases,
    })
}

/// Writes values of a subject; `null` deletes one, and what is not named stays.
#[utoipa::path(put, path = "/v1/subjects/{oid}/fields", tag = "subjects", request_body = PutFields,
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn write(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Json(body): Json<PutFields>,
) -> Result<StatusCode, Refusal> {
    let name = SubjectName::Oid(oid);
    let values: FieldValues = body
        .fields
        .into_iter()
        .map(|(name, value)| (name, value.map(privet_wire::Personal::into_inner)))
        .collect();
    api.vault.write_fields(&caller, &name, values).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Erases single fields of a subject: deletes their values, seals all others under a new key and destroys the old one, so that no
/// copy of the erased values opens again. In applications' databases that know the subject, the columns of these fields are cleared
/// and all other sealed values sealed anew; the key before opens for an hour more, for what applications have not written yet.
/// Sealed values that they keep outside the tables of the data map do not open after that. `request` leads to the signed receipt.
#[utoipa::path(post, path = "/v1/subjects/{oid}/fields/erase", tag = "subjects", request_body = EraseFields,
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 200, body = FieldsErased), (status = 202, body = FieldsErased,
        description = "Erased; the mirror of the log does not say so yet"), Refusals))]
pub(crate) async fn erase_fields(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Json(body): Json<EraseFields>,
) -> Result<Answer, Refusal> {
    let name = SubjectName::Oid(oid);
    let checked = body.checked.as_ref().map(Personal::as_str);
    let erased = api
        .vault
        .erase_fields(&caller, &name, &body.fields, checked);
    let erased = erased.await?;
    let status = match erased.confirmed {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    let kept = erased.kept.into_iter().map(|kept| KeptField {
        field: kept.field,
        expires_on: kept.expires_on,
    });
    let elsewhere = erased.elsewhere.into_iter().map(|column| FieldElsewhere {
        source: column.source.to_string(),
        table: column.table,
        column: column.column,
        field: column.field,
    });
    let SourceFields {
        tables,
        outstanding,
        old_key_until,
        ..
    } = erased.sources;
    let tables = tables
        .into_iter()
        .map(|((source, table), rows)| ClearedTable {
            source: source.to_string(),
            table,
            cleared: rows.cleared,
            resealed: rows.resealed,
            kept: rows.kept,
            unreadable: rows.unreadable,
        });
    let outstanding = outstanding
        .into_iter()
        .map(|(source, why)| OutstandingSource {
            source: source.to_string(),
            why,
        });
    let body = FieldsErased {
        tables: tables.collect(),
        outstanding: outstanding.collect(),
        old_key_until,
        entry: erased.entry,
        fields: erased.fields,
        values_deleted: erased.values_deleted,
        values_resealed: erased.values_resealed,
        kept: kept.collect(),
        elsewhere: elsewhere.collect(),
        confirmed: erased.confirmed,
        request: Some(request_id_out(erased.request)),
        receipt: erased
            .receipt
            .and_then(|receipt| serde_json::from_slice(receipt.as_bytes()).ok()),
    };
    Answer::sized(status, &body, 1_024)
}

/// Closes a subject: destroys its keys and links, so that nothing sealed of it opens again, here or in any copy.
/// What law keeps stays under a key of its own until its date; `consent` says where the answers to consent are then.
#[utoipa::path(post, path = "/v1/subjects/{oid}/close", tag = "subjects",
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 200, body = Closed), (status = 202, body = Closed,
        description = "Destroyed; the mirror of the log does not say so yet"), Refusals))]
pub(crate) async fn close(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
) -> Result<Answer, Refusal> {
    let name = SubjectName::Oid(oid);
    let closed = api.vault.close_subject(&caller, &name).await?;
    let kept = closed.kept.iter().map(|key| KeptKey {
        key: key.id.to_string(),
        expires_on: key.expires_on,
    });
    let outstanding = closed.rows.outstanding.iter();
    let outstanding = outstanding.map(|(source, why)| OutstandingSource {
        source: source.to_string(),
        why: why.clone(),
    });
    let status = match closed.confirmed {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    let body = Closed {
        entry: closed.entry,
        keys_destroyed: closed.keys_destroyed,
        values_deleted: closed.values_deleted,
        kept: kept.collect(),
        rows: erased(&closed.rows),
        outstanding: outstanding.collect(),
        consent: closed.consent.map(|kept| ConsentKept {
            puid: puid_out(kept.puid),
            until: kept.until,
        }),
        confirmed: closed.confirmed,
        request: Some(request_id_out(closed.request)),
        receipt: closed
            .receipt
            .and_then(|receipt| serde_json::from_slice(receipt.as_bytes()).ok()),
    };
    Answer::sized(status, &body, 1_024)
}

fn erased(rows: &SourceRows) -> Vec<ErasedRows> {
    let nothing = RowsErased::default();
    let done = rows.erased.iter().map(|(table, rows)| (table, rows, false));
    let unruled = rows.unruled.iter().map(|table| (table, &nothing, true));
    let row =
        |((source, table), rows, without_rule): (&(SourceName, String), &RowsErased, bool)| {
            ErasedRows {
                source: source.to_string(),
                table: table.clone(),
                deleted: rows.deleted,
                cleared: rows.cleared,
                detached: rows.detached,
                kept: rows.kept,
                without_rule,
            }
        };
    done.chain(unruled).map(row).collect()
}
