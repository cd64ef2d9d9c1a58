//! People's own pages in a real browser, which logs in with a real identity provider.

use std::time::{Duration, Instant};

use privet_vault::{ASK_THE_PERSON, DecryptRequest};
use serde_json::json;

use crate::World;
use crate::bed::{Bed, bed, reveal_email};
use crate::checks::check_page;
use crate::console::console;
use crate::hostile::{CORPUS, harmless};
use crate::identity::Identity;
use crate::postbox::with_mail;

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server with its provider; `None`: that is not installed.
async fn world(world: &World) -> Option<(World, Identity)> {
    let world = world.at(Bed::without_own_pages().await);
    let address = format!("http://{}", world.bed.client.address);
    let identity = Identity::open(&address)?;
    world.bed.vault.open_own_pages(identity.pages(&address));
    Some((world, identity))
}

/// Waits until the browser is where it was led to, and has the page.
async fn arrives(world: &World, is_there: impl Fn(&str) -> bool) {
    let since = Instant::now();
    loop {
        let address = world.browser.address().await;
        if is_there(&address) && world.browser.has("body").await {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "the browser is at {address}");
    }
}

/// Logs in at the provider, which asks once more whether that is meant.
async fn log_in(world: &World, identity: &Identity, customer: &str) {
    let browser = &world.browser;
    world.go("/me").await;
    assert_eq!(browser.path().await, "/me/login");
    browser.click("a.primary").await;
    arrives(world, |address| identity.is_at(address)).await;
    browser.write("input[name=login]", customer).await;
    browser.write("input[name=password]", "any").await;
    browser.click("button.login-submit").await;
    // Its question comes where nobody was logged in before, and has no field.
    let here = world.address("/me");
    let since = Instant::now();
    let asks = loop {
        if browser.address().await.starts_with(&here) {
            break false;
        }
        if browser.has("button.login-submit").await && !browser.has("input[name=login]").await {
            break true;
        }
        assert!(since.elapsed() < PATIENCE, "{}", browser.address().await);
    };
    if asks {
        browser.click("button.login-submit").await;
    }
    arrives(world, |address| address.starts_with(&here)).await;
}

async fn customer(bed: &Bed, number: &str, email: &str) -> String {
    let fields = json!({ "email": email, "phone": "+1 202 555 0143" });
    let body = json!({ "fields": fields, "aliases": [format!("shop/customer:{number}")] });
    bed.subject_with(body).await
}

/// A person's visit, from the login to the way out.
pub(crate) async fn everything(outer: &World) {
    let Some((world, identity)) = world(outer).await else {
        return;
    };
    let (browser, bed) = (&world.browser, &world.bed);
    let ada = customer(bed, "42", "ada@example.com").await;
    customer(bed, "43", "bob@example.com").await;
    reveal_email(&bed.of("job").await, &ada, "service")
        .await
        .expect(200);
    world.go("/me/login").await;
    check_page(&world, "own login").await;
    browser.picture("own-login").await;
    log_in(&world, &identity, "42").await;
    assert_eq!(browser.path().await, "/me");
    world
        .reads("main", &["email", "•••••@•••••", "fulfil the contract"])
        .await;
    assert!(!browser.text("body").await.contains("ada@example.com"));
    check_page(&world, "own data").await;
    browser.picture("own-data").await;
    held_is_corrected(&world, &ada).await;
    consent_is_given_and_taken_back(&world).await;
    looks_are_seen(&world).await;

    leave_is_given(&world, &ada).await;
    a_copy_is_asked_for(&world).await;
    leaving_can_be_taken_back(&world).await;

    world.go("/me/telemetry-id").await;
    check_page(&world, "telemetry id").await;
    browser.picture("own-telemetry-id").await;
    browser.click("#understood").await;
    browser.press("Give me another id").await;
    world
        .reads("[role=status]", &["another id from now on"])
        .await;
    assert_eq!(bed.count("telemetry_id.rotated").await, 1);

    browser.press("Log out").await;
    world.reads("h1", &["logged out here"]).await;
    check_page(&world, "logged out").await;
    browser.picture("own-left").await;
    browser.click("main a.button").await;
    arrives(&world, |address| identity.is_at(address)).await;
    world.go("/me").await;
    assert_eq!(browser.path().await, "/me/login");
}

