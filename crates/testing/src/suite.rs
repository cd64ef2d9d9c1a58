//! What every Privet does for its clients, said once: it runs against the server in memory and against the executable.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite of tests fails by panics"
)]

use std::time::Duration;

use async_trait::async_trait;
use privet::wire::{
    Form, GrantQuery, IssueToken, LogQuery, SessionQuery, StepQuery, SummaryQuery, TokenState,
};
use privet::{
    Client, Error, Field, FieldWrites, NewSubject, OpenBatch, Purpose, Reveal, SealBatch,
    SubjectName,
};
use privet_classify::synthetic::Person;
use privet_classify::{Cc, Udi, Uii, value};

/// Where the suite runs.
///
/// ```
/// use privet::Client;
/// use privet_testing::{Place, TestPrivet};
///
/// struct InMemory(TestPrivet);
///
/// #[async_trait::async_trait]
/// impl Place for InMemory {
///     async fn client(&self, principal: &str) -> Client {
///         self.0.client(principal).await.unwrap()
///     }
/// }
/// ```
#[async_trait]
pub trait Place: Sync {
    /// A client of one of the standard principals: `job` (for the purpose `service`), `operator`, `auditor`, `on_call`.
    ///
    /// ```
    /// # async fn example(place: &dyn privet_testing::Place) -> Result<(), privet::Error> {
    /// assert_eq!(place.client("auditor").await.whoami().await?.principal, "auditor");
    /// # Ok(())
    /// # }
    /// ```
    async fn client(&self, principal: &str) -> Client;
}

/// The data map of the suite. A place that has sources names `shop`.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let privet = privet_testing::TestPrivet::start(privet_testing::SUITE_MAP).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const SUITE_MAP: &str = r#"
[purposes]
service = { basis = "contract" }
support = { basis = "legitimate_interest" }
marketing = { basis = "consent", bit = 0, notice = "2026-11" }

[fields.email]
number = 1
class = "UII"
type = "email"
lookup = { unique = true }
purposes = ["service", "support", "marketing"]

[fields.age]
number = 2
class = "UDI"
type = "integer"
purposes = ["service"]

[fields.note]
number = 3
class = "CC"
type = "text"
purposes = ["service"]

[sources.shop]
tenant = "acme"
[sources.shop.tables.customer]
subject = "customer_id"
[sources.shop.tables.customer.columns]
customer_id = { class = "UPI" }
email = { field = "email" }
"#;

struct Email;
impl Field for Email {
    const NAME: &'static str = "email";
    type Value = Uii<String, value::Email>;
}

struct Age;
impl Field for Age {
    const NAME: &'static str = "age";
    type Value = Udi<i64, value::Integer>;
}

struct Note;
impl Field for Note {
    const NAME: &'static str = "note";
    type Value = Cc<String, value::Text>;
}

/// A field that the map does not have.
struct ShoeSize;
impl Field for ShoeSize {
    const NAME: &'static str = "shoe_size";
    type Value = Udi<i64, value::Integer>;
}

const SERVICE: Purpose = Purpose::new("service");

/// People of the suite; each part of it has its own, because a place remembers.
fn person(index: u64) -> Person {
    Person::new(20_261_126, index)
}

fn email(index: u64) -> Uii<String, value::Email> {
    Uii::new(person(index).email)
}

fn note(index: u64) -> Cc<String, value::Text> {
    Cc::new(person(index).note)
}

async fn subject(job: &Client, index: u64) -> SubjectName {
    let new = NewSubject::new().field::<Email>(&email(index));
    job.create_subject(&new).await.unwrap().into()
}

fn code(error: &Error) -> &str {
    error.code().unwrap_or_else(|| panic!("{error:?}"))
}

/// Runs all of it. The place is new, or has run nothing but the suite.
///
/// ```
/// # async fn example(place: impl privet_testing::Place) {
/// privet_testing::suite(&place).await;
/// # }
/// ```
pub async fn suite(place: &dyn Place) {
    who_asks(place).await;
    a_subject_from_its_making_to_its_end(place).await;
    forms_and_purposes(place).await;
    values_kept_by_an_application(place).await;
    more_than_a_request_holds(place).await;
    refusals_have_codes(place).await;
    operations(place).await;
}

async fn who_asks(place: &dyn Place) {
    let job = place.client("job").await;
    let whoami = job.whoami().await.unwrap();
    assert_eq!(
        (&*whoami.principal, &*whoami.environment),
        ("job", job.environment().as_str())
    );
    let health = job.health().await.unwrap();
    assert_eq!(
        (health.environment, health.reasons.len()),
        (whoami.environment, 0)
    );
}

