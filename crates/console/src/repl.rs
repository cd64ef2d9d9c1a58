//! The console on a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reedline::{EditCommand, FileBackedHistory, Prompt, Reedline, Signal};

use crate::complete::{Complete, is_command, split_command};
use crate::display::{Expanded, Style, rows};
use crate::mode::Mode;
use crate::prompt::ConsolePrompt;
use crate::session::Outcome;
use crate::terminal::{say, show, width};
use crate::work::Work;
use crate::{Error, meta};

const HISTORY_MAX: usize = 1_000;

/// Asks, runs and shows until the engineer leaves.
pub(crate) fn run(work: &mut Work) -> Result<(), Error> {
    let mut console = Console::new(work)?;
    console.welcome()?;
    if console.work.session.mode() == Mode::Unjustified && !console.ask_reason()? {
        return Ok(());
    }
    loop {
        let input = match console.read_statement()? {
            Input::Leave => return Ok(()),
            Input::Nothing | Input::Empty => continue,
            Input::Text(text) => text,
        };
        let done = match split_command(&input) {
            Some((statement, command)) => console.interject(statement, command),
            None => console.act(&input),
        };
        match done {
            Ok(Next::Leave) => return Ok(()),
            Err(error @ (Error::Terminal(_) | Error::Closed { .. })) => return Err(error),
            Err(error) => console.complain(&error)?,
            Ok(Next::GoOn) => {}
        }
        console.living()?;
    }
}

/// What came from the line editor.
pub(crate) enum Input {
    /// Ctrl-D.
    Leave,
    /// Ctrl-C.
    Nothing,
    /// An empty line.
    Empty,
    /// Something.
    Text(String),
}

enum Next {
    GoOn,
    Leave,
}

/// A person at a terminal.
pub(crate) struct Console<'a> {
    pub(crate) work: &'a mut Work,
    statements: Reedline,
    pub(crate) answers: Reedline,
    news: Arc<AtomicBool>,
    /// The mode that the person knows of.
    known: Mode,
    style: Style,
}

impl<'a> Console<'a> {
    fn new(work: &'a mut Work) -> Result<Self, Error> {
        let history = FileBackedHistory::new(HISTORY_MAX)
            .map_err(|error| Error::Terminal(std::io::Error::other(error.to_string())))?;
        let news = work.session.news();
        let statements = Reedline::create()
            .with_history(Box::new(history))
            .with_validator(Box::new(Complete))
            .with_break_signal(Arc::clone(&news));
        Ok(Self {
            known: work.session.mode(),
            work,
            statements,
            // Answers have no history: they are about people.
            answers: Reedline::create().with_break_signal(Arc::clone(&news)),
            news,
            style: Style {
                wide: false,
                expanded: Expanded::Auto,
            },
        })
    }

    fn welcome(&mut self) -> Result<(), Error> {
        say(&format!(
            "You are entering `{}`, which holds people's data. It is sealed, and everything you type is on record. \
             \\? lists the commands.",
            self.work.environment
        ))?;
        let told = self.notices()?;
        if !told && self.known != Mode::Unjustified {
            let id = self.work.session_id()?.unwrap_or_default();
            say(&format!(
                "· you go on with session {id}: the reason that you gave still holds"
            ))?;
        }
        Ok(())
    }

    fn read_statement(&mut self) -> Result<Input, Error> {
        loop {
            self.living()?;
            let prompt = ConsolePrompt {
                place: self.work.environment.clone(),
                mode: self.known.clone(),
            };
            let read = self
                .statements
                .read_line(&prompt)
                .map_err(Error::Terminal)?;
            if let Some(input) = self.heard(read)? {
                return Ok(input);
            }
        }
    }

    /// Reads a line with another editor's rules; what happens meanwhile is shown.
    pub(crate) fn read_answer(&mut self, prompt: &dyn Prompt) -> Result<Input, Error> {
        loop {
            self.living()?;
            let read = self.answers.read_line(prompt).map_err(Error::Terminal)?;
            if let Some(input) = self.heard(read)? {
                return Ok(input);
            }
        }
    }

    /// What the line editor's answer means; `None`: something happened while it waited, and it reads on.
    fn heard(&mut self, read: Signal) -> Result<Option<Input>, Error> {
        Ok(Some(match read {
            Signal::Success(line) if line.trim().is_empty() => Input::Empty,
            Signal::Success(line) => Input::Text(line.trim().to_owned()),
            Signal::CtrlD => Input::Leave,
            Signal::ExternalBreak(_) => {
                self.meanwhile()?;
                return Ok(None);
            }
            _ => Input::Nothing,
        }))
    }

