//! Types from a map, and code beside it.

#![expect(clippy::unwrap_used, reason = "tests")]

use privet_classify::DataMap;
use privet_code::{check, generate, generate_for_client};

const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
support = { basis = "legitimate_interest" }
[fields.email]
number = 1
class = "UII"
type = "email"
purposes = ["service", "support"]
[fields.date_of_birth]
number = 2
class = "UDI"
type = "date"
purposes = ["service"]
[fields.last_ip]
number = 3
class = "UII"
type = "ip"
purposes = ["support"]
[fields.customer_number]
number = 4
class = "UPI"
type = "integer"
purposes = ["service"]
[fields.a_b]
number = 5
class = "CC"
type = "text"
purposes = ["service"]
[fields.a__b]
number = 6
class = "OI"
type = "text"
purposes = ["service"]
[fields.self]
number = 7
class = "CC"
type = "text"
purposes = ["service"]
[telemetry.attributes]
"user.id" = "UPI"
"http.request.method" = "SYS"
"#;

fn map() -> DataMap {
    DataMap::parse(MAP).unwrap()
}

/// The problems of a file that stands beside the generated one.
fn problems(text: &str) -> Vec<String> {
    let types = generate(&map());
    let report = check(&map(), &[("fields.rs", &types), ("main.rs", text)]);
    let shown = |finding: privet_code::Finding| {
        format!("{}:{}: {}", finding.file, finding.line, finding.what)
    };
    report.problems.into_iter().map(shown).collect()
}

#[test]
fn types_of_a_map() {
    insta::assert_snapshot!(generate(&map()));
}

#[test]
fn names_for_the_client_library() {
    let code = generate_for_client(&map());
    let (_, names) = code.split_at(generate(&map()).len());
    insta::assert_snapshot!(names);
    let agrees = |code: &str| check(&map(), &[("fields.rs", code)]).problems.is_empty();
    assert!(agrees(&code));
    for (from, to) in [
        (
            "NAME: &'static str = \"email\"",
            "NAME: &'static str = \"mail\"",
        ),
        ("Value = super::Email", "Value = super::LastIp"),
        ("Purpose::new(\"support\")", "Purpose::new(\"service\")"),
    ] {
        assert!(code.contains(from), "{from}");
        assert!(!agrees(&code.replace(from, to)), "{from}");
    }
}

#[test]
fn what_was_generated_agrees_after_formatting_too() {
    let types = generate(&map());
    assert!(check(&map(), &[("fields.rs", &types)]).problems.is_empty());
    let formatted = types
        .replace("= privet", "=\n    privet")
        .replace("<", "< ")
        .replace("Class::Upi),", "Class::Upi)");
    assert!(
        check(&map(), &[("fields.rs", &formatted)])
            .problems
            .is_empty()
    );
}

#[test]
fn types_that_drifted() {
    let types = generate(&map())
        .replace(
            "Uii<String, privet_classify::value::Email>",
            "Sys<String, privet_classify::value::Email>",
        )
        .replace("pub type LastIp", "pub type Ip")
        .replace("Class::Upi),", "Class::Sys),");
    let report = check(&map(), &[("fields.rs", &types)]);
    let problems: Vec<String> = report
        .problems
        .into_iter()
        .map(|finding| finding.what)
        .collect();
    let again = "make the file anew with `privet classify --lang rust`";
    assert_eq!(
        problems,
        [
            format!("type `LastIp` is missing, its field is in the data map; {again}"),
            format!(
                "the data map has `Email` as `privet_classify::Uii<String, privet_classify::value::Email>`; {again}"
            ),
            format!("the data map has no field for type `Ip`; {again}"),
            format!("`ATTRIBUTES` differs from the data map; {again}"),
        ]
    );
}

#[test]
fn no_types_at_all() {
    let report = check(&map(), &[("main.rs", "fn main() {}")]);
    let [problem] = report.problems.try_into().unwrap();
    assert!(
        problem
            .what
            .starts_with("no file has the types of the data map")
    );
    let empty = DataMap::parse("").unwrap();
    assert!(
        check(&empty, &[("main.rs", "fn main() {}")])
            .problems
            .is_empty()
    );
}

#[test]
fn fields_that_the_map_knows_as_personal() {
    let found = problems(
        "#[derive(Classified)]\nstruct A {\n    #[class(SYS, because = \"ours\")]\n    email: String,\n    \
         #[class(SYS)]\n    attempts: u32,\n    customer_number: Upi<i64>,\n}\n",
    );
    assert_eq!(
        found,
        [
            "main.rs:4: field `email` is marked `SYS`, and is `UII` in the data map; give it the type that \
          `privet classify` made for it"
        ]
    );
}

#[test]
fn messages_with_values() {
    let text = r#"
        fn main() {
            info!("constant {{}}");
            info!(%email, to = "x{}", "constant");
            tracing::info!("mail to {email}");
            log::warn!(target: "mail", "mail to {}", email);
            error!(name: "mail", error = ?error, "mail to {email:?}");
            println!("{email}");
            event!(Level::INFO, "mail to {email}");
            info!(r"mail to {email}");
        }
    "#;
    let lines: Vec<String> = problems(text)
        .into_iter()
        .map(|problem| problem.split(": ").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "main.rs:5",
            "main.rs:6",
            "main.rs:7",
            "main.rs:9",
            "main.rs:10"
        ]
    );
}

#[test]
fn reasons_are_listed() {
    let text = "fn main() {\n    let a = email.reveal(because(\"one\"));\n    \
                send(name.into_revealed(privet_classify::because(\"two\")));\n    \
                println!(\"{}\", id.reveal(because(\"three\")));\n    let why = because(REASON);\n    \
                assert!(matches!(x, Some(_)), \"because\");\n}\n";
    let report = check(&map(), &[("main.rs", text)]);
    let found: Vec<(usize, String)> = report
        .reveals
        .into_iter()
        .map(|f| (f.line, f.what))
        .collect();
    let expected = [
        (2, "one"),
        (3, "two"),
        (4, "three"),
        (5, "(a reason that is not written here)"),
    ];
    assert_eq!(found, expected.map(|(line, what)| (line, what.to_owned())));
}

#[test]
fn what_is_not_rust() {
    let found = problems("fn main() {\n    let = 3;\n}\n");
    let [problem] = found.try_into().unwrap();
    assert!(
        problem.starts_with("main.rs:2: this is not Rust: "),
        "{problem}"
    );
}
