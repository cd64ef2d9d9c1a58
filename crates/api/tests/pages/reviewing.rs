//! Reading and judging sessions.

use privet_vault::port::{SessionRow, Verdict};
use privet_vault::{DecryptRequest, SessionId, TokenId};

use crate::World;
use crate::bed::{Bed, TWO_PERSONS};
use crate::checks::check_page;
use crate::console::{TICKET, console, decrypted, run, session, settled};

pub(crate) async fn one_after_the_other(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let first = decrypted(bed, "Ada cannot sign in since the update").await;
    let second = session(
        bed,
        "the nightly import failed",
        &["SELECT count(*) FROM customer"],
    )
    .await;
    world.log_in("auditor").await;
    browser.picture("queue").await;
    browser.press("Start with the first").await;
    assert_eq!(browser.path().await, format!("/sessions/{first}"));
    world
        .reads(
            "main",
            &[
                "Ada cannot sign in since the update",
                "https://tickets.example.com/7#yes",
                "email × 1",
                "on-call-asks-for-grants",
                "No second person was needed.",
                "WHERE customer_id = $1",
                "NULL",
            ],
        )
        .await;
    browser.picture("session").await;
    let reads = bed.count("session.read").await;
    browser.press("Only what is sensitive").await;
    assert!(!browser.text(".steps").await.contains("LIMIT 5"));
    assert_eq!(
        bed.count("session.read").await,
        reads,
        "turning pages is one reading"
    );
    browser.write("#note", "ticket and consent fit").await;
    browser.press("Approve").await;
    assert_eq!(browser.path().await, format!("/sessions/{second}"));
    browser.press("Approve").await;
    assert_eq!(browser.path().await, "/queue");
    assert!(
        browser
            .text("main")
            .await
            .contains("Nothing waits for a verdict")
    );
    browser.picture("queue-empty").await;
    for id in [first, second] {
        let row = bed.stores.data.session(id).await.unwrap().unwrap();
        assert_eq!(row.verdict(), Verdict::Approved);
    }
}

pub(crate) async fn a_flag_needs_a_note(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let id = session(
        bed,
        "just having a look around",
        &["SELECT * FROM customer"],
    )
    .await;
    world.log_in("auditor").await;
    world.go(&format!("/sessions/{id}?source=shop")).await;
    browser.press("Flag").await;
    let said = browser.text("[role=alert]").await;
    assert_eq!(said, "Say in a note what is wrong with the session.");
    browser.write("#note", "no ticket asks for this").await;
    browser.press("Flag").await;
    assert_eq!(browser.path().await, "/queue?source=shop");
    world.go("/sessions?verdict=flagged").await;
    browser.press("on_call over shop").await;
    assert_eq!(browser.text("#verdict").await, "Change the verdict");
    world
        .reads(".notes", &["no ticket asks for this", "flagged"])
        .await;
}

pub(crate) async fn a_thread_of_comments(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let id = session(bed, "an order is stuck", &[]).await;
    world.log_in("auditor").await;
    world.go(&format!("/sessions/{id}")).await;
    for text in ["asked in the ticket", "no answer after a day"] {
        browser.write("#note", text).await;
        browser.press("Comment only").await;
        assert_eq!(browser.path().await, format!("/sessions/{id}#notes"));
    }
    let notes = browser.text(".notes").await;
    let (one, two) = (
        notes.find("asked in").unwrap(),
        notes.find("no answer").unwrap(),
    );
    assert!(one < two, "{notes}");
    assert_eq!(browser.text("#verdict").await, "Your verdict");
    browser.press("Comment only").await;
    assert_eq!(browser.text("[role=alert]").await, "Write something first.");
}

