//! Requests that a second person decides on, and emergencies in which nobody was asked.

use privet_vault::port::{GrantRequestRow, SessionRow};
use privet_vault::{Connection, DecryptRequest, GrantRequestId, Mode, SessionId};

use crate::World;
use crate::bed::{Bed, TWO_PERSONS};
use crate::checks::check_page;
use crate::console::{TICKET, console};
use crate::hostile::{CORPUS, harmless};

const ADA: &str = "ada@example.com";
const REASON: &str = "Ada's message shows garbage";

/// An engineer who asks for what a customer wrote, and waits.
struct Asking {
    console: Connection,
    session: SessionId,
    wanted: DecryptRequest,
    id: GrantRequestId,
}

async fn asking(bed: &Bed, email: &str, reason: &str, consent: &str) -> Asking {
    let ada = bed.subject(email).await;
    let (mut console, session) = console(bed, reason, TICKET).await;
    let wanted = DecryptRequest {
        consent: consent.to_owned(),
        subject: ada,
        fields: Some(vec!["note".to_owned()]),
        minutes: Some(7),
        emergency: None,
    };
    let error = console.decrypt(&wanted).await.unwrap_err();
    assert_eq!(error.code(), "approval_needed");
    let id = rows(bed, session).await[0].id;
    Asking {
        console,
        session,
        wanted,
        id,
    }
}

async fn rows(bed: &Bed, session: SessionId) -> Vec<GrantRequestRow> {
    bed.stores.keys.requests_of(session).await.unwrap()
}

async fn tabs(world: &World) -> String {
    world.browser.text("nav ul").await.replace('\n', " ")
}

