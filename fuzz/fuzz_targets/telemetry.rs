//! OTLP bodies: never a panic, and nothing in what passes that the data map does not name, whatever the body says.
#![no_main]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "modules of the door, of which only a part is used here"
)]

// The door's own sources, without the crates behind it: an operational id is a UUID, and the vault is this program.
extern crate self as privet_vault;
pub use uuid::Uuid as Oid;

#[path = "../../crates/telemetry/src"]
mod door {
    pub(crate) mod counts;
    pub(crate) mod limits;
    pub(crate) mod message;
    pub(crate) mod parts;
    pub(crate) mod people;
    pub(crate) mod record;
    pub(crate) mod rules;
    pub(crate) mod treat;
}

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
// The sources name each other from the root.
use door::{counts, limits, message, parts, people, record, rules, treat};
use limits::Limits;
use message::{Encoding, Message, Signal};
use people::{People, Stamp};
use privet_classify::DataMap;
use record::{Attribute, Value};
use rules::Rules;
use treat::Surroundings;

const MAP: &str = r#"
[purposes]
improvement = { basis = "consent", bit = 0, notice = "2026-11" }
[telemetry.attributes]
a = "UPI"
b = "UII"
c = "CC"
d = { class = "UDI", values = ["x"] }
e = { class = "SYS", type = "int" }
f = { class = "OI", type = "double" }
g = { class = "SYS", type = "bool" }
[telemetry.events]
h = { purpose = "improvement" }
[telemetry.scopes]
i = {}
[telemetry.metrics]
j = { unit = "s" }
"#;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(&DataMap::parse(MAP).unwrap()));

/// Half of all ids are somebody's.
struct Half;

impl People for Half {
    fn stamp(&self, oid: &Oid) -> Option<Stamp> {
        let [first, ..] = *oid.as_bytes();
        (first % 2 == 0).then_some(Stamp {
            tyid: [first; 16],
            bits: first.into(),
            number: 1,
        })
    }

    fn object(&self, _: Option<&Oid>, value: &[u8]) -> String {
        format!("po1_{}", value.len())
    }

    fn notice(&self) -> &str {
        "2026-11"
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let signal = [Signal::Logs, Signal::Traces, Signal::Metrics][usize::from(first % 3)];
    let encoding = if first & 0x80 == 0 {
        Encoding::Protobuf
    } else {
        Encoding::Json
    };
    let limits = Limits::default();
    let Ok(message) = Message::decode(signal, encoding, body, &limits) else {
        return;
    };
    let records = message.records() as u64;
    message.subjects(&RULES);
    let treated = message.treat(Surroundings {
        rules: &RULES,
        people: &Half,
        limits: &limits,
        received_ms: 1,
    });
    let (batch, counts) = (treated.batch, treated.counts);
    assert_eq!(
        counts.accepted + counts.rejected(),
        records,
        "each record is counted once"
    );
    let known = ["improvement", "h", "i", "j"];
    let names = batch.names.iter();
    let own = |name: &str| {
        name.rsplit('.')
            .next()
            .is_some_and(|name| ["a", "d", "e", "f", "g"].contains(&name))
    };
    assert!(
        names
            .into_iter()
            .all(|name| known.contains(&&**name) || own(name))
    );
    let own = batch.logs.iter().map(|log| &log.common);
    let own = own.chain(batch.spans.iter().map(|span| &span.common));
    let own = own.chain(batch.links.iter().map(|link| &link.common));
    let own = own.chain(batch.points.iter().map(|point| &point.common));
    let own = own.chain(batch.exemplars.iter().map(|exemplar| &exemplar.common));
    let own = own.flat_map(|common| &common.attributes);
    for attribute in own.chain(batch.origins.iter().flat_map(|origin| &origin.attributes)) {
        let Attribute {
            value: Some(Value::String(text)),
            ..
        } = attribute
        else {
            continue;
        };
        // No text of a client's passes but one that the data map lists.
        assert!(text == "x" || text.starts_with("po1_"));
    }
    // The map lets no body pass.
    assert!(batch.logs.iter().all(|log| log.body.is_none()));
});
