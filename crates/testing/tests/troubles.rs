//! What a client does when things go wrong on the way, and what it never does.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use privet::{
    Client, Error, Field, FieldWrites, Limits, NewSubject, OpenBatch, Purpose, Reveal, SealBatch,
    Settings, SubjectName, wire,
};
use privet_classify::{Uii, value};
use privet_testing::{TestPrivet, Trouble};

const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
[fields.email]
number = 1
class = "UII"
type = "email"
lookup = { unique = true }
purposes = ["service"]
"#;
const SERVICE: Purpose = Purpose::new("service");

struct Email;
impl Field for Email {
    const NAME: &'static str = "email";
    type Value = Uii<String, value::Email>;
}

fn ada() -> Uii<String, value::Email> {
    Uii::new("ada@example.com".to_owned())
}

/// A Privet, and a client of its job that has called it once.
async fn privet() -> (TestPrivet, Client) {
    let privet = TestPrivet::start(MAP).await.unwrap();
    let client = privet.client("job").await.unwrap();
    client.whoami().await.unwrap();
    (privet, client)
}

async fn ada_of(client: &Client) -> Result<SubjectName, Error> {
    let new = NewSubject::new().field::<Email>(&ada());
    client.create_subject(&new).await.map(Into::into)
}

/// How often this was sent.
fn sent(privet: &TestPrivet, request: &str) -> usize {
    let seen = privet.transport().seen();
    let found = seen.iter().filter(|line| line.starts_with(request));
    found.count()
}

#[tokio::test]
async fn what_did_not_leave_is_sent_again_whatever_it_asks_for() {
    let (privet, client) = privet().await;
    privet
        .transport()
        .trouble([Trouble::Unreachable, Trouble::Unreachable]);
    ada_of(&client).await.unwrap();
    assert_eq!(sent(&privet, "POST /v1/subjects"), 3);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_twice() {
    let (privet, client) = privet().await;
    for trouble in [Trouble::AnswerLost, Trouble::Status(502)] {
        privet.transport().trouble([trouble]);
        let error = ada_of(&client).await.unwrap_err();
        assert!(error.may_be_done(), "{error:?}");
    }
    assert_eq!(sent(&privet, "POST /v1/subjects"), 2);
    // The first was done, and a look tells.
    let found = client.look_up::<Email>(&SERVICE, &ada()).await.unwrap();
    let oid = found.subjects.first().unwrap();
    privet.transport().trouble([Trouble::AnswerLost]);
    assert!(client.close(*oid).await.unwrap_err().may_be_done());
    assert_eq!(
        client.describe(*oid).await.unwrap_err().code(),
        Some("not_found")
    );
}

#[tokio::test]
async fn what_did_not_leave_at_last_may_have_been_done_at_first() {
    let (privet, client) = privet().await;
    let oid = client.create_subject(&NewSubject::new()).await.unwrap();
    privet.transport().trouble([
        Trouble::AnswerLost,
        Trouble::Unreachable,
        Trouble::Unreachable,
        Trouble::Unreachable,
    ]);
    let change = FieldWrites::new().set::<Email>(&ada());
    let error = client.write(oid, &change).await.unwrap_err();
    assert!(error.may_be_done(), "{error:?}");
    // It was.
    assert_eq!(client.describe(oid).await.unwrap().fields, ["email"]);
    // What never left was not.
    privet.transport().trouble([Trouble::Unreachable; 4]);
    let error = client.write(oid, &change).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && !error.may_be_done());
}

#[tokio::test]
async fn a_slot_fits_its_own_batch_alone() {
    let (_privet, client) = privet().await;
    let subject = ada_of(&client).await.unwrap();
    let batch = || {
        let mut batch = SealBatch::new();
        let slot = batch.add::<Email>(&subject, &ada());
        (batch, slot)
    };
    let ((one, slot_of_one), (other, slot_of_other)) = (batch(), batch());
    let mut one = client.seal(one).await.unwrap();
    let mut other = client.seal(other).await.unwrap();
    assert!(matches!(one.take(slot_of_other), Err(Error::Slot)));
    let stored = one.take(slot_of_one).unwrap();
    // Nor does one of sealing fit opening, though it has the same type.
    let mut opening = OpenBatch::new(SERVICE);
    let slot = opening.add(&subject, &stored.sealed);
    let mut opened = client.open(opening).await.unwrap();
    let (_, stranger) = batch();
    assert!(matches!(opened.take(stranger), Err(Error::Slot)));
    assert!(matches!(other.take(slot), Err(Error::Slot)));
}

