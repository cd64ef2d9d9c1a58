//! What people ask for, as operators see it: what waits and what is late, one request, and taking it back.

use jiff::ToSpan;
use serde_json::json;

use crate::World;
use crate::checks::check_page;
use crate::hostile::{CORPUS, harmless};

/// Enters that somebody wants to be forgotten; how they were known, and on which day they asked.
async fn enter(world: &World, email: &str, checked: &str, days_ago: i64) -> String {
    let subject = world.bed.subject(email).await;
    let operator = world.bed.of("operator").await;
    let today = world
        .bed
        .vault
        .time()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let asked = json!({
        "channel": "letter",
        "checked": checked,
        "received_on": today - days_ago.days(),
    });
    let path = format!("/v1/subjects/{subject}/erasure");
    let entered = operator.call("POST", &path, Some(asked)).await.expect(201);
    entered.json()["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn what_waits(world: &World) {
    let browser = &world.browser;
    world.log_in("operator").await;
    assert_eq!(browser.path().await, "/people");
    world.reads("main", &["Nobody waits for anything"]).await;
    let late = enter(world, "ada@example.com", "signature compared", 40).await;
    enter(world, "bob@example.com", "called back", 0).await;
    world.go("/people").await;
    let parts = [
        "To be forgotten",
        "1 late",
        "late",
        "cooling",
        "Can be taken back until",
    ];
    world.reads("main", &parts).await;
    check_page(world, "/people").await;
    browser.picture("people").await;
    browser.wide(390).await;
    browser.picture("people-narrow").await;

    // The first is the one that was entered first.
    browser.press("To be forgotten").await;
    assert_eq!(browser.path().await, format!("/people/{late}"));
    world
        .reads(
            "main",
            &["signature compared", "letter", "by operator", &late],
        )
        .await;
    check_page(world, &format!("/people/{late}")).await;
    browser.picture("person-request").await;
    browser.press("Take it back").await;
    world
        .reads(
            "main",
            &["cancelled", "It has ended", "key, which is destroyed"],
        )
        .await;
    let page = browser.text("main").await;
    assert!(!page.contains("signature compared"), "{page}");

    world.go("/people").await;
    let page = browser.text("main").await;
    assert!(!page.contains("late"), "{page}");
    browser.press("Also those that ended").await;
    world.reads("main", &["cancelled", "cooling"]).await;
    browser.wide(1280).await;
}

/// What was typed of how somebody was known is text.
pub(crate) async fn hostile_words(world: &World) {
    world.log_in("operator").await;
    for (n, hostile) in CORPUS.iter().enumerate() {
        let request = enter(world, &format!("ada-{n}@example.com"), hostile, 0).await;
        world.go(&format!("/people/{request}")).await;
        harmless(world).await;
    }
    check_page(world, "hostile request of a person").await;
}

/// Who may not read them is shown no tab, and no page.
pub(crate) async fn not_for_everybody(world: &World) {
    let request = enter(world, "ada@example.com", "known", 0).await;
    world.log_in("auditor").await;
    let tabs = world.browser.text("nav ul").await;
    assert!(!tabs.contains("People"), "{tabs}");
    for path in ["/people".to_owned(), format!("/people/{request}")] {
        world.go(&path).await;
        let page = world.browser.text("main").await;
        assert!(!page.contains("To be forgotten"), "{path}: {page}");
    }
}
