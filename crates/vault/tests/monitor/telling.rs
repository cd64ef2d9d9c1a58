//! Telling people by mail that their copy is there: what is sent, on record before, once, and what becomes of it when it is not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use privet_classify::DataMap;
use privet_vault::audit::EntryKind;
use privet_vault::port::{MailError, MailNotice, MailToPeople, PersonMail, SubjectRequestRow};
use privet_vault::subject_request::{RequestRun, SubjectRequestState, why_untold};
use privet_vault::{
    ASK_THE_PERSON, Connection, DecryptRequest, GrantRequestId, SubjectName, SubjectRequestId,
    Vault,
};
use tokio::sync::Semaphore;

use crate::bed::{Bed, MAP, hand_clock, parts, parts_of_another, root, values};
use crate::copies::{CONTROLLER, Places};
use crate::copying::{ask, collected, read, run};
use crate::engine::new_stores;
use crate::own::Door;
use crate::requesting::later;
use crate::sessions::{LINK, REASON, decrypt};

/// A mail as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    to: String,
    date: Timestamp,
    notice: MailNotice,
}

/// A mail server that answers as a test says, and takes what is sent after that.
struct Postbox {
    answers: Mutex<VecDeque<MailError>>,
    sent: Mutex<Vec<Sent>>,
    /// As long as it has no permits, no answer is given.
    open: Semaphore,
}

impl Default for Postbox {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            sent: Mutex::default(),
            open: Semaphore::new(1),
        }
    }
}