#[tokio::test]
async fn nothing_asks_nothing() {
    let (privet, client) = privet().await;
    let before = privet.transport().seen().len();
    client.seal(SealBatch::new()).await.unwrap();
    client.open(OpenBatch::new(SERVICE)).await.unwrap();
    assert_eq!(privet.transport().seen().len(), before);
}

/// As [`MAP`], with a table whose rows name subjects.
const MAP_WITH_ROWS: &str = r#"
[purposes]
service = { basis = "contract" }
[fields.email]
number = 1
class = "UII"
type = "email"
purposes = ["service"]
[sources.shop]
tenant = "acme"
[sources.shop.tables.customer]
subject = "customer_id"
columns = { customer_id = { class = "UPI" }, email = { field = "email" } }
"#;

#[tokio::test]
async fn a_row_has_whatever_key_it_has() {
    let privet = TestPrivet::start(MAP_WITH_ROWS).await.unwrap();
    let client = privet.client("job").await.unwrap();
    let keys = [
        "a/b?c=d&e#f",
        "a:b:c",
        "line\none",
        "\"quoted\\\"",
        "Zoë 🦔",
        "%2e%2e",
        "../..",
        " ",
    ];
    let name = |key: &str| SubjectName::row("shop", "customer", key);
    for key in keys {
        let new = NewSubject::new().field::<Email>(&ada());
        client
            .create_subject(&new.row("shop", "customer", key))
            .await
            .unwrap();
    }
    let asked = Reveal::new(SERVICE)
        .subjects(keys.map(name))
        .field::<Email>();
    let revealed = client.reveal(&asked).await.unwrap();
    for key in keys {
        let value = revealed.value::<Email>(&name(key)).unwrap();
        assert_eq!(value, Some(ada()), "{key}");
        let stored = client.seal_one::<Email>(&name(key), &ada()).await.unwrap();
        let name = name(key);
        let opened = client.open_one(&SERVICE, &name, &stored.sealed).await;
        assert_eq!(opened.unwrap(), Some(ada()), "{key}");
    }
    // The next one is somebody else, or nobody.
    let asked = Reveal::new(SERVICE).subject(&name("a:b")).field::<Email>();
    let error = client.reveal(&asked).await.unwrap_err();
    assert_eq!(error.code(), Some("not_found"));
}

