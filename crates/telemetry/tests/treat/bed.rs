//! A data map, three people, and short ways to write OTLP.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use privet_classify::DataMap;
use privet_telemetry::{Limits, Message, People, Rules, Stamp, Surroundings, Treated};
use privet_vault::Oid;

pub(crate) const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
improvement = { basis = "consent", bit = 0, notice = "2026-11" }
marketing = { basis = "consent", bit = 31, notice = "2026-11" }

[telemetry.attributes]
"user.id" = "UPI"
"order.id" = "UPI"
"user.name" = "UII"
"note" = "CC"
"birthday" = "UDI"
"country" = { class = "UDI", values = ["DE", "NO"] }
"company" = "OI"
"http.method" = "SYS"
"http.status" = { class = "SYS", type = "int" }
"load" = { class = "SYS", type = "double" }
"cached" = { class = "SYS", type = "bool" }

[telemetry.events]
"order.placed" = { purpose = "improvement", exportable = true, body = "SYS" }
"order.shown" = { purpose = "service" }
"GET /orders" = {}

[telemetry.scopes]
"shop.marketing" = { purpose = "marketing" }
"shop.http" = {}

[telemetry.metrics]
"http.duration" = { unit = "s" }
"orders" = { purpose = "improvement" }
"#;

/// Agrees to everything.
pub(crate) const ADA: &str = "00000000-0000-4000-8000-0000000000a1";
/// Agrees to nothing.
pub(crate) const BOB: &str = "00000000-0000-4000-8000-0000000000b0";
/// An id that nobody has.
pub(crate) const NOBODY: &str = "00000000-0000-4000-8000-00000000dead";

pub(crate) const RECEIVED_MS: i64 = 1_795_000_000_000;

struct Table;

impl People for Table {
    fn stamp(&self, oid: &Oid) -> Option<Stamp> {
        let (tyid, bits, number) = match oid.to_string().as_str() {
            ADA => (0xa1, 1 << 31 | 1, 3),
            BOB => (0xb0, 0, 1),
            _ => return None,
        };
        Some(Stamp {
            tyid: [tyid; 16],
            bits,
            number,
        })
    }

    fn object(&self, of: Option<&Oid>, value: &[u8]) -> String {
        let code: u32 = value.iter().map(|byte| u32::from(*byte)).sum();
        let whose = of.map_or(0, |oid| 1 + u32::from(oid.to_string() == ADA));
        format!("po1_{whose}_{code}")
    }

    fn notice(&self) -> &str {
        "2026-11"
    }
}

pub(crate) fn treat(message: Message) -> Treated {
    treat_within(message, &Limits::default())
}

pub(crate) fn treat_within(message: Message, limits: &Limits) -> Treated {
    let rules = Rules::new(&DataMap::parse(MAP).unwrap());
    message.treat(Surroundings {
        rules: &rules,
        people: &Table,
        limits,
        received_ms: RECEIVED_MS,
    })
}

pub(crate) fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(crate) fn key(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        key_strindex: 0,
    }
}

pub(crate) fn text(of: &str, value: &str) -> KeyValue {
    key(of, Value::StringValue(value.to_owned()))
}

pub(crate) fn resource(attributes: Vec<KeyValue>) -> Option<Resource> {
    Some(Resource {
        attributes,
        ..Resource::default()
    })
}

pub(crate) fn scope(name: &str, attributes: Vec<KeyValue>) -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: name.to_owned(),
        version: "canary-version".to_owned(),
        attributes,
        dropped_attributes_count: 0,
    })
}
