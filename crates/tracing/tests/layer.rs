//! What a subscriber behind the policy sees: through `fmt`, through JSON, through filters, in spans,
//! events and fields recorded later.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use privet_classify::{
    Class, Classified, DataMap, PseudonymKey, Redactor, Redactors, Sys, Uii, Upi, ValueType,
};
use privet_tracing::{Policy, Texts, Unlisted, redacted};
use tracing::field::{Empty, display};
use tracing::{Dispatch, debug, dispatcher, error, info, info_span, warn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Rules of a sink, so that no test depends on the process's.
fn rules() -> Redactors {
    Redactors::builder()
        .key(PseudonymKey::new("k1", [7; 32]).unwrap())
        .class(Class::Upi, Redactor::Pseudonym)
        .class(Class::Udi, Redactor::Mask)
        .build()
        .unwrap()
}

fn policy() -> Policy {
    Policy::new()
        .redactors(rules())
        .field("user.id", Class::Upi)
        .field("name", Class::Uii)
        .typed("phone", Class::Udi, ValueType::Phone)
        .field("note", Class::Cc)
        .system(["attempts", "ratio", "ok", "kind"])
}

/// The lines of `fmt`, without time and target.
fn lines(policy: Policy, run: impl FnOnce()) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let layer = tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let stack = tracing_subscriber::registry().with(layer);
    dispatcher::with_default(&redacted(stack, policy), run);
    sink.text()
}

fn check(run: impl FnOnce(), expected: &str) {
    assert_eq!(lines(policy(), run), expected);
}

const PSEUDONYM: &str = "pp1_k1_lZwsDUShBbQL-6amjQ9QbA";

#[derive(Classified)]
#[expect(dead_code, reason = "a log form is all that reads it")]
struct Customer {
    id: Upi<u64>,
    email: Uii<String>,
    #[class(SYS)]
    orders: u32,
}

fn customer() -> Customer {
    Customer {
        id: 4711.into(),
        email: "ada@example.org".to_owned().into(),
        orders: 3,
    }
}

#[test]
fn a_field_is_treated_by_its_class() {
    check(
        || {
            info!(
                user.id = 4711,
                name = "Ada",
                attempts = 3,
                ratio = 0.5,
                ok = true,
                kind = "x",
                "paid"
            )
        },
        &format!(
            " INFO paid user.id=\"{PSEUDONYM}\" name=\"[UII]\" attempts=3 ratio=0.5 ok=true kind=\"x\"\n"
        ),
    );
}

