//! Sessions as engineers make them.

use privet_vault::audit::Entry;
use privet_vault::port::{SessionEntryFilter, SessionPart};
use privet_vault::{Connection, DecryptRequest, SessionId, Statement};
use serde_json::json;

use crate::bed::Bed;

pub(crate) const TICKET: &str = "https://tickets.example.com/7";

/// A console of the engineer on call, with a reason.
pub(crate) async fn console(bed: &Bed, reason: &str, link: &str) -> (Connection, SessionId) {
    let token = bed.of("on_call").await.token.unwrap();
    let caller = bed.vault.authenticate(&token, "192.0.2.7").await.unwrap();
    let mut console = bed.vault.connect(caller, "shop").await.unwrap();
    let id = console.justify(reason, Some(link)).await.unwrap();
    (console, id)
}

/// A session in which these statements ran.
pub(crate) async fn session(bed: &Bed, reason: &str, statements: &[&str]) -> SessionId {
    let (mut console, id) = console(bed, reason, TICKET).await;
    for sql in statements {
        run(&mut console, sql).await;
    }
    console.close().await.unwrap();
    settled(bed, id).await;
    bed.clock.advance_seconds(2);
    // After time was moved on, the shared sequence has to be read before anything opens.
    while !bed.vault.health().reasons.is_empty() {
        tokio::task::yield_now().await;
    }
    id
}

/// Waits until every entry of a session is listed with it: that happens behind its statements.
pub(crate) async fn settled(bed: &Bed, id: SessionId) {
    let filter = SessionEntryFilter {
        session: id,
        at_least: SessionPart::Step,
        after: 0,
        count_max: 4_000,
    };
    loop {
        let entries = bed.vault.audit().entries(0, 4_000).await.unwrap();
        let of_session = |bytes: &&Vec<u8>| Entry::parse(bytes).unwrap().session == Some(id);
        let written = entries.iter().filter(of_session).count();
        let listed = bed.stores.data.session_entries(&filter).await.unwrap();
        if listed.len() == written {
            return;
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn run(console: &mut Connection, sql: &str) {
    let statement = Statement {
        sql,
        parameters: &[],
    };
    console.record(statement).await.unwrap();
}

/// A session in which one customer's address was decrypted.
pub(crate) async fn decrypted(bed: &Bed, reason: &str) -> SessionId {
    let ada = bed.subject("ada@example.com").await;
    let item = json!({"subject": ada, "field": "email", "value": "ada@example.com"});
    let job = bed.of("job").await;
    let sealed = job
        .post("/v1/seal", json!({ "items": [item] }))
        .await
        .json();
    let sealed = sealed["items"][0]["sealed"].as_str().unwrap().to_owned();
    let (mut console, id) = console(bed, reason, TICKET).await;
    run(
        &mut console,
        "SELECT customer_id, first_name, email FROM customer LIMIT 5",
    )
    .await;
    let request = DecryptRequest {
        consent: format!("{TICKET}#yes"),
        subject: ada,
        fields: Some(vec!["email".to_owned(), "phone".to_owned()]),
        minutes: None,
        emergency: None,
    };
    console.decrypt(&request).await.unwrap();
    let statement = Statement {
        sql: "SELECT email, phone\n  FROM customer\n WHERE customer_id = $1",
        parameters: &[Some("42".to_owned()), None],
    };
    let permit = console.record(statement).await.unwrap();
    assert!(
        console
            .opener()
            .open_text(sealed.as_bytes(), &mut Vec::new())
    );
    console.shown(permit, 1);
    console.close().await.unwrap();
    // What was shown is written behind the result.
    while bed.count("statement.shown").await == 0 {
        tokio::task::yield_now().await;
    }
    settled(bed, id).await;
    id
}
