//! What browsers would not do by themselves: forged forms, forged cookies, other sites' requests.

use privet_vault::DecryptRequest;

use crate::bed::{Bed, TWO_PERSONS, bed};
use crate::http::Answer;

/// Somebody who is logged in: the cookie's secret and what forms carry.
async fn logged_in(bed: &Bed, name: &str) -> (String, String) {
    let token = bed.of(name).await.token.unwrap();
    let secret = bed.vault.login_by_token(&token, "192.0.2.9").await.unwrap();
    let form = bed
        .vault
        .logged_in(&secret, "192.0.2.9")
        .unwrap()
        .form_token;
    (secret.to_string(), form.to_string())
}

async fn post(bed: &Bed, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: privet\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    bed.client.raw(request.as_bytes()).await
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[tokio::test]
async fn only_a_login_s_own_forms_change_anything() {
    let bed = bed().await;
    let (secret, form) = logged_in(&bed, "auditor").await;
    let (_, other) = logged_in(&bed, "auditor").await;
    let cookie = format!("{FORM}Cookie: privet={secret}\r\n");
    let own = "Sec-Fetch-Site: same-origin\r\n";
    let good = format!("form={form}");
    for (headers, body) in [
        // Another site's form, with the token guessed right even.
        (
            format!("{cookie}Sec-Fetch-Site: cross-site\r\n"),
            good.clone(),
        ),
        (
            format!("{cookie}Origin: https://evil.example\r\n"),
            good.clone(),
        ),
        (cookie.clone(), good.clone()),
        // The right place, with another login's token, an empty one, none.
        (format!("{cookie}{own}"), format!("form={other}")),
        (format!("{cookie}{own}"), "form=".to_owned()),
    ] {
        let answer = post(&bed, "/logout", &headers, &body).await;
        assert_eq!(answer.status, 403, "{headers}{body}");
        assert!(answer.text().contains("foreign_form"), "{headers}{body}");
    }
    let answer = post(&bed, "/logout", &format!("{cookie}{own}"), "").await;
    assert_eq!(answer.status, 400);
    let json = format!("Cookie: privet={secret}\r\n{own}Content-Type: application/json\r\n");
    assert_eq!(post(&bed, "/logout", &json, "{}").await.status, 415);
    let large = format!("form={form}&note={}", "x".repeat(70_000));
    let answer = post(&bed, "/logout", &format!("{cookie}{own}"), &large).await;
    assert_eq!(answer.status, 413);
    assert!(bed.vault.logged_in(&secret, "192.0.2.9").is_ok());
    let answer = post(&bed, "/logout", &format!("{cookie}{own}"), &good).await;
    assert_eq!(answer.status, 303);
    assert!(bed.vault.logged_in(&secret, "192.0.2.9").is_err());
}

#[tokio::test]
async fn logging_in_from_another_site_is_refused() {
    let bed = bed().await;
    let token = bed.of("auditor").await.token.unwrap();
    let body = format!("token={token}");
    let foreign = format!("{FORM}Sec-Fetch-Site: cross-site\r\n");
    let answer = post(&bed, "/login", &foreign, &body).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("set-cookie"), None);
    let own = format!("{FORM}Origin: http://privet\r\n");
    let answer = post(&bed, "/login", &own, &format!("{body}&next=//evil.example")).await;
    assert_eq!(answer.header("location"), Some("/"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
}

/// A bearer token opens no page, and a cookie opens nothing of the API.
#[tokio::test]
async fn doors_keep_to_their_own_keys() {
    let bed = bed().await;
    let auditor = bed.of("auditor").await;
    assert_eq!(auditor.get("/queue").await.status, 303);
    let (secret, _) = logged_in(&bed, "auditor").await;
    let request = format!(
        "GET /v1/sessions HTTP/1.1\r\nHost: privet\r\nConnection: close\r\nCookie: privet={secret}\r\n\r\n"
    );
    let answer = bed.client.raw(request.as_bytes()).await;
    assert_eq!(answer.problem(), "401 unauthenticated");
}

#[tokio::test]
async fn too_many_attempts_are_told_to_wait() {
    let bed = bed().await;
    let own = format!("{FORM}Sec-Fetch-Site: same-origin\r\n");
    let mut last = 0;
    for _ in 0..21 {
        last = post(&bed, "/login", &own, "code=00").await.status;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn the_stylesheet_may_be_kept_and_nothing_else() {
    let bed = bed().await;
    let page = bed.client.get("/login").await.expect(200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let (_, rest) = page
        .text()
        .split_once("rel=\"stylesheet\" href=\"")
        .unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    let style = bed.client.get(path).await.expect(200);
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let kept = style.header("cache-control").unwrap();
    assert!(kept.contains("immutable"), "{kept}");
    // Nothing in it fetches anything.
    assert!(!style.text().contains("url(") && !style.text().contains("@import"));
}

/// A request is decided by a form of the decider's own page, and never by who made it.
#[tokio::test]
async fn a_request_is_decided_by_its_own_form_of_somebody_else() {
    let bed = Bed::ruled(TWO_PERSONS).await;
    let ada = bed.subject("ada@example.com").await;
    let token = bed.of("on_call").await.token.unwrap();
    let caller = bed.vault.authenticate(&token, "192.0.2.7").await.unwrap();
    let mut console = bed.vault.connect(caller, "shop").await.unwrap();
    let session = console.justify("Ada wrote to us", None).await.unwrap();
    let request = DecryptRequest {
        consent: "https://tickets.example.com/7".to_owned(),
        subject: ada,
        fields: Some(vec!["note".to_owned()]),
        ..DecryptRequest::default()
    };
    let error = console.decrypt(&request).await.unwrap_err();
    assert_eq!(error.code(), "approval_needed");
    let rows = async || bed.stores.keys.requests_of(session).await.unwrap();
    let path = format!("/requests/{}", rows().await[0].id);
    let own = "Sec-Fetch-Site: same-origin\r\n";
    let said = async |name: &str, site: &str, form: Option<&str>, say: &str| {
        let (secret, real) = logged_in(&bed, name).await;
        let form = form.unwrap_or(&real);
        let headers = format!("{FORM}Cookie: privet={secret}\r\n{site}");
        post(&bed, &path, &headers, &format!("form={form}&say={say}")).await
    };
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    let (_, others) = logged_in(&bed, "bea").await;
    for (site, form) in [
        (foreign, None),
        ("", None),
        (own, Some("")),
        (own, Some(&*others)),
    ] {
        let answer = said("bea", site, form, "approve").await;
        assert_eq!(answer.status, 403, "{site}{form:?}");
        assert!(answer.text().contains("foreign_form"));
    }
    assert_eq!(said("bea", own, None, "perhaps").await.status, 400);
    let answer = said("on_call", own, None, "approve").await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("own_request"));
    for name in ["auditor", "operator"] {
        let answer = said(name, own, None, "approve").await;
        assert!(answer.text().contains("policy_denied"), "{name}");
    }
    assert_eq!(rows().await[0].decision, None);
    assert_eq!(said("bea", own, None, "approve").await.status, 303);
    assert!(rows().await[0].decision.as_ref().unwrap().approved);
    assert_eq!(said("bea", own, None, "approve").await.status, 409);
}
