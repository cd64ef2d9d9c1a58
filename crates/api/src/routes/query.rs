//! Questions to telemetry: answered as a stream, which breaks off when something goes wrong on the way.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use privet_vault::port::QueryFormat as Format;
use privet_vault::{Error, QueryOrder, QueryRun};
use privet_wire::{QueryFormat, QueryRequest};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::answer::plain;
use crate::authenticated::Authenticated;
use crate::body::Json;
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Pieces that wait for a slow reader.
const PIECES_MAX: usize = 4;
/// How long what goes wrong is still told in words. Shorter than the time that a request may take.
const FIRST_PIECE: Duration = Duration::from_secs(20);

type Piece = Result<Bytes, Error>;

/// Asks telemetry for a purpose. Where that rests on consent, only the people who agree to it at this moment are in the
/// tables `logs`, `spans`, `links`, `points`, `exemplars` and `consents`. The question is on record before it starts.
#[utoipa::path(post, path = "/v1/query", tag = "telemetry", request_body = QueryRequest,
    responses((status = 200, content_type = "application/x-ndjson"), Refusals))]
pub(crate) async fn query(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<QueryRequest>,
) -> Result<Response, Refusal> {
    let order = QueryOrder {
        purpose: body.purpose,
        sql: body.sql,
        format: format_in(body.format),
    };
    let run = api.vault.query(&caller, &order).await?;
    let (pieces, mut waiting) = mpsc::channel(PIECES_MAX);
    tokio::spawn(hand_over(run, pieces));
    let first = match timeout(FIRST_PIECE, waiting.recv()).await {
        Ok(Some(Err(error))) => return Err(error.into()),
        Ok(piece) => piece,
        // It goes on; the reader waits for it.
        Err(_) => Some(Ok(Bytes::new())),
    };
    let pieces = stream::unfold((first, waiting), |(first, mut waiting)| async move {
        let piece = match first {
            Some(piece) => Some(piece),
            None => waiting.recv().await,
        };
        piece.map(|piece| (piece, (None, waiting)))
    });
    Ok(plain(content_type(body.format), Body::from_stream(pieces)))
}

/// Hands an answer over piece by piece. A reader that goes away ends the question, also while it waits for its first piece.
async fn hand_over(mut run: QueryRun, pieces: mpsc::Sender<Piece>) {
    loop {
        let piece = tokio::select! {
            piece = run.next() => piece,
            () = pieces.closed() => return,
        };
        let last = !matches!(piece, Ok(Some(_)));
        let Some(piece) = piece.map(|piece| piece.map(Bytes::from)).transpose() else {
            return;
        };
        if pieces.send(piece).await.is_err() || last {
            return;
        }
    }
}

fn format_in(format: QueryFormat) -> Format {
    match format {
        QueryFormat::Table => Format::Table,
        QueryFormat::Csv => Format::Csv,
        QueryFormat::Json => Format::JsonLines,
        QueryFormat::Parquet => Format::Parquet,
        QueryFormat::Arrow => Format::Arrow,
    }
}

const fn content_type(format: QueryFormat) -> &'static str {
    match format {
        QueryFormat::Table => "text/plain; charset=utf-8",
        QueryFormat::Csv => "text/csv; charset=utf-8",
        QueryFormat::Json => "application/x-ndjson",
        QueryFormat::Parquet => "application/vnd.apache.parquet",
        QueryFormat::Arrow => "application/vnd.apache.arrow.stream",
    }
}
