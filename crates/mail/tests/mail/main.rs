//! Mail to a mail server that is not ours: Node's `smtp-server`, which does as the recipient's name says. Where it is not
//! installed, that is said and the tests are left out (`./test` installs it).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod server;

use std::time::Duration;

use privet_mail::{
    Address, Cause, Encryption, Error, Failure, Login, Mail, Mailer, MessageId, Notice, Outcome,
    PeopleMailer, Server, Stage, Templates,
};
use privet_seal::Zeroizing;
use privet_vault::SubjectRequestId;
use privet_vault::port::{MailError, MailNotice, MailToPeople as _, PersonMail};
use privet_vault::subject_request::Language;
use server::{Kind, MailServer};

/// Longer than any of these takes, but for those that wait for it to be over.
const PATIENCE: Duration = Duration::from_secs(120);

/// How the mailer sees that server; tests change what they are about.
fn settings(server: &MailServer) -> Server {
    Server {
        host: "localhost".to_owned(),
        port: Some(server.port),
        encryption: match server.kind {
            Kind::Tls => Encryption::Tls,
            Kind::StartTls => Encryption::StartTls,
            Kind::Plain => Encryption::None,
        },
        login: Some(Login {
            user: "privet".to_owned(),
            password: "hunter2".to_owned().into(),
        }),
        authorities: Some(server.certificate.clone().into_bytes()),
        from: "privacy@books.example".parse().unwrap(),
        from_name: "Example Books".to_owned(),
        timeout: PATIENCE,
    }
}

fn mailer(settings: Server) -> Mailer {
    Mailer::new(settings, Templates::read([]).unwrap()).unwrap()
}

fn id() -> MessageId {
    MessageId::new("access-01b9c3f2", "books.example").unwrap()
}

async fn send(mailer: &Mailer, to: &str) -> Outcome {
    send_notice(mailer, to, &ready(), "Example Books").await
}

fn ready() -> Notice {
    Notice::AccessReady {
        link: "https://privet.example/requests/01b9c3f2".to_owned(),
        until: "2026-12-26".parse().unwrap(),
    }
}

async fn send_notice(mailer: &Mailer, to: &str, notice: &Notice, company: &str) -> Outcome {
    let mail = Mail {
        id: &id(),
        date: "2026-11-26T16:30:00Z".parse().unwrap(),
        to: &to.parse().unwrap(),
        language: "de-AT",
        notice,
        company,
        contact: "privacy@books.example",
        request: "01b9c3f2",
    };
    mailer.send(&mail).await
}

fn deferred(stage: Stage, cause: Cause) -> Outcome {
    Outcome::Deferred(Failure { stage, cause })
}

fn refused(stage: Stage, cause: Cause) -> Outcome {
    Outcome::Refused(Failure { stage, cause })
}

#[tokio::test]
async fn mail_arrives_over_every_kind_of_connection() {
    for kind in [Kind::Tls, Kind::StartTls, Kind::Plain] {
        let Some(mut server) = MailServer::start(kind) else {
            return;
        };
        let sent = send(&mailer(settings(&server)), "ok@mail.example").await;
        assert_eq!(sent, Outcome::Sent, "{kind:?}");
        let mail = server.next();
        assert_eq!(mail["secure"], kind != Kind::Plain);
        assert_eq!(mail["user"], "privet");
        assert_eq!(mail["from"], "privacy@books.example");
        assert_eq!(mail["to"], serde_json::json!(["ok@mail.example"]));
        let text = mail["text"].as_str().unwrap();
        for line in [
            "From: \"Example Books\" <privacy@books.example>",
            "To: ok@mail.example",
            "Message-ID: <access-01b9c3f2@books.example>",
            "Date: Thu, 26 Nov 2026 16:30:00 +0000",
            "Auto-Submitted: auto-generated",
            "Content-Language: de",
            "MIME-Version: 1.0",
        ] {
            assert!(text.split("\r\n").any(|is| is == line), "{line}\n{text}");
        }
        assert!(text.is_ascii());
        assert!(text.contains("Content-Type: multipart/alternative;"));
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
    }
}

