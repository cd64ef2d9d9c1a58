//! `datapackage.json`: a Frictionless Data Package (version 1) over the collections' files.

use serde_json::{Value as Json, json};

use crate::entry::Entry;
use crate::json_lines::Types;
use crate::spreadsheet::harmless;
use crate::{About, Collection, Field, Kind};

/// The files of one collection.
pub(crate) struct Files<'a> {
    pub(crate) collection: &'a Collection<'a>,
    pub(crate) name: &'a str,
    pub(crate) types: &'a [Types],
    pub(crate) csv: &'a Entry,
    pub(crate) json_lines: &'a Entry,
    pub(crate) schema: &'a Entry,
}

/// The description of all of them.
pub(crate) fn of<'a>(about: &About, title: &str, files: impl Iterator<Item = Files<'a>>) -> Json {
    let mut resources = Vec::new();
    for files in files {
        resources.push(csv(&files));
        // Validators refuse a file of no lines.
        if files.json_lines.size_bytes > 0 {
            resources.push(json_lines(&files));
        }
    }
    json!({
        "profile": "data-package",
        "name": "personal-data",
        "id": about.request,
        "title": title,
        "created": about.taken_at.to_string(),
        "contributors": [{ "title": about.company, "role": "publisher" }],
        "resources": resources,
    })
}

fn csv(files: &Files<'_>) -> Json {
    let fields: Vec<Json> = files
        .collection
        .fields
        .iter()
        .zip(files.types)
        .map(|(field, types)| {
            json!({
                "name": harmless(&field.name),
                "title": field.title,
                "type": table_type(field, *types),
            })
        })
        .collect();
    json!({
        "profile": "tabular-data-resource",
        "name": files.name,
        "title": files.collection.title,
        "description": files.collection.what,
        "path": files.csv.path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": { "delimiter": ",", "lineTerminator": "\r\n", "quoteChar": "\"", "doubleQuote": true, "header": true },
        "bytes": files.csv.size_bytes,
        "hash": format!("sha256:{}", files.csv.sha256),
        "schema": { "fields": fields, "missingValues": [""] },
    })
}

fn json_lines(files: &Files<'_>) -> Json {
    json!({
        "name": format!("{}.jsonl", files.name),
        "title": files.collection.title,
        "path": files.json_lines.path,
        "format": "jsonl",
        "mediatype": "application/jsonl",
        "encoding": "utf-8",
        "bytes": files.json_lines.size_bytes,
        "hash": format!("sha256:{}", files.json_lines.sha256),
        "jsonSchema": files.schema.path,
    })
}

/// A type that every cell of the column fits.
fn table_type(field: &Field, types: Types) -> &'static str {
    let others = types
        .without(Types::NULL)
        .without(Types::of_kind(field.kind));
    match field.kind {
        Kind::Text | Kind::Bytes => "string",
        _ if !others.is_empty() => "any",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
    }
}
