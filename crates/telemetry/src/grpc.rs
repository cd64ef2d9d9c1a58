//! OTLP over gRPC: tonic's framing, and the same way in as over HTTP.
//!
//! tonic would decode a message by itself. Here it hands over the bytes, so that their parts are counted first and both protocols
//! have one set of bounds.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use bytes::{Buf as _, BufMut as _, Bytes};
use tokio::time::timeout;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Request as GrpcRequest, Response as GrpcResponse, Status};

use crate::answer::{Refusal, taken};
use crate::intake::{Intake, Packing};
use crate::message::{Encoding, Signal};
use crate::routes::admit;

/// Answers one call of an `Export` method.
pub(crate) async fn export(intake: Arc<Intake>, signal: Signal, request: Request) -> Response {
    if let Err(refusal) = admit(&intake, request.headers(), request.extensions()).await {
        return refusal.grpc().into_http();
    }
    let limits = *intake.limits();
    let mut grpc = Grpc::new(Raw)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limits.message_bytes_max);
    let answering = async {
        // Nothing says how long a message is before it is there, unpacked.
        let _room = intake.room(limits.message_bytes_max).await;
        let export = Export {
            intake: Arc::clone(&intake),
            signal,
        };
        grpc.unary(export, request).await
    };
    let answered = timeout(limits.request_time, answering).await;
    let response = answered.unwrap_or_else(|_| Refusal::too_slow().grpc().into_http());
    tracing::debug!(protocol = "grpc", signal = signal.as_str(), "answered");
    response.map(axum::body::Body::new)
}

struct Export {
    intake: Arc<Intake>,
    signal: Signal,
}

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<GrpcResponse<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: GrpcRequest<Bytes>) -> Self::Future {
        let (intake, signal) = (Arc::clone(&self.intake), self.signal);
        Box::pin(async move {
            let body = request.into_inner();
            let taking = intake.take(signal, Encoding::Protobuf, Packing::Plain, body);
            let counts = taking.await.map_err(|error| Refusal::from(error).grpc())?;
            Ok(GrpcResponse::new(taken(
                signal,
                Encoding::Protobuf,
                &counts,
            )))
        })
    }
}

/// Messages as the bytes that they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}
