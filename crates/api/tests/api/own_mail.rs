//! Logging in by a link that comes by mail, and everything that somebody who is not whom they say might try with one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bed::{Bed, bed, other_environment};
use crate::http::Answer;
use crate::own::{send, send_with};
use crate::postbox::{Postbox, with_mail};

async fn opened() -> (Bed, Arc<Postbox>) {
    let bed = bed().await;
    let postbox = with_mail(&bed);
    (bed, postbox)
}

async fn ask(bed: &Bed, email: &str) -> Answer {
    let body = format!("email={}&next=%2Fme%2Fcopy", email.replace('@', "%40"));
    send(bed, "POST", "/me/login/mail", "", &body).await
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> String {
    let lines = answer.head.lines();
    let set = lines.filter_map(|line| line.strip_prefix("set-cookie: "));
    let pairs: Vec<&str> = set.filter_map(|cookie| cookie.split(';').next()).collect();
    pairs.join("; ")
}

async fn spend(bed: &Bed, code: &str, cookie: &str) -> Answer {
    let body = format!("code={code}");
    send(bed, "POST", "/me/login/link", cookie, &body).await
}

fn refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(
        answer.text().contains("ask for a new one"),
        "{}",
        answer.text()
    );
    assert!(!answer.head.contains("privet-me="), "{}", answer.head);
}

#[tokio::test]
async fn a_link_logs_its_person_in_once_in_the_browser_that_asked() {
    let (bed, postbox) = opened().await;
    let ada = bed.subject("ada@example.com").await;
    let page = send(&bed, "GET", "/me/login?next=/me/copy", "", "").await;
    assert!(
        page.text().contains("action=\"/me/login/mail\""),
        "{}",
        page.text()
    );
    let asked = ask(&bed, " ADA@Example.com ").await.expect(200);
    let cookie = cookies(&asked);
    assert!(cookie.contains("privet-me-mail="), "{cookie}");
    let (to, code) = postbox.mail(0).await;
    assert_eq!(to, "ada@example.com", "to the address that is held");

    // Looking at it spends nothing, and tells nobody where it came from.
    for _ in 0..2 {
        let path = format!("/me/login/link?code={code}");
        let page = send(&bed, "GET", &path, "", "").await.expect(200);
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(!page.text().contains("ada@"), "{}", page.text());
    }
    let answer = spend(&bed, &code, &cookie).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/me/copy"))
    );
    let own = cookies(&answer);
    let copy = send(&bed, "GET", "/me/copy", &own, "").await;
    assert_eq!(copy.status, 200);
    refused(&spend(&bed, &code, &cookie).await);

    let entries = bed.vault.audit().entries(0, 4_000).await.unwrap();
    let log: String = entries
        .iter()
        .map(|entry| String::from_utf8_lossy(entry).into_owned())
        .collect();
    for secret in ["ada@", &*code, &*ada] {
        assert!(!log.contains(secret), "{secret}");
    }
    assert_eq!(bed.count("login.opened").await, 1);
    assert_eq!(bed.count("mail.sending").await, 1);
    assert_eq!(bed.count("lookup").await, 1);
}

#[tokio::test]
async fn a_link_is_of_no_use_in_another_browser_or_after_ten_minutes() {
    let (bed, postbox) = opened().await;
    bed.subject("ada@example.com").await;
    bed.subject("eve@example.com").await;
    let of_ada = cookies(&ask(&bed, "ada@example.com").await);
    let (_, code) = postbox.mail(0).await;
    let of_eve = cookies(&ask(&bed, "eve@example.com").await);
    let (_, of_eve_code) = postbox.mail(1).await;
    refused(&spend(&bed, &code, "").await);
    // Somebody who lets the other one open their link does not get in as them, nor the other way round.
    refused(&spend(&bed, &code, &of_eve).await);
    refused(&spend(&bed, &of_eve_code, &of_ada).await);
    refused(&spend(&bed, &"0a".repeat(32), &of_ada).await);
    let as_another = of_ada.replace("privet-me-mail", "privet-me-login");
    refused(&spend(&bed, &code, &as_another).await);
    // Nothing of that spent it.
    assert_eq!(spend(&bed, &code, &of_ada).await.status, 303);
    bed.clock.advance_seconds(601);
    refused(&spend(&bed, &of_eve_code, &of_eve).await);
    assert_eq!(bed.count("login.opened").await, 1);
}

