"""psycopg 3 through the door: text and binary, pipelines, server-side cursors, COPY, prepared statements."""

import psycopg
from psycopg import sql

DECRYPT = "CALL privet.decrypt(%s, %s, fields => %s)"


def names(connection, **options):
    with connection.cursor(**options) as cursor:
        return [row[0] for row in cursor.execute("SELECT first_name FROM customer ORDER BY id").fetchall()]


connection = psycopg.connect("", autocommit=True)
try:
    connection.execute("SELECT country FROM customer")
    raise SystemExit("a statement passed without a reason")
except psycopg.errors.InsufficientPrivilege as error:
    assert "CALL privet.justify(" in error.diag.message_hint, error
connection.execute("CALL privet.justify(%s, %s)", ("psycopg is tried", "https://t.example.com/3"))
assert all(name.startswith("pv1_") for name in names(connection))
assert names(connection, binary=True) == names(connection)

connection.execute(DECRYPT, ("https://t.example.com/3#yes", "customer:1", "first_name,email"))
for binary in (False, True):
    first, *others = names(connection, binary=binary)
    assert first == "Adalaide", first
    assert all(name.startswith("pv1_") for name in others)

# The same statement often enough that it is prepared.
for _ in range(10):
    row = connection.execute("SELECT email FROM customer WHERE id = %s", (1,)).fetchone()
    assert row == ("ada@example.com",), row

# A cursor on the server.
with connection.transaction(), connection.cursor("c", binary=True) as cursor:
    cursor.execute("SELECT first_name FROM customer, generate_series(1, 1000) WHERE id = 1")
    cursor.itersize = 100
    assert [row[0] for row in cursor] == ["Adalaide"] * 1000

with connection.cursor() as cursor, cursor.copy("COPY (SELECT first_name FROM customer) TO STDOUT") as copy:
    assert all(bytes(line).startswith(b"pv1_") for line in copy)

try:
    connection.execute("UPDATE invoice SET paid = false")
    raise SystemExit("a decrypted connection wrote")
except psycopg.errors.ReadOnlySqlTransaction:
    pass
connection.execute("CALL privet.encrypt()")

# A pipeline, with an error in the middle.
with connection.pipeline() as pipeline:
    first = connection.execute("SELECT 1")
    second = connection.execute("SELECT 2")
    pipeline.sync()
    assert first.fetchone() == (1,) and second.fetchone() == (2,)
try:
    with connection.pipeline():
        connection.execute("SELECT 1/0")
        connection.execute("SELECT 3")
    raise SystemExit("the error was lost")
except psycopg.errors.DivisionByZero:
    pass
assert connection.execute("SELECT 4").fetchone() == (4,)

with connection.cursor() as cursor:
    with cursor.copy("COPY invoice (id, customer_id, total) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int4", "int4", "numeric"])
        for number in range(9000, 9100):
            copy.write_row((number, 1, 3))
    assert cursor.execute("SELECT count(*) FROM invoice WHERE id >= 9000").fetchone() == (100,)
    cursor.executemany("DELETE FROM invoice WHERE id = %s", [(number,) for number in range(9000, 9100)])
    assert cursor.rowcount == 100

row = connection.execute(
    "SELECT id FROM customer WHERE email_px = %s", ("~eq:email:ben@example.com~",)
).fetchone()
assert row == (2,), row

other = psycopg.connect("")  # joins the session; in a transaction from the first statement on
assert other.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("customer"))).fetchone() == (3,)
other.rollback()
other.close()
connection.close()
print("ok")