#[test]
fn every_kind_of_value_is_treated() {
    check(
        || {
            info!(name = 1, "i64");
            info!(name = 1_u64, "u64");
            info!(name = 1_i128, "i128");
            info!(name = 1_u128, "u128");
            info!(name = 1.5, "f64");
            info!(name = true, "bool");
            info!(name = &b"Ada"[..], "bytes");
            info!(name = %"Ada", "display");
            info!(name = ?"Ada", "debug");
            info!(name = Some("Ada"), "some");
            info!(name = None::<&str>, "none");
            info!(name = &std::fmt::Error as &(dyn Error + 'static), "error");
        },
        " INFO i64 name=\"[UII]\"\n INFO u64 name=\"[UII]\"\n INFO i128 name=\"[UII]\"\n INFO u128 name=\"[UII]\"\n \
         INFO f64 name=\"[UII]\"\n INFO bool name=\"[UII]\"\n INFO bytes name=[UII]\n INFO display name=[UII]\n \
         INFO debug name=[UII]\n INFO some name=\"[UII]\"\n INFO none\n INFO error name=[UII]\n",
    );
}

#[test]
fn an_unlisted_field_is_dropped() {
    check(
        || {
            let span = info_span!("pay", secret = "Ada", attempts = 1);
            span.in_scope(
                || info!(password = "hunter2", id = 4711, pair = ?("Ada", 1), plain = true, "paid"),
            );
        },
        " INFO pay{attempts=1}: paid\n",
    );
}

#[test]
fn an_unlisted_field_is_named_where_asked() {
    let policy = policy().unlisted(Unlisted::Name);
    let shown = lines(
        policy,
        || info!(password = "hunter2", id = 4711, pair = ?("Ada", 1), "paid"),
    );
    assert_eq!(
        shown,
        " INFO paid password=\"[unlisted]\" id=[unlisted] pair=[unlisted]\n"
    );
}

#[test]
fn a_classified_value_shows_its_log_form_under_any_name() {
    check(
        || {
            let email: Uii<String> = "ada@example.org".to_owned().into();
            let phones = [Some(Uii::<_>::new("+41 44 668 18 00"))];
            info!(to = %email, customer = ?customer(), ?phones, row = %Sys::<_>::new(3), "sent");
        },
        " INFO sent to=[UII] customer=Customer { id: [UPI], email: [UII], orders: 3 } \
         phones=[Some([UII])] row=3\n",
    );
}

#[test]
fn a_log_form_is_not_redacted_twice() {
    struct Pseudonym(Upi<u64>);
    impl fmt::Display for Pseudonym {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // Text like any other: it comes from no classified value.
            f.write_str(&self.0.to_string())
        }
    }
    let mut of_text = String::new();
    rules()
        .write(Class::Upi.into(), None, &"[UPI]", &mut of_text)
        .unwrap();
    check(
        || {
            let id: Upi<u64> = 4711.into();
            info!(user.id = %id, "typed");
            info!(user.id = %Pseudonym(id), "a text that looks so");
        },
        &format!(" INFO typed user.id=[UPI]\n INFO a text that looks so user.id={of_text}\n"),
    );
}

#[test]
fn a_field_recorded_later_is_treated() {
    check(
        || {
            let span = info_span!(
                "pay",
                user.id = Empty,
                name = Empty,
                secret = Empty,
                attempts = Empty
            );
            span.record("user.id", 4711);
            span.record("name", display("Ada"));
            span.record("secret", "Ada");
            span.record("attempts", 2);
            span.in_scope(|| info!("paid"));
        },
        &format!(" INFO pay{{user.id=\"{PSEUDONYM}\" name=[UII] attempts=2}}: paid\n"),
    );
}

#[test]
fn spans_keep_their_parents() {
    check(
        || {
            let outer = info_span!("outer", attempts = 1);
            let guard = outer.enter();
            let inner = info_span!("inner", attempts = 2);
            let root = info_span!(parent: None, "root", attempts = 3);
            let child = info_span!(parent: &root, "child", attempts = 4);
            info!("outer");
            info!(parent: &child, "child");
            info!(parent: None, "none");
            inner.in_scope(|| info!("inner"));
            drop(guard);
            child.follows_from(&inner);
            info!("outside");
        },
        " INFO outer{attempts=1}: outer\n INFO root{attempts=3}:child{attempts=4}: child\n \
         INFO none\n INFO outer{attempts=1}:inner{attempts=2}: inner\n INFO outside\n",
    );
}

#[test]
fn a_text_is_searched() {
    check(
        || {
            let to = "ada@example.org";
            warn!("no mail to {to} from {}", "192.0.2.7");
            warn!(message = to);
            warn!(error = "refused for ada@example.org", "not sent");
            warn!("user {}: order 17 took 12 ms", Upi::<_>::new(4711));
        },
        " WARN no mail to [email] from [ip]\n WARN [email]\n \
         WARN not sent error=\"refused for [email]\"\n WARN user [UPI]: order 17 took 12 ms\n",
    );
}

#[test]
fn a_text_is_dropped_where_asked() {
    let policy = policy().texts(Texts::Drop);
    let shown = lines(policy, || {
        info!(attempts = 3, "Ada Lovelace has paid");
        info!(
            error = &std::fmt::Error as &(dyn Error + 'static),
            attempts = 4
        );
    });
    assert_eq!(shown, " INFO attempts=3\n INFO attempts=4\n");
}

#[test]
fn texts_of_a_silenced_library_are_dropped() {
    let policy = policy().silence("mailer");
    let shown = lines(policy, || {
        let failed: &(dyn Error + 'static) = &std::fmt::Error;
        info!(target: "mailer", attempts = 1, error = failed, "to Ada");
        info!(target: "mailer::queue", attempts = 2, error = "to Ada", "to Ada");
        info!(target: "mailers", attempts = 3, "another one");
        info!(target: "tower_http::catch_panic", attempts = 4, "Service panicked: Ada");
    });
    let expected =
        " INFO attempts=1\n INFO attempts=2\n INFO another one attempts=3\n INFO attempts=4\n";
    assert_eq!(shown, expected);
}

#[derive(Debug, thiserror::Error)]
#[error("no mail to {to}, which is {id}")]
struct SendError {
    to: String,
    id: Uii<String>,
    source: LookupError,
}

#[derive(Debug, thiserror::Error)]
#[error("no mailbox at {0}")]
struct LookupError(String);

#[test]
fn an_error_is_treated_with_its_sources() {
    let failed = SendError {
        to: "ada@example.org".to_owned(),
        id: "Ada".to_owned().into(),
        source: LookupError("192.0.2.7".to_owned()),
    };
    let failed: &(dyn Error + 'static) = &failed;
    check(
        || {
            error!(error = failed, "not sent");
            error!(name = failed, "in a class");
            error!(other = failed, "unlisted");
        },
        "ERROR not sent error=no mail to [email], which is [UII] error.sources=[no mailbox at [ip]]\n\
         ERROR in a class name=[UII] name.sources=[[UII]]\nERROR unlisted\n",
    );
}

#[test]
fn numbers_stay_numbers_in_json() {
    let sink = Sink::default();
    let writer = sink.clone();
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .without_time()
        .with_target(false)
        .with_writer(move || writer.clone());
    let stack = tracing_subscriber::registry().with(layer);
    dispatcher::with_default(&redacted(stack, policy()), || {
        let span = info_span!("pay", note = "Ada", attempts = 3);
        span.in_scope(|| info!(user.id = 4711, attempts = 4, ok = true, secret = 1, "paid"));
    });
    let json: serde_json::Value = serde_json::from_str(&sink.text()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "level": "INFO",
            "fields": {"message": "paid", "user.id": PSEUDONYM, "attempts": 4, "ok": true},
            "span": {"name": "pay", "attempts": 3, "note": "[CC]"},
            "spans": [{"name": "pay", "attempts": 3, "note": "[CC]"}],
        })
    );
}

#[test]
fn filters_work_behind_the_policy() {
    let sink = Sink::default();
    let writer = sink.clone();
    let layer = tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .with_filter(LevelFilter::INFO);
    let stack = tracing_subscriber::registry().with(layer);
    dispatcher::with_default(&redacted(stack, policy()), || {
        debug!(attempts = 1, "hidden");
        info!(attempts = 2, "shown");
    });
    assert_eq!(sink.text(), " INFO shown attempts=2\n");
}

/// A layer that decides by an event's values sees them redacted, too.
#[test]
fn a_filter_of_events_sees_what_is_redacted() {
    struct Watch(Sink);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Watch {
        fn event_enabled(
            &self,
            event: &tracing::Event<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) -> bool {
            use std::io::Write as _;
            write!(self.0.clone(), "{event:?}").unwrap();
            true
        }
    }
    let sink = Sink::default();
    let stack = tracing_subscriber::registry().with(Watch(sink.clone()));
    dispatcher::with_default(&redacted(stack, policy()), || {
        info!(name = "Ada", secret = "Ada", "paid")
    });
    assert!(
        sink.text().contains("[UII]") && !sink.text().contains("Ada"),
        "{}",
        sink.text()
    );
}

/// A `Debug` that logs, which `tracing` ignores while it is inside of a subscriber.
#[test]
fn a_record_within_a_record() {
    struct Logs;
    impl fmt::Debug for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!(attempts = 1, name = "Ada", "inside");
            f.write_str("logged")
        }
    }
    check(
        || info!(kind = ?Logs, attempts = 2, "outside"),
        " INFO outside kind=logged attempts=2\n",
    );
}

