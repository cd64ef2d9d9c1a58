# Sums the same events in DuckDB, on two threads: plainly, joined with the latest stamp of each person, joined with a kept table.
import glob, json, os, statistics, sys, time

import duckdb

folder, somebody = sys.argv[1:]
connection = duckdb.connect()
connection.execute("SET threads = 2")
connection.execute("SET enable_progress_bar = false")
files = glob.glob(os.path.join(folder, "logs", "*", "*", "*.parquet"))
# A UUID is what DuckDB joins by fastest of what holds 16 bytes.
connection.execute(
    "CREATE TABLE events AS SELECT CAST(hex(tyid) AS UUID) AS person, CAST(consent AS UTINYINT) AS consent, stamp, amount "
    f"FROM read_parquet({files!r}, hive_partitioning = false)"
)
latest = "SELECT person, arg_max(consent, stamp) AS consent FROM events GROUP BY person"
connection.execute(f"CREATE TABLE latest AS {latest}")


def timed(sql, rounds):
    connection.execute(sql).fetchall()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        answer = connection.execute(sql).fetchall()
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times), answer[0][-1]


join = "SELECT sum(amount) FROM events JOIN {} AS c USING (person) WHERE c.consent & 1 = 1"
plain_ms, _ = timed("SELECT sum(amount) FROM events", 15)
argmax_ms, total = timed(join.format(f"({latest})"), 5)
kept_ms, again = timed(join.format("latest"), 9)
assert total == again
person_ms, _ = timed(f"SELECT count(*), sum(amount) FROM events WHERE person = CAST('{somebody}' AS UUID)", 15)
print(json.dumps(dict(plain_ms=plain_ms, argmax_ms=argmax_ms, kept_ms=kept_ms, person_ms=person_ms, sum=int(total))))
