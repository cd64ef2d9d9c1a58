//! The client over real connections, to servers that are broken, slow, or not Privet at all.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "hostile/server.rs"]
mod server;

use std::process::Command;
use std::time::Duration;

use privet::{
    Client, Error, Field, FieldWrites, Limits, NewSubject, OpenBatch, Purpose, Reveal, SealBatch,
    Sealed, SubjectName, wire::Form,
};
use privet_classify::{Cc, Uii, value};
use server::{Answer, Asked, Hostile, SECRET, begun, json, live, patient, with};

struct Email;
impl Field for Email {
    const NAME: &'static str = "email";
    type Value = Uii<String, value::Email>;
}

struct Note;
impl Field for Note {
    const NAME: &'static str = "note";
    type Value = Cc<String, value::Text>;
}

const SERVICE: Purpose = Purpose::new("service");

fn customer(number: usize) -> SubjectName {
    SubjectName::row("shop", "customer", number)
}

/// Whatever is slow here ends by the client's own limits, long before this.
async fn soon<T>(call: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(Duration::from_secs(300), call).await;
    ended.expect("it hangs")
}

/// What a client says of a server that answers `whoami` so, with nothing of the token in it.
async fn check(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Error {
    let server = Hostile::after_live(move |_| answer()).await;
    let error = soon(server.client().whoami()).await.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(!said.contains(SECRET), "{said}");
    error
}

#[tokio::test]
async fn a_slow_answer_does_not_outlast_the_deadline() {
    let start = || begun("content-length: 1000000", "{");
    for answer in [Answer::Drip, Answer::Silence] {
        let server = Hostile::after_live(move |_| answer(start())).await;
        let client = server.client().with_deadline(Duration::from_millis(500));
        let error = soon(client.whoami()).await.unwrap_err();
        assert!(matches!(error, Error::Deadline { .. }), "{error:?}");
    }
    let server = Hostile::after_live(|_| Answer::Silence(b"HTTP/1.1 200".to_vec())).await;
    let client = server.client().with_deadline(Duration::from_millis(500));
    let error = soon(client.whoami()).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error:?}");
}

#[tokio::test]
async fn first_calls_at_once_end_by_themselves_and_send_nothing() {
    let server = Hostile::start(|_| Answer::Silence(Vec::new())).await;
    let client = server.client_within(Limits {
        deadline: Duration::from_millis(500),
        ..Limits::default()
    });
    let call = || {
        let client = client.clone();
        tokio::spawn(async move { client.create_subject(&NewSubject::new()).await })
    };
    let calls = [call(), call(), call(), call()];
    for call in calls {
        let error = soon(call).await.unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                Error::Deadline {
                    call: "/health/live",
                    ..
                }
            ),
            "{error:?}"
        );
        // None of them was sent.
        assert!(!error.may_be_done());
    }
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| asked.what == "GET /health/live")
    );
}

#[tokio::test]
async fn no_answer_about_the_environment_is_no_sign_that_something_was_done() {
    for status in [200, 404, 500] {
        let server = Hostile::start(move |_| json(status, "{}")).await;
        let error = server.client().create_subject(&NewSubject::new()).await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Answer { .. }), "{error:?}");
        assert!(!error.may_be_done());
    }
    let server = Hostile::start(|_| Answer::Bytes(Vec::new())).await;
    let error = server.client().create_subject(&NewSubject::new()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(!error.may_be_done());
    // Whoever answers says what it likes: it is not repeated.
    let server = Hostile::start(|_| {
        json(
            200,
            r#"{"status":"live","environment":"test\u001b[2J all is well"}"#,
        )
    })
    .await;
    let error = server.client().whoami().await.unwrap_err();
    assert!(matches!(error, Error::Answer { .. }), "{error:?}");
    assert!(!error.to_string().contains("well"));
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| !asked.head.contains("authorization"))
    );
}

