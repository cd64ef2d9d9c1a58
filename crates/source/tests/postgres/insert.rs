//! Invented rows as SQL, on a server whose types are stricter than SQLite's.

use privet_classify::synthetic::Value;
use privet_source::Inserts;

use super::Shop;

#[test]
fn the_types_of_columns_decide_what_literals_are() {
    let shop = Shop::new(
        "CREATE TABLE \"Ta ble\" (id bigint PRIMARY KEY, yes boolean, flag integer, day date, moment timestamp,
           price numeric(10, 2), code varchar(8))",
    );
    let mut sql = Vec::new();
    let mut inserts = Inserts::begin(&mut sql).unwrap();
    let columns =
        ["id", "yes", "flag", "day", "moment", "price", "code"].map(|name| name.parse().unwrap());
    inserts
        .table(&"Ta ble".parse().unwrap(), columns.iter())
        .unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    for (id, flag) in [(i64::MIN, true), (i64::MAX, false)] {
        let values = [
            Value::Integer(id),
            Value::Boolean(flag),
            Value::Boolean(flag),
            text("2024-12-31"),
            text("2024-12-31 23:59:59"),
            Value::Integer(4_711),
            text("a'b\\'';"),
        ];
        inserts.row(&values).unwrap();
    }
    inserts.commit().unwrap();
    shop.sql(&String::from_utf8(sql).unwrap());
    let found = shop.sql("SELECT * FROM \"Ta ble\" ORDER BY id");
    assert_eq!(
        found,
        "-9223372036854775808|t|1|2024-12-31|2024-12-31 23:59:59|4711.00|a'b\\'';\n\
         9223372036854775807|f|0|2024-12-31|2024-12-31 23:59:59|4711.00|a'b\\'';\n"
    );
}
