//! Policies that name an application's database: they bind whoever names a subject by a row of it, and every session
//! on it.

use privet_seal::Zeroizing;
use privet_vault::{DecryptRequest, Form, OpenItem, SealItem, SubjectName};

use crate::bed::{Bed, bed_with, request, values};

const EMAIL: &str = "ada.lovelace@example.com";

fn forbid(action: &str, source: &str) -> String {
    format!(
        r#"@id("not-this-source") forbid (principal, action == Action::"{action}", resource)
           when {{ resource in Source::"{source}" }};"#
    )
}

/// A subject by its own id and by its row in the shop.
async fn both(bed: &Bed) -> [SubjectName; 2] {
    let row: SubjectName = "shop/customer:1".parse().unwrap();
    let job = bed.caller("job").await;
    let made = bed
        .vault
        .create_subject(&job, values(&[]), std::slice::from_ref(&row));
    [SubjectName::Oid(made.await.unwrap()), row]
}

/// What a call that names the subject by its own id, and by its row, is answered under a policy.
async fn outcomes<Call, Answer>(policy: &str, call: Call) -> [String; 2]
where
    Call: Fn(Bed, SubjectName) -> Answer,
    Answer: Future<Output = privet_vault::Result<()>>,
{
    let mut outcomes = Vec::new();
    for which in 0..2 {
        let bed = bed_with(policy).await;
        let name = both(&bed).await[which].clone();
        outcomes.push(match call(bed, name).await {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.code().to_owned(),
        });
    }
    outcomes.try_into().unwrap()
}

#[tokio::test]
async fn a_rule_on_a_source_binds_whoever_names_its_rows() {
    let reveal = async |bed: Bed, name: SubjectName| {
        let job = bed.caller("job").await;
        let wish = request(&name, &["email"], "service");
        bed.vault.reveal(&job, &wish).await.map(drop)
    };
    let write = async |bed: Bed, name: SubjectName| {
        let job = bed.caller("job").await;
        let values = values(&[("email", EMAIL)]);
        bed.vault.write_fields(&job, &name, values).await
    };
    let seal = async |bed: Bed, name: SubjectName| {
        let item = SealItem {
            subject: name,
            field: "email".to_owned(),
            value: Zeroizing::new(EMAIL.to_owned()),
        };
        let job = bed.caller("job").await;
        bed.vault.seal_values(&job, &[item]).await.map(drop)
    };
    let open = async |bed: Bed, name: SubjectName| {
        let item = OpenItem {
            subject: name,
            field: "email".to_owned(),
            sealed: "pv1_".to_owned(),
        };
        let job = bed.caller("job").await;
        let items = [item];
        let opened = bed.vault.open_values(&job, &items, "service", Form::Clear);
        opened.await.map(drop)
    };
    let denied = ["ok", "policy_denied"];
    assert_eq!(
        outcomes(&forbid("reveal_masked", "shop"), reveal).await,
        ["ok", "ok"],
        "a job is shown the clear form"
    );
    assert_eq!(
        outcomes(&forbid("write_fields", "shop"), write).await,
        denied
    );
    assert_eq!(outcomes(&forbid("seal", "shop"), seal).await, denied);
    assert_eq!(outcomes(&forbid("open_clear", "shop"), open).await, denied);
    let every_form = ["clear", "masked", "pseudonym", "sealed"]
        .map(|form| forbid(&format!("reveal_{form}"), "shop").replace("not-this", form));
    assert_eq!(outcomes(&every_form.concat(), reveal).await, denied);
    let elsewhere = every_form.concat().replace("\"shop\"", "\"crm\"");
    assert_eq!(outcomes(&elsewhere, reveal).await, ["ok", "ok"]);
}

#[tokio::test]
async fn one_row_of_a_forbidden_source_is_enough_for_a_no() {
    let bed = bed_with(&forbid("seal", "shop")).await;
    let job = bed.caller("job").await;
    let [own, row] = both(&bed).await;
    let item = |subject| SealItem {
        subject,
        field: "email".to_owned(),
        value: Zeroizing::new(EMAIL.to_owned()),
    };
    let mixed = [item(own), item(row)];
    let error = bed.vault.seal_values(&job, &mixed).await.unwrap_err();
    assert_eq!(error.code(), "policy_denied");
}

#[tokio::test]
async fn a_session_s_grants_are_about_its_source() {
    for (source, allowed) in [("shop", false), ("crm", true)] {
        for action in ["decrypt", "open_clear"] {
            let bed = bed_with(&forbid(action, source)).await;
            let engineer = bed.caller("on_call").await;
            for name in both(&bed).await {
                let mut console = bed.vault.connect(engineer.clone(), "shop").await.unwrap();
                let reason = format!("a look for {name}");
                console.justify(&reason, None).await.unwrap();
                let wish = DecryptRequest {
                    consent: "https://tickets.example.com/1#yes".to_owned(),
                    subject: name.to_string(),
                    ..DecryptRequest::default()
                };
                let granted = console.decrypt(&wish).await;
                assert_eq!(
                    granted.is_ok(),
                    allowed,
                    "{action} {source} {name}: {granted:?}"
                );
            }
        }
    }
}