#[tokio::test]
async fn the_token_goes_to_the_server_and_nowhere_else() {
    let elsewhere = Hostile::start(|_| live()).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!(
            "location: {}/v1/whoami\r\nset-cookie: a=b\r\n",
            elsewhere.address
        );
        let server = Hostile::after_live(move |_| with(status, &location, "")).await;
        let client = server.client();
        for _ in 0..2 {
            let error = client.whoami().await.unwrap_err();
            assert!(
                matches!(error, Error::Answer { status: found, .. } if found == status),
                "{error:?}"
            );
        }
        for asked in server.asked() {
            let token = asked.what != "GET /health/live";
            assert_eq!(asked.head.contains(SECRET), token, "{}", asked.head);
            let odd = ["cookie:", "referer:", "accept-encoding:"];
            assert!(!odd.iter().any(|name| asked.head.contains(name)));
        }
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_redirect_of_the_first_question_is_not_followed() {
    let elsewhere = Hostile::start(|_| live()).await;
    let location = format!("location: {}/health/live\r\n", elsewhere.address);
    let server = Hostile::start(move |_| with(302, &location, "")).await;
    let error = server.client().whoami().await.unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 302, .. }),
        "{error:?}"
    );
    assert!(elsewhere.asked().is_empty());
}

/// What a child of this test does, whose variables name a proxy.
const BEHIND_A_PROXY: &str = "PRIVET_TEST_BEHIND_A_PROXY";

#[tokio::test]
async fn a_proxy_is_not_asked() {
    if let Ok(address) = std::env::var(BEHIND_A_PROXY) {
        let token = format!("pvt_test_{SECRET}").parse().unwrap();
        let settings = privet::Settings::new("test".parse().unwrap(), token);
        let settings = settings.address(address).limits(patient());
        let client = Client::new(settings).unwrap();
        client.health().await.unwrap();
        return;
    }
    let server = Hostile::start(|_| live()).await;
    let proxy = Hostile::start(|_| live()).await;
    let test = std::env::current_exe().unwrap();
    let (address, way) = (server.address.clone(), proxy.address.clone());
    let child = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(test);
        child.args(["--exact", "a_proxy_is_not_asked", "--nocapture"]);
        child.env(BEHIND_A_PROXY, address);
        for name in [
            "http_proxy",
            "HTTP_PROXY",
            "https_proxy",
            "all_proxy",
            "ALL_PROXY",
        ] {
            child.env(name, &way);
        }
        child.env_remove("no_proxy").env_remove("NO_PROXY");
        child.output().unwrap()
    });
    let output = child.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.count("GET /health/ready"), 1);
    assert!(proxy.asked().is_empty());
}

#[tokio::test]
async fn what_is_no_answer_of_privet_is_not_taken_for_one() {
    for body in [
        "<html><body>Welcome</body></html>".to_owned(),
        String::new(),
        "null".to_owned(),
        r#"{"principal":"job"}"#.to_owned(),
        "[".repeat(1_000_000),
        r#"{"a":"#.repeat(100_000),
    ] {
        let error = check(move || json(200, &body)).await;
        assert!(
            matches!(error, Error::Answer { status: 200, .. }),
            "{error:?}"
        );
    }
    let error = check(|| with(404, "content-type: text/html\r\n", "<html>Not here</html>")).await;
    assert!(
        matches!(error, Error::Answer { status: 404, .. }),
        "{error:?}"
    );
    // Nothing was said, so nothing is known.
    let server = Hostile::after_live(|_| json(200, "")).await;
    let oid = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    let written = server.client().write(oid, &FieldWrites::new()).await;
    assert!(matches!(written, Err(Error::Answer { .. })), "{written:?}");
}

#[tokio::test]
async fn a_refusal_is_short_and_says_what_happened() {
    let problem = |status: u16, code: &str, detail: &str| {
        serde_json::json!({
            "type": "x", "title": "x", "status": status, "code": code, "detail": detail, "request_id": "1-a",
        })
        .to_string()
    };
    let body = problem(403, "policy_denied", "no\n\u{1b}[2Jpolicy");
    let error = check(move || json(403, &body)).await;
    assert_eq!(
        error.to_string(),
        "no  [2Jpolicy (`policy_denied`, request 1-a)"
    );
    // A gateway's 500 with a body that says 400: something may have been done.
    for body in [
        problem(400, "malformed_request", "no"),
        problem(500, "internal", &"x".repeat(1 << 20)),
        problem(500, "no such\ncode", "x"),
    ] {
        let error = check(move || json(500, &body)).await;
        assert!(error.may_be_done(), "{error:?}");
        assert!(matches!(error, Error::Answer { status: 500, .. }));
    }
}

