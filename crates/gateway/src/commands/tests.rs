use super::*;

fn parsed(sql: &str) -> Result<Option<Call>, Fault> {
    find(&text::tokens(sql))
}

fn bound_texts(sql: &str, parameters: &[SqlValue]) -> String {
    let call = parsed(sql).unwrap().unwrap();
    match call.bind(parameters) {
        Ok(Command::Justify { reason, link }) => format!("justify {reason:?} {link:?}"),
        Ok(Command::Decrypt {
            consent,
            subject,
            fields,
            minutes,
            emergency,
        }) => {
            let emergency = emergency.map(|why| format!(" emergency {why:?}"));
            let emergency = emergency.unwrap_or_default();
            format!("decrypt {consent:?} {subject:?} {fields:?} {minutes:?}{emergency}")
        }
        Ok(Command::Requests) => "requests".into(),
        Ok(Command::Decide {
            request,
            approved,
            note,
        }) => format!("decide {request:?} {approved} {note:?}"),
        Ok(Command::Join { grant }) => format!("join {grant:?}"),
        Ok(Command::Encrypt) => "encrypt".into(),
        Ok(Command::Status) => "status".into(),
        Err(fault) => format!("{} {}", fault.code, fault.message),
    }
}

#[test]
fn calls_are_understood() {
    for (sql, expected) in [
        (
            "CALL privet.justify('it''s down', 'https://t/1');",
            r#"justify "it's down" Some("https://t/1")"#,
        ),
        ("call Privet.JUSTIFY ( 'why' )", r#"justify "why" None"#),
        (
            "CALL privet.justify(link => NULL, reason := 'why')",
            r#"justify "why" None"#,
        ),
        (
            "CALL privet.decrypt('https://c', subject => 'customer:42', minutes => 5, fields => 'email, phone')",
            r#"decrypt "https://c" "customer:42" Some(["email", "phone"]) Some(5)"#,
        ),
        ("/* note */ CALL privet.encrypt() -- done", "encrypt"),
        ("CALL \"privet\".status();;", "status"),
        ("CALL privet.join('x')", r#"join "x""#),
        (
            "CALL privet.decrypt(emergency => 'it burns', subject => 'customer:42')",
            r#"decrypt "" "customer:42" None None emergency "it burns""#,
        ),
        (
            "CALL privet.decrypt(subject => 'customer:42')",
            "22023 `consent` is missing",
        ),
        ("CALL privet.requests()", "requests"),
        (
            "CALL privet.approve('x', note => 'matches the ticket')",
            r#"decide "x" true "matches the ticket""#,
        ),
        ("CALL privet.deny('x')", r#"decide "x" false """#),
    ] {
        assert_eq!(bound_texts(sql, &[]), expected, "{sql}");
    }
}

#[test]
fn parameters_bind() {
    let sql = "CALL privet.decrypt($2, $1, minutes => $3)";
    assert_eq!(parsed(sql).unwrap().unwrap().parameters, 3);
    let values = [
        SqlValue::Text("s".into()),
        SqlValue::Text("c".into()),
        SqlValue::Integer(7),
    ];
    assert_eq!(bound_texts(sql, &values), r#"decrypt "c" "s" None Some(7)"#);
    assert_eq!(
        bound_texts("CALL privet.justify($1)", &[]),
        "08P01 there is no parameter $1"
    );
    let blob = [SqlValue::Blob(vec![1])];
    assert!(bound_texts("CALL privet.justify($1)", &blob).starts_with("22023"));
    assert_eq!(
        bound_texts("CALL privet.justify($0)", &[]),
        "08P01 there is no parameter $0"
    );
}

#[test]
fn what_is_malformed_says_the_exact_call() {
    for sql in [
        "CALL privet.open('x')",
        "CALL privet",
        "CALL privet.justify",
        "CALL privet.justify 'x'",
        "CALL privet.justify('x'",
        "CALL privet.justify('x') AND more",
        "CALL privet.justify('x', 'y', 'z')",
        "CALL privet.justify('x',)",
        "CALL privet.justify(,)",
        "CALL privet.justify('x' || 'y')",
        "CALL privet.justify(why => 'x')",
        "CALL privet.justify(reason => 'x', 'y')",
        "CALL privet.justify('x', reason => 'y')",
        "CALL privet.justify((SELECT 1))",
        "CALL privet.encrypt('x')",
        "CALL privet.justify('x'); SELECT 1",
        "SELECT 1; CALL privet.encrypt()",
        "CALL privet.justify('x'); CALL privet.encrypt()",
        "CALL privet.justify('x",
    ] {
        let fault = parsed(sql).unwrap_err();
        assert!(fault.hint.unwrap().starts_with("CALL privet."), "{sql}");
    }
    for sql in [
        "CALL privet.justify()",
        "CALL privet.decrypt(subject => 'x')",
        "CALL privet.decrypt('c', 's', 'email,,phone')",
        "CALL privet.decrypt('c', 's', minutes => 'soon')",
        "CALL privet.decrypt('c', 's', minutes => 1.5)",
    ] {
        assert!(bound_texts(sql, &[]).starts_with("22023"), "{sql}");
    }
}

#[test]
fn other_statements_are_left_alone() {
    for sql in [
        "SELECT 'CALL privet.justify(1)'",
        "-- CALL privet.status()",
        "CALL other.thing()",
        "",
    ] {
        assert_eq!(parsed(sql), Ok(None), "{sql}");
    }
}
