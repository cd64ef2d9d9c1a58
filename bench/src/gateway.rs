//! The SQL door in front of PostgreSQL, beside PgBouncer in session mode and the server itself; and opening values there,
//! beside `pgcrypto` doing it in SQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use privet_cluster::{Cluster, Setup};

use crate::door::{Door, Serve};
use crate::pgbench::PgBench;
use crate::place::Place;
use crate::query::{Client, Target, query, rate};
use crate::report::{Report, Row, median};
use crate::{audit, folder, machine};

/// How long PgBouncer may take to start.
const START_WAIT: Duration = Duration::from_secs(10);

/// How often each is measured in turn; the median counts.
const ROUNDS: usize = 3;

const TIME: Duration = Duration::from_secs(4);
const DATABASE: &str = "shop";
const ROWS: usize = 5_000;
const IDLE: usize = 1_000;
/// pgbench's scale: 100,000 accounts each.
const SCALE: &str = "10";

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let bed = Bed::make(&bouncer()?)?;
    passing(report, &bed)?;
    let runtime = runtime()?;
    runtime.block_on(first_row(report, &bed))?;
    runtime.block_on(idle(report, &bed))?;
    report.note(
        "One PostgreSQL on loopback without TLS behind both. PgBouncer in session mode without authentication of clients; \
         the door with everything on: login, reasons, and each statement in the audit log, which is durable.",
    );
    Ok(())
}

/// Opening values: many rows, and one.
pub(crate) fn run_opening(report: &mut Report) -> Result<()> {
    let bed = Bed::make(&bouncer()?)?;
    let commits = audit::append(1, TIME)?.per_second;
    runtime()?.block_on(opening(report, &bed, commits))?;
    report.note(
        "Each decrypted message is one durable entry before it goes to the server. PgBouncer forwards the sealed rows of the \
         same table; pgcrypto opens as many values of the same length in SQL.",
    );
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    built.context("no runtime")
}

fn bouncer() -> Result<PathBuf> {
    which(&["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"])
        .context("PgBouncer is missing: on Debian, `apt-get install pgbouncer`")
}

fn which(paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|path| path.exists())
}

/// The server, and both ways to it.
struct Bed {
    cluster: Cluster,
    door: Door,
    bouncer: Bouncer,
    folder: PathBuf,
}

impl Bed {
    fn make(bouncer: &Path) -> Result<Self> {
        let cluster = Setup::new().setting("max_connections", "1300").start()?;
        cluster.database(DATABASE)?;
        let made = Command::new(cluster.program("pgbench"))
            .args(["-i", "-q", "-s", SCALE])
            .arg(cluster.url(DATABASE))
            .output()?;
        if !made.status.success() {
            bail!("{}", String::from_utf8_lossy(&made.stderr));
        }
        let password = cluster.password();
        cluster.sql(
            DATABASE,
            &format!(
                "CREATE ROLE bench_console LOGIN PASSWORD '{password}';
                 CREATE ROLE bench_reader LOGIN PASSWORD '{password}';
                 CREATE EXTENSION pgcrypto;
                 CREATE TABLE sealed (id int PRIMARY KEY, a text, b text);
                 CREATE TABLE crypted (id int PRIMARY KEY, a bytea, b bytea);
                 INSERT INTO crypted SELECT i, pgp_sym_encrypt('first name ' || i, 'key'),
                     pgp_sym_encrypt('customer' || i || '@example.com', 'key') FROM generate_series(1, {ROWS}) i;
                 GRANT SELECT ON ALL TABLES IN SCHEMA public TO bench_console, bench_reader;"
            ),
        )?;
        let folder = folder::scratch("gateway")?;
        Place::make(folder.join("place"))?;
        let values = (1..=ROWS).flat_map(|id| {
            [
                format!("first name {id}"),
                format!("customer{id}@example.com"),
            ]
        });
        let role = |role: &str| {
            cluster
                .url(DATABASE)
                .replace("privet:", &format!("{role}:"))
        };
        let door = Door::start(&Serve {
            folder: folder.join("place"),
            console: role("bench_console"),
            reader: role("bench_reader"),
            values: values.collect(),
        })?;
        let mut rows = String::from("COPY sealed FROM STDIN;\n");
        for (nth, pair) in door.serving.sealed.chunks_exact(2).enumerate() {
            rows.push_str(&format!("{}\t{}\n", nth + 1, pair.join("\t")));
        }
        rows.push_str("\\.\nVACUUM ANALYZE;\n");
        cluster.sql(DATABASE, &rows)?;
        let bouncer = Bouncer::start(bouncer, &cluster, &folder)?;
        Ok(Self {
            cluster,
            door,
            bouncer,
            folder,
        })
    }

