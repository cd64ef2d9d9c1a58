//! The console on a terminal.

use std::io::Write;

use reedline::{FileBackedHistory, Prompt, Reedline, Signal};

use crate::complete::{Complete, is_command};
use crate::display::Style;
use crate::mode::Mode;
use crate::prompt::{ConsolePrompt, Question};
use crate::session::{Outcome, Work, quoted};
use crate::{Error, meta};

const HISTORY_MAX: usize = 1_000;

/// Asks, runs and shows until the engineer leaves.
pub(crate) fn run(work: &mut Work) -> Result<(), Error> {
    let mut console = Console::new(work)?;
    console.welcome()?;
    if console.work.mode() == Mode::Unjustified && !console.ask_reason()? {
        return Ok(());
    }
    loop {
        let prompt = console.prompt();
        let Some(input) = console.read_statement(&prompt)? else {
            return Ok(());
        };
        let Some(line) = input else { continue };
        if matches!(line.as_str(), "\\q" | "exit" | "quit") {
            return Ok(());
        }
        match console.act(&line) {
            Err(error @ (Error::Terminal(_) | Error::Closed)) => return Err(error),
            Err(error) => console.complain(&error)?,
            Ok(()) => {}
        }
        if console.work.is_closed() {
            return Err(Error::Closed);
        }
    }
}

struct Console<'a> {
    work: &'a mut Work,
    statements: Reedline,
    answers: Reedline,
    style: Style,
}

impl<'a> Console<'a> {
    fn new(work: &'a mut Work) -> Result<Self, Error> {
        let history = FileBackedHistory::new(HISTORY_MAX)
            .map_err(|error| Error::Terminal(std::io::Error::other(error.to_string())))?;
        let statements = Reedline::create()
            .with_history(Box::new(history))
            .with_validator(Box::new(Complete));
        Ok(Self {
            work,
            statements,
            answers: Reedline::create(),
            style: Style {
                wide: false,
                expanded: false,
            },
        })
    }

    fn welcome(&mut self) -> Result<(), Error> {
        show(&format!(
            "You are entering `{}`, which holds people's data. It is sealed, and everything you type is on record.\n\
             \\? lists the commands.",
            self.work.environment
        ))?;
        self.notices()
    }

    fn prompt(&self) -> ConsolePrompt {
        ConsolePrompt {
            place: self.work.environment.clone(),
            mode: self.work.mode(),
        }
    }

    /// The outer `None`: leave. The inner: nothing to do.
    fn read_statement(&mut self, prompt: &dyn Prompt) -> Result<Option<Option<String>>, Error> {
        Ok(
            match self.statements.read_line(prompt).map_err(Error::Terminal)? {
                Signal::Success(line) if line.trim().is_empty() => Some(None),
                Signal::Success(line) => Some(Some(line.trim().to_owned())),
                Signal::CtrlD => None,
                _ => Some(None),
            },
        )
    }

    /// An answer to a question; `None`: Ctrl-C or Ctrl-D, and nothing has happened.
    fn ask(&mut self, question: &'static str) -> Result<Option<String>, Error> {
        let answer = self
            .answers
            .read_line(&Question(question))
            .map_err(Error::Terminal)?;
        Ok(match answer {
            Signal::Success(line) => Some(line.trim().to_owned()),
            _ => None,
        })
    }

    /// Asks for the reason until the gateway takes one; `false`: the engineer left.
    fn ask_reason(&mut self) -> Result<bool, Error> {
        loop {
            let Some(reason) = self.ask("Why are you here?")? else {
                return Ok(false);
            };
            let Some(link) = self.ask("Link to the ticket or incident (may be empty):")? else {
                return Ok(false);
            };
            match self.work.justify(&reason, &link) {
                Ok(()) => {
                    self.notices()?;
                    return Ok(true);
                }
                Err(error @ Error::Refused { .. }) => self.complain(&error)?,
                Err(error) => return Err(error),
            }
        }
    }

    fn act(&mut self, line: &str) -> Result<(), Error> {
        match line {
            "\\?" => show(meta::HELP),
            "\\x" => {
                self.style.expanded = !self.style.expanded;
                show(if self.style.expanded {
                    "one line a column"
                } else {
                    "tables"
                })
            }
            "\\w" => {
                self.style.wide = !self.style.wide;
                show(if self.style.wide {
                    "sealed values whole"
                } else {
                    "sealed values shortened"
                })
            }
            "decrypt!" => self.decrypt(),
            _ if is_command(line) => match self.work.command(line) {
                Some(outcomes) => self.show_all(outcomes),
                None => show("there is no such command: \\? lists them"),
            },
            sql => self.send_justified(sql),
        }
    }

    /// A session that ended asks for a reason again instead of failing.
    fn send_justified(&mut self, sql: &str) -> Result<(), Error> {
        if self.work.mode() == Mode::Unjustified && !self.ask_reason()? {
            return Ok(());
        }
        self.send(sql)
    }

    /// Every question can be left with Ctrl-C; nothing has happened until the last one is answered.
    fn decrypt(&mut self) -> Result<(), Error> {
        let Some(subject) = self.ask("Whose data? (an oid, or a row such as customer:42)")? else {
            return show("nothing was decrypted");
        };
        let Some(consent) = self.ask("Where can that person's consent be found? (https://…)")?
        else {
            return show("nothing was decrypted");
        };
        let Some(fields) =
            self.ask("Which fields? (comma-separated; empty: all that policy allows)")?
        else {
            return show("nothing was decrypted");
        };
        let mut sql = format!(
            "CALL privet.decrypt(consent => {}, subject => {}",
            quoted(&consent),
            quoted(&subject)
        );
        if !fields.is_empty() {
            sql.push_str(&format!(", fields => {}", quoted(&fields)));
        }
        sql.push(')');
        self.send(&sql)
    }

    fn send(&mut self, sql: &str) -> Result<(), Error> {
        let outcomes = self.work.run(sql);
        self.show_all(outcomes)
    }

    fn show_all(&mut self, outcomes: Result<Vec<Outcome>, Error>) -> Result<(), Error> {
        self.notices()?;
        for outcome in outcomes? {
            match outcome {
                Outcome::Rows(set) => show(&set.render(self.style))?,
                Outcome::Done(0) => show("done")?,
                Outcome::Done(count) => show(&format!("done, {count} rows"))?,
            }
        }
        Ok(())
    }

    fn notices(&mut self) -> Result<(), Error> {
        self.work
            .notices()
            .iter()
            .try_for_each(|text| show(&format!("· {text}")))
    }

    fn complain(&mut self, error: &Error) -> Result<(), Error> {
        show(&format!("error: {error}"))?;
        match error {
            Error::Refused {
                hint: Some(hint), ..
            } => show(&format!("  hint: {hint}")),
            _ => Ok(()),
        }
    }
}

/// Prints to the terminal.
pub(crate) fn show(text: &str) -> Result<(), Error> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Error::Terminal)
}