#[tokio::test]
async fn what_the_server_says_decides() {
    let Some(mut server) = MailServer::start(Kind::StartTls) else {
        return;
    };
    let mailer = mailer(settings(&server));
    for (to, expected) in [
        (
            "defer@mail.example",
            deferred(Stage::Recipient, Cause::Reply(450)),
        ),
        (
            "refuse@mail.example",
            refused(Stage::Recipient, Cause::Reply(550)),
        ),
        (
            "defer-content@mail.example",
            deferred(Stage::Content, Cause::Reply(451)),
        ),
        (
            "refuse-content@mail.example",
            refused(Stage::Content, Cause::Reply(554)),
        ),
        (
            "gone@mail.example",
            deferred(Stage::Recipient, Cause::Connection),
        ),
    ] {
        let outcome = send(&mailer, to).await;
        assert_eq!(outcome, expected, "{to}");
        let (Outcome::Deferred(failure) | Outcome::Refused(failure)) = outcome else {
            unreachable!("{to}");
        };
        // The server repeats the address in what it says.
        let said = format!("{failure} {failure:?}");
        assert!(!said.contains("mail.example"), "{said}");
        assert!(failure.retry_after() >= Duration::from_secs(60));
    }
    assert_eq!(send(&mailer, "ok@mail.example").await, Outcome::Sent);
    assert_eq!(server.next()["to"][0], "ok@mail.example");
}

