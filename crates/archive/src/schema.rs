//! JSON Schema (2020-12) of one line of a collection's JSON Lines.

use serde_json::{Map, Value as Json, json};

use crate::json_lines::Types;
use crate::{Collection, Field, Kind};

/// The schema that every line fits. `types` is what the fields' values were seen to be.
pub(crate) fn of(collection: &Collection<'_>, types: &[Types]) -> Json {
    let properties: Map<String, Json> = collection
        .fields
        .iter()
        .zip(types)
        .map(|(field, types)| (field.name.clone(), property(field, *types)))
        .collect();
    let names: Vec<&str> = collection.fields.iter().map(|field| &*field.name).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": collection.title,
        "description": collection.what,
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": false,
    })
}

fn property(field: &Field, seen: Types) -> Json {
    let types = seen.with(Types::of_kind(field.kind)).with(Types::NULL);
    let mut property = json!({ "title": field.title, "type": names(types) });
    if let Some(property) = property.as_object_mut() {
        if field.kind == Kind::Bytes {
            property.insert("contentEncoding".to_owned(), json!("base64"));
        }
        if types.has(Types::OBJECT) {
            let bytes = json!({ "base64": { "type": "string", "contentEncoding": "base64" } });
            property.insert("properties".to_owned(), bytes);
        }
    }
    property
}

fn names(types: Types) -> Vec<&'static str> {
    let all = [
        (Types::STRING, "string"),
        (Types::INTEGER, "integer"),
        (Types::NUMBER, "number"),
        (Types::BOOLEAN, "boolean"),
        (Types::OBJECT, "object"),
        (Types::NULL, "null"),
    ];
    all.into_iter()
        .filter(|(one, _)| types.has(*one))
        .map(|(_, name)| name)
        .collect()
}