async fn held_is_corrected(world: &World, oid: &str) {
    let browser = &world.browser;
    for hostile in CORPUS {
        // A browser leaves these out of a field of one line.
        let hostile: String = hostile.chars().filter(|c| !c.is_control()).collect();
        world.go("/me/data/email").await;
        browser
            .run(&format!(
                "document.getElementById('value').value = {}",
                json!(hostile)
            ))
            .await;
        browser.press("Save").await;
        assert!(browser.has("[role=alert]").await, "{hostile}");
        let back = browser
            .run("return document.getElementById('value').value")
            .await;
        assert_eq!(back, json!(hostile));
        harmless(world).await;
    }
    check_page(world, "a correction").await;
    browser.picture("own-correct").await;
    world.go("/me/data/email").await;
    browser.write("#value", "ada@example.org").await;
    browser.press("Save").await;
    world.reads("[role=status]", &["corrected"]).await;
    let revealed = reveal_email(&world.bed.of("job").await, oid, "service").await;
    assert!(revealed.text().contains("ada@example.org"));
}

async fn consent_is_given_and_taken_back(world: &World) {
    let browser = &world.browser;
    browser.click("nav a[href='/me/consent']").await;
    arrives(world, |address| address.ends_with("/me/consent")).await;
    world
        .reads("main", &["counts as a no", "We write to you."])
        .await;
    browser.press("Say yes").await;
    world
        .reads("main", &["You said yes", "Yes to marketing (2026-11)"])
        .await;
    assert!(browser.has("a[href='/me/consent/receipts/1']").await);
    check_page(world, "own consent").await;
    browser.picture("own-consent").await;
    browser.press("Say no").await;
    world
        .reads("main", &["You said no", "No to marketing"])
        .await;
    assert_eq!(world.bed.count("consent.withdrawn").await, 1);
}

async fn looks_are_seen(world: &World) {
    let browser = &world.browser;
    world.go("/me/looks").await;
    world
        .reads(
            "main",
            &["the program “job” looked at your data", "service"],
        )
        .await;
    check_page(world, "looks").await;
    browser.picture("own-looks").await;
    browser.press("the program “job” looked at your data").await;
    check_page(world, "a look").await;
    browser.picture("own-look").await;
    let hostile = CORPUS[0];
    browser.write("#note", hostile).await;
    browser.press("Send").await;
    world.reads("[role=status]", &["It is sent"]).await;
    harmless(world).await;
    assert_eq!(world.bed.count("finding").await, 1);
}

/// An engineer asks, and what they wrote is hostile.
async fn leave_is_given(world: &World, oid: &str) {
    let (browser, bed) = (&world.browser, &world.bed);
    let (mut console, _) = console(bed, CORPUS[1], "https://tickets.example.com/7").await;
    let request = DecryptRequest {
        consent: ASK_THE_PERSON.to_owned(),
        subject: oid.to_owned(),
        fields: Some(vec!["email".to_owned()]),
        ..DecryptRequest::default()
    };
    let waits = console.decrypt(&request).await.unwrap_err();
    assert_eq!(waits.code(), "approval_needed");
    world.go("/me/asked").await;
    world
        .reads(
            "main",
            &[
                "somebody of the staff (on-call)",
                "email",
                "15 minutes",
                CORPUS[1],
            ],
        )
        .await;
    harmless(world).await;
    check_page(world, "asked").await;
    browser.picture("own-asked").await;
    browser.press("Say yes").await;
    world.reads("main", &["You said yes", "Take it back"]).await;
    console.decrypt(&request).await.unwrap();
    world.go("/me/asked").await;
    world.reads("main", &["Nobody asks you"]).await;
    world.go("/me/looks").await;
    world
        .reads(
            "main",
            &["got leave to look at your data", "evidence that you agreed"],
        )
        .await;
    console.close().await.unwrap();
}

/// What is asked for once, and waited for: the application's database is away.
async fn a_copy_is_asked_for(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    world.go("/me/copy").await;
    check_page(world, "own copy").await;
    browser.press("Ask for a copy").await;
    world.reads("main", &["Being made", "There by"]).await;
    check_page(world, "own copy asked").await;
    browser.picture("own-copy").await;
    assert!(!browser.has("main button").await, "one at a time");
    let operator = bed.of("operator").await;
    let run = operator.call("POST", "/v1/requests/run", None).await;
    assert_eq!(run.expect(200).json()["failed"], 1);
    world.go("/me/copy").await;
    world.reads("main", &["Being made"]).await;
}

