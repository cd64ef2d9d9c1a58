//! Against a provider on loopback that does whatever a real one would not: it signs what it should not, with what it should
//! not, for whom it should not. (A real one is in the tests of the pages.)

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod op;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use privet_login::{ClientSecret, Provider, Settings, SettingsError};
use privet_vault::Clock;
use privet_vault::port::{IdentityError, IdentityProvider as _, LoginAttempt, LoginProof};
use serde_json::{Value, json};

use op::{Key, Op, hs256, unsigned};

const START: i64 = 1_763_660_000;
const SECRET: &str = "hunter2 & more";

struct HandClock(AtomicI64);

impl HandClock {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(START + self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

struct Login {
    op: Op,
    clock: Arc<HandClock>,
    provider: Provider,
}

fn settings(issuer: &str) -> Settings {
    Settings {
        name: "Shop".to_owned(),
        issuer: issuer.to_owned(),
        client_id: "privet".to_owned(),
        client_secret: Some(ClientSecret::new(SECRET.to_owned())),
        subject: "shop/customer:{sub}".parse().unwrap(),
        pages: "http://127.0.0.1:7300".to_owned(),
        authorities: None,
    }
}

fn attempt() -> LoginAttempt {
    LoginAttempt {
        state: "0a".repeat(32).into(),
        nonce: "0b".repeat(32).into(),
        verifier: "0c".repeat(32).into(),
    }
}

impl Login {
    async fn begin() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        // As `main` does first; a second time changes nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let op = Op::open().await;
        let clock = Arc::new(HandClock(AtomicI64::new(0)));
        let mut settings = settings(&op.issuer);
        change(&mut settings);
        let provider = Provider::new(settings, clock.clone()).unwrap();
        Self {
            op,
            clock,
            provider,
        }
    }

    /// What a token of this login says.
    fn claims(&self) -> Value {
        let now = self.clock.now().as_second();
        json!({
            "iss": self.op.issuer, "aud": "privet", "sub": "42", "nonce": "0b".repeat(32), "iat": now, "exp": now + 300,
        })
    }

    async fn prove_from(&self, issuer: Option<&str>) -> String {
        let proof = LoginProof {
            code: "the code",
            issuer,
        };
        match self.provider.prove(&attempt(), proof).await {
            Ok(subject) => subject.to_string(),
            Err(IdentityError::Refused(why)) => format!("refused: {why}"),
            Err(IdentityError::Unavailable(why)) => format!("unavailable: {why}"),
        }
    }

    /// What comes of a token.
    async fn prove(&self, token: String) -> String {
        self.op.hand_out(token);
        self.prove_from(None).await
    }

    async fn prove_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.prove(self.op.key.sign(&claims)).await
    }
}

#[tokio::test]
async fn a_browser_is_led_there_with_a_digest_and_the_code_is_redeemed_with_its_preimage() {
    let login = Login::begin().await;
    let address = login.provider.address(&attempt()).await.unwrap();
    let (page, query) = address.split_once('?').unwrap();
    assert_eq!(page, format!("{}/auth", login.op.issuer));
    let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    let has = |name: &str, value: &str| {
        let found = query.iter().filter(|(found, _)| found == name);
        let found: Vec<_> = found.map(|(_, value)| value.as_str()).collect();
        assert_eq!(found, [value], "{name}");
    };
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, "0c".repeat(32).as_bytes());
    has("code_challenge", &URL_SAFE_NO_PAD.encode(digest));
    has("code_challenge_method", "S256");
    has("response_type", "code");
    has("scope", "openid");
    has("state", &"0a".repeat(32));
    has("nonce", &"0b".repeat(32));
    has("client_id", "privet");
    has("redirect_uri", "http://127.0.0.1:7300/me/login/back");
    assert!(!address.contains(&"0c".repeat(32)) && !address.contains("hunter2"));

    assert_eq!(login.prove_claims(|_| {}).await, "shop/customer:42");
    let asked = login.op.asked();
    let last = asked.last().unwrap();
    for part in [
        "code_verifier=0c0c",
        "grant_type=authorization_code",
        "code=the+code",
        "redirect_uri=http%3A%2F%2F127.0.0.1%3A7300%2Fme%2Flogin%2Fback",
        "authorization: basic ",
    ] {
        assert!(last.contains(part), "{part} is not in {last}");
    }
}

