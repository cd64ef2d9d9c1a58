# A PostgreSQL cluster that lives as long as somebody holds this script's standard input open.
#
#   cluster.sh BIN FOLDER PORT [PG_BASEBACKUP PRIMARY]
#
# With a program and the address of a running server it is a standby of that one.
#
# FOLDER holds a file `password` for user `privet`, and what is added to the configuration: `extra.conf` and
# `extra_hba.conf`. Everything that the cluster writes is below it.
set -eu
bin=$1 folder=$2 port=$3 copy=${4:-} primary=${5:-}

if [ -n "$primary" ]; then
  "$copy" --pgdata="$folder/data" --dbname="$primary" --wal-method=stream --checkpoint=fast --no-sync \
    >"$folder/initdb.log" 2>&1
  # Not `--write-recovery-conf`: a newer program writes what an older server does not understand. The last line of a name
  # counts.
  cat >>"$folder/data/postgresql.conf" <<END
port = $port
primary_conninfo = '$primary'
END
  touch "$folder/data/standby.signal"
else
  "$bin/initdb" --pgdata="$folder/data" --username=privet --pwfile="$folder/password" \
    --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync >"$folder/initdb.log" 2>&1
  cat >>"$folder/data/postgresql.conf" - "$folder/extra.conf" <<END
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 32MB
max_connections = 200
max_prepared_transactions = 10
END
  mv "$folder/data/pg_hba.conf" "$folder/usual_hba.conf"
  cat "$folder/extra_hba.conf" "$folder/usual_hba.conf" >"$folder/data/pg_hba.conf"
fi
"$bin/postgres" -D "$folder/data" >"$folder/server.log" 2>&1 </dev/null &
server=$!
# A test may have stopped it and started another one.
running() { head -n 1 "$folder/data/postmaster.pid" 2>/dev/null || echo "$server"; }
# Whatever ends this script ends the server. The folder of one that ran is removed here: who started it may be gone.
ran=
trap 'kill -QUIT "$(running)" "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; [ -z "$ran" ] || rm -rf "$folder" 2>/dev/null || true' EXIT
trap 'exit 1' HUP INT TERM
# The server says so itself, in the last line of this file: a bare server comes without `pg_isready`.
until grep -q '^ready' "$folder/data/postmaster.pid" 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || exit 1
  sleep 0.02
done
ran=1
echo ready
cat >/dev/null
