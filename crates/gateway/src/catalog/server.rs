//! What stands above tables: databases, schemas, roles, settings.

use privet_vault::port::SqlValue;

use super::question::Question;
use super::{Source, not_understood};
use crate::answer::{Answer, text_value, truth};
use crate::fault::Fault;

/// `\l`.
pub(super) fn databases(asked: &Question<'_>, source: &Source<'_>) -> Answer {
    const COLUMNS: [&str; 8] = [
        "oid",
        "datname",
        "datdba",
        "encoding",
        "datcollate",
        "datctype",
        "datistemplate",
        "datallowconn",
    ];
    asked.rows_with_star(&COLUMNS, [()], |(), expression| match expression {
        "datname" => text_value(source.name),
        "oid" => text_value("16383"),
        "datdba" => text_value("10"),
        "encoding" => text_value("6"),
        "pg_encoding_to_char(d.encoding)" => text_value("UTF8"),
        "datcollate" | "datctype" => text_value("C"),
        "datistemplate" => truth(false),
        "datallowconn" => truth(true),
        _ if expression.starts_with("pg_get_userbyid(") => text_value(source.name),
        _ if expression.starts_with("case d.datlocprovider") => text_value("libc"),
        _ => SqlValue::Null,
    })
}

/// `\dn`.
pub(super) fn schemas(asked: &Question<'_>, source: &Source<'_>) -> Answer {
    const COLUMNS: [&str; 4] = ["oid", "nspname", "nspowner", "nspacl"];
    asked.rows_with_star(&COLUMNS, [()], |(), expression| match expression {
        "nspname" => text_value("public"),
        "oid" => text_value("2200"),
        "nspowner" => text_value("10"),
        _ if expression.starts_with("pg_get_userbyid(") => text_value(source.name),
        _ => SqlValue::Null,
    })
}

/// `\du`: the one role that is anybody's business here.
pub(super) fn roles(asked: &Question<'_>, source: &Source<'_>) -> Answer {
    asked.rows_with_star(
        &["oid", "rolname"],
        [()],
        |(), expression| match expression {
            "rolname" => text_value(source.user),
            "oid" => text_value("10"),
            "rolconnlimit" => text_value("-1"),
            "rolcanlogin" | "rolinherit" => truth(true),
            _ if expression.starts_with("rol") && expression != "rolvaliduntil" => truth(false),
            _ if expression.starts_with("array(") => text_value("{}"),
            _ => SqlValue::Null,
        },
    )
}

/// One setting by its name.
pub(super) fn settings(asked: &Question<'_>, source: &Source<'_>) -> Result<Answer, Fault> {
    const COLUMNS: [&str; 5] = ["name", "setting", "unit", "boot_val", "reset_val"];
    let name = asked.operand("name").ok_or_else(not_understood)?;
    let found = source
        .settings
        .value(&name)
        .map(|value| (name.clone(), value));
    Ok(asked.rows_with_star(
        &COLUMNS,
        found,
        |(name, value), expression| match expression {
            "name" => text_value(name),
            "setting" | "boot_val" | "reset_val" => text_value(*value),
            _ => SqlValue::Null,
        },
    ))
}
