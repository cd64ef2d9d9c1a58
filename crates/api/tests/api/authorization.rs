//! Who may call what: every route of the table with every kind of caller, over both engines, as one text file.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use privet_api::{Access, ApiConfig, Listed, listed};
use privet_vault::port::{GrantRequestRow, GrantRow, NewSessionEntry, SessionPart, SessionRow};
use privet_vault::{GrantId, GrantRequestId, SessionId};
use serde_json::{Value, json};

use crate::bed::{Bed, ORIGIN, Stores, bed};
use crate::http::Client;
use crate::own_matrix::{own_page, person};

/// The callers, in the columns' order.
pub(crate) const PRINCIPALS: [&str; 4] = ["on_call", "auditor", "operator", "job"];

/// A request that would succeed with the right caller, on things made for it alone.
async fn request(bed: &Bed, route: &Listed, number: usize) -> (String, Option<Value>) {
    let email = format!("person{number}@example.com");
    let body = |body: Value| Some(body);
    let path = |path: &str| path.to_owned();
    match (route.method.as_str(), route.path) {
        ("GET", "/health/live" | "/health/ready" | "/metrics" | "/openapi.json" | "/v1/whoami")
        | ("GET", "/.well-known/gpc.json" | "/v1/consent/receipt-key")
        | ("GET", "/v1/audit/checkpoint" | "/v1/audit/entries" | "/v1/audit/state")
        | (
            "GET",
            "/v1/findings" | "/v1/sessions" | "/v1/grants" | "/v1/grant-requests" | "/v1/summary"
            | "/v1/tokens" | "/v1/requests",
        )
        | ("POST", "/v1/requests/run")
        | ("POST", "/v1/login-links") => (path(route.path), None),
        ("GET", "/v1/notices/{version}") => (path("/v1/notices/2026-11"), None),
        ("POST", "/v1/sessions/search") => (path(route.path), body(json!({"text": "log in"}))),
        ("POST", "/v1/subjects") => (path(route.path), body(json!({"fields": {"email": email}}))),
        ("POST", "/v1/kept-consent" | "/v1/consent/import") => (
            path(route.path),
            body(on_answers(bed, route.path, &email).await),
        ),
        (_, path) if path.starts_with("/v1/subjects/{oid}") => {
            (of_subject(bed, path, &email).await, on_subject(route))
        }
        (_, path) if path.starts_with("/v1/requests/{id}") => {
            (on_request(bed, path, &email).await, None)
        }
        ("POST", "/v1/reveal" | "/v1/lookup" | "/v1/seal" | "/v1/open") => (
            path(route.path),
            body(values(bed, route.path, &email).await),
        ),
        ("POST", "/v1/query") => (
            path(route.path),
            body(json!({"purpose": "service", "sql": "SELECT 1"})),
        ),
        ("GET", "/v1/audit/tile/{*path}") => (path("/v1/audit/tile/0/000.p/1"), None),
        ("GET", "/v1/audit/proof/{index}") => (path("/v1/audit/proof/0"), None),
        (_, path) if path.starts_with("/v1/sessions/{id}") => on_session(bed, path, number).await,
        ("POST", path) if path.starts_with("/v1/grant") => on_grant(bed, path, number).await,
        ("POST", "/v1/sources/{name}/adopt") => (
            path("/v1/sources/shop/adopt"),
            body(json!({"dry_run": true})),
        ),
        ("POST", "/v1/sources/{name}/undo") => (
            path("/v1/sources/shop/undo"),
            body(json!({"reason": "the pilot is over"})),
        ),
        (_, path) if path.starts_with("/v1/jobs/{id}") => (on_job(bed, path).await, None),
        ("POST", "/v1/tokens") => (
            path(route.path),
            body(json!({"principal": "job", "days": 1})),
        ),
        (_, path) if route.access == Access::Agent => {
            let id = "0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d";
            (path.replace("{id}", id), None)
        }
        ("DELETE", "/v1/tokens/{id}") => {
            let other = "job".parse().unwrap();
            let issued = bed.vault.issue_first_token(&other, 1).await.unwrap();
            (format!("/v1/tokens/{}", issued.id), None)
        }
        (method, path) => panic!("`{method} {path}` has no case here: add one"),
    }
}