pub(crate) async fn nobody_judges_themselves(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let now = bed.vault.time();
    let own = SessionId::from_bytes([7; 16]);
    let row = SessionRow {
        id: own,
        principal: "auditor".parse().unwrap(),
        token: TokenId::from_bytes([9; 16]),
        source: "shop".parse().unwrap(),
        started_at: now,
        active_at: now,
        ended_at: Some(now),
        decrypted: true,
        statements: 1,
        opened: 1,
        emergency_at: None,
        review: None,
    };
    bed.stores.data.put_session(row).await.unwrap();
    world.log_in("auditor").await;
    assert!(
        browser.text("main").await.contains("Nothing waits"),
        "it waits for others"
    );
    world.go(&format!("/sessions/{own}")).await;
    let page = browser.text("main").await;
    assert!(page.contains("Another auditor has to review it"), "{page}");
    assert!(page.contains("key was destroyed"), "{page}");
    assert!(!browser.has("#note").await);
}

pub(crate) async fn a_long_session(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let (mut console, id) = console(bed, "an import of 700 rows", TICKET).await;
    for n in 0..700 {
        run(&mut console, &format!("INSERT INTO imported VALUES ({n})")).await;
    }
    console.close().await.unwrap();
    settled(bed, id).await;
    world.log_in("auditor").await;
    world.go(&format!("/sessions/{id}")).await;
    assert!(browser.text(".steps").await.contains("(0)"));
    assert!(!browser.text(".steps").await.contains("(699)"));
    browser.press("What was done next").await;
    assert!(browser.text(".steps").await.contains("(699)"));
    browser.press("Back to the first page").await;
    assert!(browser.text(".steps").await.contains("(0)"));
}

/// Nobody was asked: it comes first, says until when it has to be looked at, and is loud when that was missed.
pub(crate) async fn an_emergency(world: &World) {
    let world = world.at(Bed::ruled(TWO_PERSONS).await);
    let (browser, bed) = (&world.browser, &world.bed);
    session(bed, "the nightly import failed", &["SELECT 1"]).await;
    let ada = bed.subject("ada@example.com").await;
    let (mut connection, id) = console(bed, "accounts are being emptied", TICKET).await;
    let request = DecryptRequest {
        subject: ada,
        fields: Some(vec!["email".to_owned()]),
        emergency: Some("somebody empties accounts right now".to_owned()),
        ..DecryptRequest::default()
    };
    connection.decrypt(&request).await.unwrap();
    connection.close().await.unwrap();
    settled(bed, id).await;
    world.log_in("auditor").await;
    world
        .reads(
            ".list tbody tr",
            &[
                "accounts are being emptied",
                "emergency",
                "review by",
                "23 hours left",
            ],
        )
        .await;
    world
        .reads(
            "[role=alert]",
            &["a grant was taken in an emergency", "within 24 hours"],
        )
        .await;
    check_page(&world, "/queue with an emergency").await;
    browser.picture("queue-emergency").await;
    browser.press("Start with the first").await;
    world
        .reads(
            "main",
            &[
                "A grant was taken here in an emergency, and nobody was asked",
                "It has to be reviewed by",
                "somebody empties accounts right now",
                "Nobody was asked.",
                "none was shown",
            ],
        )
        .await;
    check_page(&world, "an emergency").await;
    browser.picture("emergency").await;
    overdue(&world, id).await;
}

/// Two days later.
async fn overdue(world: &World, id: SessionId) {
    let (browser, bed) = (&world.browser, &world.bed);
    bed.clock.advance_days(2);
    browser.forget_cookies().await;
    world.log_in("auditor").await;
    assert!(
        browser
            .text(".list tbody tr")
            .await
            .contains("overdue: a review was due")
    );
    assert!(
        browser
            .text("[role=alert]")
            .await
            .contains("for 1 that time is over")
    );
    check_page(world, "/queue, overdue").await;
    browser.picture("queue-overdue").await;
    browser.press("Start with the first").await;
    assert!(
        browser
            .text("main")
            .await
            .contains("It should have been reviewed by")
    );
    browser.press("Approve").await;
    world.go(&format!("/sessions/{id}")).await;
    let page = browser.text("main").await;
    assert!(
        page.contains("in an emergency") && !page.contains("should have been"),
        "{page}"
    );
}
