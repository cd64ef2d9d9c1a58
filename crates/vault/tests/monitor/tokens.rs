//! Tokens: shown once, bound to one environment, expiring, revocable.

use std::time::Duration;

use privet_vault::audit::EntryKind;
use privet_vault::{TokenState, Vault};

use crate::bed::{bed, hand_clock, parts, policy_of, root};
use crate::engine::new_stores;

#[tokio::test]
async fn every_wrong_token_is_refused_in_the_same_words() {
    let bed = bed().await;
    let token = bed.token("job").await;
    let mut mistyped = token.clone();
    mistyped.replace_range(12..13, if &token[12..13] == "0" { "1" } else { "0" });
    let foreign = token.replacen("pvt_test_", "pvt_prod_", 1);
    let mut words = Vec::new();
    for wrong in [
        "",
        "pvt_",
        "pvt_test_",
        &mistyped,
        &foreign,
        &token[1..],
        "\u{1f511}",
    ] {
        let error = bed
            .vault
            .authenticate(wrong, "192.0.2.1")
            .await
            .unwrap_err();
        words.push(error.to_string());
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(bed.vault.authenticate(&token, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn a_token_ends_by_time_and_by_revocation() {
    let bed = bed().await;
    let token = bed.token("job").await;
    let operator = bed.caller("operator").await;
    let id = bed
        .vault
        .authenticate(&token, "192.0.2.1")
        .await
        .unwrap()
        .token();
    bed.vault.revoke_token(&operator, id).await.unwrap();
    assert!(bed.vault.authenticate(&token, "192.0.2.1").await.is_err());
    assert_eq!(
        bed.vault
            .revoke_token(&operator, id)
            .await
            .unwrap_err()
            .code(),
        "not_found"
    );

    let other = bed.token("job").await;
    bed.clock.advance(Duration::from_secs(31 * 86_400));
    assert!(bed.vault.authenticate(&other, "192.0.2.1").await.is_err());
}

#[tokio::test]
async fn only_operators_manage_tokens() {
    let bed = bed().await;
    for name in ["on_call", "auditor", "job"] {
        let caller = bed.caller(name).await;
        let job = "job".parse().unwrap();
        let error = bed
            .vault
            .issue_token(&caller, &job, 30, "")
            .await
            .unwrap_err();
        assert_eq!(error.code(), "policy_denied", "{name}");
    }
    assert_eq!(bed.count(EntryKind::TokenDenied).await, 3);
    let operator = bed.caller("operator").await;
    let nobody = "nobody".parse().unwrap();
    let error = bed
        .vault
        .issue_token(&operator, &nobody, 30, "")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "unknown_principal");
    let job = "job".parse().unwrap();
    let issued = bed
        .vault
        .issue_token(&operator, &job, 30, "nightly run")
        .await
        .unwrap();
    assert!(
        bed.vault
            .authenticate(&issued.text, "192.0.2.1")
            .await
            .is_ok()
    );
    let listed = bed.vault.tokens(&operator).await.unwrap();
    assert!(
        listed
            .iter()
            .any(|listed| listed.row.id == issued.id && listed.row.note == "nightly run")
    );
}

#[tokio::test]
async fn a_list_says_which_tokens_are_good_for_nothing() {
    let (stores, clock, root) = (new_stores().await, hand_clock(), root());
    let before = Vault::start(parts(&stores, &clock, "test", root.clone()))
        .await
        .unwrap();
    let issue = async |vault: &Vault, name: &str, days| {
        let issued = vault.issue_first_token(&name.parse().unwrap(), days).await;
        issued.unwrap()
    };
    let first = issue(&before, "operator", 30).await;
    let operator = before.authenticate(&first.text, "local").await.unwrap();
    let short = issue(&before, "job", 1).await;
    let revoked = issue(&before, "job", 30).await;
    before.revoke_token(&operator, revoked.id).await.unwrap();
    let second = issue(&before, "second", 30).await;
    clock.advance(Duration::from_secs(2 * 86_400));
    before.stop().await;

    let mut without = parts(&stores, &clock, "test", root);
    without.policy = policy_of(
        &without.config.environment,
        "",
        "[people.operator]\ngroups = [\"operators\"]\n\
         [jobs.job]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]\n",
    );
    let vault = Vault::start(without).await.unwrap();
    let operator = vault.authenticate(&first.text, "local").await.unwrap();
    assert!(vault.authenticate(&second.text, "local").await.is_err());
    let listed = vault.tokens(&operator).await.unwrap();
    let state = |id| {
        listed
            .iter()
            .find(|listed| listed.row.id == id)
            .unwrap()
            .state
    };
    assert_eq!(
        [first.id, short.id, revoked.id, second.id].map(state),
        [
            TokenState::Live,
            TokenState::Expired,
            TokenState::Revoked,
            TokenState::Orphaned
        ]
    );
}

#[tokio::test]
async fn an_unknown_user_gets_a_mock_that_stays_the_same() {
    let bed = bed().await;
    let known = bed
        .vault
        .scram_lookup("nobody")
        .await
        .unwrap()
        .verifier()
        .clone();
    let again = bed.vault.scram_lookup("nobody").await.unwrap();
    assert_eq!(again.verifier(), &known);
    assert_ne!(
        bed.vault
            .scram_lookup("somebody")
            .await
            .unwrap()
            .verifier()
            .salt,
        known.salt
    );
    assert!(bed.vault.scram_authenticated(again, "192.0.2.1").is_err());
}

/// Real salts survive a restart, so a mock salt that did not would tell that nobody has the name.
#[tokio::test]
async fn an_unknown_name_has_the_same_salt_after_a_restart() {
    let (stores, clock, root) = (new_stores().await, hand_clock(), root());
    let mut salts = Vec::new();
    for _ in 0..2 {
        let vault = Vault::start(parts(&stores, &clock, "test", root.clone()))
            .await
            .unwrap();
        for name in ["nobody", "somebody"] {
            let lookup = vault.scram_lookup(name).await.unwrap();
            salts.push(lookup.verifier().salt);
        }
        vault.stop().await;
    }
    assert_eq!(salts[..2], salts[2..]);
    assert_ne!(salts[0], salts[1]);
}
