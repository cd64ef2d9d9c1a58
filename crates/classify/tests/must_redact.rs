//! Every way in which a value gets out of a program by accident, one named case each: none of them
//! shows the marker that stands in each personal field.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::unnecessary_literal_unwrap, reason = "the panic is the case")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use privet_classify::{Cc, Classified, Oi, Redacted, Uii, Upi, value};
use serde::Serialize;

/// Stands in every personal field; digits too, so that it can be a number.
const MARKER: &str = "8675309";

#[derive(Classified, Clone, PartialEq, Serialize)]
struct Customer {
    #[class(SYS)]
    row: u32,
    id: Upi<u64>,
    email: Uii<String, value::Email>,
    phones: Vec<Uii<String>>,
    address: Option<Address>,
    notes: BTreeMap<Upi<u64>, Cc<String>>,
    employer: Oi<String>,
}

#[derive(Classified, Clone, PartialEq, Serialize)]
struct Address(Uii<String>, #[class(SYS)] u8);

#[expect(dead_code, reason = "a log form is all that reads it")]
#[derive(Classified)]
#[classified(variants = SYS)]
enum Contact<T> {
    Mail {
        to: Uii<String>,
        then: Box<Contact<T>>,
    },
    Call(Uii<T>, #[class(SYS)] u8),
    Nobody,
}

#[expect(dead_code, reason = "a log form is all that reads it")]
#[derive(Classified)]
struct Page<T> {
    items: Vec<T>,
    next: Option<Box<Page<T>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("no mail could be sent to {to}")]
struct SendError {
    to: Uii<String>,
    #[source]
    cause: LookupError,
}

#[derive(Debug, thiserror::Error)]
#[error("no mailbox {0:?}")]
struct LookupError(Uii<String>);

fn text() -> Uii<String> {
    format!("{MARKER}@example.org").into()
}

fn customer() -> Customer {
    Customer {
        row: 3,
        id: 8_675_309.into(),
        email: format!("{MARKER}@example.org").into(),
        phones: vec![format!("+1 {MARKER}").into()],
        address: Some(Address(format!("{MARKER} Main Street").into(), 1)),
        notes: [(8_675_309.into(), MARKER.to_owned().into())].into(),
        employer: format!("{MARKER} Ltd").into(),
    }
}

fn error() -> SendError {
    SendError {
        to: text(),
        cause: LookupError(text()),
    }
}

/// The message of the panic that `run` ends with.
fn panic_of(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

/// What `run` logs through `tracing`, as plain lines and as JSON.
fn logged(run: impl Fn()) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let plain = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .finish();
    tracing::subscriber::with_default(plain, &run);
    let writer = sink.clone();
    let json = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(json, &run);
    sink.text()
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(shown, "; {error} {error:?}").unwrap();
        cause = error.source();
    }
    shown
}

macro_rules! cases {
    ($($name:ident => $shown:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let shown: String = $shown;
                assert!(!shown.contains(MARKER), "the marker is shown: {shown}");
                // A case that shows nothing at all would prove nothing.
                assert!(
                    ["[UII]", "[UPI]", "[CC]", "[OI]"].iter().any(|class| shown.contains(class)),
                    "nothing was shown in place of the value: {shown}"
                );
            }
        )*
    };
}

