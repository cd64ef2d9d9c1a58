//! `privet console` on a terminal: every question can be left, and nothing stays open.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;

use crate::support::{PATIENCE, Place};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// A console and the other side of its terminal.
struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    /// What was shown and not yet looked at.
    shown: String,
}

impl Terminal {
    fn open(place: &Place) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let size = Winsize {
            ws_row: 50,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        let side = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = place.command(&["console"]);
        let child = command
            .env("TERM", "xterm")
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        let keys = File::from(ours);
        let (mut from, mut answers) = (keys.try_clone().unwrap(), keys.try_clone().unwrap());
        let (say, screen) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The read fails when the other side is closed.
            while let Ok(count) = from.read(&mut bytes) {
                let text = bytes[..count].to_vec();
                // A terminal says where its cursor is when it is asked.
                if text.windows(4).any(|asked| asked == b"\x1b[6n") {
                    answers.write_all(b"\x1b[1;1R").unwrap();
                }
                if count == 0 || say.send(text).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            screen,
            shown: String::new(),
        }
    }

    /// Waits until the text was shown.
    fn expect(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            match self
                .screen
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("`{text}` was not shown: {:?}", self.shown),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\r"));
    }

    fn left(mut self) {
        assert!(self.child.wait().unwrap().success(), "{:?}", self.shown);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sessions(place: &Place) -> Vec<Value> {
    let list = place.run(&["session", "list", "--json"]).json();
    list["sessions"].as_array().unwrap().clone()
}

const WHY: &str = "Why are you here?";
const LINK: &str = "(may be empty):";
const WHOSE: &str = "Whose data?";
const CONSENT: &str = "consent be found?";
const FIELDS: &str = "Which fields?";
const PROTECTED: &str = "[protected]";

#[test]
fn every_question_can_be_left_and_nothing_stays_open() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "3"]);
    for key in [CTRL_C, CTRL_D] {
        let mut terminal = Terminal::open(&place);
        terminal.expect(WHY);
        terminal.press(key);
        terminal.left();
        let mut terminal = Terminal::open(&place);
        terminal.expect(WHY);
        terminal.enter("customer cannot sign in");
        terminal.expect(LINK);
        terminal.press(key);
        terminal.left();
    }
    assert_eq!(sessions(&place), Vec::<Value>::new());

    let mut terminal = Terminal::open(&place);
    terminal.expect(WHY);
    terminal.enter(".");
    terminal.expect(LINK);
    terminal.enter("");
    terminal.expect("error: ");
    terminal.expect(WHY);
    terminal.enter("customer cannot sign in");
    terminal.expect(LINK);
    terminal.enter("https://tickets.example.com/1");
    terminal.expect(PROTECTED);
    for key in [CTRL_C, CTRL_D] {
        for answers in [
            &[][..],
            &["customer:1"],
            &["customer:1", "https://tickets.example.com/1#yes"],
        ] {
            terminal.enter("decrypt!");
            terminal.expect(WHOSE);
            for (answer, next) in answers.iter().zip([CONSENT, FIELDS]) {
                terminal.enter(answer);
                terminal.expect(next);
            }
            terminal.press(key);
            terminal.expect("nothing was decrypted");
            terminal.expect(PROTECTED);
        }
    }
    terminal.enter("SELECT 1");
    terminal.expect("->");
    terminal.press(CTRL_C);
    terminal.expect(PROTECTED);
    terminal.press(CTRL_D);
    terminal.left();
    let sessions = sessions(&place);
    assert_eq!(
        (sessions.len(), &sessions[0]["decrypted"]),
        (1, &Value::Bool(false))
    );
}

#[test]
fn a_console_that_is_killed_leaves_no_grant() {
    let place = Place::new();
    let server = place.demo(&["--customers", "3"]);
    let mut terminal = Terminal::open(&place);
    terminal.expect(WHY);
    terminal.enter("customer cannot sign in");
    terminal.expect(LINK);
    terminal.enter("https://tickets.example.com/1");
    terminal.expect(PROTECTED);
    terminal.enter("decrypt! customer:1");
    terminal.expect(CONSENT);
    terminal.enter("https://tickets.example.com/1#yes");
    terminal.expect(FIELDS);
    terminal.enter("email");
    terminal.expect("[DECRYPTED customer:1 until");
    drop(terminal);

    let id = sessions(&place)[0]["id"].as_str().unwrap().to_owned();
    let end = Instant::now() + PATIENCE;
    loop {
        let detail = place.run(&["session", "show", &id, "--json"]).json();
        if !detail["grants"][0]["ended_at"].is_null() {
            break;
        }
        assert!(Instant::now() < end, "the grant goes on: {detail}");
    }

    // A server that stops is noticed while the prompt waits.
    let mut terminal = Terminal::open(&place);
    terminal.expect("you go on with session");
    terminal.expect(PROTECTED);
    drop(server);
    terminal.expect("the connection to the gateway ended");
}
