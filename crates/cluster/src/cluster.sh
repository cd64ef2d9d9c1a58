# A PostgreSQL cluster that lives as long as somebody holds this script's standard input open.
#
#   cluster.sh BIN FOLDER PORT
#
# FOLDER holds a file `password` for user `privet`. Everything that the cluster writes is below it.
set -eu
bin=$1 folder=$2 port=$3

"$bin/initdb" --pgdata="$folder/data" --username=privet --pwfile="$folder/password" \
  --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync >"$folder/initdb.log" 2>&1
"$bin/postgres" -D "$folder/data" -p "$port" \
  -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
  -c shared_buffers=32MB -c max_connections=200 -c max_prepared_transactions=10 \
  >"$folder/server.log" 2>&1 </dev/null &
server=$!
# Whatever ends this script ends the server. The folder of one that ran is removed here: who started it may be gone.
ran=
trap 'kill -QUIT "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; [ -z "$ran" ] || rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
  kill -0 "$server" 2>/dev/null || exit 1
  sleep 0.02
done
ran=1
echo ready
cat >/dev/null