#[tokio::test]
async fn a_wait_without_end_is_not_waited() {
    for seconds in [
        "18446744073709551615",
        "9223372036854775807",
        "100000",
        "-1",
        "x",
    ] {
        let server = Hostile::after_live(move |asked| match asked.what.contains("whoami") {
            true => with(503, &format!("retry-after: {seconds}\r\n"), ""),
            false => json(500, "{}"),
        })
        .await;
        let error = soon(server.client().whoami()).await.unwrap_err();
        assert!(
            matches!(error, Error::Answer { status: 503, .. }),
            "{error:?}"
        );
    }
    // Nor does a limit that is as long as durations can be break a call.
    let server = Hostile::after_live(|_| json(404, "{}")).await;
    let limits = Limits {
        deadline: Duration::MAX,
        attempt: Duration::MAX,
        pause_first: Duration::MAX,
        pause_max: Duration::MAX,
        ..patient()
    };
    let error = soon(server.client_within(limits).whoami())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Answer { status: 404, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_long_answer_is_not_read_to_its_end() {
    let long = "x".repeat(100_000);
    let chunked = format!("186a0\r\n{long}\r\n");
    for start in [
        begun("content-length: 18446744073709551615", ""),
        begun("content-length: 1099511627776", "{"),
        begun("transfer-encoding: chunked", &chunked),
        begun("connection: close", &long),
    ] {
        let server = Hostile::after_live(move |_| Answer::Silence(start.clone())).await;
        let limits = Limits {
            answer_bytes_max: 65_536,
            ..patient()
        };
        let error = soon(server.client_within(limits).whoami())
            .await
            .unwrap_err();
        match error {
            Error::AnswerTooLarge { bytes_max, .. } => assert_eq!(bytes_max, 65_536),
            // A length beyond what the HTTP implementation counts is no answer at all.
            Error::Broken { .. } => {}
            error => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn what_was_cut_is_not_taken_for_whole() {
    let cut = || Answer::Bytes(begun("content-length: 100", r#"{"oid":""#));
    let server = Hostile::after_live(move |_| cut()).await;
    let error = server.client().create_subject(&NewSubject::new()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error:?}");
    // It may have been done, so it is not sent again. Neither is it after the connection was closed without a word.
    assert!(error.may_be_done());
    assert_eq!(server.count("POST /v1/subjects"), 1);
    let server = Hostile::after_live(|_| Answer::Bytes(Vec::new())).await;
    let error = server.client().create_subject(&NewSubject::new()).await;
    assert!(error.unwrap_err().may_be_done());
    assert_eq!(server.count("POST /v1/subjects"), 1);
    // Reading does no harm.
    server.client().whoami().await.unwrap_err();
    assert_eq!(server.count("GET /v1/whoami"), 4);
}

fn items(asked: &Asked) -> usize {
    asked.body["items"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn each_request_of_a_batch_has_its_own_answers() {
    // 1,001 values are two requests. One item too few here and one too many there are as many as were asked for.
    let off_by_one = |asked: &Asked| match items(asked) {
        1_000 => 999,
        more => more + 1,
    };
    let sealed = format!("pv1_{}", "A".repeat(80));
    let item = format!(r#"{{"sealed":"{sealed}"}}"#);
    let server = Hostile::after_live(move |asked| match &*asked.what {
        "POST /v1/seal" => {
            let items = vec![&*item; off_by_one(asked)].join(",");
            json(200, &format!(r#"{{"items":[{items}]}}"#))
        }
        _ => {
            let items = vec![r#"{"value":"of somebody"}"#; off_by_one(asked)].join(",");
            json(
                200,
                &format!(r#"{{"form":"clear","entry":1,"items":[{items}]}}"#),
            )
        }
    })
    .await;
    let client = server.client();
    let mut batch = SealBatch::new();
    for number in 0..1_001 {
        let _ = batch.add::<Note>(&customer(number), &Cc::new("a note".to_owned()));
    }
    let error = client.seal(batch).await.unwrap_err();
    assert!(matches!(error, Error::Answer { .. }), "{error:?}");
    assert_eq!(server.count("POST /v1/seal"), 2);

    let sealed: Sealed<Note> = sealed.parse().unwrap();
    let mut batch = OpenBatch::new(SERVICE);
    for number in 0..1_001 {
        let _ = batch.add(&customer(number), &sealed);
    }
    let error = client.open(batch).await.unwrap_err();
    assert!(matches!(error, Error::Answer { .. }), "{error:?}");
}

#[tokio::test]
async fn values_come_in_the_form_that_was_asked_for() {
    let server = Hostile::after_live(|_| {
        json(
            200,
            r#"{"form":"masked","entry":1,"items":[{"value":"•••"}]}"#,
        )
    })
    .await;
    let sealed: Sealed<Note> = format!("pv1_{}", "A".repeat(80)).parse().unwrap();
    let client = server.client();
    let error = client.open_one(&SERVICE, &customer(1), &sealed).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Answer { .. }), "{error:?}");
}

#[tokio::test]
async fn what_was_not_sealed_is_not_stored() {
    for item in [
        r#"{"sealed":"a note"}"#,
        r#"{"sealed":""}"#,
        r#"{"sealed":"pv1_AAAA"}"#,
        r#"{"sealed":7}"#,
    ] {
        let body = format!(r#"{{"items":[{item}]}}"#);
        let server = Hostile::after_live(move |_| json(200, &body)).await;
        let note = Cc::new("a note".to_owned());
        let error = server.client().seal_one::<Note>(&customer(1), &note).await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Answer { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("a note"));
    }
}

/// What becomes of a masked look at the address of two customers, if this is answered for them.
async fn masked(subjects: &str) -> Result<(), Error> {
    revealed("masked", subjects).await
}

async fn revealed(form: &str, subjects: &str) -> Result<(), Error> {
    let body = format!(r#"{{"form":"{form}","entry":1,"subjects":[{subjects}]}}"#);
    let server = Hostile::after_live(move |_| json(200, &body)).await;
    let asked = Reveal::new(SERVICE)
        .subjects([customer(1), customer(2)])
        .field::<Email>()
        .form(Form::Masked);
    server.client().reveal(&asked).await.map(|_| ())
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_revealed() {
    let of = |subject: &str| {
        format!(r#"{{"subject":"shop/customer:{subject}","found":true,"values":{{"email":"a•"}}}}"#)
    };
    let (one, two, three) = (of("1"), of("2"), of("3"));
    masked(&format!("{one},{two}")).await.unwrap();
    let absent = r#"{"subject":"shop/customer:2","found":false,"values":{}}"#;
    masked(&format!("{one},{absent}")).await.unwrap();
    let no_field = r#"{"subject":"shop/customer:2","found":true,"values":{}}"#;
    let more = r#"{"subject":"shop/customer:2","found":true,"values":{"email":"a•","note":"b"}}"#;
    let ghost = r#"{"subject":"shop/customer:2","found":false,"values":{"email":"a•"}}"#;
    for subjects in [
        one.clone(),
        format!("{two},{one}"),
        format!("{one},{three}"),
        format!("{one},{one}"),
        format!("{one},{two},{three}"),
        format!("{one},{no_field}"),
        format!("{one},{more}"),
        format!("{one},{ghost}"),
    ] {
        let answered = masked(&subjects).await;
        assert!(
            matches!(answered, Err(Error::Answer { .. })),
            "{subjects}: {answered:?}"
        );
    }
    // Asked for masked, a clear value is not taken for one.
    let answered = revealed("clear", &format!("{one},{two}")).await;
    assert!(
        matches!(answered, Err(Error::Answer { .. })),
        "{answered:?}"
    );
}