#[tokio::test]
async fn nothing_shows_whom_it_is_about() {
    let privet = TestPrivet::start(MAP_WITH_ROWS).await.unwrap();
    let client = privet.client("job").await.unwrap();
    let new = NewSubject::new()
        .field::<Email>(&ada())
        .row("shop", "customer", "marker");
    let mut shown = vec![format!("{new:?}")];
    let oid = client.create_subject(&new).await.unwrap();
    shown.push(format!("{:?}", client.describe(oid).await.unwrap()));
    let name = SubjectName::row("shop", "customer", "marker");
    let asked = Reveal::new(SERVICE)
        .subject(&name)
        .field::<Email>()
        .reason("because marker");
    shown.push(format!("{name:?} {asked:?}"));
    let revealed = client.reveal(&asked).await.unwrap();
    shown.push(format!("{revealed:?} {:?}", revealed.value::<Email>(&name)));
    let change = FieldWrites::new().set::<Email>(&ada());
    let mut batch = SealBatch::new();
    let slot = batch.add::<Email>(&name, &ada());
    shown.push(format!("{change:?} {batch:?} {slot:?}"));
    let mut sealed = client.seal(batch).await.unwrap();
    shown.push(format!("{sealed:?}"));
    let stored = sealed.take(slot).unwrap();
    let mut batch = OpenBatch::new(SERVICE);
    let slot = batch.add(&name, &stored.sealed);
    shown.push(format!("{stored:?} {batch:?} {slot:?}"));
    let mut opened = client.open(batch).await.unwrap();
    shown.push(format!("{opened:?} {:?}", opened.take(slot)));
    shown.push(format!("{client:?} {:?}", privet.settings("job").await));
    let nobody = SubjectName::row("shop", "customer", "marker 2");
    let refused = client.seal_one::<Email>(&nobody, &ada()).await;
    shown.push(format!("{refused:?}"));
    // The API's own types, for who makes calls by hand.
    let name = || "shop/customer:marker".to_owned();
    shown.push(format!(
        "{:?} {:?} {:?} {:?} {:?}",
        wire::RevealRequest {
            subjects: vec![name()],
            fields: Vec::new(),
            purpose: String::new(),
            form: None,
            reason: None,
        },
        wire::RevealedSubject {
            subject: name(),
            found: true,
            values: Default::default(),
            unreadable: Vec::new(),
            refused: None,
        },
        wire::SealItem {
            subject: name(),
            field: String::new(),
            value: wire::Personal::new("marker"),
        },
        wire::OpenItem {
            subject: name(),
            field: String::new(),
            sealed: String::new(),
        },
        wire::CreateSubject {
            aliases: vec![name()],
            ..Default::default()
        },
    ));
    for shown in shown {
        let told = ["marker", "ada@", "lovelace"];
        assert!(!told.iter().any(|part| shown.contains(part)), "{shown}");
    }
}

#[tokio::test]
async fn what_does_no_harm_is_repeated_and_each_time_on_record() {
    let (privet, client) = privet().await;
    let subject = ada_of(&client).await.unwrap();
    let lost = [
        Trouble::AnswerLost,
        Trouble::Status(503),
        Trouble::Status(504),
    ];
    privet.transport().trouble(lost);
    let asked = Reveal::new(SERVICE).subject(&subject).field::<Email>();
    let revealed = client.reveal(&asked).await.unwrap();
    assert_eq!(revealed.value::<Email>(&subject).unwrap(), Some(ada()));
    assert_eq!(sent(&privet, "POST /v1/reveal"), 4);
    // Once for the answer that was lost, once for the one that came.
    let looks = privet.looks().await.unwrap();
    let looks: Vec<_> = looks
        .iter()
        .map(|look| (&*look.kind, look.subjects))
        .collect();
    assert_eq!(looks, [("reveal", 1), ("reveal", 1)]);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let privet = TestPrivet::start(MAP).await.unwrap();
    let limits = Limits {
        deadline: Duration::from_millis(300),
        attempt: Duration::from_millis(100),
        ..Limits::default()
    };
    let settings = privet.settings("job").await.unwrap().limits(limits);
    let client = Client::with_transport(settings, privet.transport().clone()).unwrap();
    privet.transport().trouble([Trouble::Silence; 8]);
    let error = client.whoami().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Deadline {
                call: "/health/live",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn repetitions_are_bounded_for_a_call_and_for_all() {
    let (privet, client) = privet().await;
    privet.transport().trouble([Trouble::Unreachable; 4]);
    let error = client.whoami().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(sent(&privet, "GET /v1/whoami"), 1 + 4);
    // Ten repetitions may be made while nothing is answered; three are used up.
    privet.transport().trouble([Trouble::Unreachable; 100]);
    for _ in 0..20 {
        client.whoami().await.unwrap_err();
    }
    assert_eq!(sent(&privet, "GET /v1/whoami"), 5 + 20 + 7);
}

#[tokio::test]
async fn a_token_reaches_its_own_environment_alone() {
    let privet = TestPrivet::start(MAP).await.unwrap();
    let secret = "0a".repeat(28);
    let of = |environment: &str, token: &str| {
        let token = format!("pvt_{token}_{secret}").parse().unwrap();
        let settings = Settings::new(environment.parse().unwrap(), token);
        Client::with_transport(settings, privet.transport().clone())
    };
    // The token is of another environment than the process: it is not even made.
    let error = of("staging", "prod").unwrap_err();
    assert!(matches!(error, Error::OtherToken { .. }), "{error:?}");
    assert!(privet.transport().seen().is_empty());
    // Both are, and the address leads to a server of a third.
    let error = of("staging", "staging")
        .unwrap()
        .whoami()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::OtherServer { .. }), "{error:?}");
    assert_eq!(privet.transport().seen(), ["GET /health/live"]);
    // The right one asks once, however many calls begin at once.
    let client = privet.client("job").await.unwrap();
    let calls = [client.clone(), client.clone(), client.clone()];
    let calls = calls.map(|client| tokio::spawn(async move { client.whoami().await.unwrap() }));
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(sent(&privet, "GET /health/live"), 2);
    assert_eq!(sent(&privet, "GET /v1/whoami token"), 3);
}