#[tokio::test]
async fn a_link_of_one_environment_is_nothing_in_another() {
    let (bed, postbox) = opened().await;
    let other = other_environment().await;
    with_mail(&other);
    bed.subject("ada@example.com").await;
    other.subject("ada@example.com").await;
    let cookie = cookies(&ask(&bed, "ada@example.com").await);
    let (_, code) = postbox.mail(0).await;
    refused(&spend(&other, &code, &cookie).await);
    assert_eq!(spend(&bed, &code, &cookie).await.status, 303);
}

#[tokio::test]
async fn nobody_learns_whether_an_address_is_known() {
    let (bed, postbox) = opened().await;
    bed.subject("ada@example.com").await;
    let known = ask(&bed, "ada@example.com").await.expect(200);
    postbox.mail(0).await;
    for unknown in ["eve@example.com", "not+an+address", "", &"a".repeat(400)] {
        let answer = ask(&bed, unknown).await.expect(200);
        assert_eq!(answer.body, known.body, "{unknown}");
        let names = |answer: &Answer| {
            let lines = answer.head.lines();
            let names = lines.filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(&answer), names(&known), "{unknown}");
        refused(&spend(&bed, &"0a".repeat(32), &cookies(&answer)).await);
    }
    // What was looked up is counted, also when nobody has it.
    let patience = Instant::now() + Duration::from_secs(60);
    while bed.count("lookup").await < 2 {
        assert!(Instant::now() < patience);
        tokio::task::yield_now().await;
    }
    assert_eq!(postbox.count(), 1);
}

#[tokio::test]
async fn a_flood_is_stopped_by_client_and_by_address() {
    let (bed, postbox) = opened().await;
    bed.subject("ada@example.com").await;
    bed.subject("bob@example.com").await;
    for number in 0..3 {
        ask(&bed, "ada@example.com").await.expect(200);
        postbox.mail(number).await;
    }
    for _ in 0..3 {
        // The same answer, and no mail.
        ask(&bed, "ada@example.com").await.expect(200);
    }
    ask(&bed, "bob@example.com").await.expect(200);
    let (to, _) = postbox.mail(3).await;
    assert_eq!(to, "bob@example.com");
    let mut refused = 0;
    for _ in 0..20 {
        let answer = ask(&bed, "bob@example.com").await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused >= 7, "{refused}");
    bed.clock.advance_seconds(16 * 60);
    // Nothing opens until the server has looked at its key store again.
    let job = bed.of("job").await;
    let lookup = json!({"field": "email", "value": "ada@example.com", "purpose": "service"});
    while job.post("/v1/lookup", lookup.clone()).await.status != 200 {
        tokio::task::yield_now().await;
    }
    ask(&bed, "ada@example.com").await.expect(200);
    let patience = Instant::now() + Duration::from_secs(60);
    let all = || postbox.all();
    let of_ada = || all().iter().filter(|(to, _)| to.starts_with("ada")).count();
    while of_ada() < 4 {
        assert!(Instant::now() < patience);
        tokio::task::yield_now().await;
    }
    assert_eq!(of_ada(), 4);
}

#[tokio::test]
async fn nobody_is_made_to_ask_and_nobody_asks_where_it_is_off() {
    let (bed, postbox) = opened().await;
    bed.subject("ada@example.com").await;
    for headers in [
        "",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: none\r\n",
    ] {
        let body = "email=ada%40example.com";
        let answer = send_with(&bed, "POST", "/me/login/mail", headers, body).await;
        assert_eq!(answer.status, 403, "{headers}");
    }
    assert_eq!(postbox.count(), 0);
    let off = crate::bed::bed().await;
    let page = send(&off, "GET", "/me/login", "", "").await.expect(200);
    assert!(!page.text().contains("/me/login/mail"), "{}", page.text());
    assert_eq!(ask(&off, "ada@example.com").await.status, 503);
    assert_eq!(spend(&off, &"0a".repeat(32), "").await.status, 503);
}

#[tokio::test]
async fn whoever_left_since_is_not_let_in() {
    let (bed, postbox) = opened().await;
    let ada = bed.subject("ada@example.com").await;
    let cookie = cookies(&ask(&bed, "ada@example.com").await);
    let (_, code) = postbox.mail(0).await;
    let operator = bed.of("operator").await;
    let close = format!("/v1/subjects/{ada}/close");
    operator.post(&close, json!({})).await.expect(200);
    let answer = spend(&bed, &code, &cookie).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(bed.count("login.opened").await, 0);
}
