# Runs the views over the store's files: engine, folder, the query of `consent_now`, that of the view of logs.
import glob, importlib, json, os, sys

engine, folder, now, logs = sys.argv[1:]
try:
    module = importlib.import_module(engine)
except ImportError:
    print(f"skipped: no {engine}")
    sys.exit()

# The log says which files count; there is no checkpoint yet.
files = {}
for entry in sorted(glob.glob(os.path.join(folder, "_log", "*.json"))):
    entry = json.load(open(entry))
    for path in entry.get("remove", []):
        del files[path]
    for file in entry.get("add", []):
        files[file["path"]] = file["table"]

tables = ["logs", "spans", "links", "points", "exemplars", "consents"]
nothing = {
    "duckdb": "SELECT CAST(NULL AS BLOB) AS tyid, CAST(0 AS UINTEGER) AS stamp, CAST(0 AS UINTEGER) AS consent, '' AS notice WHERE false",
    "chdb": "SELECT CAST(NULL AS Nullable(FixedString(16))) AS tyid, toUInt32(0) AS stamp, toUInt32(0) AS consent, CAST('' AS Nullable(String)) AS notice WHERE 0",
}[engine]
sql = []
for table in tables:
    paths = [os.path.join(folder, path) for path in files if files[path] == table]
    if engine == "duckdb":
        read = "SELECT * FROM read_parquet([%s])" % ", ".join(f"'{path}'" for path in paths)
    else:
        read = " UNION ALL ".join(f"SELECT * FROM file('{path}', Parquet)" for path in paths)
    sql.append(f"CREATE VIEW {table} AS {read if paths else nothing}")
sql.append(f"CREATE VIEW consent_now AS {now}")
question = f"SELECT count(*), coalesce(sum(severity), 0) FROM ({logs}) AS x"
if engine == "duckdb":
    connection = module.connect()
    for statement in sql:
        connection.execute(statement)
    count, total = connection.execute(question).fetchone()
else:
    from chdb.session import Session

    session = Session()
    for statement in sql:
        session.query(statement)
    count, total = str(session.query(question, "TSV")).split()
print(count, total)
