//! Whose telemetry it is, the server says: a client that names another tenant, one that does not exist or one that does, is not
//! believed, and loses nothing.

use std::fs;

use axum::body::Body;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::resource::v1::Resource;
use privet_telemetry::Limits;
use prost::Message as _;

use crate::bed::{ADA, PROTOBUF, logs, open, post, record, text};
use crate::stored::{files, rows};

/// A tenant that there is not.
const NOBODY: &str = "umbrella";
/// Somebody whom this server does not know.
const STRANGER: &str = "00000000-0000-4000-8000-0000000000ee";
/// Ways in which collectors and their clients say whose telemetry it is.
const HEADERS: [&str; 4] = ["x-scope-orgid", "x-tenant", "x-privet-tenant", "tenant"];
const ATTRIBUTES: [&str; 4] = ["tenant", "tenant.id", "privet.tenant", "day"];

#[tokio::test]
async fn a_tenant_that_a_client_names_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let mut known = record(1, ADA);
    // About somebody of whom it is not known what they agree to: it needs a purpose that rests on nothing of theirs.
    let mut stranger = record(2, STRANGER);
    stranger.event_name = "GET /orders".to_owned();
    let refused = record(3, STRANGER);
    let named = ATTRIBUTES.map(|key| text(key, NOBODY));
    known.attributes.extend(named.clone());
    let mut request = logs(vec![known, stranger, refused]);
    request.resource_logs[0].resource = Some(Resource {
        attributes: named.to_vec(),
        ..Resource::default()
    });
    let mut asking = post("/v1/logs", PROTOBUF);
    for name in HEADERS {
        asking = asking.header(name, NOBODY);
    }
    let body = Body::from(request.encode_to_vec());
    let answer = door.ask(asking.body(body).unwrap()).await;
    assert_eq!(answer.status, 200);
    // What is not taken is said, with the reason and without a word of the client's.
    let said = ExportLogsServiceResponse::decode(answer.body).unwrap();
    let said = said.partial_success.unwrap();
    assert_eq!(said.rejected_log_records, 1);
    assert_eq!(said.error_message, "no consent: 1");

    door.storing.store_all().await.unwrap();
    let stored = rows(&door, folder.path(), "logs").await;
    let [first, second] = &stored[..] else {
        panic!("{stored:?}");
    };
    assert!(first.contains(" tyid=a1a1"), "{first}");
    assert!(!second.contains("tyid="), "{second}");
    let mut data = 0;
    for path in files(folder.path()) {
        let place = path.display().to_string();
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(NOBODY.len())
            .any(|window| window == NOBODY.as_bytes());
        assert!(!found && !place.contains(NOBODY), "{place}");
        if place.ends_with(".parquet") && place.contains("/day=") {
            assert!(place.contains("/logs/tenant=acme/"), "{place}");
            data += 1;
        }
    }
    assert_eq!(data, 1);
}
