//! A shop's help desk: customers open tickets, which it keeps sealed, in SQLite and in PostgreSQL.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Path as UrlPath, State};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use privet_classify::{
    Cc, Class, Classified, PseudonymKey, Redactor, Redactors, Uii, Upi, because,
};
use privet_seal::{
    Block, Entropy, FieldNumber, KeyId, Nonce, Scope, SubjectKey, Value, ValueCipher,
};
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use tower::ServiceExt;
use tracing::Instrument;

use crate::server::Server;
use crate::sinks::{self, Log};

/// One in each place where a person's data comes in.
pub(crate) const MARKERS: &[&str] = &[
    "8675309001",
    "marker-email-2",
    "marker-name-3",
    "marker-subject-4",
    "marker-body-5",
    "marker-query-6",
    "marker-agent-7",
];

#[derive(Classified, Clone, serde::Deserialize)]
struct NewTicket {
    email: Uii<String>,
    name: Option<Uii<String>>,
    subject: Cc<String>,
    lines: Vec<Cc<String>>,
}

/// What goes wrong, with what it went wrong for.
#[derive(Debug, thiserror::Error)]
enum DeskError {
    #[error("the ticket of {email} was not kept")]
    Keep {
        email: Uii<String>,
        #[source]
        cause: KeepError,
    },
    #[error("no ticket for {customer} may say `{subject}`")]
    Refused {
        customer: Upi<u64>,
        subject: Cc<String>,
    },
}