async fn a_subject_from_its_making_to_its_end(place: &dyn Place) {
    let job = place.client("job").await;
    let new = NewSubject::new()
        .field::<Email>(&email(1))
        .row("shop", "customer", 1);
    let oid = job.create_subject(&new).await.unwrap();
    let described = job.describe(oid).await.unwrap();
    assert_eq!(
        (described.fields, described.aliases),
        (vec!["email".to_owned()], vec!["shop/customer:1".to_owned()])
    );

    let change = FieldWrites::new()
        .set::<Age>(&Udi::new(44))
        .set::<Note>(&note(1));
    job.write(oid, &change).await.unwrap();
    let (by_oid, by_row) = (oid.into(), SubjectName::row("shop", "customer", 1));
    for name in [&by_oid, &by_row] {
        let asked = Reveal::new(SERVICE)
            .subject(name)
            .field::<Email>()
            .field::<Age>();
        let revealed = job.reveal(&asked).await.unwrap();
        assert_eq!(revealed.form(), Form::Clear);
        assert_eq!(revealed.value::<Email>(name).unwrap(), Some(email(1)));
        assert_eq!(revealed.value::<Age>(name).unwrap(), Some(Udi::new(44)));
        assert!(matches!(
            revealed.value::<Note>(name),
            Err(Error::NotAsked("field"))
        ));
    }
    job.write(oid, &FieldWrites::new().delete::<Age>())
        .await
        .unwrap();
    let asked = Reveal::new(SERVICE).subject(&by_oid).field::<Age>();
    assert_eq!(
        job.reveal(&asked)
            .await
            .unwrap()
            .value::<Age>(&by_oid)
            .unwrap(),
        None
    );

    let found = job.look_up::<Email>(&SERVICE, &email(1)).await.unwrap();
    assert_eq!(found.subjects, [oid]);
    let sealed = job.seal_one::<Email>(&by_oid, &email(1)).await.unwrap();
    assert_eq!(found.indexes, [sealed.index.unwrap()]);
    let shouted = email(1).map(|email| email.to_uppercase());
    let shouted = job.look_up::<Email>(&SERVICE, &shouted).await.unwrap();
    assert_eq!(
        (shouted.subjects, shouted.indexes),
        (found.subjects, found.indexes)
    );
    let nobody = job.look_up::<Email>(&SERVICE, &email(0)).await.unwrap();
    assert_eq!((nobody.subjects.len(), nobody.indexes.len()), (0, 1));

    let closed = job.close(oid).await.unwrap();
    assert!(closed.keys_destroyed >= 2);
    assert_eq!(code(&job.close(oid).await.unwrap_err()), "not_found");
    assert_eq!(code(&job.describe(oid).await.unwrap_err()), "not_found");
    assert_eq!(code(&job.reveal(&asked).await.unwrap_err()), "not_found");
    // The address is free again.
    subject(&job, 1).await;
}

async fn forms_and_purposes(place: &dyn Place) {
    let (job, on_call) = (place.client("job").await, place.client("on_call").await);
    let ada = subject(&job, 2).await;
    let asked = Reveal::new(SERVICE).subject(&ada).field::<Email>();
    for (form, start) in [
        (Form::Masked, "•"),
        (Form::Pseudonym, ""),
        (Form::Sealed, "pv1_"),
    ] {
        let revealed = job.reveal(&asked.clone().form(form)).await.unwrap();
        assert_eq!(revealed.form(), form);
        assert!(matches!(
            revealed.value::<Email>(&ada),
            Err(Error::NotClear)
        ));
        let shown = revealed.shown::<Email>(&ada).unwrap().unwrap();
        assert!(
            shown.starts_with(start) && !shown.contains('@') || form == Form::Masked,
            "{form:?}"
        );
        assert!(!shown.contains(&person(2).email));
    }
    let support = Reveal::new(Purpose::new("support"))
        .subject(&ada)
        .field::<Email>();
    assert_eq!(on_call.reveal(&support).await.unwrap().form(), Form::Masked);
    let clear = support.clone().form(Form::Clear);
    assert_eq!(
        code(&on_call.reveal(&clear).await.unwrap_err()),
        "policy_denied"
    );
    let marketing = Reveal::new(Purpose::new("marketing"))
        .subject(&ada)
        .field::<Email>();
    let refused = code(&job.reveal(&marketing).await.unwrap_err()).to_owned();
    assert!(
        ["policy_denied", "consent_missing"].contains(&&*refused),
        "{refused}"
    );
    let odd = Reveal::new(Purpose::new("curiosity"))
        .subject(&ada)
        .field::<Email>();
    assert_eq!(
        code(&job.reveal(&odd).await.unwrap_err()),
        "unknown_purpose"
    );
}