impl Postbox {
    fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl MailToPeople for Postbox {
    async fn send(&self, mail: &PersonMail<'_>) -> Result<(), MailError> {
        self.sent.lock().unwrap().push(Sent {
            to: mail.to.to_string(),
            date: mail.date,
            notice: mail.notice.clone(),
        });
        drop(self.open.acquire().await.unwrap());
        match self.answers.lock().unwrap().pop_front() {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}

fn deferred() -> MailError {
    MailError::Deferred {
        why: "the mail server does not take mail for the recipient (reply 450)".to_owned(),
        after: Duration::from_secs(600),
    }
}

fn unavailable() -> MailError {
    MailError::Unavailable {
        why: "the mail server cannot be reached (no answer in time)".to_owned(),
        after: Duration::from_secs(60),
    }
}

fn refused() -> MailError {
    MailError::Refused("it does not take mail for the recipient (reply 550)".to_owned())
}

/// A vault that makes copies and writes to people, through a mail server that answers so.
async fn writing(answers: impl IntoIterator<Item = MailError>) -> (Bed, Places, Arc<Postbox>) {
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut parts = parts(&stores, &clock, "test", root());
    let map = MAP.replacen("lookup = ", "contact = true\nlookup = ", 1);
    parts.map = DataMap::parse(&format!("{CONTROLLER}{map}")).unwrap();
    let vault = Vault::start(parts).await.unwrap();
    let (places, postbox) = (Places::new(), Arc::<Postbox>::default());
    postbox.answers.lock().unwrap().extend(answers);
    vault.make_copies(places.parts(None));
    vault.write_to_people(postbox.clone());
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    (bed, places, postbox)
}

async fn row(bed: &Bed, id: SubjectRequestId) -> SubjectRequestRow {
    bed.stores.keys.subject_request(id).await.unwrap().unwrap()
}

/// The row, once it is as wanted: whoever has requests carried out does not wait for mail.
async fn once(
    bed: &Bed,
    id: SubjectRequestId,
    is_so: impl Fn(&SubjectRequestRow) -> bool,
) -> SubjectRequestRow {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let row = row(bed, id).await;
        if is_so(&row) {
            return row;
        }
        assert!(Instant::now() < patience, "{row:?}");
        tokio::task::yield_now().await;
    }
}

async fn told(bed: &Bed, id: SubjectRequestId) -> SubjectRequestRow {
    once(bed, id, |row| {
        row.progress.state == SubjectRequestState::Notified
    })
    .await
}

async fn failed(bed: &Bed, id: SubjectRequestId, code: &str) -> SubjectRequestRow {
    once(bed, id, |row| row.progress.failure.as_deref() == Some(code)).await
}

#[tokio::test]
async fn who_asked_is_told_once_and_their_address_is_in_no_entry() {
    let (bed, _places, postbox) = writing([]).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    assert!(row(&bed, id).await.progress.notify);
    assert_eq!(run(&bed).await, collected(1));
    let progress = told(&bed, id).await.progress;
    let file = progress.file.unwrap();
    let mail = Sent {
        to: "ada@example.com".to_owned(),
        date: file.made_at,
        notice: MailNotice::CopyReady {
            request: id,
            // Made on the twentieth, for thirty days: on the twentieth of the next month it ends at some hour.
            until: "2025-12-19".parse().unwrap(),
        },
    };
    assert_eq!(postbox.sent(), [mail]);
    assert_eq!(run(&bed).await, RequestRun::default());
    assert_eq!(bed.count(EntryKind::MailSending).await, 1);
    assert_eq!(postbox.sent().len(), 1);
    let log = bed.log_text().await;
    assert!(!log.contains("ada@"), "{log}");
    let entry = log.find(r#""t":"mail.sending""#).unwrap();
    let entry: String = log.chars().skip(entry).take(400).collect();
    assert!(entry.contains(r#""actor":{"kind":"system"}"#), "{entry}");
    assert!(
        entry.contains(&format!(r#""notice":"copy_ready","request":"{id}""#)),
        "{entry}"
    );
}

#[tokio::test]
async fn mail_that_is_put_off_is_the_same_mail_later() {
    let (bed, _places, postbox) = writing([deferred(), unavailable()]).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    let before = bed.vault.time();
    run(&bed).await;
    let paused = failed(&bed, id, "mail_deferred").await.progress;
    assert!(paused.due_at >= before + SignedDuration::from_mins(10));
    assert!(paused.notify && paused.lease.is_none());
    run(&bed).await;
    failed(&bed, id, "mail_unavailable").await;
    later(&bed, Duration::from_secs(3_600)).await;
    run(&bed).await;
    assert_eq!(told(&bed, id).await.progress.failure, None);
    let [first, second, third] = &postbox.sent()[..] else {
        panic!("{:?}", postbox.sent());
    };
    assert!(first == second && second == third);
    assert_eq!(bed.count(EntryKind::MailSending).await, 3);
    // Whoever sent it puts that on record afterwards.
    let patience = Instant::now() + Duration::from_secs(60);
    while bed.count(EntryKind::MailSent).await != 1 {
        assert!(Instant::now() < patience);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_refused_for_good_keeps_the_file_and_is_not_tried_again() {
    let (bed, _places, postbox) = writing([refused()]).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    run(&bed).await;
    let left = failed(&bed, id, "mail_refused").await.progress;
    assert_eq!(left.state, SubjectRequestState::Ready);
    assert!(!left.notify);
    read(&bed, id).await;
    later(&bed, Duration::from_secs(7_200)).await;
    run(&bed).await;
    let other = bed.subject("bob@example.com").await;
    let other = ask(&bed, &other).await;
    run(&bed).await;
    // The other one's mail shows that people were told since.
    told(&bed, other).await;
    assert_eq!(postbox.sent().len(), 2);
    let operator = bed.caller("operator").await;
    let shown = bed.vault.request(&operator, id).await.unwrap().summary;
    let why = why_untold(&shown.failure.unwrap()).unwrap();
    assert!(why.contains("refuses mail"), "{why}");
    assert!(!shown.tells);
}

#[tokio::test]
async fn who_has_no_address_gets_no_mail_and_the_request_says_so() {
    let (bed, _places, postbox) = writing([]).await;
    let job = bed.caller("job").await;
    let phone = values(&[("phone", "+1 202 555 0143")]);
    let oid = bed.vault.create_subject(&job, phone, &[]).await.unwrap();
    let id = ask(&bed, &SubjectName::Oid(oid)).await;
    run(&bed).await;
    let left = failed(&bed, id, "no_address").await.progress;
    assert_eq!(left.state, SubjectRequestState::Ready);
    assert!(why_untold("no_address").unwrap().contains("no address"));
    read(&bed, id).await;
    assert_eq!(postbox.sent(), []);
    // Nothing was opened.
    assert_eq!(bed.count(EntryKind::MailSending).await, 0);
}

/// Another server erases a field meanwhile, so that the address has another key than the one that is at hand here.
#[tokio::test]
async fn an_address_under_a_new_key_is_written_to() {
    let (bed, _places, postbox) = writing([deferred()]).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    run(&bed).await;
    failed(&bed, id, "mail_deferred").await;
    let another = parts_of_another(&bed.stores, &bed.clock, "privet.example/test/2");
    let another = Vault::start(another).await.unwrap();
    let token = bed.token("operator").await;
    let operator = another.authenticate(&token, "192.0.2.1").await.unwrap();
    let (phone, checked) = (["phone".to_owned()], Some("knew the marker"));
    let erased = another.erase_fields(&operator, &subject, &phone, checked);
    assert_eq!(erased.await.unwrap().values_resealed, 1);
    run(&bed).await;
    told(&bed, id).await;
    assert_eq!(postbox.sent().len(), 2);
    another.stop().await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_is_asked_once_for_all() {
    let (bed, _places, postbox) = writing([unavailable()]).await;
    let mut ids = Vec::new();
    for email in ["ada@example.com", "bob@example.com", "cyd@example.com"] {
        let subject = bed.subject(email).await;
        ids.push(ask(&bed, &subject).await);
    }
    assert_eq!(run(&bed).await, collected(3));
    let is_failed = async |id| row(&bed, id).await.progress.failure.is_some();
    let patience = Instant::now() + Duration::from_secs(60);
    while !(is_failed(ids[0]).await || is_failed(ids[1]).await || is_failed(ids[2]).await) {
        assert!(Instant::now() < patience);
        tokio::task::yield_now().await;
    }
    assert_eq!(postbox.sent().len(), 1);
    run(&bed).await;
    for id in ids {
        told(&bed, id).await;
    }
    assert_eq!(postbox.sent().len(), 4);
}

#[tokio::test]
async fn without_mail_or_an_address_in_the_map_nobody_waits_to_be_told() {
    let (bed, _places) = crate::copying::making(None).await;
    let postbox = Arc::<Postbox>::default();
    // The map of this one marks no field.
    bed.vault.write_to_people(postbox.clone());
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    assert!(!row(&bed, id).await.progress.notify);
    run(&bed).await;
    run(&bed).await;
    assert_eq!(postbox.sent(), []);
    let operator = bed.caller("operator").await;
    let shown = bed.vault.request(&operator, id).await.unwrap().summary;
    assert_eq!(shown.state, SubjectRequestState::Ready);
    assert!(!shown.tells);
}

/// An engineer who can ask people, and the vault's own pages.
async fn asking(answers: impl IntoIterator<Item = MailError>) -> (Door, Connection, Arc<Postbox>) {
    let (bed, _places, postbox) = writing(answers).await;
    let door = Door::of(bed, SignedDuration::ZERO);
    let engineer = door.bed.caller("on_call").await;
    let mut console = door.bed.vault.connect(engineer, "shop").await.unwrap();
    console.justify(REASON, Some(LINK)).await.unwrap();
    (door, console, postbox)
}

/// Asks for leave to look for so many minutes.
async fn ask_for_look(
    console: &mut Connection,
    subject: &SubjectName,
    minutes: u32,
) -> GrantRequestId {
    let wish = DecryptRequest {
        consent: ASK_THE_PERSON.to_owned(),
        minutes: Some(minutes),
        ..decrypt(subject, Some(&["phone"]))
    };
    crate::granting::request_id(&console.decrypt(&wish).await.unwrap_err())
}

/// From when on somebody is to be told of it, once that is as wanted.
async fn to_tell(
    bed: &Bed,
    id: GrantRequestId,
    is_so: impl Fn(Option<Timestamp>) -> bool,
) -> Option<Timestamp> {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let row = bed.stores.keys.request(id).await.unwrap().unwrap();
        if is_so(row.tell_at) {
            return row.tell_at;
        }
        assert!(Instant::now() < patience, "{row:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_is_asked_for_leave_to_look_is_told_and_the_engineer_does_not_wait() {
    let (door, mut console, postbox) = asking([]).await;
    let bed = &door.bed;
    let ada = bed.subject("ada@example.com").await;
    // A mail server that hangs.
    postbox.open.forget_permits(1);
    let asked_at = bed.vault.time();
    let id = ask_for_look(&mut console, &ada, 15).await;
    let lease = to_tell(bed, id, |at| at.is_some_and(|at| at > asked_at)).await;
    assert_eq!(lease, Some(asked_at + SignedDuration::from_mins(15)));
    postbox.open.add_permits(1);
    to_tell(bed, id, |at| at.is_none()).await;
    let mail = Sent {
        to: "ada@example.com".to_owned(),
        date: asked_at,
        notice: MailNotice::LookAsked { request: id },
    };
    assert_eq!(postbox.sent(), [mail]);
    assert_eq!(bed.count(EntryKind::MailSending).await, 1);

    // What is asked within ten minutes is told of afterwards, if it still waits.
    let again = ask_for_look(&mut console, &ada, 16).await;
    let later_on = to_tell(bed, again, |at| at.is_some_and(|at| at > asked_at)).await;
    assert_eq!(later_on, Some(asked_at + SignedDuration::from_mins(10)));
    let answered = ask_for_look(&mut console, &ada, 17).await;
    to_tell(bed, answered, |at| at.is_some_and(|at| at > asked_at)).await;
    door.me(&ada)
        .await
        .answer_look(answered, false)
        .await
        .unwrap();
    let bob = bed.subject("bob@example.com").await;
    later(bed, Duration::from_secs(601)).await;
    let of_bob = ask_for_look(&mut console, &bob, 15).await;
    to_tell(bed, of_bob, |at| at.is_none()).await;
    to_tell(bed, again, |at| at.is_none()).await;
    let sent: Vec<_> = postbox
        .sent()
        .iter()
        .map(|sent| sent.notice.clone())
        .collect();
    let expected = [id, again, of_bob].map(|request| MailNotice::LookAsked { request });
    assert_eq!(sent, expected);
    console.close().await.unwrap();
}

#[tokio::test]
async fn of_what_is_asked_mail_is_tried_again_as_long_as_it_waits_and_is_of_use() {
    let (door, mut console, postbox) = asking([unavailable(), refused()]).await;
    let bed = &door.bed;
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let asked_at = bed.vault.time();
    let id = ask_for_look(&mut console, &ada, 15).await;
    let again = to_tell(bed, id, |at| {
        at == Some(asked_at + SignedDuration::from_mins(1))
    });
    again.await;
    later(bed, Duration::from_secs(61)).await;
    let of_bob = ask_for_look(&mut console, &bob, 15).await;
    // Who asked first is told first: it was refused for good, and the other one's is taken.
    to_tell(bed, of_bob, |at| at.is_none()).await;
    to_tell(bed, id, |at| at.is_none()).await;
    let sent = postbox.sent();
    assert_eq!(sent.len(), 3);
    assert_eq!(
        (&sent[0], sent[2].to.as_str()),
        (&sent[1], "bob@example.com")
    );

    // Nobody is told of what nobody can use any more.
    postbox.open.forget_permits(1);
    let job = bed.caller("job").await;
    let phone = values(&[("phone", "+1 202 555 0144")]);
    let oid = bed.vault.create_subject(&job, phone, &[]).await.unwrap();
    let nowhere = ask_for_look(&mut console, &SubjectName::Oid(oid), 15).await;
    to_tell(bed, nowhere, |at| at.is_none()).await;
    assert_eq!(postbox.sent().len(), 3);
    console.close().await.unwrap();
}
