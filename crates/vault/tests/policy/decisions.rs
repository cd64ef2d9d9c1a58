//! What the matrix does not show: that denials hold whatever a bundle says, and what a decision depends on.

use std::sync::Arc;

use privet_classify::Class;
use privet_vault::policy::{Action, Context, Decision, Policy, PolicyFiles, Resource};
use privet_vault::{Form, Principal, PrincipalKind, SourceName, TenantName};

use super::{POLICIES, PRINCIPALS, SCHEMA, default_and, load, principal, subject};

/// Decides about the e-mail field of tenant `acme` in source `shop`.
fn allowed(policy: &Policy, who: &Principal, action: Action, context: Context<'_>) -> bool {
    let tenant: TenantName = "acme".parse().unwrap();
    let source: SourceName = "shop".parse().unwrap();
    let field = Some(("email", Class::Uii));
    let resource = Resource {
        tenant: &tenant,
        field,
        source: Some(&source),
    };
    policy.decide(who, action, &resource, &context).allowed
}

const SERVICE: Context<'_> = Context {
    purpose: Some("service"),
    is_self: false,
    grant: false,
};

#[test]
fn no_later_permit_shows_people_clear_values_without_a_grant() {
    let policy = default_and(r#"@id("everything") permit (principal, action, resource);"#);
    for name in ["on_call", "auditor", "operator"] {
        let person = principal(&policy, name);
        for action in [Action::Reveal(Form::Clear), Action::Open(Form::Clear)] {
            assert!(
                !allowed(&policy, &person, action, SERVICE),
                "{name} {action}"
            );
            let granted = Context {
                grant: true,
                ..SERVICE
            };
            assert!(
                allowed(&policy, &person, action, granted),
                "{name} {action}"
            );
        }
    }
}

#[test]
fn a_failing_policy_denies() {
    let job = Action::Reveal(Form::Clear);
    let policy = default_and("");
    assert!(allowed(&policy, &principal(&policy, "job"), job, SERVICE));
    // Cedar skips a policy that fails; skipping this one would permit.
    let failing = "9223372036854775807 + 1 == 0";
    let policy = default_and(&format!(
        r#"@id("failing") forbid (principal, action, resource) when {{ {failing} }};"#
    ));
    assert!(!allowed(&policy, &principal(&policy, "job"), job, SERVICE));
}

#[test]
fn who_is_not_listed_is_denied() {
    let policy = default_and(r#"@id("everything") permit (principal, action, resource);"#);
    let action = Action::ManageTokens;
    let operator = principal(&policy, "operator");
    assert!(allowed(&policy, &operator, action, SERVICE));
    let unlisted = Principal {
        name: "somebody".parse().unwrap(),
        ..operator.clone()
    };
    assert!(!allowed(&policy, &unlisted, action, SERVICE));
    let other_kind = Principal {
        kind: PrincipalKind::Job,
        ..operator
    };
    assert!(!allowed(&policy, &other_kind, action, SERVICE));
}

#[test]
fn groups_are_those_of_the_bundle() {
    let policy = default_and("");
    let mut auditor = principal(&policy, "auditor");
    auditor.groups.insert("operators".to_owned());
    assert!(!allowed(&policy, &auditor, Action::ManageTokens, SERVICE));
}

#[test]
fn a_job_reads_only_for_what_it_declares() {
    let principals = r#"
        [jobs.shop]
        groups = ["pii-jobs"]
        purposes = ["service", "security"]
        [jobs.mail]
        groups = ["pii-jobs"]
        purposes = ["marketing"]
        [jobs.stranger]
        groups = ["on-call"]
        purposes = ["service"]
    "#;
    let policy = load(SCHEMA, POLICIES, principals).unwrap();
    let reads = |name: &str| {
        let job = principal(&policy, name);
        ["service", "security", "marketing"].map(|purpose| {
            let context = Context {
                purpose: Some(purpose),
                ..SERVICE
            };
            allowed(&policy, &job, Action::Reveal(Form::Clear), context)
        })
    };
    assert_eq!(reads("shop"), [true, true, false]);
    assert_eq!(reads("mail"), [false, false, true]);
    assert_eq!(reads("stranger"), [false, false, false]);
    let purposes: Vec<_> = policy
        .purposes()
        .map(|(job, purpose)| format!("{job} {purpose}"))
        .collect();
    assert_eq!(
        purposes,
        [
            "mail marketing",
            "shop security",
            "shop service",
            "stranger service"
        ]
    );
}

#[test]
fn policies_may_name_environment_tenant_source_and_field() {
    let rule = |condition: &str| {
        let text = format!(
            r#"@id("extra") permit (principal is Subject, action == Action::"seal", resource)
               when {{ {condition} }};"#
        );
        allowed(&default_and(&text), &subject(), Action::Seal, SERVICE)
    };
    for (holds, fails) in [
        (
            r#"resource in Environment::"dev""#,
            r#"resource in Environment::"prod""#,
        ),
        (
            r#"resource in Tenant::"acme""#,
            r#"resource in Tenant::"other""#,
        ),
        (
            r#"resource in Source::"shop""#,
            r#"resource in Source::"crm""#,
        ),
        (
            r#"resource == Field::"email""#,
            r#"resource == Field::"phone""#,
        ),
        (r#"resource in Class::"UII""#, r#"resource in Class::"UDI""#),
    ] {
        assert!(rule(holds), "{holds}");
        assert!(!rule(fails), "{fails}");
    }
}

#[test]
fn an_action_on_fields_without_a_field_is_denied() {
    let policy = default_and(r#"@id("everything") permit (principal, action, resource);"#);
    let tenant = "acme".parse().unwrap();
    let resource = Resource {
        tenant: &tenant,
        field: None,
        source: None,
    };
    let job = principal(&policy, "job");
    for action in Action::ALL {
        let decision = policy.decide(&job, action, &resource, &SERVICE);
        let wants_a_field = allowed(&policy, &job, action, SERVICE) && !decision.allowed;
        let expected = matches!(action, Action::Reveal(_) | Action::Open(_))
            || matches!(action, Action::WriteFields | Action::EraseFields)
            || matches!(action, Action::Lookup | Action::Seal)
            || matches!(action, Action::Decrypt | Action::Probe | Action::BreakGlass)
            || matches!(action, Action::RequestDecrypt | Action::ApproveDecrypt);
        assert_eq!(wants_a_field, expected, "{action}");
    }
}

#[test]
fn the_second_answer_is_the_first_one_remembered() {
    let policy = default_and("");
    let tenant = "acme".parse().unwrap();
    let field = Some(("email", Class::Uii));
    let resource = Resource {
        tenant: &tenant,
        field,
        source: None,
    };
    let ask =
        |name: &str| policy.decide(&principal(&policy, name), Action::Seal, &resource, &SERVICE);
    let (first, other, second) = (ask("job"), ask("on_call"), ask("job"));
    assert!(first.allowed && !other.allowed);
    assert!(Arc::ptr_eq(&first.policies, &second.policies));
}

#[test]
fn the_digest_covers_every_file_and_the_environment() {
    let digest = |schema: &str, policies: &[(&str, &str)], principals: &str, environment: &str| {
        let files = PolicyFiles {
            schema,
            policies,
            principals,
        };
        Policy::load(&files, &environment.parse().unwrap())
            .unwrap()
            .digest()
    };
    let whole = digest(SCHEMA, POLICIES, PRINCIPALS, "dev");
    let mut reversed = POLICIES.to_vec();
    reversed.reverse();
    assert_eq!(digest(SCHEMA, &reversed, PRINCIPALS, "dev"), whole);

    assert_ne!(digest(SCHEMA, POLICIES, PRINCIPALS, "prod"), whole);
    assert_ne!(digest(SCHEMA, &POLICIES[1..], PRINCIPALS, "dev"), whole);
    assert_ne!(
        digest(&format!("{SCHEMA}\n"), POLICIES, PRINCIPALS, "dev"),
        whole
    );
    assert_ne!(
        digest(SCHEMA, POLICIES, &format!("{PRINCIPALS}\n"), "dev"),
        whole
    );
}

#[test]
fn two_decisions_allow_what_both_allow() {
    let decision = |allowed, policies: &[&str]| Decision {
        allowed,
        policies: policies.iter().map(|id| (*id).into()).collect(),
    };
    let (ac, b, no) = (
        decision(true, &["a", "c"]),
        decision(true, &["b"]),
        decision(false, &["n"]),
    );
    assert_eq!(ac.clone().and(b.clone()), decision(true, &["a", "b", "c"]));
    assert_eq!(ac.clone().and(ac.clone()), ac);
    assert_eq!(ac.clone().and(no.clone()), no);
    assert_eq!(no.clone().and(b), no);
    assert_eq!(no.clone().and(decision(false, &["m"])), no);
}