async fn values_kept_by_an_application(place: &dyn Place) {
    let job = place.client("job").await;
    let (ada, eve) = (subject(&job, 3).await, subject(&job, 4).await);
    let mut batch = SealBatch::new();
    let email_of_ada = batch.add::<Email>(&ada, &email(3));
    let note_of_ada = batch.add::<Note>(&ada, &note(3));
    let email_of_eve = batch.add::<Email>(&eve, &email(4));
    assert_eq!(batch.len(), 3);
    let mut sealed = job.seal(batch).await.unwrap();
    // In another order than they were added.
    let email_of_eve = sealed.take(email_of_eve).unwrap();
    let email_of_ada = sealed.take(email_of_ada).unwrap();
    let note_of_ada = sealed.take(note_of_ada).unwrap();
    assert!(note_of_ada.index.is_none());
    assert_ne!(email_of_ada.index, email_of_eve.index);
    let again = job.seal_one::<Email>(&ada, &email(3)).await.unwrap();
    assert_eq!(again.index, email_of_ada.index);
    assert_ne!(again.sealed, email_of_ada.sealed);

    let mut batch = OpenBatch::new(SERVICE);
    let right = batch.add(&ada, &email_of_ada.sealed);
    let moved = batch.add(&eve, &email_of_ada.sealed);
    let note_slot = batch.add(&ada, &note_of_ada.sealed);
    let mut opened = job.open(batch).await.unwrap();
    assert_eq!(opened.take(right).unwrap(), Some(email(3)));
    assert_eq!(opened.take(moved).unwrap(), None);
    assert_eq!(opened.take(note_slot).unwrap(), Some(note(3)));
    // A batch of which nothing opens is no error either.
    let moved = job
        .open_one(&SERVICE, &eve, &email_of_ada.sealed)
        .await
        .unwrap();
    assert_eq!(moved, None);

    let mut other = SealBatch::new();
    let slot = other.add::<Note>(&ada, &note(3));
    let stranger = SealBatch::new();
    let mut empty = job.seal(stranger).await.unwrap();
    assert!(matches!(empty.take(slot), Err(Error::Slot)));
}

async fn more_than_a_request_holds(place: &dyn Place) {
    let job = place.client("job").await;
    let job = job.with_deadline(Duration::from_secs(240));
    let ada = subject(&job, 5).await;
    let mut batch = SealBatch::new();
    // 2,100 values: three requests by their number.
    let slots: Vec<_> = (0..2_100)
        .map(|age| batch.add::<Age>(&ada, &Udi::new(age)))
        .collect();
    // And 1.5 MiB of text: two more by their length. Quotes are longer in JSON.
    let long = Cc::new("\"".repeat(50_000));
    let texts: Vec<_> = (0..15).map(|_| batch.add::<Note>(&ada, &long)).collect();
    let mut sealed = job.seal(batch).await.unwrap();
    let mut batch = OpenBatch::new(SERVICE);
    let slots: Vec<_> = slots
        .into_iter()
        .map(|slot| batch.add(&ada, &sealed.take(slot).unwrap().sealed))
        .collect();
    let texts: Vec<_> = texts
        .into_iter()
        .map(|slot| batch.add(&ada, &sealed.take(slot).unwrap().sealed))
        .collect();
    let mut opened = job.open(batch).await.unwrap();
    for (age, slot) in (0..).zip(slots) {
        assert_eq!(opened.take(slot).unwrap(), Some(Udi::new(age)));
    }
    for slot in texts {
        assert_eq!(opened.take(slot).unwrap().as_ref(), Some(&long));
    }

    // Of 1,500 subjects asked for, 2 exist, both in the first request.
    let nobody = |number| SubjectName::row("shop", "customer", format!("nobody-{number}"));
    let other = subject(&job, 6).await;
    let names = [ada.clone(), other.clone()]
        .into_iter()
        .chain((0..1_498).map(nobody));
    let asked = Reveal::new(SERVICE).subjects(names).field::<Email>();
    let revealed = job.reveal(&asked).await.unwrap();
    assert_eq!(revealed.entries().len(), 1);
    assert_eq!(revealed.value::<Email>(&other).unwrap(), Some(email(6)));
    assert!(revealed.found(&ada).unwrap() && !revealed.found(&nobody(1_497)).unwrap());
    assert_eq!(revealed.value::<Email>(&nobody(1_497)).unwrap(), None);

    let huge = Cc::new("x".repeat(2 << 20));
    let error = job.seal_one::<Note>(&ada, &huge).await.unwrap_err();
    assert!(
        matches!(error, Error::ValueTooLarge { field: "note", .. }),
        "{error:?}"
    );
}