    /// The server itself, as the role of the door.
    fn direct(&self) -> Target {
        Target {
            port: self.cluster.port(),
            user: "bench_console".to_owned(),
            password: self.cluster.password().to_owned(),
            database: DATABASE.to_owned(),
            options: String::new(),
            first: Vec::new(),
        }
    }

    fn bounced(&self) -> Target {
        Target {
            port: self.bouncer.port,
            ..self.direct()
        }
    }

    fn through(&self) -> Target {
        Target {
            port: self.door.serving.port,
            user: "on_call".to_owned(),
            password: self.door.serving.token.clone(),
            options: "-c privet.reason=measuring\\ the\\ gateway".to_owned(),
            ..self.direct()
        }
    }

    fn decrypted(&self) -> Target {
        let decrypt = "CALL privet.decrypt('https://example.com/consent', 'customer:1', 'first_name,email', 60)";
        Target {
            first: vec![decrypt.to_owned()],
            ..self.through()
        }
    }
}

/// A PgBouncer of our own; it ends with this.
struct Bouncer {
    port: u16,
    child: Child,
}

impl Bouncer {
    fn start(program: &Path, cluster: &Cluster, folder: &Path) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let users = folder.join("users.txt");
        let password = cluster.password();
        fs::write(&users, format!("\"bench_console\" \"{password}\"\n"))?;
        let settings = folder.join("pgbouncer.ini");
        fs::write(
            &settings,
            format!(
                "[databases]\n{DATABASE} = host=127.0.0.1 port={} dbname={DATABASE} user=bench_console password={password}\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n\
                 auth_file = {}\npool_mode = session\nmax_client_conn = 1200\ndefault_pool_size = 100\n\
                 ignore_startup_parameters = extra_float_digits,options\nlog_connections = 0\nlog_disconnections = 0\n",
                cluster.port(),
                users.display(),
            ),
        )?;
        let mut command = Command::new(program);
        // It does not run as root.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "postgres"]);
            Command::new("chown")
                .args(["-R", "postgres"])
                .arg(&users)
                .arg(&settings)
                .status()?;
        }
        let child = command
            .arg("-q")
            .arg(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let bouncer = Self { port, child };
        let started = Instant::now();
        while started.elapsed() < START_WAIT {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(bouncer);
            }
            std::thread::yield_now();
        }
        bail!("PgBouncer does not answer")
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What pgbench found on one way.
struct Passed {
    tps: f64,
    /// CPU of the proxy for one transaction, in microseconds.
    cpu_us: f64,
}

fn pgbench(bed: &Bed, target: &Target, process: u32, mode: &str, clients: usize) -> Result<Passed> {
    let before = machine::cpu_seconds_of(process)?;
    let (seconds, clients) = (TIME.as_secs().to_string(), clients.to_string());
    let bench = PgBench::new(&bed.cluster, target);
    let ran = bench.run(&[
        "-n", "-S", "-M", mode, "-j", "2", "-T", &seconds, "-c", &clients,
    ])?;
    let cpu = machine::cpu_seconds_of(process)? - before;
    Ok(Passed {
        tps: ran.tps,
        cpu_us: cpu * 1e6 / ran.transactions,
    })
}