/// The path of a person, who was made for it, and has answered once if there is to be a receipt.
async fn of_subject(bed: &Bed, path: &str, email: &str) -> String {
    let oid = bed.subject(email).await;
    if path.ends_with("/receipts/{number}") {
        let no = json!({"withdraw": ["marketing"], "channel": "web"});
        let path = format!("/v1/subjects/{oid}/consent");
        let job = bed.of("job").await;
        job.call("PUT", &path, Some(no)).await.expect(200);
    }
    path.replace("{oid}", &oid).replace("{number}", "1")
}

/// The path of a request of a person, that was entered for it.
async fn on_request(bed: &Bed, path: &str, email: &str) -> String {
    if path.ends_with("/receipt") {
        let close = format!("/v1/subjects/{}/close", bed.subject(email).await);
        let job = bed.of("job").await;
        let closed = job.call("POST", &close, None).await.expect(200).json();
        return path.replace("{id}", closed["request"].as_str().unwrap());
    }
    let request = format!("/v1/subjects/{}/erasure", bed.subject(email).await);
    let asked = bed.of("job").await.post(&request, json!({})).await.json();
    path.replace("{id}", asked["id"].as_str().unwrap())
}

/// The path of a job, that was begun, or asked for, for it.
async fn on_job(bed: &Bed, path: &str) -> String {
    let id = match path.ends_with("/approve") {
        true => asked(bed).await,
        false => job(bed).await,
    };
    path.replace("{id}", &id)
}

/// The body of a request about answers of people who are named in it.
async fn on_answers(bed: &Bed, path: &str, email: &str) -> Value {
    if path == "/v1/kept-consent" {
        let puid = left(bed, email).await;
        return json!({"puid": puid, "reason": "claim 4711 about an advertisement"});
    }
    let oid = bed.subject(email).await;
    let at = "2025-01-01T00:00:00Z";
    json!({"subject": oid, "withdraw": ["marketing"], "at": at})
}

/// The account of somebody who answered and left.
async fn left(bed: &Bed, email: &str) -> String {
    let oid = bed.subject(email).await;
    let job = bed.of("job").await;
    let no = json!({"withdraw": ["marketing"], "channel": "web"});
    let consent = format!("/v1/subjects/{oid}/consent");
    job.call("PUT", &consent, Some(no)).await.expect(200);
    let close = format!("/v1/subjects/{oid}/close");
    let closed = job.call("POST", &close, None).await;
    let closed: privet_wire::Closed = closed.expect(200).read();
    closed.consent.unwrap().puid.to_string()
}

/// The body of a request about one subject.
fn on_subject(route: &Listed) -> Option<Value> {
    match (route.method.as_str(), route.path) {
        ("GET", _) | (_, "/v1/subjects/{oid}/close") => None,
        (_, "/v1/subjects/{oid}/fields") => Some(json!({"fields": {"phone": null}})),
        (_, "/v1/subjects/{oid}/fields/erase") => {
            Some(json!({"fields": ["phone"], "checked": "knew the marker word"}))
        }
        (_, "/v1/subjects/{oid}/telemetry-id/rotate") => Some(json!({"understood": true})),
        (_, "/v1/subjects/{oid}/erasure" | "/v1/subjects/{oid}/access") => {
            Some(json!({"channel": "letter", "checked": "knew the marker word"}))
        }
        (_, "/v1/subjects/{oid}/consent/gpc") => Some(json!({"sec_gpc": ["1"]})),
        (_, "/v1/subjects/{oid}/consent") => {
            Some(json!({"withdraw": ["marketing"], "channel": "gpc"}))
        }
        (method, path) => panic!("`{method} {path}` has no case here: add one"),
    }
}

