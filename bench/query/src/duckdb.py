# Sums the same events in DuckDB, on two threads: plainly, joined with the latest stamp of each person, joined with a kept table; in
# the order in which they came, sorted by person as our files are, and from those files as they lie.
import json, statistics, sys, time

import duckdb

somebody, *files = sys.argv[1:]
connection = duckdb.connect()
connection.execute("SET threads = 2")
connection.execute("SET enable_progress_bar = false")
# A UUID is what DuckDB joins by fastest of what holds 16 bytes.
connection.execute(
    "CREATE TABLE events AS SELECT CAST(hex(tyid) AS UUID) AS person, CAST(consent AS UTINYINT) AS consent, stamp, amount "
    f"FROM read_parquet({files!r}, hive_partitioning = false) ORDER BY received, time"
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


join = "SELECT sum(amount) FROM {} JOIN {} AS c USING (person) WHERE c.consent & 1 = 1"
measured = {}
measured["plain_ms"], _ = timed("SELECT sum(amount) FROM events", 15)
measured["argmax_ms"], total = timed(join.format("events", f"({latest})"), 5)
measured["kept_ms"], again = timed(join.format("events", "latest"), 9)
of_somebody = f"SELECT count(*), sum(amount) FROM events WHERE person = CAST('{somebody}' AS UUID)"
measured["person_ms"], _ = timed(of_somebody, 15)
connection.execute("CREATE TABLE sorted AS SELECT * FROM events ORDER BY person")
connection.execute("DROP TABLE events")
measured["sorted_argmax_ms"], once_more = timed(join.format("sorted", f"({latest.replace('events', 'sorted')})"), 5)
measured["sorted_kept_ms"], at_last = timed(join.format("sorted", "latest"), 9)
connection.execute("DROP TABLE sorted")
# The same files as ours, read anew by each question.
connection.execute(
    "CREATE VIEW files AS SELECT tyid AS person, CAST(consent AS UTINYINT) AS consent, stamp, amount "
    f"FROM read_parquet({files!r}, hive_partitioning = false)"
)
connection.execute(f"CREATE OR REPLACE TABLE latest AS {latest.replace('events', 'files')}")
measured["files_plain_ms"], _ = timed("SELECT sum(amount) FROM files", 9)
measured["files_argmax_ms"], from_files = timed(join.format("files", f"({latest.replace('events', 'files')})"), 3)
measured["files_kept_ms"], from_files_again = timed(join.format("files", "latest"), 5)
assert total == again == once_more == at_last == from_files == from_files_again
print(json.dumps(dict(measured, sum=int(total))))
