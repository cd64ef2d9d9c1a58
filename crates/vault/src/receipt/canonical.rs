//! Canonical JSON (RFC 8785) of what receipts are made of: texts, lists and objects. Numbers, whose spelling is most of that
//! standard, and `true`, `false` and `null` are in no receipt, and are refused.

use serde::Serialize;
use serde_json::Value as Json;

use super::ReceiptError;

/// How deep lists and objects may lie in each other; receipts have seven levels.
const DEPTH_MAX: u32 = 16;

/// The one spelling of a value.
pub(super) fn canonical(value: &impl Serialize) -> Result<Vec<u8>, ReceiptError> {
    let value = serde_json::to_value(value).map_err(|_| ReceiptError::Unwritable)?;
    let mut out = Vec::with_capacity(4_096);
    write(&value, DEPTH_MAX, &mut out)?;
    Ok(out)
}

fn write(value: &Json, depth: u32, out: &mut Vec<u8>) -> Result<(), ReceiptError> {
    let below = depth.checked_sub(1).ok_or(ReceiptError::Form)?;
    match value {
        Json::String(text) => write_text(text, out)?,
        Json::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                separate(place, out);
                write(item, below, out)?;
            }
            out.push(b']');
        }
        Json::Object(members) => {
            let mut members: Vec<(&String, &Json)> = members.iter().collect();
            // Section 3.2.3: by UTF-16 code units, which is not the order of UTF-8.
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            out.push(b'{');
            for (place, (name, item)) in members.into_iter().enumerate() {
                separate(place, out);
                write_text(name, out)?;
                out.push(b':');
                write(item, below, out)?;
            }
            out.push(b'}');
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => return Err(ReceiptError::Form),
    }
    Ok(())
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

/// Section 3.2.2.2: the escapes are those that `serde_json` writes.
fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), ReceiptError> {
    serde_json::to_writer(out, text).map_err(|_| ReceiptError::Unwritable)
}