/// The body of a request about values of one new person.
async fn values(bed: &Bed, path: &str, email: &str) -> Value {
    let subject = bed.subject(email).await;
    let purpose = "service";
    match path {
        "/v1/reveal" => json!({"subjects": [subject], "fields": ["email"], "purpose": purpose}),
        "/v1/lookup" => json!({"field": "email", "value": email, "purpose": purpose}),
        "/v1/seal" => json!({"items": [{"subject": subject, "field": "note", "value": "hi"}]}),
        _ => {
            let item = json!({"subject": subject, "field": "note", "value": "hi"});
            let job = bed.of("job").await;
            let sealed = job.post("/v1/seal", json!({"items": [item]})).await.json();
            let sealed = &sealed["items"][0]["sealed"];
            let item = json!({"subject": subject, "field": "note", "sealed": sealed});
            json!({"items": [item], "purpose": purpose})
        }
    }
}

/// A session of somebody who is nobody's reviewer.
async fn session(bed: &Bed, number: usize) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let now = Timestamp::from_second(1_763_660_000).unwrap();
    let id = SessionId::from_bytes(bytes);
    let row = SessionRow {
        id,
        principal: "on_call".parse().unwrap(),
        token: privet_vault::TokenId::from_bytes([9; 16]),
        source: "shop".parse().unwrap(),
        started_at: now,
        active_at: now,
        ended_at: Some(now),
        decrypted: false,
        statements: 0,
        opened: 0,
        emergency_at: None,
        review: None,
    };
    bed.stores.data.put_session(row).await.unwrap();
    let entry = NewSessionEntry {
        session: id,
        origin: ORIGIN.to_owned(),
        index: 0,
        part: SessionPart::Step,
    };
    let listed = bed.stores.data.add_session_entries(vec![entry]);
    listed.await.unwrap();
    id
}

/// A request about one session.
async fn on_session(bed: &Bed, path: &str, number: usize) -> (String, Option<Value>) {
    let id = session(bed, number).await;
    let body = match path {
        "/v1/sessions/{id}" | "/v1/sessions/{id}/proof" => None,
        "/v1/sessions/{id}/review" => Some(json!({"verdict": "approved"})),
        "/v1/sessions/{id}/comments" => Some(json!({"text": "asked in the ticket"})),
        path => panic!("`{path}` has no case here: add one"),
    };
    (path.replace("{id}", &id.to_string()), body)
}

/// A request about a grant, or about a request for one.
async fn on_grant(bed: &Bed, path: &str, number: usize) -> (String, Option<Value>) {
    let id = match path {
        "/v1/grants/{id}/revoke" => grant(bed, number).await.to_string(),
        "/v1/grant-requests/{id}/approve" | "/v1/grant-requests/{id}/deny" => {
            grant_request(bed, number).await.to_string()
        }
        path => panic!("`{path}` has no case here: add one"),
    };
    (path.replace("{id}", &id), Some(json!({})))
}

/// A live grant of somebody else's session.
async fn grant(bed: &Bed, number: usize) -> GrantId {
    let session = session(bed, number).await;
    let id = GrantId::from_bytes(*session.as_bytes());
    let now = bed.vault.time();
    let row = GrantRow {
        id,
        session,
        principal: "somebody".parse().unwrap(),
        subjects: Vec::new(),
        fields: vec![1],
        request: None,
        emergency: false,
        starts_at: now,
        ends_at: now + SignedDuration::from_mins(15),
        ended_at: None,
    };
    bed.stores.keys.add_grant(row).await.unwrap();
    id
}

/// A request that waits, of somebody else whose session goes on.
async fn grant_request(bed: &Bed, number: usize) -> GrantRequestId {
    let session = session(bed, number).await;
    let open = SessionRow {
        id: SessionId::from_bytes(session.as_bytes().map(|byte| !byte)),
        ended_at: None,
        ..bed.stores.data.session(session).await.unwrap().unwrap()
    };
    bed.stores.data.put_session(open.clone()).await.unwrap();
    let id = GrantRequestId::from_bytes(*session.as_bytes());
    let now = bed.vault.time();
    let row = GrantRequestRow {
        id,
        session: open.id,
        principal: "somebody".parse().unwrap(),
        source: "shop".parse().unwrap(),
        subjects: Vec::new(),
        fields: vec![1],
        minutes: 15,
        asked_at: now,
        expires_at: now + SignedDuration::from_mins(60),
        decision: None,
        grant: None,
        tell_at: None,
    };
    bed.stores.keys.add_request(row).await.unwrap();
    id
}

