//! Bundles that must not load, and what their author is told.

use super::{POLICIES, PRINCIPALS, SCHEMA, load};

/// What loading this schema, one policy file and these principals complains about.
fn complaints(schema: &str, policies: &[(&str, &str)], principals: &str) -> String {
    let Err(error) = load(schema, policies, principals) else {
        return "it loads".to_owned();
    };
    let lines: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        error.to_string(),
        format!("the policy bundle does not load\n  {}", lines.join("\n  "))
    );
    lines.join("\n")
}

fn policy_complaints(text: &str) -> String {
    complaints(SCHEMA, &[("more.cedar", text)], PRINCIPALS)
}

fn principals_complaints(text: &str) -> String {
    complaints(SCHEMA, POLICIES, text)
}

fn schema_complaints(from: &str, to: &str) -> String {
    let schema = SCHEMA.replacen(from, to, 1);
    assert_ne!(schema, SCHEMA, "the schema is changed");
    complaints(&schema, &[], PRINCIPALS)
}

/// Each case is shown with its complaint, so that a reader of the snapshot can judge the message.
fn review(cases: &[&str], complaints: impl Fn(&str) -> String) -> String {
    let shown: Vec<_> = cases
        .iter()
        .map(|case| {
            format!(
                "{}\n\n  => {}\n",
                case.trim(),
                complaints(case).replace('\n', "\n  => ")
            )
        })
        .collect();
    shown.join("\n----\n")
}

#[test]
fn wrong_policies() {
    let cases = [
        // Syntax.
        "@id(\"x\")\npermit (principal, action, resource)",
        "@id(\"x\") permit (principal, action, resource) when { context.grant = true };",
        // Words that the schema does not know.
        r#"@id("x") permit (principal, action == Action::"reveal_maskd", resource);"#,
        r#"@id("x") permit (principal is Robot, action, resource);"#,
        r#"@id("x") permit (principal in Group::"on-cal", action, resource);"#,
        r#"@id("x") permit (principal, action in Action::"clear", resource in Class::"PII");"#,
        r#"@id("x") permit (principal == Subject::"42", action, resource);"#,
        r#"@id("x") permit (principal, action, resource) when { context.granted };"#,
        // Types.
        "// A purpose may be absent.\n@id(\"x\")\npermit (principal, action, resource)\nwhen { context.purpose == \"support\" };",
        r#"@id("x") permit (principal, action, resource) when { context.grant == "yes" };"#,
        r#"@id("x") permit (principal, action, resource) when { principal.purposes.contains("service") };"#,
        // Policies that can never apply.
        r#"@id("x") permit (principal, action == Action::"adopt", resource is Field);"#,
        r#"@id("x") permit (principal is Person, action, resource) when { principal is Job };"#,
        // Ids.
        "\n\npermit (principal, action, resource);",
        r#"@id("On Call!") permit (principal, action, resource);"#,
        "@id(\"x\") permit (principal, action, resource);\n@id(\"x\") forbid (principal, action, resource);",
        // Templates.
        r#"@id("x") permit (principal == ?principal, action, resource);"#,
    ];
    insta::assert_snapshot!(review(&cases, policy_complaints));
}

#[test]
fn wrong_principals() {
    let cases = [
        // Syntax and shape.
        "[people.on_call\ngroups = []",
        "[people.on_call]\ngroup = [\"on-call\"]",
        "[people.on_call]\ngroups = [\"on-call\"]\n[robots.job]\ngroups = []",
        "[people.on_call]\ngroups = \"on-call\"",
        "[people.on_call]\ngroups = [\"on-call\"]\npurposes = [\"support\"]",
        "[jobs.job]\ngroups = [\"pii-jobs\"]",
        "[people.on_call]\ngroups = [\"on-call\"]\n[people.on_call]\ngroups = [\"on-call\"]",
        // Names.
        "[people.\"Olivia O.\"]\ngroups = [\"on-call\"]",
        "[people.\"on_call+2\"]\ngroups = [\"on-call\"]",
        "[jobs.job]\ngroups = [\"pii-jobs\"]\npurposes = [\"to serve\"]",
        // Groups and kinds.
        "[people.on_call]\ngroups = []",
        "[people.on_call]\n\ngroups = [\n  \"on-call\",\n  \"on-cal\",\n]",
        "[people.on_call]\ngroups = [\"on-call\", \"on-call\"]",
        "[people.olivia]\ngroups = [\"on-call\"]\n\n[jobs.olivia]\ngroups = [\"pii-jobs\"]\npurposes = []",
    ];
    insta::assert_snapshot!(review(&cases, principals_complaints));
}

#[test]
fn wrong_schemas() {
    let cases = [
        // Syntax.
        ("entity Person in [Group];", "entity Person in [Group]"),
        ("entity Person in [Group];", "entity Person in [Groups];"),
        // Actions that Privet does not know, or misses.
        ("\"adopt\",", "\"adopt_all\","),
        ("\"adopt\",", "\"adopt\", \"erase_everybody\","),
        // Entities and context of another shape.
        ("grant: Bool", "grant: Bool, approved: Bool"),
        ("is_self: Bool,", ""),
        ("{ purposes: Set<String> }", "{ purposes: Set<Long> }"),
        (
            "entity Person in [Group];",
            "entity Person in [Group] { level: Long };",
        ),
        ("\"SYS\"", "\"SYSTEM\""),
        (
            "entity Field in [Tenant, Source, Class];",
            "entity Field in [Tenant, Class];",
        ),
    ];
    let shown: Vec<_> = cases
        .iter()
        .map(|(from, to)| {
            let complaint = schema_complaints(from, to).replace('\n', "\n  => ");
            format!("`{from}` becomes `{to}`\n\n  => {complaint}\n")
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n----\n"));
}

#[test]
fn every_problem_is_told_at_once() {
    let policies = [
        ("b.cedar", "@id(\"x\") permit (principal, action, resource)"),
        ("a.cedar", "\npermit (principal, action, resource);"),
        (
            "c.cedar",
            "@id(\"y\") permit (principal in Group::\"nobody\", action, resource);",
        ),
    ];
    let text = complaints(SCHEMA, &policies, "[people.x]\ngroups = [\"nobody\"]");
    let places: Vec<_> = text
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        ["a.cedar:2", "b.cedar:1", "c.cedar:1", "principals.toml:2"]
    );
}

#[test]
fn a_broken_schema_hides_no_problem_of_the_other_files() {
    let policies = [("a.cedar", "\npermit (principal, action, resource);")];
    let text = complaints("entity", &policies, "[people.x]\ngroups = []");
    let places: Vec<_> = text
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        ["a.cedar:2", "principals.toml:1", "schema.cedarschema:1"]
    );
}

#[test]
fn an_empty_bundle_loads_and_denies() {
    let policy = load(SCHEMA, &[], "").unwrap();
    assert_eq!(policy.principal(&"on_call".parse().unwrap()), None);
}
