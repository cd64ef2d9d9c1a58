//! The mail server: Node's `smtp-server`, on a port of its own, which ends with its test.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value as Json, json};

/// How it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tls,
    StartTls,
    Plain,
}

pub(crate) struct MailServer {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    /// PEM.
    pub(crate) certificate: String,
    process: Child,
    said: Receiver<Json>,
}

const SCRIPT: &str = r#"
const { SMTPServer } = require('smtp-server')
const { kind, cert, key } = JSON.parse(process.argv[1])
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const reply = (responseCode, text) => Object.assign(new Error(text), { responseCode })
const dropped = new Set()
const deferred = new Set()
// Mail whose answer waits for a word of the test's, and addresses of which one did.
const held = []
const kept = new Set()
const server = new SMTPServer({
  secure: kind === 'Tls', cert, key, size: 1 << 20, logger: false, closeTimeout: 100,
  hideSTARTTLS: kind !== 'StartTls', allowInsecureAuth: kind === 'Plain', authMethods: ['PLAIN'],
  onAuth: (auth, session, done) =>
    auth.username === 'privet' && auth.password === 'hunter2' ? done(null, { user: auth.username }) : done(reply(535, 'no such user')),
  onMailFrom: (from, session, done) =>
    from.address.startsWith('forbidden') ? done(reply(553, `${from.address} is not yours`)) : done(),
  onRcptTo(to, session, done) {
    const name = to.address.split('@')[0]
    if (name.startsWith('once') && !deferred.has(name)) {
      deferred.add(name)
      return done(reply(451, `${to.address} is greylisted`))
    }
    if (name === 'defer') return done(reply(450, `${to.address} is busy`))
    if (name === 'refuse') return done(reply(550, `${to.address} does not exist`))
    if (name === 'gone') return sockets.get(session.id).destroy()
    if (name !== 'hang') done()
  },
  onData(stream, session, done) {
    const parts = []
    stream.on('data', (part) => parts.push(part))
    stream.on('end', () => {
      const to = session.envelope.rcptTo.map((to) => to.address)
      const name = to[0].split('@')[0]
      if (name === 'defer-content') return done(reply(451, 'later'))
      if (name === 'refuse-content') return done(reply(554, 'spam for ' + to[0]))
      say({ secure: session.secure, user: session.user, from: session.envelope.mailFrom.address, to, text: Buffer.concat(parts).toString() })
      if (name === 'drop' && !dropped.has(name)) {
        dropped.add(name)
        return sockets.get(session.id).destroy()
      }
      if (name.startsWith('hold') && !kept.has(name)) {
        kept.add(name)
        return held.push(done)
      }
      done()
    })
  },
})
// By the session's id, to be able to hang up.
const sockets = new Map()
const connect = server.connect.bind(server)
server.connect = (socket, ...rest) => { connect(socket, ...rest); for (const c of server.connections) sockets.set(c.id, c._socket) }
server.on('error', () => {})
server.listen(0, '127.0.0.1', () => say({ port: server.server.address().port }))
process.stdin.on('end', () => process.exit(0)).on('data', () => {
  for (const done of held.splice(0)) done()
  setImmediate(() => say({ answered: true }))
})
"#;

impl MailServer {
    /// Starts one; `None`: it is not installed.
    #[expect(clippy::print_stdout, reason = "says what is left out")]
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node_modules");
        let paths = format!("{}:/usr/share/nodejs", installed.display());
        let node = |script: &str| {
            let mut command = Command::new("node");
            command.args(["-e", script]).env("NODE_PATH", &paths);
            command
        };
        let has = node("require('smtp-server')").output();
        if !has.is_ok_and(|output| output.status.success()) {
            println!("left out: Node's package `smtp-server` is not installed");
            return None;
        }
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.pem();
        let options = json!({
            "kind": format!("{kind:?}"),
            "cert": certificate,
            "key": made.signing_key.serialize_pem(),
        });
        let mut process = node(SCRIPT)
            .arg(options.to_string())
            // It ends when this pipe does, however the test ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, said) = channel();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else {
                    break;
                };
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            kind,
            port: 0,
            certificate,
            process,
            said,
        };
        server.port = u16::try_from(server.next()["port"].as_u64().unwrap()).unwrap();
        Some(server)
    }

    /// The next mail that it got.
    pub(crate) fn next(&mut self) -> Json {
        self.said.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// Gives the answer that mail to `hold…` waits for; it is on its way when this returns.
    pub(crate) fn answer(&mut self) {
        let stdin = self.process.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
        assert_eq!(self.next(), json!({ "answered": true }));
    }

    /// One more than how many mails wait to be asked for: those that were asked for are gone.
    pub(crate) fn count(&mut self) -> usize {
        1 + self.rest().len()
    }

    /// The mails that wait to be asked for.
    pub(crate) fn rest(&mut self) -> Vec<Json> {
        self.said.try_iter().collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
