//! The golden matrix: principal × action × class × purpose × grant × self of the default bundle, as text.
//!
//! After a change of the bundle: `INSTA_UPDATE=always cargo test -p privet-vault --test policy`, then read the
//! difference as carefully as the policies.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cedar_policy::PolicySet;
use privet_classify::Class;
use privet_vault::Principal;
use privet_vault::policy::{Action, Context, Policy, Resource};

use super::{POLICIES, PRINCIPALS, SCHEMA, load, principal, subject};

/// None, one that the job declares, and one that it does not.
const PURPOSES: [Option<&str>; 3] = [None, Some("service"), Some("support")];

#[test]
fn default_bundle() {
    let policy = load(SCHEMA, POLICIES, PRINCIPALS).unwrap();
    insta::assert_snapshot!(render(&policy));
}

/// A policy whose absence nobody would notice is dead, or the matrix does not see what it does.
#[test]
fn no_policy_can_be_removed_unnoticed() {
    let whole = load(SCHEMA, POLICIES, PRINCIPALS).unwrap();
    let mut removed = 0;
    for (position, (file, text)) in POLICIES.iter().enumerate() {
        for policy in text.parse::<PolicySet>().unwrap().policies() {
            let without = text.replacen(&policy.to_string(), "", 1);
            assert_ne!(without, *text, "the policy is removed");
            let mut policies = POLICIES.to_vec();
            policies[position].1 = &without;
            let mutant = load(SCHEMA, &policies, PRINCIPALS).unwrap();
            assert!(
                cells(&mutant).ne(cells(&whole)),
                "{file}: {:?}",
                policy.annotation("id")
            );
            removed += 1;
        }
    }
    assert_eq!(removed, 30);
}

#[derive(Clone, Copy)]
struct Situation {
    purpose: Option<&'static str>,
    grant: bool,
    is_self: bool,
}

fn situations() -> impl Iterator<Item = Situation> {
    PURPOSES.into_iter().flat_map(|purpose| {
        [(false, false), (false, true), (true, false), (true, true)].map(|(grant, is_self)| {
            Situation {
                purpose,
                grant,
                is_self,
            }
        })
    })
}

fn principals(policy: &Policy) -> Vec<Principal> {
    let listed =
        ["on_call", "auditor", "operator", "analyst", "job"].map(|name| principal(policy, name));
    [&listed[..], &[subject()]].concat()
}

/// Every outcome for one class, one after the other and only when asked for: enough to tell two bundles apart.
fn cells(policy: &Policy) -> impl Iterator<Item = String> {
    principals(policy).into_iter().flat_map(move |principal| {
        Action::ALL.into_iter().flat_map(move |action| {
            let principal = principal.clone();
            situations()
                .map(move |situation| outcome(policy, &principal, action, Class::Uii, situation))
        })
    })
}

fn render(policy: &Policy) -> String {
    let mut out = String::new();
    for principal in principals(policy) {
        let groups: Vec<_> = principal.groups.iter().map(String::as_str).collect();
        let (kind, name) = (principal.kind.as_str(), &principal.name);
        writeln!(out, "{kind} {name} ({})", groups.join(", ")).unwrap();
        for action in Action::ALL {
            let rows = situations()
                .map(|situation| (outcomes(policy, &principal, action, situation), situation));
            for (outcomes, situations) in grouped(rows) {
                let when = describe(&situations);
                for (outcome, classes) in grouped(outcomes.into_iter().zip(Class::ALL)) {
                    let classes: Vec<_> = classes.into_iter().map(Class::as_str).collect();
                    let classes = if on_field(action) {
                        classes.join(" ")
                    } else {
                        "-".to_owned()
                    };
                    let line = format!("  {action:<19} {when:<32} {classes:<22} {outcome}");
                    writeln!(out, "{}", line.trim_end()).unwrap();
                }
            }
        }
        out.push('\n');
    }
    out
}

fn on_field(action: Action) -> bool {
    matches!(
        action,
        Action::Reveal(_)
            | Action::Open(_)
            | Action::WriteFields
            | Action::EraseFields
            | Action::Seal
    ) || matches!(
        action,
        Action::Lookup
            | Action::Probe
            | Action::Decrypt
            | Action::RequestDecrypt
            | Action::ApproveDecrypt
            | Action::BreakGlass
    )
}

/// By class; only one where the action is not about a field.
fn outcomes(
    policy: &Policy,
    principal: &Principal,
    action: Action,
    situation: Situation,
) -> Vec<String> {
    let classes = if on_field(action) {
        &Class::ALL[..]
    } else {
        &[Class::Uii]
    };
    classes
        .iter()
        .map(|class| outcome(policy, principal, action, *class, situation))
        .collect()
}

fn outcome(
    policy: &Policy,
    principal: &Principal,
    action: Action,
    class: Class,
    situation: Situation,
) -> String {
    let tenant = "acme".parse().unwrap();
    let field = on_field(action).then_some(("field", class));
    let resource = Resource {
        tenant: &tenant,
        field,
        source: None,
    };
    let Situation {
        purpose,
        grant,
        is_self,
    } = situation;
    let context = Context {
        purpose,
        is_self,
        grant,
    };
    let decision = policy.decide(principal, action, &resource, &context);
    let word = if decision.allowed { "ALLOW" } else { "deny" };
    format!("{word:<5} {}", decision.policies.join(" "))
}

/// Collects equal keys in the order of their first appearance.
fn grouped<K: PartialEq, V>(items: impl Iterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in items {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

/// The situations as a product of purposes, grant and self, where they are one; else one by one.
fn describe(situations: &[Situation]) -> String {
    let purposes: BTreeSet<_> = situations.iter().map(|s| s.purpose).collect();
    let grants: BTreeSet<_> = situations.iter().map(|s| s.grant).collect();
    let selves: BTreeSet<_> = situations.iter().map(|s| s.is_self).collect();
    if purposes.len() * grants.len() * selves.len() != situations.len() {
        let each: Vec<_> = situations.iter().map(|s| describe(&[*s])).collect();
        return each.join(" | ");
    }
    let mut parts = Vec::new();
    if purposes.len() < PURPOSES.len() {
        let purposes: Vec<_> = purposes.into_iter().map(|p| p.unwrap_or("none")).collect();
        parts.push(format!("purpose={}", purposes.join(",")));
    }
    for (name, values) in [("grant", grants), ("self", selves)] {
        if let (1, Some(value)) = (values.len(), values.first()) {
            parts.push(format!("{name}={}", if *value { "yes" } else { "no" }));
        }
    }
    if parts.is_empty() {
        "always".to_owned()
    } else {
        parts.join(" ")
    }
}
