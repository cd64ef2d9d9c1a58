//! Tokens: wrong, expired, revoked, foreign, and wrongly handed in.

use serde_json::json;

use crate::bed::{Bed, Stores, bed, clock, vault};
use crate::http::{Answer, Client};

async fn whoami(bed: &Bed, token: &str) -> Answer {
    let client = Client {
        token: Some(token.to_owned()),
        ..bed.client.clone()
    };
    client.get("/v1/whoami").await
}

fn check_refused(answer: &Answer) {
    assert_eq!(answer.problem(), "401 unauthenticated");
    let challenge = answer.header("www-authenticate").unwrap();
    assert_eq!(challenge, "Bearer realm=\"privet\"");
    assert!(!answer.text().contains("pvt_"), "{}", answer.text());
}

#[tokio::test]
async fn a_token_says_who_and_where() {
    let bed = bed().await;
    let answer = bed.of("job").await.get("/v1/whoami").await.expect(200);
    let who: privet_wire::Whoami = answer.read();
    assert_eq!(who.principal, "job");
    assert_eq!(who.kind, privet_wire::PrincipalKind::Job);
    assert_eq!(who.groups, ["pii-jobs"]);
    assert_eq!((&*who.environment, &*who.tenant), ("test", "acme"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn what_is_no_token_here_is_refused_alike() {
    let bed = bed().await;
    let good = bed.of("job").await.token.unwrap();
    whoami(&bed, &good).await.expect(200);
    let mistyped = format!("{}x", &good[..good.len() - 1]);
    let upper = good.to_uppercase();
    let renamed = good.replace("pvt_test_", "pvt_prod_");
    let mut refused = vec![mistyped, upper, renamed, String::new(), "pvt_".to_owned()];
    refused.push("x".repeat(4_000));
    refused.push(format!("{good} {good}"));
    for token in refused {
        check_refused(&whoami(&bed, &token).await);
    }
}

#[tokio::test]
async fn a_token_of_another_environment_is_refused() {
    let bed = bed().await;
    let stores = Stores::memory();
    let other = vault("staging", &stores, &clock()).await;
    let foreign = other
        .issue_first_token(&"job".parse().unwrap(), 1)
        .await
        .unwrap();
    check_refused(&whoami(&bed, &foreign.text).await);
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let bed = bed().await;
    let token = bed.of("job").await.token.unwrap();
    bed.clock.advance_days(29);
    whoami(&bed, &token).await.expect(200);
    bed.clock.advance_days(1);
    check_refused(&whoami(&bed, &token).await);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    for stores in [Stores::memory(), Stores::sqlite()] {
        let bed = Bed::start(stores, privet_api::ApiConfig::default()).await;
        let operator = bed.of("operator").await;
        let body = json!({"principal": "job", "days": 7, "note": "for a test"});
        let issued = operator.post("/v1/tokens", body).await.expect(201);
        let issued: privet_wire::IssuedToken = issued.read();
        whoami(&bed, &issued.token).await.expect(200);
        let path = format!("/v1/tokens/{}", issued.id);
        let revoked = operator.call("DELETE", &path, None).await.expect(204);
        assert!(revoked.body.is_empty());
        check_refused(&whoami(&bed, &issued.token).await);
        let again = operator.call("DELETE", &path, None).await;
        assert!(matches!(again.status, 204 | 404), "{}", again.status);
        let listed = operator.get("/v1/tokens").await.expect(200);
        assert!(!listed.text().contains(issued.token.as_str()));
        let listed: privet_wire::TokenList = listed.read();
        let found = listed.tokens.iter().find(|token| token.id == issued.id);
        let found = found.unwrap();
        assert_eq!((&*found.principal, &*found.note), ("job", "for a test"));
        assert!(found.revoked_at.is_some());
    }
}

#[tokio::test]
async fn wrong_wishes_for_tokens_are_told() {
    let bed = bed().await;
    let operator = bed.of("operator").await;
    for (body, problem) in [
        (
            json!({"principal": "nobody", "days": 7}),
            "422 unknown_principal",
        ),
        (
            json!({"principal": "No Body", "days": 7}),
            "422 unknown_principal",
        ),
        (json!({"principal": "job", "days": 0}), "422 days"),
        (json!({"principal": "job", "days": 367}), "422 days"),
        (
            json!({"principal": "job", "days": -1}),
            "400 malformed_json",
        ),
        (
            json!({"principal": "job", "days": 1, "note": "x".repeat(201)}),
            "422 note",
        ),
    ] {
        assert_eq!(operator.post("/v1/tokens", body).await.problem(), problem);
    }
    let unknown = "/v1/tokens/0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d";
    let answer = operator.call("DELETE", unknown, None).await;
    assert_eq!(answer.problem(), "404 not_found");
}

#[tokio::test]
async fn the_token_stands_in_one_bearer_header() {
    let bed = bed().await;
    let token = bed.of("job").await.token.unwrap();
    let head = "GET /v1/whoami HTTP/1.1\r\nhost: privet\r\nconnection: close\r\n";
    for (headers, status) in [
        (format!("authorization: bearer {token}"), 200),
        (format!("Authorization: BEARER  {token}"), 200),
        (format!("authorization: Basic {token}"), 401),
        (format!("authorization: {token}"), 401),
        (
            format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}"),
            401,
        ),
        (format!("x-authorization: Bearer {token}"), 401),
        (format!("cookie: token={token}"), 401),
    ] {
        let answer = bed
            .client
            .raw(format!("{head}{headers}\r\n\r\n").as_bytes())
            .await;
        assert_eq!(answer.status, status, "{}", headers.replace(&token, "…"));
    }
    let in_url = format!("/v1/whoami?access_token={token}");
    bed.client.get(&in_url).await.expect(401);
}