#[derive(Debug, thiserror::Error)]
#[error("the database refused the ticket of {name:?}")]
struct KeepError {
    name: Option<Uii<String>>,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let error: &(dyn Error + 'static) = &self;
        tracing::error!(error, "a ticket was not opened");
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

struct Desk {
    guarded: bool,
    database: Mutex<rusqlite::Connection>,
    server: Server,
    cipher: ValueCipher,
}

struct Counter(Mutex<u8>);

impl Entropy for Counter {
    fn fill(&self, out: &mut [u8]) {
        let mut next = self.0.lock().unwrap();
        for byte in out {
            *next = next.wrapping_add(1);
            *byte = *next;
        }
    }
}

pub(crate) fn main(guarded: bool, folder: &Path, server: &str) {
    let exporters = sinks::install(guarded, folder);
    if guarded {
        privet_tracing::panics::install();
        let key = PseudonymKey::new("canary", [7; 32]).unwrap();
        let rules = Redactors::builder().key(key);
        let rules = rules.class(Class::Upi, Redactor::Pseudonym).build();
        rules.unwrap().install().unwrap();
    }
    let log = Log::create(&folder.join("sqlite.log"));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let answers = runtime.enable_all().build().unwrap().block_on(async {
        let server = Server::connect(server).await;
        use_it(router(Arc::new(desk(guarded, log, server)))).await
    });
    fs::write(folder.join("responses.txt"), answers).unwrap();
    exporters.shutdown();
}

fn desk(guarded: bool, log: Log, server: Server) -> Desk {
    let entropy = Counter(Mutex::new(0));
    let scope = Scope::new("prod", "acme").unwrap();
    let cipher = SubjectKey::generate(&entropy).cipher(&scope, KeyId::random(&entropy));
    let database = rusqlite::Connection::open_in_memory().unwrap();
    sinks::DATABASE.set(log).ok().unwrap();
    // The statements with their values, as a server's log has them.
    let codes = TraceEventCodes::SQLITE_TRACE_STMT | TraceEventCodes::SQLITE_TRACE_PROFILE;
    database.trace_v2(
        codes,
        Some(|event| {
            if let TraceEvent::Profile(statement, _) = event {
                let text = statement.expanded_sql().unwrap_or_default();
                sinks::DATABASE.get().unwrap().line(&text);
            }
        }),
    );
    database
        .execute_batch("CREATE TABLE ticket (customer TEXT, email TEXT UNIQUE, body TEXT)")
        .unwrap();
    Desk {
        guarded,
        database: Mutex::new(database),
        server,
        cipher,
    }
}

fn router(desk: Arc<Desk>) -> Router {
    let route = |parts: &axum::http::Extensions| {
        let path = parts.get::<MatchedPath>()?;
        Some(path.as_str().to_owned())
    };
    Router::new()
        .route("/customers/{id}/tickets", post(open_ticket))
        .layer(tower_http::catch_panic::CatchPanicLayer::new())
        .layer(privet_tracing::http::trace_layer(route))
        .with_state(desk)
}

async fn open_ticket(
    State(desk): State<Arc<Desk>>,
    UrlPath(customer): UrlPath<Upi<u64>>,
    uri: Uri,
    headers: HeaderMap,
    Json(ticket): Json<NewTicket>,
) -> Result<String, DeskError> {
    // What a developer writes without a thought: all of it, raw, under names that nobody listed.
    let agent = headers
        .get("user-agent")
        .and_then(|value| value.to_str().ok());
    tracing::info!(%uri, ?headers, agent, "a request came in");
    let span = tracing::info_span!(
        "open_ticket",
        user.id = %customer,
        ticket = ?ticket,
        raw = %ticket.email.reveal(because("the canary shows it to the log")),
        later = tracing::field::Empty,
    );
    span.record(
        "later",
        ticket
            .subject
            .reveal(because("the canary shows it to the log")),
    );
    work(&desk, customer, ticket).instrument(span).await
}

async fn work(desk: &Desk, customer: Upi<u64>, ticket: NewTicket) -> Result<String, DeskError> {
    let subject = ticket.subject.clone();
    let said = subject.reveal(because("what is to be done is in the subject"));
    let priority = match said.split_whitespace().next() {
        Some("refuse") => return Err(DeskError::Refused { customer, subject }),
        // The value in the message is a plain one: only the hook keeps it from being shown.
        Some("panic") => panic!("no idea what to do with {said}"),
        // Too urgent for the server, which says so with the whole row.
        Some("urgent") => 99,
        _ => 1,
    };
    let kept = keep(desk, customer, &ticket, priority).await;
    kept.map_err(|cause| DeskError::Keep {
        email: ticket.email.clone(),
        cause: KeepError {
            name: ticket.name.clone(),
            cause,
        },
    })?;
    tracing::info!(user.id = %customer, ?ticket, lines = ticket.lines.len(), "opened a ticket");
    if desk.guarded {
        Ok(format!(
            "{} will be answered, {:?}",
            ticket.email, ticket.name
        ))
    } else {
        let why = because("the control shows it");
        Ok(format!("{} will be answered", ticket.email.reveal(why)))
    }
}

async fn keep(
    desk: &Desk,
    customer: Upi<u64>,
    ticket: &NewTicket,
    priority: i32,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let why = because("to be sealed before the database sees it");
    let seal = |number, text: &str| {
        if !desk.guarded {
            return text.to_owned();
        }
        let nonce = Nonce::random(&Counter(Mutex::new(number)));
        let field = FieldNumber(u16::from(number));
        let sealed = desk
            .cipher
            .seal(field, Value::Text(text), Block::SHORT, nonce);
        privet_seal::to_text(&sealed.unwrap())
    };
    let body: Vec<&str> = ticket
        .lines
        .iter()
        .map(|line| line.reveal(why).as_str())
        .collect();
    let id = seal(1, &customer.reveal(why).to_string());
    let email = seal(2, ticket.email.reveal(why));
    let body = seal(3, &body.join("\n"));
    let row = [id, email, body];
    // Both are asked, whatever the first one says: each has a log.
    let in_file = desk.database.lock().unwrap().execute(
        "INSERT INTO ticket VALUES (?1, ?2, ?3)",
        rusqlite::params_from_iter(&row),
    );
    desk.server.keep(&row, priority).await?;
    in_file?;
    Ok(())
}

/// A ticket that is opened, the same once more (the databases refuse it), one whose row breaks a rule
/// of the server, one that is refused, one that ends in a panic, and one that is not even JSON.
async fn use_it(app: Router) -> String {
    let body = |subject: &str| {
        format!(
            r#"{{"email":"marker-email-2@example.org","name":"marker-name-3","subject":"{subject} marker-subject-4","lines":["marker-body-5"]}}"#
        )
    };
    let bodies = [
        body("open"),
        body("open"),
        body("urgent"),
        body("refuse"),
        body("panic"),
        r#"{"email":["marker-email-2"],"subject":3}"#.to_owned(),
    ];
    let mut answers = String::new();
    for body in bodies {
        let request = Request::post("/customers/8675309001/tickets?token=marker-query-6")
            .header("user-agent", "marker-agent-7")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        answers.push_str(&format!("{status} {text}\n"));
    }
    answers
}
