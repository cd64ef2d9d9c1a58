//! What somebody tries on people's own pages: as another person, from another site, with a login that is not theirs, with
//! whatever they can send.

use serde_json::json;

use crate::bed::{Bed, bed, reveal_email};
use crate::http::{Answer, Client};
use crate::own::{OwnBrowser, send, send_with};
use crate::own_matrix::ask;

const PLACES: [&str; 6] = [
    "/me",
    "/me/data/email",
    "/me/consent",
    "/me/looks",
    "/me/asked",
    "/me/telemetry-id",
];

/// Two people, each logged in; somebody looked at the first one alone.
async fn two(bed: &Bed) -> [(String, OwnBrowser); 2] {
    let ada = bed.subject("ada@example.com").await;
    let bob = bed.subject("bob@example.com").await;
    reveal_email(&bed.of("job").await, &ada, "service")
        .await
        .expect(200);
    let logins = (
        OwnBrowser::of(bed, &ada, 1).await,
        OwnBrowser::of(bed, &bob, 2).await,
    );
    [(ada, logins.0), (bob, logins.1)]
}

#[tokio::test]
async fn nobody_reaches_what_is_anothers() {
    let bed = bed().await;
    let [(ada, of_ada), (bob, of_bob)] = two(&bed).await;
    of_ada
        .post(
            &bed,
            "/me/consent",
            "purpose=marketing&notice=2026-11&answer=yes",
        )
        .await
        .expect(303);
    let look = of_ada.look(&bed).await;
    // In paths.
    for path in [
        "/me/consent/receipts/1".to_owned(),
        format!("/me/looks/{look}"),
        format!("/me/looks/{look}/proof"),
        format!("/me/looks/{look}/leaf"),
    ] {
        assert_eq!(of_ada.get(&bed, &path).await.status, 200, "{path}");
        assert_eq!(of_bob.get(&bed, &path).await.status, 404, "{path}");
    }
    let object = of_bob
        .post(&bed, &format!("/me/looks/{look}"), "note=mine")
        .await;
    assert_eq!(object.status, 404);
    for path in [
        format!("/me/{ada}"),
        format!("/me/data/{ada}"),
        format!("/me/data/email/{ada}"),
        format!("/me/consent/{ada}"),
        format!("/me/looks/{ada}/0"),
        "/me/looks/..%2f..%2fv1/0".to_owned(),
        "/me/data/%2e%2e".to_owned(),
    ] {
        assert_eq!(of_bob.get(&bed, &path).await.status, 404, "{path}");
    }
    // In queries: what a page does not know is refused, or means nothing.
    for place in PLACES {
        for name in ["subject", "oid", "id", "as"] {
            let answer = of_bob.get(&bed, &format!("{place}?{name}={ada}")).await;
            assert!(
                matches!(answer.status, 200 | 400),
                "{place}?{name}: {}",
                answer.status
            );
            assert!(!answer.text().contains(&ada), "{place}");
        }
    }
    // In forms: the fields of others' forms mean nothing here.
    let extra = format!("subject={ada}&oid={ada}&puid={ada}");
    let fields = format!("{extra}&value=eve%40example.com");
    assert_eq!(
        of_bob.post(&bed, "/me/data/email", &fields).await.status,
        200
    );
    let fields = format!("{extra}&purpose=marketing&notice=2026-11&answer=no");
    assert_eq!(of_bob.post(&bed, "/me/consent", &fields).await.status, 303);
    let job = bed.of("job").await;
    let email = async |subject: &str| {
        let revealed = reveal_email(&job, subject, "service")
            .await
            .expect(200)
            .json();
        revealed["subjects"][0]["values"]["email"].to_string()
    };
    let (of_a, of_b) = (email(&ada).await, email(&bob).await);
    assert!(of_a.contains("ada@example.com"), "{of_a}");
    assert!(of_b.contains("eve@example.com"), "{of_b}");
    assert!(agrees(&job, &ada).await && !agrees(&job, &bob).await);
}

/// Whether a person agrees to the one purpose that rests on consent.
async fn agrees(job: &Client, subject: &str) -> bool {
    let path = format!("/v1/subjects/{subject}/consent");
    let said = job.get(&path).await.expect(200).json();
    said["purposes"][0]["agreed"].as_bool().unwrap()
}

