//! The API's description: valid, complete, and pinned for review.

use privet_api::{Access, listed};
use serde_json::Value;

use crate::bed::bed;

#[tokio::test]
async fn the_description_is_what_is_served() {
    let bed = bed().await;
    let mut description = bed.client.get("/openapi.json").await.expect(200).json();
    assert_eq!(description["openapi"], "3.1.0");
    let described = &description["paths"];
    let mut operations = 0;
    let programs = [
        "/v1/",
        "/health/",
        "/metrics",
        "/openapi.json",
        "/.well-known/",
    ];
    let of_programs = |path: &str| programs.iter().any(|start| path.starts_with(start));
    for route in listed().iter().filter(|route| of_programs(route.path)) {
        let path = route.path.replace("{*", "{");
        let method = route.method.as_str().to_lowercase();
        let operation = &described[&path][&method];
        assert!(operation.is_object(), "{method} {path} is not described");
        let closed = operation["responses"]["401"].is_object();
        // For a token, an agent shows what it signed.
        let signed = route.method == "POST" && route.path == "/v1/agent/{id}";
        let by_token = matches!(route.access, Access::Token | Access::Agent) && !signed;
        assert_eq!(closed, by_token, "{method} {path}");
        operations += 1;
    }
    let paths = described.as_object().unwrap().values();
    let all: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(all, operations, "something is described that is not served");
    check_references(&description, &description);
    description["info"]["version"] = "(the crate's)".into();
    insta::assert_json_snapshot!(description);
}

/// Every reference leads to something.
fn check_references(root: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(root.pointer(pointer).is_some(), "{reference}");
            }
            members
                .values()
                .for_each(|member| check_references(root, member));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(root, item)),
        _ => {}
    }
}