/// pgbench's selects through both, in turn.
fn passing(report: &mut Report, bed: &Bed) -> Result<()> {
    for mode in ["simple", "extended", "prepared"] {
        for clients in [8, 32] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let bouncer = bed.bouncer.child.id();
                theirs.push(pgbench(bed, &bed.bounced(), bouncer, mode, clients)?);
                ours.push(pgbench(
                    bed,
                    &bed.through(),
                    bed.door.process(),
                    mode,
                    clients,
                )?);
            }
            let of = |passed: &[Passed], value: fn(&Passed) -> f64| {
                median(passed.iter().map(value).collect())
            };
            let what = format!("pgbench -S, {mode}, {clients} clients");
            report.row(
                Row::new(what, of(&ours, |passed| passed.tps), "tps")
                    .beside("PgBouncer, session mode", of(&theirs, |passed| passed.tps))
                    .ratio_at_least(0.95),
            );
            let (cpu, cpu_bouncer) = (
                of(&ours, |passed| passed.cpu_us),
                of(&theirs, |passed| passed.cpu_us),
            );
            report.row(
                Row::new("  CPU for a transaction", cpu, "us")
                    .limit("PgBouncer", cpu_bouncer)
                    .at_most(1.6 * cpu_bouncer),
            );
        }
    }
    Ok(())
}

/// Opening values: many rows, one row, and what SQL can do.
async fn opening(report: &mut Report, bed: &Bed, commits: f64) -> Result<()> {
    let sql = "SELECT a, b FROM sealed";
    let crypted = "SELECT pgp_sym_decrypt(a, 'key'), pgp_sym_decrypt(b, 'key') FROM crypted";
    let (mut ours, mut theirs, mut crypto) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(rate(&bed.bounced(), 4, sql, TIME).await?);
        ours.push(rate(&bed.decrypted(), 4, sql, TIME).await?);
        crypto.push(rate(&bed.direct(), 4, crypted, TIME).await?);
    }
    let rows = |rates: Vec<f64>| median(rates) * ROWS as f64;
    let (ours, theirs, crypto) = (rows(ours), rows(theirs), rows(crypto));
    report.row(
        Row::new("decrypt 5,000 rows of 2 values, 4 clients", ours, "rows/s")
            .beside("PgBouncer, sealed rows", theirs)
            .ratio_at_least(0.75),
    );
    report.row(
        Row::new("decrypt 5,000 rows of 2 values, 4 clients", ours, "rows/s")
            .beside("pgcrypto in SQL", crypto)
            .ratio_at_least(5.0),
    );
    let commit_ms = 1e3 / commits;
    let mut client = Client::connect(&bed.decrypted()).await?;
    let mut times = Vec::new();
    for id in 1..=1_000 {
        let message = query(&format!("SELECT a, b FROM sealed WHERE id = {id}"))?;
        let answer = client.ask(&message).await?;
        times.push(answer.whole.as_secs_f64() * 1e3);
    }
    report.row(
        Row::new("one decrypted row, median", median(times), "ms")
            .limit("a commit of the log", commit_ms)
            .at_most(commit_ms + 1.0),
    );
    Ok(())
}

async fn first_row(report: &mut Report, bed: &Bed) -> Result<()> {
    let message = query("SELECT aid, abalance FROM pgbench_accounts")?;
    let (mut ours, mut theirs, mut direct) = (Vec::new(), Vec::new(), Vec::new());
    let mut through = Client::connect(&bed.through()).await?;
    let mut bounced = Client::connect(&bed.bounced()).await?;
    let mut straight = Client::connect(&bed.direct()).await?;
    for _ in 0..15 {
        for (client, times) in [
            (&mut straight, &mut direct),
            (&mut bounced, &mut theirs),
            (&mut through, &mut ours),
        ] {
            let answer = client.ask(&message).await?;
            let first = answer.first_row.context("no row")?;
            times.push(first.as_secs_f64() * 1e3);
        }
    }
    let (ours, theirs, direct) = (median(ours), median(theirs), median(direct));
    report.row(
        Row::new("first of 1,000,000 rows, median", ours, "ms")
            .limit("the server itself", direct)
            .at_most(1.2 * direct),
    );
    report.row(Row::new("first of 1,000,000 rows, median", ours, "ms").beside("PgBouncer", theirs));
    Ok(())
}

async fn idle(report: &mut Report, bed: &Bed) -> Result<()> {
    let process = bed.door.process();
    let before = machine::memory_kib_of(process)?;
    let mut clients = Vec::new();
    for _ in 0..IDLE {
        clients.push(Client::connect(&bed.through()).await?);
    }
    // Two looks at a quiet connection, which gives back its buffers.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let each = (machine::memory_kib_of(process)? - before) / IDLE as f64;
    report.row(Row::new("memory for an idle connection", each, "KiB").at_most(64.0));
    Ok(())
}

impl Drop for Bed {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
