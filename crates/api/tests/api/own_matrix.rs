//! Who may call what, of people's own pages, and what a person's login is worth elsewhere.

use privet_api::{Access, Listed};
use privet_vault::{ASK_THE_PERSON, Connection, DecryptRequest};

use crate::authorization::PRINCIPALS;
use crate::bed::Bed;
use crate::own::{OwnBrowser, send};

/// An engineer who asks a person for leave to look, and waits.
pub(crate) async fn ask(bed: &Bed, subject: &str) -> (Connection, String) {
    let token = bed.of("on_call").await.token.unwrap();
    let caller = bed.vault.authenticate(&token, "192.0.2.7").await.unwrap();
    let mut console = bed.vault.connect(caller, "shop").await.unwrap();
    // Nobody has the same reason twice in a row.
    let reason = format!("Ada wrote to us about {subject}");
    console.justify(&reason, None).await.unwrap();
    let request = DecryptRequest {
        consent: ASK_THE_PERSON.to_owned(),
        subject: subject.to_owned(),
        fields: Some(vec!["email".to_owned()]),
        ..DecryptRequest::default()
    };
    let error = console.decrypt(&request).await.unwrap_err().to_string();
    let (_, rest) = error.split_once("as request ").unwrap();
    let id = rest.split(',').next().unwrap().to_owned();
    (console, id)
}

/// The status of a person's own page for nobody, for somebody with a made-up cookie, for the staff with theirs, under whatever
/// name they send it, and for a person. Each names things of a person that was made for it.
pub(crate) async fn own_page(bed: &Bed, route: &Listed, number: usize, column: usize) -> u16 {
    let subject = bed.subject(&format!("person{number}@example.com")).await;
    let login = OwnBrowser::of(bed, &subject, number).await;
    let (mut cookie, mut form) = (String::new(), "0a".repeat(32));
    match column.checked_sub(2).map(|place| PRINCIPALS.get(place)) {
        None if column == 1 => cookie = format!("privet-me={form}"),
        None => {}
        Some(Some(principal)) => {
            let token = bed.of(principal).await.token.unwrap();
            let address = format!("192.0.2.{number}");
            if let Ok(secret) = bed.vault.login_by_token(&token, &address).await {
                let login = bed.vault.logged_in(&secret, &address).unwrap();
                form = login.form_token.to_string();
                cookie = format!("privet={0}; privet-me={0}", *secret);
            }
        }
        Some(None) => {
            cookie = format!("privet-me={}", login.secret);
            form.clone_from(&login.form);
        }
    }
    let look = login.look(bed).await;
    if route.path.ends_with("/receipts/{number}") {
        let no = "purpose=marketing&notice=2026-11&answer=no";
        login.post(bed, "/me/consent", no).await.expect(303);
    }
    let (console, asked) = match route.path {
        "/me/copy/{id}" => (None, login.copy(bed).await),
        path if path.contains("{id}") => {
            let (console, id) = ask(bed, &subject).await;
            (Some(console), id)
        }
        _ => (None, String::new()),
    };
    let path = route
        .path
        .replace("{id}", &asked)
        .replace("{name}", "phone")
        .replace("{number}", "1")
        .replace("{log}/{index}", &look);
    let path = match route.path {
        "/me/login/link" if route.method == "GET" => format!("{path}?code={form}"),
        _ => path,
    };
    let body = match (route.method.as_str(), route.path) {
        ("GET", _) => String::new(),
        ("POST", "/me/logout" | "/me/copy") => format!("form={form}"),
        ("POST", "/me/data/{name}") => format!("form={form}&value=%2B1+202+555+0144"),
        ("POST", "/me/data/{name}/erase") => format!("form={form}&understood=yes"),
        ("POST", "/me/consent") => {
            format!("form={form}&purpose=marketing&notice=2026-11&answer=yes")
        }
        ("POST", "/me/looks/{log}/{index}") => format!("form={form}&note=not+right"),
        ("POST", "/me/asked/{id}") => format!("form={form}&answer=yes"),
        ("POST", "/me/leave") => format!("form={form}&say=leave&understood=yes"),
        ("POST", "/me/login/mail") => "email=ada%40example.com".to_owned(),
        ("POST", "/me/login/link") => format!("code={form}"),
        ("POST", "/me/telemetry-id") => format!("form={form}&understood=yes"),
        ("POST", "/me/receipt") => format!("request={}", receipt(bed, number).await),
        (method, path) => panic!("`{method} {path}` has no case here: add one"),
    };
    let answer = send(bed, route.method.as_str(), &path, &cookie, &body).await;
    drop(console);
    if route.access == Access::Own && column < 2 + PRINCIPALS.len() {
        let leads = answer.header("location").unwrap_or_default();
        assert_eq!(answer.status, 303, "{path}");
        assert!(leads.starts_with("/me/login"), "{path} leads to {leads}");
    }
    answer.status
}

/// The request of somebody who has left.
async fn receipt(bed: &Bed, number: usize) -> String {
    let gone = bed.subject(&format!("gone{number}@example.com")).await;
    let close = format!("/v1/subjects/{gone}/close");
    let job = bed.of("job").await;
    let closed = job.call("POST", &close, None).await.expect(200).json();
    closed["request"].as_str().unwrap().to_owned()
}

/// What a person's own cookie is worth where it does not belong: nothing.
pub(crate) async fn person(bed: &Bed, route: &Listed, path: &str, number: usize) -> u16 {
    let subject = bed.subject(&format!("person{number}@example.com")).await;
    let login = OwnBrowser::of(bed, &subject, number).await;
    let cookie = format!("privet={0}; privet-me={0}", login.secret);
    let body = format!("form={}", login.form);
    let answer = send(bed, route.method.as_str(), path, &cookie, &body).await;
    match route.access {
        Access::Token => assert_eq!(answer.status, 401, "{path}"),
        Access::Agent => assert!([401, 404].contains(&answer.status), "{path}"),
        Access::Page => {
            let leads = answer.header("location").unwrap_or_default();
            assert!(leads.starts_with("/login"), "{path} leads to {leads}");
        }
        Access::Anyone | Access::Own => {}
    }
    answer.status
}