/// Leaving needs one more word, and staying none.
async fn leaving_can_be_taken_back(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    world.go("/me/leave").await;
    world
        .reads("main", &["destroyed", "Nothing of you has to be kept"])
        .await;
    check_page(world, "leave").await;
    browser.picture("own-leave").await;
    browser.click("#understood").await;
    browser.click("button.danger").await;
    world
        .reads(
            "[role=status]",
            &["You are leaving", "change your mind until"],
        )
        .await;
    check_page(world, "leaving").await;
    browser.picture("own-leaving").await;
    assert_eq!(bed.count("request.asked").await, 2);
    browser.press("Stay after all").await;
    world.reads("[role=status]", &["You stay"]).await;
    assert_eq!(bed.count("request.cancelled").await, 1);
    assert!(browser.has("#understood").await);
}

/// Whoever is not held here, says no at the provider, or lost the login that they began.
pub(crate) async fn strangers(outer: &World) {
    let Some((world, identity)) = world(outer).await else {
        return;
    };
    let (browser, bed) = (&world.browser, &world.bed);
    let ada = customer(bed, "42", "ada@example.com").await;
    log_in(&world, &identity, "no-such-customer").await;
    world.reads("[role=alert]", &["Nothing is held here"]).await;
    check_page(&world, "unknown").await;
    // The provider's, too: it has the same host.
    browser.forget_cookies().await;
    world.go("/me/login").await;
    browser.click("a.primary").await;
    arrives(&world, |address| identity.is_at(address)).await;
    browser.click("a[href*=abort]").await;
    arrives(&world, |address| address.starts_with(&world.address("/me"))).await;
    world
        .reads("[role=alert]", &["did not confirm who you are"])
        .await;

    // An answer that was not asked for here.
    browser.forget_cookies().await;
    world.go("/me/login/back?code=stolen&state=guessed").await;
    world
        .reads("[role=alert]", &["begun in another browser"])
        .await;
    // The account is closed while its owner looks at it.
    log_in(&world, &identity, "42").await;
    assert_eq!(browser.path().await, "/me");
    let operator = bed.of("operator").await;
    let close = format!("/v1/subjects/{ada}/close");
    operator.post(&close, json!({})).await.expect(200);
    world.go("/me/consent").await;
    assert!(browser.path().await.starts_with("/me/login"));
    assert_eq!(bed.count("login.opened").await, 1);
}

/// Somebody logs in by mail, has one value erased, and stays.
pub(crate) async fn by_mail(outer: &World) {
    let world = outer.at(bed().await);
    let (browser, bed) = (&world.browser, &world.bed);
    let postbox = with_mail(bed);
    customer(bed, "42", "ada@example.com").await;
    world.go("/me/login").await;
    browser.write("#email", "ada@example.com").await;
    browser.press("Send me a link").await;
    world
        .reads("[role=status]", &["a link is on its way"])
        .await;
    check_page(&world, "mail sent").await;
    browser.picture("own-mail").await;

    let (_, code) = postbox.mail(0).await;
    world.go(&format!("/me/login/link?code={code}")).await;
    world.reads("main", &["good for one login"]).await;
    check_page(&world, "a link by mail").await;
    browser.picture("own-mail-link").await;
    browser.press("Log in").await;
    arrives(&world, |address| address.ends_with("/me")).await;
    world.reads("main", &["phone"]).await;

    world.go("/me/data/phone").await;
    world.reads("#erase", &["Nothing brings it back"]).await;
    check_page(&world, "erase a value").await;
    browser.picture("own-erase").await;
    browser.click("#understood").await;
    browser.press("Erase it").await;
    world.reads("[role=status]", &["It is erased"]).await;
    check_page(&world, "a value erased").await;
    browser.picture("own-erased").await;
    assert_eq!(bed.count("erasure.fields_done").await, 1);

    // The link is spent, also for whoever has this browser later.
    browser.forget_cookies().await;
    world.go(&format!("/me/login/link?code={code}")).await;
    browser.press("Log in").await;
    world.reads("[role=alert]", &["ask for a new one"]).await;
    check_page(&world, "a spent link").await;
    browser.picture("own-mail-spent").await;
}

/// Whoever left has no login, and asks for their receipt by its number.
pub(crate) async fn a_receipt(outer: &World) {
    let world = outer.at(bed().await);
    let browser = &world.browser;
    world.go("/me/receipt").await;
    check_page(&world, "a receipt").await;
    browser.picture("own-receipt").await;
    for (number, problem) in [
        ("42", "36 characters"),
        (
            "00000000-0000-4000-8000-000000000000",
            "no request of this number",
        ),
        (CORPUS[0], "36 characters"),
    ] {
        browser.write("#request", number).await;
        browser.press("Get the receipt").await;
        world.reads("[role=alert]", &[problem]).await;
        harmless(&world).await;
    }
    check_page(&world, "no receipt").await;
    browser.picture("own-receipt-unknown").await;
}