cases! {
    debug_of_a_value => format!("{:?}", text());
    display_of_a_value => format!("{}", text());
    inline_in_a_format_string => { let to = text(); format!("mail to {to}, {to:?}") };
    padded => format!("{:>40} {:<40?} {:^3.2} [UII]", text(), text(), text());
    to_string => text().to_string();
    write_macro => { let mut out = String::new(); write!(out, "{:?}", text()).unwrap(); out };
    a_number_in_hex_does_not_compile_and_so_as_text => format!("{:?}", Upi::<_>::new(8_675_309));
    debug_of_a_structure => format!("{:?}", customer());
    pretty_debug_of_a_structure => format!("{:#?}", customer());
    dbg_macro_writes_this => format!("{:#?}", &&customer());
    debug_of_an_option => format!("{:?}", Some(text()));
    debug_of_a_result => format!("{:?}", Err::<(), _>(text()));
    debug_of_a_vec => format!("{:?}", vec![text(); 3]);
    debug_of_a_map => format!("{:?}", HashMap::from([(text(), text())]));
    debug_of_a_tuple => format!("{:?}", (1, text()));
    debug_of_an_arc => format!("{:?}", Arc::new(Mutex::new(text())));
    debug_of_an_enum => {
        let then = Box::new(Contact::Call(8_675_309_u64.into(), 2));
        let contact = Contact::Mail { to: text(), then };
        format!("{contact:?} {:?}", Contact::<u64>::Nobody)
    };
    debug_of_a_generic => {
        let page = Page { items: vec![text()], next: None };
        format!("{:?}", Page { items: vec![text()], next: Some(Box::new(page)) })
    };
    debug_of_a_trait_object => { let value: &dyn Redacted = &customer(); format!("{value:?}") };
    debug_of_a_borrowed_value => format!("{:?}", text().borrowed());
    debug_of_a_mapped_value => format!("{:?}", text().map(|text| text.len() + 8_675_309));
    debug_of_bytes => {
        let value = Uii::<_, value::Opaque>::new(MARKER.as_bytes().to_vec());
        let shown = format!("{value:?} {value}");
        assert!(!shown.contains("56"), "{shown}");
        shown
    };
    serialize_a_value => serde_json::to_string(&text()).unwrap();
    serialize_a_structure => serde_json::to_string(&customer()).unwrap();
    serialize_to_a_value => format!("{:?}", serde_json::to_value(customer()).unwrap());
    serialize_as_a_key => {
        let map = BTreeMap::from([(text(), 1)]);
        serde_json::to_string(&map).unwrap()
    };
    panic_message => panic_of(|| panic!("no mail to {}", text()));
    unwrap_of_an_error => panic_of(|| Err::<(), _>(error()).unwrap());
    expect_of_an_error => panic_of(|| Err::<(), _>(error()).expect("a mail"));
    unwrap_err_of_a_value => panic_of(|| { Ok::<_, ()>(customer()).unwrap_err(); });
    assert_eq_of_values => panic_of(|| assert_eq!(text(), text().map(|text| text + MARKER)));
    assert_with_a_message => panic_of(|| assert!(text() < text(), "{:?}", customer()));
    unreachable_macro => panic_of(|| unreachable!("{}", text()));
    error_display => error().to_string();
    error_debug => format!("{:?}", error());
    error_chain => chain(&error());
    boxed_error => { let boxed: Box<dyn Error + Send + Sync> = error().into(); chain(&*boxed) };
    anyhow_display => format!("{}", anyhow::Error::new(error()));
    anyhow_alternate => format!("{:#}", anyhow::Error::new(error()).context("sending"));
    anyhow_debug => format!("{:?}", anyhow::Error::new(error()).context("sending"));
    anyhow_macro => format!("{:?}", anyhow::anyhow!("no mail to {}", text()));
    anyhow_context => {
        let result: anyhow::Result<()> = Err(error()).with_context(|| format!("for {:?}", customer()));
        format!("{:?}", result.unwrap_err())
    };
    url_path => format!("/customers/{}/mails?to={}", Upi::<_>::new(8_675_309), text());
    file_name => std::path::Path::new("/tmp").join(text().to_string()).display().to_string();
    sql_text => format!("SELECT * FROM customer WHERE email = '{}'", text());
    header_value => format!("X-User: {}", customer().id);
    tracing_display_field => logged(|| tracing::info!(to = %text(), "sent"));
    tracing_debug_field => logged(|| tracing::info!(customer = ?customer(), "sent"));
    tracing_message => logged(|| tracing::info!("sent to {}", text()));
    tracing_span_field => logged(|| {
        let _span = tracing::info_span!("send", to = %text()).entered();
        tracing::info!("sent");
    });
    tracing_field_recorded_later => logged(|| {
        let span = tracing::info_span!("send", to = tracing::field::Empty);
        span.record("to", tracing::field::display(text()));
        span.in_scope(|| tracing::info!("sent"));
    });
    tracing_error => logged(|| tracing::error!(error = &error() as &(dyn Error + 'static), "not sent"));
    tracing_instrument => logged(|| instrumented(text(), customer()));
    tracing_instrument_err => logged(|| { let _ = failing(text()); });
    tracing_instrument_ret => logged(|| { returning(); });
}

#[tracing::instrument(level = "info")]
fn instrumented(to: Uii<String>, customer: Customer) {
    tracing::info!("sent");
}

#[tracing::instrument(level = "info", err(Debug))]
fn failing(to: Uii<String>) -> Result<(), SendError> {
    Err(error())
}

#[tracing::instrument(level = "info", ret)]
fn returning() -> Customer {
    customer()
}

/// What the derive writes, word for word, once.
#[test]
fn what_is_shown() {
    assert_eq!(
        format!("{:?}", customer()),
        "Customer { row: 3, id: [UPI], email: [UII], phones: [[UII]], \
         address: Some(Address([UII], 1)), notes: {[UPI]: [CC]}, employer: [OI] }"
    );
    let fmt_of_unit = format!("{:?}", Contact::<u64>::Nobody);
    assert_eq!(fmt_of_unit, "Nobody");
}
