//! Logins to the pages: links that work once, tokens, and what ends them.

use std::time::Duration;

use privet_vault::Caller;
use privet_vault::audit::EntryKind;

use crate::bed::{Bed, bed};

const HERE: &str = "192.0.2.1";
const MINUTE: Duration = Duration::from_secs(60);

fn check(bed: &Bed, secret: &str, is_in: bool) {
    let login = bed.vault.logged_in(secret, HERE);
    assert_eq!(login.is_ok(), is_in);
    if let Err(error) = login {
        assert_eq!(error.code(), "unauthenticated");
    }
}

async fn code(bed: &Bed, caller: &Caller) -> String {
    bed.vault.login_code(caller).await.unwrap().text.to_string()
}

async fn by_token(bed: &Bed, name: &str) -> String {
    let token = bed.token(name).await;
    let secret = bed.vault.login_by_token(&token, HERE).await.unwrap();
    secret.to_string()
}

#[tokio::test]
async fn a_link_works_once_and_for_ten_minutes() {
    let bed = bed().await;
    let auditor = bed.caller("auditor").await;
    let link = code(&bed, &auditor).await;
    let secret = bed.vault.login_by_code(&link, HERE).await.unwrap();
    let login = bed.vault.logged_in(&secret, "192.0.2.9").unwrap();
    assert_eq!(login.caller.principal().name.as_str(), "auditor");
    assert_eq!(login.caller.address(), "192.0.2.9");
    let again = bed.vault.login_by_code(&link, HERE).await.unwrap_err();
    assert_eq!(again.code(), "login_code");
    let late = code(&bed, &auditor).await;
    bed.clock.advance(10 * MINUTE + Duration::from_secs(1));
    let error = bed.vault.login_by_code(&late, HERE).await.unwrap_err();
    assert_eq!(error.code(), "login_code");
    assert_eq!(bed.count(EntryKind::LoginOpened).await, 1);
    assert_eq!(bed.count(EntryKind::LoginLinked).await, 2);
    let log = bed.log_text().await;
    assert!(!log.contains(&link) && !log.contains(&*secret));
}

#[tokio::test]
async fn a_login_ends_by_idleness_by_age_and_by_leaving() {
    let bed = bed().await;
    let idle = by_token(&bed, "auditor").await;
    bed.clock.advance(29 * MINUTE);
    check(&bed, &idle, true);
    bed.clock.advance(31 * MINUTE);
    check(&bed, &idle, false);

    let busy = by_token(&bed, "auditor").await;
    for _ in 0..35 {
        bed.clock.advance(20 * MINUTE);
        check(&bed, &busy, true);
    }
    bed.clock.advance(20 * MINUTE);
    check(&bed, &busy, false);

    let left = by_token(&bed, "auditor").await;
    bed.vault.log_out(&left).await.unwrap();
    check(&bed, &left, false);
    bed.vault.log_out(&left).await.unwrap();
    assert_eq!(bed.count(EntryKind::LoginEnded).await, 1);
}

#[tokio::test]
async fn a_login_ends_with_its_token() {
    let bed = bed().await;
    let secret = by_token(&bed, "auditor").await;
    let auditor = bed.caller("auditor").await;
    let link = code(&bed, &auditor).await;
    let operator = bed.caller("operator").await;
    for token in bed.vault.tokens(&operator).await.unwrap() {
        if token.row.principal.as_str() == "auditor" {
            bed.vault
                .revoke_token(&operator, token.row.id)
                .await
                .unwrap();
        }
    }
    check(&bed, &secret, false);
    assert!(bed.vault.login_by_code(&link, HERE).await.is_err());
    let refused = bed.vault.login_code(&auditor).await.unwrap_err();
    assert_eq!(refused.code(), "unauthenticated");
}

#[tokio::test]
async fn programs_and_strangers_do_not_log_in() {
    let bed = bed().await;
    let job = bed.token("job").await;
    let error = bed.vault.login_by_token(&job, HERE).await.unwrap_err();
    assert_eq!(error.code(), "people_only");
    let job = bed.caller("job").await;
    assert_eq!(
        bed.vault.login_code(&job).await.unwrap_err().code(),
        "people_only"
    );
    let error = bed.vault.login_by_token("pvt_test_nonsense", HERE).await;
    assert_eq!(error.unwrap_err().code(), "unauthenticated");
    check(&bed, "", false);
    assert_eq!(bed.count(EntryKind::LoginOpened).await, 0);
}

#[tokio::test]
async fn guessing_is_slow() {
    let bed = bed().await;
    let mut last = String::new();
    for _ in 0..21 {
        let error = bed.vault.login_by_code("00", HERE).await.unwrap_err();
        error.code().clone_into(&mut last);
    }
    assert_eq!(last, "login_limit");
    let other = bed.vault.login_by_code("00", "192.0.2.77").await;
    assert_eq!(other.unwrap_err().code(), "login_code");
    bed.clock.advance(MINUTE);
    let later = bed.vault.login_by_code("00", HERE).await.unwrap_err();
    assert_eq!(later.code(), "login_code");
}

#[tokio::test]
async fn one_person_has_a_limited_number_of_logins() {
    let bed = bed().await;
    let token = bed.token("auditor").await;
    let mut secrets = Vec::new();
    for _ in 0..11 {
        bed.clock.advance(10 * Duration::from_secs(1));
        secrets.push(bed.vault.login_by_token(&token, HERE).await.unwrap());
    }
    check(&bed, &secrets[0], false);
    check(&bed, &secrets[1], true);
    check(&bed, &secrets[10], true);
}

#[tokio::test]
async fn forms_carry_what_only_their_login_knows() {
    let bed = bed().await;
    let (one, two) = (
        by_token(&bed, "auditor").await,
        by_token(&bed, "auditor").await,
    );
    let token = |secret: &str| bed.vault.logged_in(secret, HERE).unwrap().form_token;
    assert_eq!(*token(&one), *token(&one));
    assert_ne!(*token(&one), *token(&two));
    assert_ne!(*token(&one), one);
}
