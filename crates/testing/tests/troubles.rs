//! What a client does when things go wrong on the way, and what it never does.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use privet::{Client, Error, Field, Limits, NewSubject, Purpose, Reveal, Settings, SubjectName};
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