#[tokio::test]
async fn nobody_answers_what_another_is_asked() {
    let bed = bed().await;
    let [(ada, of_ada), (_, of_bob)] = two(&bed).await;
    let (mut console, id) = ask(&bed, &ada).await;
    let path = format!("/me/asked/{id}");
    assert_eq!(of_bob.post(&bed, &path, "answer=yes").await.status, 404);
    let page = of_bob.get(&bed, "/me/asked").await;
    assert!(!page.text().contains(&id) && !page.text().contains("Ada wrote"));
    let cookie = format!("Cookie: {}\r\n", of_ada.cookie());
    let good = format!("form={}&answer=yes", of_ada.form);
    let forged = format!("form={}&answer=yes", of_bob.form);
    let (own, foreign) = (
        "Sec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    );
    for (site, body) in [(foreign, &good), ("", &good), (own, &forged)] {
        let headers = format!("{cookie}{site}");
        let answer = send_with(&bed, "POST", &path, &headers, body).await;
        assert_eq!(answer.status, 403, "{site}");
    }
    assert_eq!(bed.count("grant.approved").await, 0);
    let page = of_ada.get(&bed, "/me/asked").await;
    assert!(page.text().contains("Ada wrote to us"), "{}", page.text());
    assert_eq!(of_ada.post(&bed, &path, "answer=perhaps").await.status, 400);
    assert_eq!(of_ada.post(&bed, &path, "answer=yes").await.status, 303);
    assert_eq!(of_ada.post(&bed, &path, "answer=yes").await.status, 409);
    assert_eq!(of_ada.post(&bed, &path, "answer=no").await.status, 303);
    let joined = console.join_grant(id.parse().unwrap()).await;
    assert_eq!(joined.unwrap_err().code(), "request_over");
}

#[tokio::test]
async fn only_a_login_s_own_forms_change_anything() {
    let bed = bed().await;
    let [(_, of_ada), (_, of_bob)] = two(&bed).await;
    let look = of_ada.look(&bed).await;
    let own = "Sec-Fetch-Site: same-origin\r\n";
    for (path, fields) in [
        ("/me/data/email", "value=eve%40example.com".to_owned()),
        (
            "/me/consent",
            "purpose=marketing&notice=2026-11&answer=yes".to_owned(),
        ),
        (&*format!("/me/looks/{look}"), "note=x".to_owned()),
        ("/me/telemetry-id", "understood=yes".to_owned()),
        ("/me/logout", "x=y".to_owned()),
    ] {
        let cookie = format!("Cookie: {}\r\n", of_ada.cookie());
        let good = format!("form={}&{fields}", of_ada.form);
        for (headers, body) in [
            (
                format!("{cookie}Sec-Fetch-Site: cross-site\r\n"),
                good.clone(),
            ),
            (
                format!("{cookie}Sec-Fetch-Site: same-site\r\n"),
                good.clone(),
            ),
            (
                format!("{cookie}Origin: https://evil.example\r\n"),
                good.clone(),
            ),
            (cookie.clone(), good.clone()),
            (
                format!("{cookie}{own}"),
                format!("form={}&{fields}", of_bob.form),
            ),
            (format!("{cookie}{own}"), format!("form=&{fields}")),
        ] {
            let answer = send_with(&bed, "POST", path, &headers, &body).await;
            assert_eq!(answer.status, 403, "{path}: {headers}");
            assert!(answer.text().contains("foreign_form"), "{path}");
        }
        let headers = format!("{cookie}{own}");
        let answer = send_with(&bed, "POST", path, &headers, &fields).await;
        assert_eq!(answer.status, 400, "{path} without a token");
    }
    let changed = [
        "subject.updated",
        "consent.granted",
        "finding",
        "telemetry_id.rotated",
        "login.ended",
    ];
    for kind in changed {
        assert_eq!(bed.count(kind).await, 0, "{kind}");
    }
    let left = of_ada.post(&bed, "/me/logout", "x=y").await;
    assert_eq!(left.status, 200);
    assert!(left.text().contains("https://login.example.com/end"));
    assert!(
        left.header("set-cookie")
            .unwrap()
            .starts_with("privet-me=; ")
    );
    assert_eq!(of_ada.get(&bed, "/me").await.status, 303);
    assert_eq!(of_bob.get(&bed, "/me").await.status, 200);
}

#[tokio::test]
async fn nothing_of_these_pages_is_kept_framed_or_told() {
    let bed = bed().await;
    let [(_, of_ada), _] = two(&bed).await;
    let look = of_ada.look(&bed).await;
    let more = [
        format!("/me/looks/{look}"),
        format!("/me/looks/{look}/proof"),
        format!("/me/looks/{look}/leaf"),
        "/me/nonsense".to_owned(),
        "/me/login".to_owned(),
        "/me/login/start".to_owned(),
        "/me/login/back?code=x&state=y".to_owned(),
    ];
    let places = PLACES.iter().map(|place| (*place).to_owned());
    for path in places.chain(more) {
        for cookie in [of_ada.cookie(), String::new()] {
            let answer = send(&bed, "GET", &path, &cookie, "").await;
            let header = |name| answer.header(name).unwrap_or_default().to_owned();
            assert_eq!(header("cache-control"), "no-store", "{path}");
            assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
            assert_eq!(header("x-frame-options"), "DENY", "{path}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!text.contains("ada@example.com"), "{path}");
        }
    }
}

/// A login that a browser has begun: the state that the provider got, and the browser's cookie.
async fn begun(bed: &Bed) -> (String, String) {
    let answer = send(bed, "GET", "/me/login/start?next=/me/consent", "", "").await;
    assert_eq!(answer.status, 303);
    let location = answer.header("location").unwrap();
    let state = location.split_once("state=").unwrap().1.to_owned();
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{cookie}"
    );
    (state, cookie.split(';').next().unwrap().to_owned())
}

/// Comes back from the provider.
async fn back(bed: &Bed, state: &str, more: &str, cookie: &str) -> Answer {
    let path = format!("/me/login/back?state={state}&{more}");
    send(bed, "GET", &path, cookie, "").await
}

#[tokio::test]
async fn what_comes_back_from_a_provider_belongs_to_one_browser() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let code = format!("code={ada}");
    let (state, cookie) = begun(&bed).await;
    let (other, other_cookie) = begun(&bed).await;
    for (state, more, cookie) in [
        (&*state, &*code, ""),
        (&*other, &*code, &*cookie),
        // Spent by that.
        (&*state, &*code, &*cookie),
        (&*other, "error=access_denied", &*other_cookie),
        (&*other, &*code, &*other_cookie),
    ] {
        let answer = back(&bed, state, more, cookie).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("begin again"), "{}", answer.text());
        assert!(!answer.head.contains("privet-me=") && !answer.text().contains(&ada));
    }
    for odd in ["code=a&code=b", "state=x", "", "code=%00", "code[]=x"] {
        let (state, cookie) = begun(&bed).await;
        let answer = back(&bed, &state, odd, &cookie).await;
        assert_eq!(answer.status, 403, "{odd}");
    }
    assert_eq!(bed.count("login.opened").await, 0);
}

