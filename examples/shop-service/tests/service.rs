//! The service over a real SQLite file and a Privet in memory.

#![expect(clippy::unwrap_used, reason = "tests")]

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use privet_classify::DataMap;
use privet_classify::synthetic::Person;
use privet_testing::{TestPrivet, Trouble};
use serde_json::{Value, json};
use shop_service::{Shop, app, prepare};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tower::ServiceExt as _;

const MAP: &str = include_str!("../datamap.toml");

struct Bed {
    privet: TestPrivet,
    database: SqlitePool,
    app: Router,
    folder: tempfile::TempDir,
}

impl Bed {
    async fn new() -> Self {
        let privet = TestPrivet::start(MAP).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.sqlite"))
            .create_if_missing(true);
        let database = SqlitePool::connect_with(options).await.unwrap();
        prepare(&database).await.unwrap();
        let client = privet.client("job").await.unwrap();
        let shop = Shop {
            database: database.clone(),
            privet: client,
        };
        let app = app(shop);
        Self {
            privet,
            database,
            app,
            folder,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, body)
    }

    async fn join(&self, person: &Person) -> (StatusCode, Value) {
        let body = json!({"name": person.full_name(), "email": person.email});
        self.call("POST", "/customers", body).await
    }

    /// A customer's path.
    async fn joined(&self, person: &Person) -> String {
        let (status, body) = self.join(person).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        format!("/customers/{}", body.get("id").unwrap().as_str().unwrap())
    }

    async fn rows(&self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM customer");
        count.fetch_one(&self.database).await.unwrap()
    }
}

#[tokio::test]
async fn a_customer_comes_and_goes() {
    let bed = Bed::new().await;
    let ada = Person::new(1, 0);
    let path = bed.joined(&ada).await;
    let wish = json!({"wish": ada.note});
    let (status, _) = bed.call("PUT", &path, wish).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, profile) = bed.call("GET", &path, Value::Null).await;
    let known = json!({"name": ada.full_name(), "email": ada.email, "wish": ada.note});
    assert_eq!((status, profile), (StatusCode::OK, known));
    let (_, found) = bed
        .call("POST", "/customers/find", json!({"email": ada.email}))
        .await;
    assert!(path.ends_with(found.get("id").unwrap().as_str().unwrap()));

    let looks = bed.privet.looks().await.unwrap();
    let looks: Vec<_> = looks
        .iter()
        .map(|look| (&*look.purpose, look.fields.join(" ")))
        .collect();
    assert_eq!(looks[..1], [("service", "email name wish".to_owned())]);
    assert_eq!(looks.get(1).unwrap().0, "security");

    let (status, _) = bed.call("DELETE", &path, Value::Null).await;
    assert_eq!((status, bed.rows().await), (StatusCode::NO_CONTENT, 0));
    for method in ["GET", "PUT"] {
        let (status, _) = bed.call(method, &path, json!({"wish": "x"})).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    let again = bed.call("DELETE", &path, Value::Null).await;
    assert_eq!(again.0, StatusCode::NO_CONTENT);
    bed.joined(&ada).await;
}

#[tokio::test]
async fn one_address_is_one_customer() {
    let bed = Bed::new().await;
    let ada = Person::new(1, 0);
    bed.joined(&ada).await;
    let mut shouting = Person::new(1, 1);
    shouting.email = ada.email.to_uppercase();
    assert_eq!(
        bed.join(&shouting).await,
        (StatusCode::CONFLICT, json!("taken"))
    );
    assert_eq!(bed.rows().await, 1);
}

#[tokio::test]
async fn the_database_holds_nothing_in_the_clear() {
    let bed = Bed::new().await;
    let people: Vec<_> = (0..20).map(|index| Person::new(2, index)).collect();
    for person in &people {
        let path = bed.joined(person).await;
        bed.call("PUT", &path, json!({"wish": person.note})).await;
    }
    bed.database.close().await;
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(bed.folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("pv1_") && text.contains("px1_"));
    for person in &people {
        for value in [&person.email, &person.full_name(), &person.note] {
            assert!(!text.contains(&**value), "{value}");
        }
    }
}

#[tokio::test]
async fn without_privet_nothing_is_kept_and_nothing_shown() {
    let bed = Bed::new().await;
    let ada = Person::new(1, 0);
    let path = bed.joined(&ada).await;
    bed.privet.transport().trouble([Trouble::Unreachable; 4]);
    let (status, body) = bed.call("GET", &path, Value::Null).await;
    assert_eq!(
        (status, body),
        (StatusCode::SERVICE_UNAVAILABLE, json!("unavailable"))
    );
    let (status, _) = bed.call("GET", &path, Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    // The subject is made, and then the server is gone.
    let other = Person::new(1, 1);
    let fine_then_gone = [Trouble::AnswerLost];
    bed.privet.transport().trouble(fine_then_gone);
    assert_eq!(bed.join(&other).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bed.rows().await, 1);
    bed.joined(&other).await;
}

#[tokio::test]
async fn what_is_wrong_is_told_without_a_value() {
    let bed = Bed::new().await;
    let real = json!({"name": "Ada Lovelace", "email": "ada.lovelace@gmail.com"});
    let (status, body) = bed.call("POST", "/customers", real).await;
    assert_eq!(
        (status, body),
        (StatusCode::UNPROCESSABLE_ENTITY, json!("invalid"))
    );
    let number = json!({"name": 4_711_815, "email": "ada@example.com"});
    let (status, body) = bed.call("POST", "/customers", number).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!body.to_string().contains("4711815"), "{body}");
    assert_eq!(bed.rows().await, 0);
}

/// Code and data map cannot drift: what `privet check --code` says, as a test.
#[test]
fn code_and_data_map_agree() {
    let map = DataMap::parse(MAP).unwrap();
    let files = [
        ("fields.rs", include_str!("../src/fields.rs")),
        ("customers.rs", include_str!("../src/customers.rs")),
        ("error.rs", include_str!("../src/error.rs")),
        ("lib.rs", include_str!("../src/lib.rs")),
        ("main.rs", include_str!("../src/main.rs")),
    ];
    let report = privet_code::check(&map, &files);
    assert!(report.problems.is_empty(), "{:#?}", report.problems);
    assert_eq!(report.reveals.len(), 1, "{:#?}", report.reveals);
}