/// An adoption that is over: the source's file does not exist, so it fails at once.
async fn job(bed: &Bed) -> String {
    let operator = bed.of("operator").await;
    loop {
        let started = operator
            .post("/v1/sources/shop/adopt", json!({"dry_run": true}))
            .await;
        // One that another case started may still be running.
        if started.status != 409 {
            let started: privet_wire::JobStarted = started.expect(202).read();
            return started.job.to_string();
        }
        tokio::task::yield_now().await;
    }
}

/// A wish of the operator's that waits for its approval.
async fn asked(bed: &Bed) -> String {
    let reason = json!({"reason": "the pilot is over"});
    let operator = bed.of("operator").await;
    let asked = operator.post("/v1/sources/shop/undo", reason).await;
    let asked: privet_wire::UndoRequested = asked.expect(202).read();
    asked.job.to_string()
}

async fn idle(bed: &Bed) {
    let operator = bed.of("operator").await;
    let id = job(bed).await;
    let path = format!("/v1/jobs/{id}");
    while !operator
        .get(&path)
        .await
        .expect(200)
        .read::<privet_wire::Job>()
        .state
        .is_over()
    {
        tokio::task::yield_now().await;
    }
}

fn is_for_people(route: &Listed) -> bool {
    let programs = ["/v1/", "/health/", "/metrics", "/openapi.json"];
    !programs.iter().any(|start| route.path.starts_with(start))
}

/// The status of a page for nobody, for somebody with a made-up cookie, and for the principals, all with the forms of
/// their own pages.
async fn page(bed: &Bed, route: &Listed, number: usize, column: usize) -> u16 {
    let principal = column.checked_sub(2).map(|place| PRINCIPALS[place]);
    let mut cookie = if column == 1 {
        "0a".repeat(32)
    } else {
        String::new()
    };
    let (mut form, mut token) = ("0a".repeat(32), String::new());
    if let Some(principal) = principal {
        token = bed.of(principal).await.token.unwrap();
        let address = format!("192.0.2.{number}");
        // A program is never logged in.
        if let Ok(secret) = bed.vault.login_by_token(&token, &address).await {
            form = bed
                .vault
                .logged_in(&secret, &address)
                .unwrap()
                .form_token
                .to_string();
            cookie = secret.to_string();
        }
    }
    let id = match route.path {
        "/requests/{id}" => grant_request(bed, number).await.to_string(),
        "/people/{id}" => on_request(bed, "{id}", &format!("p{number}@example.com")).await,
        _ => session(bed, number).await.to_string(),
    };
    let name = match route.path {
        "/summary/{name}" => "summary.csv",
        _ => "privet.css",
    };
    let path = route
        .path
        .replace("{id}", &id)
        .replace("{name}", name)
        .replace("{index}", "0");
    let body = match (route.method.as_str(), route.path) {
        ("GET", _) => String::new(),
        ("POST", "/login") => format!("token={token}"),
        ("POST", "/logout" | "/people/{id}") => format!("form={form}"),
        ("POST", "/sessions/filter") => format!("form={form}&source=shop&text=log+in"),
        ("POST", "/requests/{id}") => format!("form={form}&say=approve"),
        ("POST", "/sessions/{id}") => format!("form={form}&say=approved"),
        (method, path) => panic!("`{method} {path}` has no case here: add one"),
    };
    let request = format!(
        "{} {path} HTTP/1.1\r\nHost: privet\r\nConnection: close\r\nCookie: privet={cookie}\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        route.method,
        body.len()
    );
    let answer = bed.client.raw(request.as_bytes()).await;
    let is_in = principal.is_some_and(|name| name != "job");
    if route.access == Access::Page && !is_in {
        let leads = answer.header("location").unwrap_or_default();
        assert!(
            leads.starts_with("/login"),
            "{} leads to {leads}",
            route.path
        );
    }
    answer.status
}