    /// Shows what happened while a prompt waited: a grant ran out, the server stopped.
    fn meanwhile(&mut self) -> Result<(), Error> {
        if self.work.session.is_closed() || self.work.session.mode() != self.known {
            // The cursor stands behind the prompt.
            show("")?;
        }
        self.notices().map(drop)
    }

    /// Takes note of the mode; an error if the connection has ended.
    fn living(&mut self) -> Result<(), Error> {
        self.news.store(false, Ordering::Release);
        self.known = self.work.session.mode();
        if self.work.session.is_closed() {
            self.notices()?;
            return Err(Error::Closed {
                why: self.work.session.farewell(),
            });
        }
        Ok(())
    }

    /// A command within an unfinished statement: it is done, and the statement goes on.
    fn interject(&mut self, statement: &str, command: &str) -> Result<Next, Error> {
        if command == "\\r" {
            return Ok(Next::GoOn);
        }
        let done = self.act(command);
        let text = format!("{statement}\n");
        self.statements
            .run_edit_commands(&[EditCommand::InsertString(text)]);
        done
    }

    fn act(&mut self, line: &str) -> Result<Next, Error> {
        match line.trim_end_matches(';').trim() {
            "\\q" | "exit" | "quit" => return Ok(Next::Leave),
            "\\?" | "\\h" | "help" => show(meta::HELP)?,
            "\\r" => show("there is no unfinished statement")?,
            "\\x" => {
                self.style.expanded = self.style.expanded.next();
                show(self.style.expanded.words())?;
            }
            "\\w" => {
                self.style.wide = !self.style.wide;
                show(if self.style.wide {
                    "sealed values whole"
                } else {
                    "sealed values shortened"
                })?;
            }
            "encrypt!" => self.encrypt()?,
            // Approving shows nothing of the source, so it takes no reason.
            "requests!" => {
                let outcomes = self.work.command("requests!");
                self.show_all(outcomes)?;
            }
            command if command.starts_with("approve!") || command.starts_with("deny!") => {
                self.decide(command)?;
            }
            command if command.starts_with("emergency!") => {
                self.with_reason(|console| console.emergency(command))?;
            }
            command if command.starts_with("decrypt!") => {
                self.with_reason(|console| console.decrypt(command))?;
            }
            command if is_command(command) => {
                let command = command.to_owned();
                self.with_reason(|console| {
                    let outcomes = console.work.command(&command);
                    console.show_all(outcomes)
                })?;
            }
            _ => self.with_reason(|console| console.send(line))?,
        }
        Ok(Next::GoOn)
    }

    /// A session that ended asks for a reason again instead of failing.
    fn with_reason(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.work.session.mode() == Mode::Unjustified && !self.ask_reason()? {
            return show("nothing was done: without a reason nothing runs");
        }
        act(self)
    }

    fn encrypt(&mut self) -> Result<(), Error> {
        let open = matches!(self.work.session.mode(), Mode::Decrypted { .. });
        self.work.command("encrypt!")?;
        self.notices()?;
        show(if open {
            "· values are sealed again"
        } else {
            "· values are sealed: nothing was decrypted"
        })
    }

    /// Runs SQL and shows what comes of it.
    pub(crate) fn send(&mut self, sql: &str) -> Result<(), Error> {
        let outcomes = self.work.run(sql);
        self.show_all(outcomes)
    }

    fn show_all(&mut self, outcomes: Result<Vec<Outcome>, Error>) -> Result<(), Error> {
        let told = self.notices()?;
        for outcome in outcomes? {
            match outcome {
                Outcome::Rows(set) => show(&set.render(self.style, width()))?,
                // What the gateway said of it says more.
                Outcome::Done(0) if told => {}
                Outcome::Done(0) => show("done")?,
                Outcome::Done(count) => show(&format!("done, {}", rows(count)))?,
                Outcome::Note(text) => show(&text)?,
            }
        }
        Ok(())
    }

    /// Shows what the gateway said; whether it said anything. Its hints are calls in SQL, for which there are commands
    /// here.
    pub(crate) fn notices(&mut self) -> Result<bool, Error> {
        let notices = self.work.session.notices();
        for text in &notices {
            say(&format!("· {text}"))?;
        }
        Ok(!notices.is_empty())
    }

    /// Shows what went wrong and what to do.
    pub(crate) fn complain(&mut self, error: &Error) -> Result<(), Error> {
        say(&format!("error: {error}"))?;
        match error {
            Error::Refused {
                hint: Some(hint), ..
            } => show(&format!("  hint: {hint}")),
            _ => Ok(()),
        }
    }
}