#[tokio::test]
async fn only_what_the_provider_signed_is_believed() {
    let login = Login::begin().await;
    let claims = login.claims();
    let unsigned_says = "refused: the token is not signed, or not in a way that is taken";
    assert_eq!(login.prove(unsigned(&claims)).await, unsigned_says);
    // Whoever has the public key, or the client's secret, has no key that counts.
    for secret in [login.op.key.public.as_slice(), SECRET.as_bytes()] {
        assert_eq!(login.prove(hs256(&claims, secret)).await, unsigned_says);
    }
    let wrong = "refused: the token's signature is wrong";
    let other = Key::make("one");
    assert_eq!(login.prove(other.sign(&claims)).await, wrong);
    let good = login.op.key.sign(&claims);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let another = login.op.key.sign(&json!({ "sub": "43" }));
    let (_, signature) = another.rsplit_once('.').unwrap();
    assert_eq!(login.prove(format!("{signed}.{signature}")).await, wrong);
    assert_eq!(login.prove(format!("{signed}.")).await, wrong);
    assert_eq!(login.prove(good).await, "shop/customer:42");
    for nonsense in ["", "x", "a.b.c"] {
        let said = login.prove(nonsense.to_owned()).await;
        assert_eq!(
            said,
            "unavailable: its token endpoint does not answer as one"
        );
    }
}

#[tokio::test]
async fn a_token_is_for_us_for_this_login_and_for_now() {
    let login = Login::begin().await;
    let now = login.clock.now().as_second();
    let audience = "refused: the token is for another audience";
    let time = "refused: the token has expired, or was made at another time";
    let nonce = "refused: the token was made for another login";
    let good = "shop/customer:42";
    for (name, value, expected) in [
        ("aud", json!("other"), audience),
        ("aud", json!(["privet", "other"]), audience),
        ("aud", json!(["privet"]), good),
        (
            "azp",
            json!("other"),
            "refused: the token is for another client",
        ),
        ("azp", json!("privet"), good),
        (
            "iss",
            json!("https://evil.example"),
            "refused: the token is of another issuer",
        ),
        ("nonce", json!("0d".repeat(32)), nonce),
        ("exp", json!(now - 61), time),
        ("exp", json!(now - 30), good),
        ("iat", json!(now + 61), time),
        ("iat", json!(now + 30), good),
        ("iat", json!(now - 601), time),
    ] {
        let said = login
            .prove_claims(|claims| claims[name] = value.clone())
            .await;
        assert_eq!(said, expected, "{name}: {value}");
    }
    let without = async |name: &str| {
        let take = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(name));
        login.prove_claims(take).await
    };
    assert_eq!(without("nonce").await, nonce);
    for needed in ["sub", "aud", "iss", "exp", "iat"] {
        assert_ne!(without(needed).await, good, "{needed}");
    }
}

#[tokio::test]
async fn another_claim_may_name_the_subject() {
    let oid = "6f1c2d3e-0000-4000-8000-000000000000";
    let login = Login::with(|settings| settings.subject = "{privet_oid}".parse().unwrap()).await;
    let lacks = "refused: the token lacks the claim that names the subject, or it is no key";
    assert_eq!(login.prove_claims(|_| {}).await, lacks);
    assert_eq!(
        login
            .prove_claims(|claims| claims["privet_oid"] = json!(oid))
            .await,
        oid
    );
    for value in [
        json!("shop/customer:42"),
        json!(null),
        json!([oid]),
        json!(1.5),
    ] {
        let said = login
            .prove_claims(|claims| claims["privet_oid"] = value.clone())
            .await;
        assert_eq!(said, lacks, "{value}");
    }
    let login =
        Login::with(|settings| settings.subject = "shop/customer:{number}".parse().unwrap());
    let login = login.await;
    let said = login
        .prove_claims(|claims| claims["number"] = json!(42))
        .await;
    assert_eq!(said, "shop/customer:42");
}

#[tokio::test]
async fn an_answer_of_another_issuer_gets_no_code() {
    let login = Login::begin().await;
    login.op.hand_out(login.op.key.sign(&login.claims()));
    let foreign = login.prove_from(Some("https://evil.example")).await;
    assert_eq!(foreign, "refused: the answer is of another issuer");
    assert!(login.op.asked().is_empty(), "nobody was given the code");
    let own = login.op.issuer.clone();
    assert_eq!(login.prove_from(Some(&own)).await, "shop/customer:42");
    // Where the provider says that it always says so.
    let login = Login::begin().await;
    let more = json!({ "authorization_response_iss_parameter_supported": true });
    login.op.describe(&more);
    login.op.hand_out(login.op.key.sign(&login.claims()));
    assert_eq!(
        login.prove_from(None).await,
        "refused: the answer does not say its issuer"
    );
    assert!(login.op.asked().is_empty());
}