#[tokio::test]
async fn an_answer_that_is_lost_leads_to_the_same_mail_again() {
    let Some(mut server) = MailServer::start(Kind::Tls) else {
        return;
    };
    let mailer = mailer(settings(&server));
    let first = send(&mailer, "drop@mail.example").await;
    assert_eq!(first, deferred(Stage::Content, Cause::Connection));
    assert_eq!(send(&mailer, "drop@mail.example").await, Outcome::Sent);
    let id = "\r\nMessage-ID: <access-01b9c3f2@books.example>\r\n";
    for _ in 0..2 {
        let mail = server.next();
        assert!(mail["text"].as_str().unwrap().contains(id), "{mail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_its_time_is_waited_for() {
    let Some(mut server) = MailServer::start(Kind::Plain) else {
        return;
    };
    let mailer = mailer(settings(&server));
    let sending = tokio::spawn(async move { send(&mailer, "hold@mail.example").await });
    assert_eq!(server.next()["to"][0], "hold@mail.example");
    assert!(!sending.is_finished());
    server.answer();
    assert_eq!(sending.await.unwrap(), Outcome::Sent);
}

#[tokio::test]
async fn a_server_that_hangs_is_left() {
    let Some(server) = MailServer::start(Kind::Plain) else {
        return;
    };
    let settings = Server {
        timeout: Duration::from_secs(3),
        ..settings(&server)
    };
    let outcome = send(&mailer(settings), "hang@mail.example").await;
    let Outcome::Deferred(Failure { cause, .. }) = outcome else {
        unreachable!("{outcome:?}");
    };
    assert_eq!(cause, Cause::Timeout);
}

#[tokio::test]
async fn what_an_operator_has_to_mend_is_no_end() {
    let Some(server) = MailServer::start(Kind::StartTls) else {
        return;
    };
    let wrong_password = Login {
        user: "privet".to_owned(),
        password: "wrong".to_owned().into(),
    };
    let outcome = |settings| async move { send(&mailer(settings), "ok@mail.example").await };
    let settings_with = || settings(&server);
    let login = outcome(Server {
        login: Some(wrong_password),
        ..settings_with()
    });
    assert_eq!(login.await, deferred(Stage::Login, Cause::Reply(535)));
    let sender = outcome(Server {
        from: "forbidden@books.example".parse().unwrap(),
        ..settings_with()
    });
    assert_eq!(sender.await, deferred(Stage::Sender, Cause::Reply(553)));
    // A port that nobody listens at.
    let connect = outcome(Server {
        host: "127.0.0.1".to_owned(),
        port: Some(1),
        ..settings_with()
    });
    assert_eq!(connect.await, deferred(Stage::Connect, Cause::Connection));
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_cannot_prove_who_it_is() {
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for kind in [Kind::Tls, Kind::StartTls] {
        let Some(server) = MailServer::start(kind) else {
            return;
        };
        let outcome = |settings| async move { send(&mailer(settings), "ok@mail.example").await };
        let unknown = outcome(Server {
            authorities: Some(other.cert.pem().into_bytes()),
            ..settings(&server)
        });
        assert_eq!(unknown.await, deferred(Stage::Encrypt, Cause::Connection));
        // Its certificate is for another name.
        let other_name = outcome(Server {
            host: "127.0.0.1".to_owned(),
            ..settings(&server)
        });
        assert_eq!(
            other_name.await,
            deferred(Stage::Encrypt, Cause::Connection)
        );
    }
    // One that offers no encryption gets no mail, nor the password.
    let Some(server) = MailServer::start(Kind::Plain) else {
        return;
    };
    let stripped = Server {
        encryption: Encryption::StartTls,
        ..settings(&server)
    };
    let outcome = send(&mailer(stripped), "ok@mail.example").await;
    assert_eq!(outcome, deferred(Stage::Encrypt, Cause::Unsupported));
}

#[tokio::test]
async fn no_value_becomes_a_header_or_another_recipient() {
    let Some(mut server) = MailServer::start(Kind::Plain) else {
        return;
    };
    let attack =
        "Books\r\nBcc: thief@mail.example\r\n\r\n.\r\nMAIL FROM:<x@mail.example>\r\n\u{202e}é";
    let settings = Server {
        from_name: attack.to_owned(),
        ..settings(&server)
    };
    let done = Notice::ErasureDone;
    let outcome = send_notice(&mailer(settings), "ok@mail.example", &done, attack).await;
    assert_eq!(outcome, Outcome::Sent);
    let mail = server.next();
    assert_eq!(mail["to"], serde_json::json!(["ok@mail.example"]));
    let text = mail["text"].as_str().unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    for line in head.split("\r\n") {
        assert!(
            !line.starts_with("Bcc") && !line.starts_with("MAIL"),
            "{head}"
        );
    }
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_person_gets_one_mail_of_one_name_with_a_link_to_their_own_pages() {
    let Some(mut server) = MailServer::start(Kind::Plain) else {
        return;
    };
    let request = SubjectRequestId::from_bytes([7; 16]);
    let notice = MailNotice::CopyReady {
        request,
        until: "2026-12-26".parse().unwrap(),
    };
    let (company, contact) = ("Example Books", "privacy@books.example");
    let pages = "https://me.books.example/";
    let people = PeopleMailer::new(mailer(settings(&server)), company, contact, pages);
    let send = async |to: &str| {
        let mail = PersonMail {
            to: &Zeroizing::new(to.to_owned()),
            date: "2026-11-26T16:30:00Z".parse().unwrap(),
            language: Language::English,
            notice: &notice,
        };
        people.send(&mail).await
    };
    for _ in 0..2 {
        send("ok@mail.example").await.unwrap();
        let mail = server.next();
        let text = mail["text"].as_str().unwrap();
        for line in [
            format!("Message-ID: <copy-{request}@books.example>"),
            "Date: Thu, 26 Nov 2026 16:30:00 +0000".to_owned(),
            "https://me.books.example/me/copy".to_owned(),
        ] {
            assert!(text.split("\r\n").any(|is| is == line), "{line}\n{text}");
        }
        assert!(text.contains("2026-12-26"), "{text}");
    }
    let hopeless = send("refuse@mail.example").await.unwrap_err();
    assert!(matches!(hopeless, MailError::Refused(_)), "{hopeless:?}");
    let none = send("nobody").await.unwrap_err();
    assert!(matches!(none, MailError::Refused(_)), "{none:?}");
    let later = send("defer@mail.example").await.unwrap_err();
    assert!(matches!(later, MailError::Deferred { .. }), "{later:?}");
    for error in [hopeless, none, later] {
        let said = format!("{error} {error:?}");
        assert!(
            !said.contains("mail.example") && !said.contains("nobody"),
            "{said}"
        );
    }
}

#[test]
fn addresses_and_ids_are_checked() {
    let long = format!("a@{}.example", "b".repeat(260));
    for wrong in [
        "",
        "a",
        "a@",
        "@b",
        "a@b\r\nRCPT TO:<c@d>",
        "a b@c.example",
        "a@b.example>",
        "<a@b.example>",
        "a@b.example,c@d.example",
        "a@b.example\0",
        &long,
    ] {
        let error = wrong.parse::<Address>().unwrap_err();
        assert!(matches!(error, Error::Address), "{wrong:?}");
        assert!(wrong.is_empty() || !format!("{error:?}").contains(wrong));
    }
    let address: Address = "ada@mail.example".parse().unwrap();
    assert!(!format!("{address:?}").contains("ada"));
    for (name, domain) in [
        ("", "b"),
        ("a", ""),
        ("a b", "c"),
        ("a>", "c"),
        ("a", "b\r\n"),
        ("a..b", "c"),
        ("A", "c"),
    ] {
        assert!(MessageId::new(name, domain).is_err(), "{name:?} {domain:?}");
    }
}

#[test]
fn settings_that_would_leak_are_refused() {
    let server = || Server {
        host: "mail.example".to_owned(),
        port: None,
        encryption: Encryption::None,
        login: None,
        authorities: None,
        from: "privacy@books.example".parse().unwrap(),
        from_name: String::new(),
        timeout: PATIENCE,
    };
    let new = |server| Mailer::new(server, Templates::read([]).unwrap());
    let error = new(server()).unwrap_err();
    assert!(matches!(&error, Error::Unencrypted { host } if host == "mail.example"));
    let error = new(Server {
        encryption: Encryption::Tls,
        authorities: Some(b"not PEM".to_vec()),
        ..server()
    });
    assert!(matches!(error.unwrap_err(), Error::Authorities));
    let shown = Login {
        user: "privet".to_owned(),
        password: "hunter2".to_owned().into(),
    };
    assert!(!format!("{shown:?}").contains("hunter2"));
}