#[test]
fn a_record_while_an_answer_is_written() {
    use privet_classify::{because, wire::Wire};
    struct Answer(Uii<&'static str>);
    impl serde::Serialize for Answer {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            info!(kind = %Json(&self.0), "answering");
            self.0.serialize(serializer)
        }
    }
    struct Json<'a>(&'a Uii<&'static str>);
    impl fmt::Display for Json<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&serde_json::to_string(self.0).unwrap())
        }
    }
    check(
        || {
            let answer = Wire::new(Answer(Uii::new("Ada")), because("an answer to herself"));
            assert_eq!(serde_json::to_string(&answer).unwrap(), "\"Ada\"");
        },
        " INFO answering kind=\"[UII]\"\n",
    );
}

#[test]
fn a_panic_in_a_value_spoils_no_later_record() {
    struct Panics;
    impl fmt::Debug for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("inside of a value")
        }
    }
    check(
        || {
            let run = || info!(attempts = 1, kind = ?Panics, "never");
            std::panic::catch_unwind(run).unwrap_err();
            info!(attempts = 2, "next");
        },
        " INFO next attempts=2\n",
    );
}

#[test]
fn more_fields_than_fit_a_small_record() {
    check(
        || {
            info!(
                attempts = 1,
                a = 1,
                b = 1,
                c = 1,
                d = 1,
                e = 1,
                f = 1,
                g = 1,
                h = 1,
                i = 1,
                name = "Ada",
                "many"
            );
        },
        " INFO many attempts=1 name=\"[UII]\"\n",
    );
}