#[tokio::test]
async fn new_keys_are_found_and_unknown_ones_do_not_make_us_ask_all_the_time() {
    let login = Login::begin().await;
    assert_eq!(login.prove_claims(|_| {}).await, "shop/customer:42");
    let two = Key::make("two");
    let unknown = "refused: the token is signed with a key that is not the provider's";
    let before = login.op.keys_read();
    for _ in 0..10 {
        assert_eq!(login.prove(two.sign(&login.claims())).await, unknown);
    }
    assert_eq!(login.op.keys_read(), before, "they were read a moment ago");
    login.clock.advance(31);
    assert_eq!(login.prove(two.sign(&login.claims())).await, unknown);
    assert_eq!(login.op.keys_read(), before + 1);
    login.op.publish(&two);
    login.clock.advance(31);
    assert_eq!(
        login.prove(two.sign(&login.claims())).await,
        "shop/customer:42"
    );
    // The former one is good no more.
    assert_eq!(
        login.prove(login.op.key.sign(&login.claims())).await,
        unknown
    );
}

#[tokio::test]
async fn what_was_read_is_kept_and_outlives_an_outage() {
    let login = Login::begin().await;
    assert_eq!(login.prove_claims(|_| {}).await, "shop/customer:42");
    assert_eq!(login.prove_claims(|_| {}).await, "shop/customer:42");
    assert_eq!(login.op.keys_read(), 1);
    login.clock.advance(3_600);
    login.op.refuse_discovery();
    assert_eq!(login.prove_claims(|_| {}).await, "shop/customer:42");
    login.clock.advance(24 * 3_600);
    let said = login.prove_claims(|_| {}).await;
    assert!(said.starts_with("unavailable: it answers 500"), "{said}");
}

#[tokio::test]
async fn a_provider_is_not_followed_elsewhere() {
    for (more, expected) in [
        (
            json!({ "issuer": "https://evil.example" }),
            "unavailable: its discovery document is of another issuer",
        ),
        (
            json!({ "token_endpoint": "http://evil.example/token" }),
            "unavailable: its discovery document names an address",
        ),
        (
            json!({ "authorization_endpoint": "javascript:alert(1)" }),
            "unavailable: its discovery document",
        ),
        (
            json!({ "end_session_endpoint": "http://evil.example" }),
            "unavailable: its discovery document names an address",
        ),
    ] {
        let login = Login::begin().await;
        login.op.describe(&more);
        let said = login.prove_claims(|_| {}).await;
        assert!(said.starts_with(expected), "{more}: {said}");
    }
    let login = Login::begin().await;
    login.op.redirect_tokens();
    assert_eq!(
        login.prove_from(None).await,
        "unavailable: its token endpoint does not answer as one"
    );
    let login = Login::begin().await;
    login.prove("x".repeat(2 << 20)).await;
    assert_eq!(
        login.prove_from(None).await,
        "unavailable: the answer is longer than an answer can be"
    );
}

#[tokio::test]
async fn a_code_that_is_not_good_is_told_from_a_client_that_is_not() {
    let login = Login::begin().await;
    for (error, expected) in [
        ("invalid_grant", "refused: the code is not good (any more)"),
        (
            "invalid_client",
            "unavailable: it does not take our client id and secret",
        ),
        ("access_denied", "refused: it did not redeem the code"),
    ] {
        login.op.refuse_code(error);
        let said = login.prove_from(None).await;
        assert!(said.starts_with(expected), "{said}");
        assert!(!said.contains("ada@example.com"), "{said}");
    }
}

#[tokio::test]
async fn people_are_logged_out_where_that_is_offered() {
    let login = Login::begin().await;
    assert_eq!(login.provider.farewell().await, None);
    let login = Login::begin().await;
    let end = format!("{}/end", login.op.issuer);
    login.op.describe(&json!({ "end_session_endpoint": end }));
    let expected = format!(
        "{end}?client_id=privet&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A7300%2Fme%2Flogin"
    );
    assert_eq!(login.provider.farewell().await, Some(expected));
}

#[test]
fn settings_are_checked_before_anybody_logs_in() {
    let clock = Arc::new(HandClock(AtomicI64::new(0)));
    let check = |change: fn(&mut Settings)| {
        let mut settings = settings("https://login.shop.example");
        settings.pages = "https://privet.shop.example".to_owned();
        change(&mut settings);
        Provider::new(settings, clock.clone()).map(drop)
    };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    assert!(check(|_| {}).is_ok());
    for change in [
        (|settings| settings.issuer = "http://login.shop.example".to_owned()) as fn(&mut Settings),
        |settings| settings.pages = "https://privet.shop.example/privet".to_owned(),
        |settings| settings.pages = "http://privet.shop.example".to_owned(),
    ] {
        let error = check(change).unwrap_err();
        assert!(matches!(error, SettingsError::Address { .. }));
    }
    let error = check(|settings| settings.authorities = Some(b"nothing".to_vec()));
    assert!(matches!(error.unwrap_err(), SettingsError::Authorities));
}
