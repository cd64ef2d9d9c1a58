use super::decode::oid;
use super::*;
use crate::fault::Fault;

fn encoded(value: &SqlValue, r#type: Type, format: Format) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    encode(value, &r#type.column("c", format), &mut out).map(|_| out)
}

#[test]
fn declared_types_follow_affinity() {
    for (declared, expected) in [
        ("", None),
        ("INTEGER", Some(Type::Integer)),
        ("bigint", Some(Type::Integer)),
        ("VARCHAR(20)", Some(Type::Text)),
        ("NVARCHAR(40)", Some(Type::Text)),
        ("DOUBLE PRECISION", Some(Type::Real)),
        ("BLOB", Some(Type::Blob)),
        ("DATE", Some(Type::Text)),
        ("NUMERIC(10,2)", Some(Type::Text)),
    ] {
        assert_eq!(Type::declared(declared), expected, "{declared}");
    }
}

#[test]
fn what_is_seen_overrules_what_is_declared() {
    let text = SqlValue::Text("pv1_x".into());
    let (one, half) = (SqlValue::Integer(1), SqlValue::Real(0.5));
    assert_eq!(Type::seen("INTEGER", [&one, &text].into_iter()), Type::Text);
    assert_eq!(
        Type::seen("INTEGER", [&SqlValue::Null].into_iter()),
        Type::Integer
    );
    assert_eq!(
        Type::seen("", [&SqlValue::Null, &one].into_iter()),
        Type::Integer
    );
    assert_eq!(Type::seen("", [&one, &half].into_iter()), Type::Real);
    assert_eq!(Type::seen("NUMERIC", [&one].into_iter()), Type::Text);
    assert_eq!(Type::seen("", [].into_iter()), Type::Text);
}

#[test]
fn cells_have_both_forms() {
    let big = SqlValue::Integer(i64::MIN);
    assert_eq!(
        encoded(&big, Type::Integer, Format::Text).unwrap(),
        b"-9223372036854775808"
    );
    assert_eq!(
        encoded(&big, Type::Integer, Format::Binary).unwrap(),
        i64::MIN.to_be_bytes()
    );
    let half = SqlValue::Real(0.5);
    assert_eq!(encoded(&half, Type::Real, Format::Text).unwrap(), b"0.5");
    assert_eq!(
        encoded(&half, Type::Real, Format::Binary).unwrap(),
        0.5_f64.to_be_bytes()
    );
    assert_eq!(
        encoded(&SqlValue::Real(1e300), Type::Real, Format::Text).unwrap(),
        b"1e300"
    );
    let blob = SqlValue::Blob(vec![0, 255]);
    assert_eq!(
        encoded(&blob, Type::Blob, Format::Text).unwrap(),
        b"\\x00ff"
    );
    assert_eq!(
        encoded(&blob, Type::Blob, Format::Binary).unwrap(),
        [0, 255]
    );
    let text = SqlValue::Text("Zoë".into());
    assert_eq!(
        encoded(&text, Type::Text, Format::Binary).unwrap(),
        "Zoë".as_bytes()
    );
    assert_eq!(
        encoded(&text, Type::Integer, Format::Text).unwrap(),
        "Zoë".as_bytes()
    );
    assert_eq!(
        encoded(&text, Type::Integer, Format::Binary)
            .unwrap_err()
            .code,
        "42804"
    );
}

#[test]
fn parameters_decode_by_type_and_form() {
    let text = |text: &str, oid| decode(Some(text.as_bytes()), oid, Format::Text, 1);
    assert!(text("42", oid::INT4) == Ok(SqlValue::Integer(42)));
    assert!(text("42", 0) == Ok(SqlValue::Text("42".into())));
    assert!(text("1.5", oid::NUMERIC) == Ok(SqlValue::Real(1.5)));
    assert!(text("t", oid::BOOL) == Ok(SqlValue::Integer(1)));
    assert!(text("\\x00ff", oid::BYTEA) == Ok(SqlValue::Blob(vec![0, 255])));
    assert_eq!(text("x", oid::INT4).unwrap_err().code, "22P02");
    assert_eq!(text("\\x0", oid::BYTEA).unwrap_err().code, "22P02");
    let binary = |bytes: &[u8], oid| decode(Some(bytes), oid, Format::Binary, 1);
    assert!(binary(&[0, 7], oid::INT2) == Ok(SqlValue::Integer(7)));
    assert!(binary(&(-1_i64).to_be_bytes(), oid::INT8) == Ok(SqlValue::Integer(-1)));
    assert!(binary(b"a", oid::TEXT) == Ok(SqlValue::Text("a".into())));
    assert!(
        binary(&[0x11; 16], oid::UUID)
            == Ok(SqlValue::Text(
                "11111111-1111-1111-1111-111111111111".into()
            ))
    );
    assert_eq!(binary(&[1, 2, 3], oid::INT4).unwrap_err().code, "22P02");
    assert_eq!(binary(b"a\0", oid::TEXT).unwrap_err().code, "22P02");
    assert_eq!(binary(&[0; 8], 1114).unwrap_err().code, "0A000");
    assert!(decode(None, 0, Format::Text, 1) == Ok(SqlValue::Null));
}