/// A colleague reads what is asked, looks, and approves; the engineer goes on.
pub(crate) async fn a_second_person(world: &World) {
    let world = world.at(Bed::ruled(TWO_PERSONS).await);
    let (browser, bed) = (&world.browser, &world.bed);
    let mut asks = asking(bed, ADA, REASON, &format!("{TICKET}#yes")).await;
    world.log_in("bea").await;
    assert_eq!(browser.path().await, "/requests");
    assert_eq!(tabs(&world).await, "Requests");
    world
        .reads(
            "main",
            &[
                "on_call over shop",
                REASON,
                "note",
                "for 7 minutes",
                "minutes left",
                "waiting",
            ],
        )
        .await;
    check_page(&world, "/requests").await;
    browser.picture("requests").await;
    // On a phone.
    browser.wide(390).await;
    browser.press("on_call over shop").await;
    assert_eq!(browser.path().await, format!("/requests/{}", asks.id));
    let page = browser.text("main").await;
    let reference = rows(bed, asks.session).await[0].subjects[0].to_string();
    let consent = format!("{TICKET}#yes");
    for part in [
        REASON,
        TICKET,
        &consent,
        &reference,
        &asks.wanted.subject,
        "7 minutes",
    ] {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
    assert!(
        !browser.has("a[href^='/sessions/']").await,
        "she reads no sessions"
    );
    check_page(&world, "/requests/{id}").await;
    browser.picture("request").await;
    browser.wide(390).await;
    browser
        .write("#note", "the customer agreed on the phone")
        .await;
    browser.press("Approve").await;
    assert_eq!(browser.path().await, "/requests");
    browser.wide(1280).await;
    world
        .reads("main", &["Nobody waits for you.", "approved by bea"])
        .await;
    browser.picture("requests-decided").await;
    let decided = rows(bed, asks.session).await.remove(0).decision.unwrap();
    assert_eq!((decided.approved, decided.by.as_str()), (true, "bea"));
    taken_up(&world, &mut asks).await;
}

/// What is left of a request once the engineer went on with it.
async fn taken_up(world: &World, asks: &mut Asking) {
    let (browser, bed) = (&world.browser, &world.bed);
    let granted = asks.console.decrypt(&asks.wanted).await.unwrap();
    assert!(
        granted.note.contains("`bea` approved it"),
        "{}",
        granted.note
    );
    assert!(matches!(asks.console.mode(), Mode::Decrypted { .. }));
    browser.press("on_call over shop").await;
    world
        .reads(
            "main",
            &["used", "bea said yes", "the customer agreed on the phone"],
        )
        .await;
    assert!(!browser.has("main form").await, "nothing is left to say");
    check_page(world, "/requests/{id}").await;
    let kinds = bed.kinds().await;
    let told = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    assert_eq!((told("grant.approved"), told("grant.issued")), (1, 1));
    assert_eq!(
        told("grant.denied"),
        0,
        "the pages ask for nothing that is refused"
    );
}

/// Nobody decides on their own, and who reads sessions as well has both in one place.
pub(crate) async fn not_alone(world: &World) {
    let world = world.at(Bed::ruled(TWO_PERSONS).await);
    let (browser, bed) = (&world.browser, &world.bed);
    let asks = asking(bed, ADA, REASON, TICKET).await;
    world.log_in("on_call").await;
    world
        .reads("main", &["Nobody waits for you.", "Your own"])
        .await;
    browser.press("on_call over shop").await;
    let page = browser.text("main").await;
    assert!(page.contains("Somebody else has to approve it."), "{page}");
    assert!(!browser.has("button[value=approve]").await);
    check_page(&world, "own request").await;
    // Whoever makes the button all the same is told, and it is on record.
    browser
        .run("document.querySelector('button[value=deny]').value = 'approve'")
        .await;
    browser.press("Withdraw").await;
    assert_eq!(browser.text("h1").await, "This is not open to you");
    assert!(
        browser
            .text("main")
            .await
            .contains("This is your own request")
    );
    assert_eq!(bed.count("grant.denied").await, 1);
    assert_eq!(rows(bed, asks.session).await[0].decision, None);

    browser.forget_cookies().await;
    world.log_in("lead").await;
    assert_eq!(browser.path().await, "/queue");
    assert_eq!(tabs(&world).await, "Queue Sessions Requests Summary Log");
    world
        .reads("main", &["Waiting for a second person", REASON])
        .await;
    check_page(&world, "/queue with a request").await;
    browser.picture("queue-request").await;
    world.go(&format!("/requests/{}", asks.id)).await;
    browser.press("what was done in it").await;
    assert_eq!(browser.path().await, format!("/sessions/{}", asks.session));
    let steps = browser.text(".steps").await;
    assert!(
        steps.contains("Asked a second person to approve"),
        "{steps}"
    );

    browser.forget_cookies().await;
    world.log_in("on_call").await;
    browser.press("on_call over shop").await;
    browser.press("Withdraw").await;
    assert!(browser.text("main").await.contains("rejected"));
    let decided = rows(bed, asks.session).await.remove(0).decision.unwrap();
    assert_eq!((decided.approved, decided.by.as_str()), (false, "on_call"));

    // An auditor alone decides nothing, and is not led there.
    browser.forget_cookies().await;
    world.log_in("auditor").await;
    assert_eq!(tabs(&world).await, "Queue Sessions Summary Log");
    assert!(!browser.text("main").await.contains("second person"));
    for path in ["/requests".to_owned(), format!("/requests/{}", asks.id)] {
        world.go(&path).await;
        assert_eq!(
            browser.text("h1").await,
            "This is not open to you",
            "{path}"
        );
    }
}

/// A no, a yes that is taken back, and two who decide at the same moment.
pub(crate) async fn answers(world: &World) {
    let world = world.at(Bed::ruled(TWO_PERSONS).await);
    let (browser, bed) = (&world.browser, &world.bed);
    let mut asks = asking(bed, ADA, REASON, TICKET).await;
    world.log_in("bea").await;
    browser.press("on_call over shop").await;
    browser.write("#note", "the ticket asks for less").await;
    browser.press("Deny").await;
    assert!(browser.text("main").await.contains("rejected by bea"));
    browser.press("on_call over shop").await;
    world
        .reads(
            "main",
            &[
                "bea said no",
                "the ticket asks for less",
                "Nothing was decrypted",
            ],
        )
        .await;
    let joined = asks.console.decrypt(&asks.wanted).await.unwrap_err();
    assert_eq!(joined.code(), "approval_needed", "it asks anew");
    let again = rows(bed, asks.session).await;
    let again = again.iter().find(|row| row.decision.is_none()).unwrap().id;

    world.go(&format!("/requests/{again}")).await;
    browser.press("Approve").await;
    world.go(&format!("/requests/{again}")).await;
    browser.press("Take the approval back").await;
    world.go(&format!("/requests/{again}")).await;
    assert!(browser.text("main").await.contains("bea said no"));

    asks.console.decrypt(&asks.wanted).await.unwrap_err();
    let third = rows(bed, asks.session).await;
    let third = third.iter().find(|row| row.decision.is_none()).unwrap().id;
    world.go(&format!("/requests/{third}")).await;
    let token = bed.of("lead").await.token.unwrap();
    let lead = bed.vault.authenticate(&token, "192.0.2.8").await.unwrap();
    bed.vault.reject_request(&lead, third, "").await.unwrap();
    browser.write("#note", "looks right to me").await;
    browser.press("Approve").await;
    let said = browser.text("[role=alert]").await;
    assert!(said.contains("was decided or used"), "{said}");
    assert!(browser.text("main").await.contains("lead said no"));

    // Whose session is over has nothing to wait for.
    asks.console.decrypt(&asks.wanted).await.unwrap_err();
    let row = bed.stores.data.session(asks.session).await.unwrap();
    let over = SessionRow {
        ended_at: Some(bed.vault.time()),
        ..row.unwrap()
    };
    bed.stores.data.put_session(over).await.unwrap();
    world.go("/requests").await;
    let page = browser.text("main").await;
    assert!(page.contains("Nobody waits for you."), "{page}");
    world
        .go("/requests/0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d")
        .await;
    assert_eq!(browser.text("h1").await, "There is nothing here");
}

/// What an engineer types into a request is shown, and does nothing.
pub(crate) async fn hostile(world: &World) {
    let world = world.at(Bed::ruled(TWO_PERSONS).await);
    let (browser, bed) = (&world.browser, &world.bed);
    let mut last = None;
    for (n, hostile) in CORPUS.iter().enumerate() {
        // The one is no link at all, the other hides where it leads.
        let consent = match n % 2 {
            0 => format!("https://t.example/?{n}=<script>window.planted=1</script>"),
            _ => format!("https://t.example@evil.example/?{n}"),
        };
        let reason = format!("{hostile} (case {n})");
        let email = format!("ada{n}@example.com");
        last = Some(asking(bed, &email, &reason, &consent).await);
    }
    world.log_in("bea").await;
    harmless(&world).await;
    check_page(&world, "hostile requests").await;
    let links = "return [...document.querySelectorAll('.list tbody a')].map(a => a.pathname)";
    let paths: Vec<String> = serde_json::from_value(browser.run(links).await).unwrap();
    assert_eq!(paths.len(), CORPUS.len());
    for (n, path) in paths.iter().enumerate() {
        world.go(path).await;
        let said = ["so it is no link", "leads to evil.example"][n % 2];
        assert!(browser.text("main").await.contains(said), "case {n}");
        harmless(&world).await;
        check_page(&world, "hostile request").await;
    }
    browser.picture("request-hostile").await;
    let id = last.unwrap().id;
    let hostile = CORPUS[3];
    world.go(&format!("/requests/{id}")).await;
    browser.write("#note", hostile).await;
    browser.press("Deny").await;
    world.go(&format!("/requests/{id}")).await;
    assert!(browser.text("main").await.contains(hostile));
    harmless(&world).await;
}
