//! Running the executable: commands to their end, servers until they are stopped or killed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The executable, with nothing of the caller's environment that it looks at.
pub(crate) fn privet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privet"));
    let proxies = ["ALL_PROXY", "HTTP_PROXY", "all_proxy", "http_proxy"];
    for name in ["PRIVET_DIR", "PRIVET_TOKEN", "PRIVET_LOG", "COLUMNS"]
        .iter()
        .chain(&proxies)
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its output, if it did what was asked.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Its output as JSON, if it did what was asked.
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// What it said when it failed.
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.stderr
    }
}

/// A folder for one test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The Privet folder in it.
    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("privet")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command over the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = privet();
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .arg("--dir")
            .arg(self.dir());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// A demo that serves.
    pub(crate) fn demo(&self, arguments: &[&str]) -> Server {
        self.server(&with_any_ports(arguments))
    }

    /// A server, once it says that it serves.
    pub(crate) fn server(&self, arguments: &[&str]) -> Server {
        match self.start(arguments).ready(PATIENCE) {
            Ok(server) => server,
            Err(starting) => panic!("no server: {}", starting.end()),
        }
    }

    /// A server that starts.
    pub(crate) fn start(&self, arguments: &[&str]) -> Starting {
        self.spawn(self.command(arguments))
    }

    /// A server that starts by a command of one's own.
    pub(crate) fn spawn(&self, mut command: Command) -> Starting {
        let log = self.path("server.log");
        command
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Starting { child, stdout, log }
    }

    /// A folder made by `privet init` over a shop in plaintext, with ports of the system's choice.
    pub(crate) fn init(&self, arguments: &[&str]) {
        let shop = self.path("shop.sqlite");
        privet_source::sample::create_shop(&shop, 20, 5).unwrap();
        let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/datamap.toml");
        let source = format!("shop={}", shop.display());
        let mut all = vec![
            "init",
            "--source",
            &source,
            "--datamap",
            map.to_str().unwrap(),
        ];
        all.extend(arguments);
        self.run(&all).ok();
        self.edit("privet.toml", |text| {
            text.replace(":7300", ":0").replace(":7432", ":0")
        });
    }

    /// Changes a text file of the Privet folder.
    pub(crate) fn edit(&self, name: &str, change: impl Fn(String) -> String) {
        let path = self.dir().join(name);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// The text without what differs from run to run.
    pub(crate) fn redacted(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "FOLDER")
            .replace(env!("CARGO_BIN_EXE_privet"), "PRIVET")
    }

    /// What the running server says of itself under that name.
    pub(crate) fn said_in_file(&self, name: &str) -> String {
        let said = fs::read(self.dir().join("server.json")).unwrap();
        let said: Value = serde_json::from_slice(&said).unwrap();
        said[name].as_str().unwrap().to_owned()
    }

    pub(crate) fn facts(&self) -> Value {
        serde_json::from_slice(&fs::read(self.dir().join("demo.json")).unwrap()).unwrap()
    }

    /// Runs statements with psql as a principal of the demo, each on its own, over one connection.
    pub(crate) fn psql(&self, user: &str, statements: &[&str]) -> Ran {
        let facts = self.facts();
        let gateway = facts["gateway"].as_str().unwrap();
        let (host, port) = gateway.split_once(':').unwrap();
        let mut command = Command::new("psql");
        command
            .env("PGPASSFILE", self.dir().join("pgpass"))
            .env("PGCONNECT_TIMEOUT", "30")
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .arg(format!("host={host} port={port} user={user} dbname=shop"));
        for statement in statements {
            command.args(["-c", statement]);
        }
        Ran::of(&mut command)
    }
}

pub(crate) fn with_any_ports<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["demo", "--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0"];
    all.extend(arguments);
    all
}

/// A server that has not said yet that it serves.
pub(crate) struct Starting {
    child: Child,
    stdout: ChildStdout,
    log: PathBuf,
}

impl Starting {
    /// Waits until it serves, or is over, or the time is.
    pub(crate) fn ready(self, patience: Duration) -> Result<Server, Dying> {
        let Self { child, stdout, log } = self;
        // What a server says when it serves is the first that it says on standard output.
        let (sender, first) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut said = String::new();
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                said.push_str(&line);
                said.push('\n');
                // Nobody listens any more after the first, or once the time is over.
                let _ = sender.send(());
            }
            said
        });
        let first = first.recv_timeout(patience);
        let server = Server {
            child,
            log,
            reader: Some(reader),
        };
        match first {
            Ok(()) => Ok(server),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(Dying {
                server,
                late: false,
            }),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Dying { server, late: true }),
        }
    }
}

/// A server that did not come to serve.
pub(crate) struct Dying {
    server: Server,
    late: bool,
}

impl Dying {
    /// Kills it.
    pub(crate) fn kill(self) {
        self.server.kill();
    }

    /// Waits for its end, which must be a failure; answers what it said.
    pub(crate) fn end(mut self) -> String {
        assert!(
            !self.late,
            "it neither serves nor ends: {}",
            self.server.said()
        );
        let status = self.server.child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{}", self.server.said());
        self.server.said()
    }
}

/// A server that serves; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    reader: Option<JoinHandle<String>>,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it said to people so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal and waits for the end; answers the exit code.
    pub(crate) fn stop(self, signal: Signal) -> Option<i32> {
        self.stop_and_tell(signal).0
    }

    /// Sends a signal and waits for the end; answers the exit code and what it said on standard output.
    pub(crate) fn stop_and_tell(mut self, signal: Signal) -> (Option<i32>, String) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, self.reader.take().unwrap().join().unwrap())
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request with a JSON body to the API; answers status and body.
pub(crate) fn post(api: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
    ask("POST", api, path, token, body)
}

/// The same with another method.
pub(crate) fn ask(method: &str, api: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let address = api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// What the API answers a browser, head and all.
pub(crate) fn get(api: &str, path: &str) -> String {
    let address = api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: text/html\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What the API answers a browser that sends these cookies, and a form from these pages themselves; head and all.
pub(crate) fn browse(api: &str, method: &str, path: &str, cookie: &str, body: &str) -> String {
    let address = api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: text/html\r\nCookie: {cookie}\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Whether the long form of the tests was asked for.
pub(crate) fn is_long() -> bool {
    std::env::var_os("PRIVET_TEST_LONG").is_some()
}