/// By two servers, one of which is for people's own pages: more logins than are let in within a minute would be needed of one.
async fn matrix(bed: &Bed, own: &Bed) -> String {
    let mut table = format!("{:<44}{:>6}{:>6}", "", "none", "wrong");
    for principal in PRINCIPALS {
        write!(table, "{principal:>10}").unwrap();
    }
    write!(table, "{:>10}", "subject").unwrap();
    let wrong = "pvt_test_000000000000000000000000000000000000000000000000deadbeef";
    for (row, route) in listed().iter().enumerate() {
        let name = format!("{} {}", route.method, route.path);
        write!(table, "\n{name:<44}").unwrap();
        if route.path.starts_with("/me") {
            for column in 0..3 + PRINCIPALS.len() {
                let width = if column < 2 { 6 } else { 10 };
                let status = own_page(own, route, row * 10 + column, column).await;
                write!(table, "{status:>width$}").unwrap();
            }
            continue;
        }
        if is_for_people(route) {
            for column in 0..2 + PRINCIPALS.len() {
                let width = if column < 2 { 6 } else { 10 };
                let status = page(bed, route, row * 10 + column, column).await;
                write!(table, "{status:>width$}").unwrap();
            }
            let path = route
                .path
                .replace("{id}", &session(bed, row).await.to_string());
            let path = path
                .replace("{index}", "0")
                .replace("{name}", "summary.csv");
            let status = person(bed, route, &path, row * 10 + 8).await;
            write!(table, "{status:>10}").unwrap();
            continue;
        }
        for (column, token) in [None, Some(wrong.to_owned())].into_iter().enumerate() {
            let (path, body) = request(bed, route, row * 10 + column).await;
            let client = Client {
                token,
                ..bed.client.clone()
            };
            let answer = client.call(route.method.as_str(), &path, body).await;
            let expected = match route.access {
                Access::Token => 401,
                // By its token, or by what it signs; here are no agents.
                Access::Agent if name == "POST /v1/agent/{id}" => 404,
                Access::Agent => 401,
                _ => 200,
            };
            assert_eq!(answer.status, expected, "{name}");
            write!(table, "{:>6}", answer.status).unwrap();
        }
        for (column, principal) in PRINCIPALS.into_iter().enumerate() {
            let (path, body) = request(bed, route, row * 10 + 4 + column).await;
            let client = bed.of(principal).await;
            if route.path.ends_with("/adopt") {
                idle(bed).await;
            }
            let answer = client.call(route.method.as_str(), &path, body).await;
            write!(table, "{:>10}", answer.status).unwrap();
        }
        let (path, _) = request(bed, route, row * 10 + 8).await;
        let status = person(bed, route, &path, row * 10 + 9).await;
        write!(table, "{status:>10}").unwrap();
    }
    table
}

#[tokio::test]
async fn every_route_knows_its_callers() {
    let memory = matrix(&bed().await, &bed().await).await;
    let [sqlite, own] = [Stores::sqlite(), Stores::sqlite()];
    let sqlite = Bed::start(sqlite, ApiConfig::default()).await;
    let own = Bed::start(own, ApiConfig::default()).await;
    assert_eq!(matrix(&sqlite, &own).await, memory);
    insta::assert_snapshot!(memory);
}

#[tokio::test]
async fn a_refused_caller_is_on_record() {
    let bed = bed().await;
    let oid = bed.subject("ada@example.com").await;
    let auditor = bed.of("auditor").await;
    let refused = crate::bed::reveal_email(&auditor, &oid, "service").await;
    assert_eq!(refused.problem(), "403 policy_denied");
    assert_eq!(bed.count("reveal.denied").await, 1);
    assert_eq!(bed.count("reveal").await, 0);
}