async fn refusals_have_codes(place: &dyn Place) {
    let job = place.client("job").await;
    let ada = subject(&job, 7).await;
    let twice = NewSubject::new().field::<Email>(&email(7));
    assert_eq!(
        code(&job.create_subject(&twice).await.unwrap_err()),
        "not_unique"
    );
    let bad = NewSubject::new().field::<Email>(&Uii::new("ada".to_owned()));
    let error = job.create_subject(&bad).await.unwrap_err();
    assert_eq!(code(&error), "value_invalid");
    assert!(!error.may_be_done());
    let unknown = Reveal::new(SERVICE).subject(&ada).field::<ShoeSize>();
    assert_eq!(
        code(&job.reveal(&unknown).await.unwrap_err()),
        "unknown_field"
    );
    let nobody = SubjectName::row("shop", "customer", "nobody");
    let error = job
        .seal_one::<Age>(&nobody, &Udi::new(1))
        .await
        .unwrap_err();
    assert_eq!(code(&error), "not_found");
    let no_subject = Reveal::new(SERVICE).field::<Email>();
    assert!(matches!(
        job.reveal(&no_subject).await,
        Err(Error::NotAsked("subject"))
    ));
    let error = place
        .client("auditor")
        .await
        .create_subject(&NewSubject::new())
        .await
        .unwrap_err();
    assert_eq!(code(&error), "policy_denied");
    // What went wrong says nothing of whom it was about.
    assert!(!error.to_string().contains("customer"));
}

async fn operations(place: &dyn Place) {
    let operator = place.client("operator").await;
    let operator = operator.operations();
    let order = IssueToken {
        principal: "job".to_owned(),
        days: 1,
        note: "the suite".to_owned(),
    };
    let issued = operator.issue_token(&order).await.unwrap();
    let state = |list: &privet::wire::TokenList| {
        let token = list.tokens.iter().find(|token| token.id == issued.id);
        token.unwrap().state
    };
    assert_eq!(state(&operator.tokens().await.unwrap()), TokenState::Live);
    operator.revoke_token(issued.id).await.unwrap();
    assert_eq!(
        state(&operator.tokens().await.unwrap()),
        TokenState::Revoked
    );

    let auditor = place.client("auditor").await;
    let auditor = auditor.operations();
    let status = auditor.log_status().await.unwrap();
    assert!(status.size > 0);
    let page = auditor.log_entries(&LogQuery::default()).await.unwrap();
    let last = page.entries.last().unwrap();
    let proof = auditor.log_proof(last.index).await.unwrap();
    assert!(proof.starts_with(b"c2sp.org/tlog-proof@v1"));
    let checkpoint = auditor.log_checkpoint().await.unwrap();
    assert!(checkpoint.starts_with(status.origin.as_bytes()));
    let beyond = auditor.log_tile("0/x999/x999/999").await.unwrap_err();
    assert_eq!(code(&beyond), "not_found");
    assert!(matches!(
        auditor.log_tile("../keys").await,
        Err(Error::Setting(_))
    ));

    let sessions = auditor.sessions(&SessionQuery::default()).await.unwrap();
    assert!(sessions.sessions.is_empty());
    let nobody = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    let error = auditor
        .session(nobody, &StepQuery::default())
        .await
        .unwrap_err();
    assert_eq!(code(&error), "not_found");
    assert!(auditor.findings().await.is_ok());
    assert!(auditor.summary(&SummaryQuery::default()).await.is_ok());
    assert!(
        operator
            .grants(&GrantQuery::default())
            .await
            .unwrap()
            .grants
            .is_empty()
    );
    let refused = place.client("job").await;
    assert_eq!(
        code(&refused.operations().tokens().await.unwrap_err()),
        "policy_denied"
    );
}
