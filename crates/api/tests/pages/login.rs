//! Logging in and out.

use crate::World;

pub(crate) async fn by_link(world: &World) {
    let browser = &world.browser;
    let link = world.link("auditor").await;
    world.go(&link).await;
    browser.picture("login-link").await;
    // Looking at a link does not spend it.
    world.go(&link).await;
    browser.press("Log in with this link").await;
    assert_eq!(browser.path().await, "/queue");
    assert_eq!(browser.text(".who").await, "auditor");
    let cookies = browser.cookies().await;
    let [cookie] = cookies.as_array().unwrap().as_slice() else {
        panic!("{cookies}")
    };
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["sameSite"], "Strict");
    assert_eq!(cookie["path"], "/");
    assert!(cookie["expiry"].is_null(), "it ends with the browser");

    browser.forget_cookies().await;
    world.go(&link).await;
    browser.press("Log in with this link").await;
    let said = browser.text("[role=alert]").await;
    assert!(said.contains("used already"), "{said}");
}

pub(crate) async fn by_token(world: &World) {
    let browser = &world.browser;
    world.go("/login").await;
    browser.picture("login").await;
    browser.write("#token", "pvt_test_nonsense").await;
    browser.press("Log in").await;
    let said = browser.text("[role=alert]").await;
    assert!(said.contains("not valid here"), "{said}");
    assert!(!browser.text("body").await.contains("nonsense"));
    let token = world.bed.of("auditor").await.token.unwrap();
    browser.write("#token", &token).await;
    browser.press("Log in").await;
    assert_eq!(browser.path().await, "/queue");
}

pub(crate) async fn leaving(world: &World) {
    let browser = &world.browser;
    world.log_in("auditor").await;
    world.go("/sessions").await;
    browser.press("Log out").await;
    assert_eq!(browser.path().await, "/login");
    assert_eq!(browser.cookies().await.as_array().unwrap().len(), 0);
    // Nothing of it was kept: going back asks to log in again.
    browser.back().await;
    assert!(
        browser.has("#token").await,
        "{}",
        browser.text("body").await
    );
}

/// A link into the pages leads there after the login; whoever may not read is told so.
pub(crate) async fn elsewhere(world: &World) {
    let browser = &world.browser;
    world.go("/sessions?mode=decrypted").await;
    assert!(browser.path().await.starts_with("/login?next="));
    let token = world.bed.of("auditor").await.token.unwrap();
    browser.write("#token", &token).await;
    browser.press("Log in").await;
    assert_eq!(browser.path().await, "/sessions?mode=decrypted");
    world.go("/nonsense").await;
    assert_eq!(browser.text("h1").await, "There is nothing here");
    browser.forget_cookies().await;
    // Whoever may read no session begins where they may be of use.
    world.log_in("on_call").await;
    assert_eq!(browser.path().await, "/requests");
    world.go("/queue").await;
    assert_eq!(browser.text("h1").await, "This is not open to you");
    browser.picture("problem").await;
    assert_eq!(world.bed.count("log.denied").await, 1);
}
