//! Lists: filters, searches, pages.

use crate::World;
use crate::console::{decrypted, session};

pub(crate) async fn filters(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    session(bed, "the order of Ada Lovelace is stuck", &[]).await;
    decrypted(bed, "login fails since monday").await;
    world.log_in("auditor").await;
    world.go("/sessions").await;
    let rows = async || browser.all(".list tbody tr").await.len();
    assert_eq!(rows().await, 2);
    browser.picture("sessions").await;
    browser.unfold("Filter").await;
    browser.write("#text", "ada love").await;
    browser.press("Show").await;
    assert_eq!(rows().await, 1);
    let path = browser.path().await;
    assert!(
        !path.to_lowercase().contains("ada"),
        "a name in an address: {path}"
    );
    let kept = browser
        .run("return document.getElementById('text').value")
        .await;
    assert_eq!(kept, "ada love");
    browser.picture("sessions-found").await;
    browser.press("Clear").await;
    assert_eq!(rows().await, 2);
    for (query, count) in [
        ("mode=decrypted", 1),
        ("verdict=pending", 2),
        ("verdict=flagged", 0),
        ("who=on_call", 2),
        ("who=bea", 0),
        ("source=shop", 2),
        ("source=crm", 0),
        ("from=2020-01-01&to=2020-12-31", 0),
        ("from=2020-01-01", 2),
    ] {
        world.go(&format!("/sessions?{query}")).await;
        assert_eq!(rows().await, count, "{query}");
    }
    world.go("/sessions?from=yesterday").await;
    assert!(browser.text("main").await.contains("A day is written as"));
    // A search is its login's own.
    world.go("/sessions?search=77").await;
    assert!(browser.text("main").await.contains("This search is over"));
}

pub(crate) async fn pages(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    for n in 0..120 {
        session(bed, &format!("order number {n} is stuck"), &[]).await;
    }
    world.log_in("auditor").await;
    world.go("/sessions?source=shop").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let found = browser
            .run("return [...document.querySelectorAll('.list tbody a')].map(a => a.pathname)")
            .await;
        seen.extend(found.as_array().unwrap().iter().map(ToString::to_string));
        if browser.has(".pager a").await {
            browser.press("Older sessions").await;
        }
    }
    assert_eq!(seen.len(), 120);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120);
}