#[tokio::test]
async fn time_moves_by_hand() {
    let (privet, client) = privet().await;
    privet.clock().advance(Duration::from_secs(31 * 86_400));
    assert_eq!(
        client.whoami().await.unwrap_err().code(),
        Some("unauthenticated")
    );
}

#[tokio::test]
async fn values_that_could_be_somebodys_are_refused() {
    let real = NewSubject::new().field::<Email>(&Uii::new("ada.lovelace@gmail.com".to_owned()));
    let (_privet, client) = privet().await;
    let error = client.create_subject(&real).await.unwrap_err();
    assert_eq!(error.code(), Some("synthetic_only"));
    assert!(!format!("{error} {error:?}").contains("lovelace"));
    let open = TestPrivet::builder(MAP)
        .real_values()
        .start()
        .await
        .unwrap();
    open.client("job")
        .await
        .unwrap()
        .create_subject(&real)
        .await
        .unwrap();
}

#[tokio::test]
async fn looks_are_told_whoever_the_principals_are() {
    let principals = "[jobs.mailer]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]";
    let privet = TestPrivet::builder(MAP).principals(principals);
    let privet = privet.start().await.unwrap();
    let client = privet.client("mailer").await.unwrap();
    client.look_up::<Email>(&SERVICE, &ada()).await.unwrap();
    let looks = privet.looks().await.unwrap();
    let who: Vec<_> = looks.iter().map(|look| &*look.principal).collect();
    assert_eq!(who, ["mailer"]);
    // What is wrong with them is still said.
    let wrong = TestPrivet::builder(MAP).principals("[jobs.mailer]\ngroup = []");
    let error = wrong.start().await.unwrap_err().to_string();
    assert!(
        error.starts_with("the policies") && !error.contains("reader"),
        "{error}"
    );
}

#[tokio::test]
async fn looks_say_who_saw_what_for_which_purpose() {
    let (privet, client) = privet().await;
    let subject = ada_of(&client).await.unwrap();
    let stored = client.seal_one::<Email>(&subject, &ada()).await.unwrap();
    client
        .open_one(&SERVICE, &subject, &stored.sealed)
        .await
        .unwrap();
    client.look_up::<Email>(&SERVICE, &ada()).await.unwrap();
    let odd = Reveal::new(Purpose::new("curiosity"))
        .subject(&subject)
        .field::<Email>();
    client.reveal(&odd).await.unwrap_err();
    let looks = privet.looks().await.unwrap();
    let looks: Vec<_> = looks
        .iter()
        .map(|look| {
            format!(
                "{} {} {:?} {}",
                look.kind, look.purpose, look.fields, look.subjects
            )
        })
        .collect();
    let expected = [
        r#"open service ["email"] 1"#,
        r#"lookup service ["email"] 1"#,
    ];
    assert_eq!(looks.get(..2).unwrap(), expected);
    assert!(
        looks
            .iter()
            .skip(2)
            .all(|look| look.starts_with("reveal.denied")),
        "{looks:?}"
    );
}