#[tokio::test]
async fn a_login_works_once_and_leads_to_these_pages_alone() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let code = format!("code={ada}");
    let (state, cookie) = begun(&bed).await;
    let answer = back(&bed, &state, &code, &cookie).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/me"))
    );
    let own = answer.header("set-cookie").unwrap();
    assert!(own.starts_with("privet-me="), "{own}");
    assert!(own.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{own}");
    let answer = back(&bed, &state, &code, &cookie).await;
    assert_eq!(answer.status, 403, "once");
    for (next, leads) in [
        ("/me/looks", "/me/looks"),
        ("//evil.example", "/me"),
        ("https://evil.example", "/me"),
        ("/queue", "/me"),
    ] {
        let (state, cookie) = begun(&bed).await;
        let cookie = format!("{cookie}; privet-me-next={next}");
        let answer = back(&bed, &state, &code, &cookie).await;
        assert_eq!(answer.header("location"), Some(leads), "{next}");
    }
    let page = send(&bed, "GET", "/me/login?next=//evil.example", "", "").await;
    assert!(!page.text().contains("evil"), "{}", page.text());
    let led = send(&bed, "GET", "/me/consent", "", "").await;
    assert_eq!(
        led.header("location"),
        Some("/me/login?next=%2Fme%2Fconsent")
    );
}

#[tokio::test]
async fn a_closed_account_has_no_pages() {
    let bed = bed().await;
    let [(ada, of_ada), (_, of_bob)] = two(&bed).await;
    let operator = bed.of("operator").await;
    let close = format!("/v1/subjects/{ada}/close");
    operator.post(&close, json!({})).await.expect(200);
    for place in PLACES {
        assert_eq!(of_ada.get(&bed, place).await.status, 303, "{place}");
        assert_eq!(of_bob.get(&bed, place).await.status, 200, "{place}");
    }
}

#[tokio::test]
async fn a_server_without_own_pages_says_so() {
    let bed = Bed::without_own_pages().await;
    for path in [
        "/me/login",
        "/me/login/start",
        "/me/login/back?state=x&code=y",
    ] {
        let answer = send(&bed, "GET", path, "", "").await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.text().contains("own_pages_off"), "{path}");
    }
    assert_eq!(send(&bed, "GET", "/me", "", "").await.status, 303);
}
