//! The console's questions: why, whose data, on which consent. Each can be left with Ctrl-C or Ctrl-D, and nothing has
//! happened until the last one is answered.

use crate::Error;
use crate::prompt::Question;
use crate::repl::{Console, Input};
use crate::session::quoted;
use crate::terminal::{say, show};

/// An answer.
enum Answer {
    /// Ctrl-C or Ctrl-D.
    Left,
    /// What was typed, perhaps nothing.
    Text(String),
}

impl Console<'_> {
    /// Asks for the reason until the gateway takes one; `false`: the engineer left.
    pub(crate) fn ask_reason(&mut self) -> Result<bool, Error> {
        loop {
            let reason = match self.ask("Why are you here?")? {
                Answer::Left => return Ok(false),
                Answer::Text(reason) if reason.is_empty() => {
                    say("say in a few words what you are about to do; Ctrl-C leaves")?;
                    continue;
                }
                Answer::Text(reason) => reason,
            };
            let Answer::Text(link) = self.ask("Link to the ticket or incident (may be empty):")?
            else {
                return Ok(false);
            };
            match self.work.justify(&reason, &link) {
                Ok(()) => {
                    self.notices()?;
                    return Ok(true);
                }
                // The gateway's hint is the call, and here are the questions.
                Err(Error::Refused { message, .. }) => say(&format!("error: {message}"))?,
                Err(error) => return Err(error),
            }
        }
    }

    /// `decrypt!`, or `decrypt! SUBJECT`.
    pub(crate) fn decrypt(&mut self, command: &str) -> Result<(), Error> {
        const NOTHING: &str = "nothing was decrypted";
        let named = command.trim_start_matches("decrypt!").trim().to_owned();
        let subject = match named.is_empty() {
            true => {
                self.ask("Whose data? (oids, or rows such as customer:42, with commas between)")?
            }
            false => Answer::Text(named),
        };
        let Some(subject) = subject.filled() else {
            return show(NOTHING);
        };
        let consent = self.ask("Where can that person's consent be found? (https://…)")?;
        let Some(consent) = consent.filled() else {
            return show(NOTHING);
        };
        let Answer::Text(fields) =
            self.ask("Which fields? (comma-separated; empty: all that policy allows)")?
        else {
            return show(NOTHING);
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
        match self.send(&sql) {
            // What waits for a second person says itself how it goes on.
            Err(Error::Refused { message, code, .. })
                if !message.starts_with("nothing is decrypted") =>
            {
                Err(Error::Refused {
                    message,
                    hint: Some("nothing was decrypted: decrypt! asks again".to_owned()),
                    code,
                })
            }
            sent => sent,
        }
    }

    /// `emergency!`, or `emergency! SUBJECT`.
    pub(crate) fn emergency(&mut self, command: &str) -> Result<(), Error> {
        const NOTHING: &str = "nothing was decrypted";
        let named = command.trim_start_matches("emergency!").trim().to_owned();
        let subject = match named.is_empty() {
            true => {
                self.ask("Whose data? (oids, or rows such as customer:42, with commas between)")?
            }
            false => Answer::Text(named),
        };
        let Some(subject) = subject.filled() else {
            return show(NOTHING);
        };
        let why = self.ask("Why can it not wait? (an auditor reads this within 24 hours)")?;
        let Some(why) = why.filled() else {
            return show(NOTHING);
        };
        self.send(&format!(
            "CALL privet.decrypt(subject => {}, emergency => {})",
            quoted(&subject),
            quoted(&why)
        ))
    }

    /// `approve! ID` and `deny! ID`: a note is asked for.
    pub(crate) fn decide(&mut self, command: &str) -> Result<(), Error> {
        let (verb, id) = command.split_once('!').unwrap_or((command, ""));
        if id.trim().is_empty() {
            return show("say which request: requests! lists them");
        }
        let Answer::Text(note) = self.ask("What do you have to say about it? (may be empty)")?
        else {
            return show("nothing was decided");
        };
        self.send(&format!(
            "CALL privet.{verb}({}, note => {})",
            quoted(id.trim()),
            quoted(&note)
        ))
    }

    fn ask(&mut self, question: &'static str) -> Result<Answer, Error> {
        Ok(match self.read_answer(&Question(question))? {
            Input::Text(text) => Answer::Text(text),
            // The line editor tells an empty line and Ctrl-C apart, and so must the questions.
            Input::Empty => Answer::Text(String::new()),
            Input::Nothing | Input::Leave => Answer::Left,
        })
    }
}

impl Answer {
    /// What was typed; `None` if it is nothing.
    fn filled(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            Self::Text(_) | Self::Left => None,
        }
    }
}