#[test]
fn a_long_text_is_cut() {
    let shown = lines(policy(), || info!(kind = %"é".repeat(40_000), "long"));
    assert!(
        shown.len() < 33_000 && shown.ends_with("é…\n"),
        "{}",
        shown.len()
    );
}

#[test]
fn a_data_map_lists_its_fields_and_attributes() {
    let map = DataMap::parse(
        "[purposes]\nsupport = { basis = \"contract\" }\n\
         [fields.mobile]\nnumber = 1\nclass = \"UDI\"\ntype = \"phone\"\npurposes = [\"support\"]\n\
         [telemetry.attributes]\n\"app.build\" = \"SYS\"\n",
    )
    .unwrap();
    let policy = Policy::new().redactors(rules()).map(&map);
    let shown = lines(policy, || {
        info!(
            mobile = "+41 44 668 18 00",
            app.build = 7,
            other = 1,
            "sent"
        )
    });
    assert_eq!(shown, " INFO sent mobile=\"••• ••• ••\" app.build=7\n");
}

/// What is shown of a record of the `log` crate, without its level.
fn logged(target: &str, message: &str) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let layer = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let stack = tracing_subscriber::registry().with(layer);
    let dispatch: Dispatch = redacted(stack, policy());
    let show = |message: fmt::Arguments<'_>| {
        let record = tracing_log::log::Record::builder()
            .args(message)
            .level(tracing_log::log::Level::Info)
            .target(target)
            .module_path(Some("library::mail"))
            .build();
        dispatcher::with_default(&dispatch, || tracing_log::format_trace(&record).unwrap());
    };
    show(format_args!("{message}"));
    sink.text().replace(" INFO log: ", "")
}

/// Records of the `log` crate come as events of a callsite that is not theirs.
#[test]
fn records_of_the_log_crate() {
    assert_eq!(
        logged("library", "mail to ada@example.org"),
        "mail to [email] log.target=\"library\" log.module_path=\"library::mail\"\n"
    );
}

/// It writes what it sends to the server, at level `debug`, and uses the `log` crate.
#[test]
fn texts_of_a_silenced_library_that_uses_log_are_dropped() {
    let message = "executing statement s0 with parameters: [\"Ada\"]";
    assert_eq!(
        logged("tokio_postgres::query", message),
        "log.target=\"tokio_postgres::query\" log.module_path=\"library::mail\"\n"
    );
    assert!(logged("tokio_postgres_extra", message).contains("Ada"));
}
