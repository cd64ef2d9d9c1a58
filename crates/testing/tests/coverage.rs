//! Every route for programs has a typed call, with its method and its path.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use privet::wire::{
    AdoptRequest, AskRequest, CommentRequest, ConsentChannel, ConsentHistoryQuery, ConsentQuery,
    Decide, GrantQuery, IssueToken, LogQuery, Oid, Personal, QueryFormat, QueryRequest,
    ReviewRequest, RevokeGrant, SessionQuery, SessionSearch, StepQuery, SubjectRequestQuery,
    SummaryQuery, UndoRequest, Verdict,
};
use privet::{
    Client, ConsentAnswers, Field, FieldWrites, NewSubject, Purpose, Reveal, Sealed, Settings,
    Transport, TransportError,
};
use privet_api::Access;
use privet_classify::{Uii, value};

struct Email;
impl Field for Email {
    const NAME: &'static str = "email";
    type Value = Uii<String, value::Email>;
}

/// Writes down what is asked for, and answers nothing that is an answer.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<BTreeSet<String>>>);

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path();
        let line = format!("{} {path}", request.method());
        self.0.lock().unwrap().insert(line);
        let body: &'static [u8] = match path {
            "/health/live" => br#"{"status":"live","environment":"test"}"#,
            _ => b"\"no answer\"",
        };
        Ok(Response::new(Bytes::from_static(body)))
    }
}

/// What stands for each id in the table's templates.
const ID: &str = "0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d";

#[tokio::test]
async fn every_route_has_a_call() {
    let recorder = Recorder::default();
    let token = format!("pvt_test_{}", "0a".repeat(28)).parse().unwrap();
    let settings = Settings::new("test".parse().unwrap(), token);
    let client = Client::with_transport(settings, recorder.clone()).unwrap();
    applications(&client).await;
    operators(&client).await;
    auditors(&client).await;

    let called = recorder.0.lock().unwrap().clone();
    let listed = privet_api::listed().into_iter();
    let listed = listed.filter(|route| route.access == Access::Token);
    let listed: BTreeSet<String> = listed
        .map(|route| {
            let path = route
                .path
                .replace("{*path}", "0/000")
                .replace("{index}", "7")
                .replace("{number}", "7")
                .replace("{version}", "2026%2D11");
            let path = path
                .replace("{name}", "shop")
                .replace("{oid}", ID)
                .replace("{id}", ID);
            format!("{} {path}", route.method)
        })
        .collect();
    let missing: Vec<_> = listed.difference(&called).collect();
    assert!(missing.is_empty(), "no call for {missing:#?}");
    let unknown: Vec<_> = called.difference(&listed).collect();
    assert_eq!(unknown, ["GET /health/live", "GET /health/ready"]);
}

async fn applications(client: &Client) {
    let oid: Oid = ID.parse().unwrap();
    let subject = oid.into();
    let email = Uii::new("ada@example.com".to_owned());
    let purpose = Purpose::new("service");
    let sealed: Sealed<Email> = format!("pv1_{}", "A".repeat(67)).parse().unwrap();
    let _ = client.health().await;
    let _ = client.whoami().await;
    let _ = client.create_subject(&NewSubject::new()).await;
    let _ = client.describe(oid).await;
    let _ = client
        .write(oid, &FieldWrites::new().set::<Email>(&email))
        .await;
    let _ = client.rotate_telemetry_id(oid, true).await;
    let _ = client.erase_fields(oid, &["email"]).await;
    let _ = client.close(oid).await;
    let _ = client.request_access(oid, &AskRequest::default()).await;
    let _ = client.request_file(ID.parse().unwrap()).await;
    let _ = client.request_erasure(oid, &AskRequest::default()).await;
    let _ = client.requests(&SubjectRequestQuery::default()).await;
    let _ = client.request(ID.parse().unwrap()).await;
    let _ = client.erasure_receipt(ID.parse().unwrap()).await;
    let _ = client.cancel_request(ID.parse().unwrap()).await;
    let answers = ConsentAnswers::new(ConsentChannel::Web).withdraw(&purpose);
    let _ = client.record_consent(oid, &answers).await;
    let _ = client.consent(oid, &ConsentQuery::default()).await;
    let _ = client.honour_gpc(oid, ["1"]).await;
    let history = ConsentHistoryQuery::default();
    let _ = client.consent_history(oid, &history).await;
    let _ = client.consent_receipt(oid, 7).await;
    let _ = client.notice("2026-11").await;
    let puid = ID.parse().unwrap();
    let _ = client.kept_consent(puid, "a claim", None).await;
    let _ = client.import_consent(&[]).await;
    let asked = Reveal::new(purpose.clone())
        .subject(&subject)
        .field::<Email>();
    let _ = client.reveal(&asked).await;
    let _ = client.look_up::<Email>(&purpose, &email).await;
    let _ = client.seal_one::<Email>(&subject, &email).await;
    let _ = client.open_one(&purpose, &subject, &sealed).await;
    let order = QueryRequest {
        purpose: "service".to_owned(),
        sql: "SELECT 1".to_owned(),
        format: QueryFormat::Csv,
    };
    let _ = client.query(&order).await;
}

async fn operators(client: &Client) {
    let operations = client.operations();
    let token = IssueToken {
        principal: "job".to_owned(),
        days: 1,
        note: String::new(),
    };
    let undo = serde_json::from_str::<UndoRequest>(r#"{"reason": "a test of the calls"}"#).unwrap();
    let order = serde_json::from_str::<AdoptRequest>("{}").unwrap();
    let _ = operations.tokens().await;
    let _ = operations.issue_token(&token).await;
    let _ = operations.revoke_token(ID.parse().unwrap()).await;
    let _ = operations.login_link().await;
    let _ = operations.adopt("shop", &order).await;
    let _ = operations.undo("shop", &undo).await;
    let _ = operations.approve_job(ID.parse().unwrap()).await;
    let _ = operations.job(ID.parse().unwrap()).await;
    let _ = operations.run_requests().await;
    let _ = operations.grants(&GrantQuery::default()).await;
    let revoke = serde_json::from_str::<RevokeGrant>("{}").unwrap();
    let _ = operations.revoke_grant(ID.parse().unwrap(), &revoke).await;
    let note = serde_json::from_str::<Decide>("{}").unwrap();
    let _ = operations.grant_requests().await;
    let _ = operations.approve(ID.parse().unwrap(), &note).await;
    let _ = operations.deny(ID.parse().unwrap(), &note).await;
}

async fn auditors(client: &Client) {
    let operations = client.operations();
    let id = ID.parse().unwrap();
    let search = SessionSearch {
        text: Personal::new("ticket"),
        filter: SessionQuery::default(),
    };
    let review = ReviewRequest {
        verdict: Verdict::Approved,
        note: None,
    };
    let comment = CommentRequest {
        text: Personal::new("why at night?"),
    };
    let _ = operations.sessions(&SessionQuery::default()).await;
    let _ = operations.search_sessions(&search).await;
    let _ = operations.session(id, &StepQuery::default()).await;
    let _ = operations.session_proof(id).await;
    let _ = operations.review(id, &review).await;
    let _ = operations.comment(id, &comment).await;
    let _ = operations.summary(&SummaryQuery::default()).await;
    let _ = operations.findings().await;
    let _ = operations.log_status().await;
    let _ = operations.log_entries(&LogQuery::default()).await;
    let _ = operations.log_checkpoint().await;
    let _ = operations.log_tile("0/000").await;
    let _ = operations.log_proof(7).await;
}
