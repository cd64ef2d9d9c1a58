//! The slow way: frames that take more than a look. No reason was stated yet, a session command, an equality marker, a
//! statement that is refused, a decrypted connection, or a record that is full.

use privet_vault::port::RunMode;
use privet_vault::{Mode, Statement};

use super::client::{has_marker, recorded};
use super::refusal::{frame as text_frame, put_length};
use super::{Cycle, Forward, Shown, Unit, courtesy, gate};
use crate::commands;
use crate::fault::Fault;
use crate::frame::{Bind, Format, Frame, FrameError, Frontend, Target, decode};
use crate::session::Halt;
use crate::stream::End;
use crate::text::{self, Token};

/// What a decrypted connection may send as one.
const UNIT_BYTES_MAX: usize = 64 << 20;

impl Forward {
    /// Does what a frame needs, then has it forwarded, answered or refused.
    pub(super) async fn consider(&mut self, frame: Frame) -> Result<(), End> {
        self.session.keep_up().await?;
        self.follow_mode().await?;
        let outcome = match decode(&frame) {
            Ok(message) => self.message(&frame, message).await,
            Err(error @ FrameError::Encoding) => {
                Err(Fault::error("22021", error.to_string()).into())
            }
            Err(error) => return Err(error.into()),
        };
        match outcome {
            Ok(()) => {}
            Err(Halt::End(end)) => return Err(end),
            Err(Halt::Fault(fault)) => self.refuse(frame.tag, fault)?,
        }
        self.end_frame().await
    }

    /// Refuses a frame that is not held at all.
    pub(super) async fn refuse_too_long(&mut self, tag: u8, bytes_max: usize) -> Result<(), End> {
        let message = format!("a message is longer than the {bytes_max} bytes that are allowed");
        self.refuse(tag, Fault::error("54000", message))?;
        self.end_frame().await
    }

    /// A query is a unit by itself, and so is what was sent in its place.
    async fn end_frame(&mut self) -> Result<(), End> {
        if self.unit.last == b'Q'
            && let Err(Halt::End(end)) = self.send_unit().await
        {
            return Err(end);
        }
        self.settle();
        Ok(())
    }

    async fn message(&mut self, frame: &Frame, message: Frontend) -> Result<(), Halt> {
        match message {
            Frontend::Query(sql) => self.query(&sql).await,
            Frontend::Parse { name, sql, types } => self.parse(frame, name, sql, types).await,
            Frontend::Bind(bind) => self.bind(frame, bind).await,
            Frontend::Describe(target) => self.describe(frame, &target).await,
            Frontend::Execute { portal, .. } => self.execute(frame, &portal).await,
            Frontend::Close(target) => self.close(frame, &target).await,
            Frontend::Sync => self.sync(frame).await,
            Frontend::Flush => {
                self.pass(frame);
                self.send_unit().await
            }
            Frontend::Copy => {
                self.end_copy(frame);
                Ok(())
            }
            Frontend::FunctionCall => Err(Fault::error(
                "0A000",
                "function calls by object id are not available here",
            )
            .into()),
            // It ends the connection before it gets here.
            Frontend::Terminate => Err(Halt::End(End::Gone)),
        }
    }

    async fn query(&mut self, sql: &str) -> Result<(), Halt> {
        self.prepared.forget_unnamed();
        let tokens = text::tokens(sql);
        if let Some(call) = commands::find(&tokens)? {
            return self.call_query(&call).await;
        }
        let sql = self.admitted(sql).await?;
        self.note(sql.clone(), Vec::new()).await?;
        self.check_courtesy(&tokens)?;
        self.hand_over(b'Q', &[&text_frame(b'Q', &[&sql])]);
        Ok(())
    }

    async fn parse(
        &mut self,
        frame: &Frame,
        name: String,
        sql: String,
        types: Vec<u32>,
    ) -> Result<(), Halt> {
        let tokens = text::tokens(&sql);
        if let Some(call) = commands::find(&tokens)? {
            return self.parse_call(name, call, types).await;
        }
        let replaced = self.admitted(&sql).await?;
        if let Err(fault) = self.check_courtesy(&tokens) {
            // It will not be bound, so this is its place in the record.
            self.note(replaced, Vec::new()).await?;
            return Err(fault.into());
        }
        self.prepared.keep(&name, &replaced)?;
        if replaced == sql {
            self.pass(frame);
            return Ok(());
        }
        let mut bytes = text_frame(b'P', &[&name, &replaced]);
        let types = frame.body.get(name.len() + sql.len() + 2..);
        bytes.extend_from_slice(types.unwrap_or_default());
        put_length(&mut bytes);
        self.hand_over(b'P', &[&bytes]);
        Ok(())
    }

    async fn bind(&mut self, frame: &Frame, bind: Bind) -> Result<(), Halt> {
        if self.prepared.call(&bind.statement).is_some() {
            return self.bind_call(bind).await;
        }
        self.prepared
            .portal
            .take_if(|bound| bound.name == bind.portal);
        let mut bind = bind;
        if has_marker(&frame.body) {
            self.replace_in(&mut bind).await?;
        }
        let sql = self.prepared.text(&bind.statement).to_string();
        let binary = |index: usize| match bind.formats.as_slice() {
            [all] => *all == Format::Binary,
            each => each.get(index) == Some(&Format::Binary),
        };
        let parameters = bind
            .parameters
            .iter()
            .enumerate()
            .map(|(index, value)| value.as_ref().map(|value| recorded(value, binary(index))));
        let parameters = parameters.collect();
        self.note(sql, parameters).await?;
        if has_marker(&frame.body) {
            self.hand_over(b'B', &[&encode_bind(&bind)?]);
        } else {
            self.pass(frame);
        }
        Ok(())
    }

    /// Replaces equality markers in parameters, whatever their form.
    async fn replace_in(&mut self, bind: &mut Bind) -> Result<(), Halt> {
        if self.session.connection.mode() == Mode::Unjustified {
            return Err(unjustified().into());
        }
        for parameter in bind.parameters.iter_mut().flatten() {
            let replaced = self
                .session
                .connection
                .substitute_markers(parameter)
                .await?;
            if let Some(bytes) = replaced {
                *parameter = bytes.into();
            }
        }
        let left = has_marker(bind.portal.as_bytes()) || has_marker(bind.statement.as_bytes());
        if left {
            return Err(Fault::error("22023", "an equality marker is no name").into());
        }
        Ok(())
    }

    async fn describe(&mut self, frame: &Frame, target: &Target) -> Result<(), Halt> {
        if self.describe_call(target).await? {
            return Ok(());
        }
        self.pass(frame);
        Ok(())
    }

    async fn execute(&mut self, frame: &Frame, portal: &str) -> Result<(), Halt> {
        if self.is_call_portal(portal) {
            return self.execute_call().await;
        }
        self.unit.executes = true;
        self.pass(frame);
        Ok(())
    }

    async fn close(&mut self, frame: &Frame, target: &Target) -> Result<(), Halt> {
        if self.close_call(target).await? {
            return Ok(());
        }
        self.pass(frame);
        Ok(())
    }

    async fn sync(&mut self, frame: &Frame) -> Result<(), Halt> {
        if self.cycle == Cycle::Local {
            // The server has nothing of this cycle, and has answered all before it.
            self.cycle = Cycle::Done;
            self.session.report_mode();
            self.session.wire.out.ready_for_query(self.status);
            return Ok(());
        }
        self.pass(frame);
        self.send_unit().await
    }

    /// A statement that may go on, with its markers replaced.
    async fn admitted(&mut self, sql: &str) -> Result<String, Fault> {
        if self.session.connection.mode() != Mode::Unjustified {
            return self.session.replaced(sql).await;
        }
        if gate::passes(sql) {
            Ok(sql.to_owned())
        } else {
            Err(unjustified())
        }
    }

    fn check_courtesy(&self, tokens: &[Token<'_>]) -> Result<(), Fault> {
        if self.refuses_early {
            courtesy::check(tokens)
        } else {
            Ok(())
        }
    }

    /// Puts a statement on record: at once, or with the unit that it is sent with. Before a reason was stated there is no
    /// record.
    async fn note(&mut self, sql: String, parameters: Vec<Option<String>>) -> Result<(), Halt> {
        if self.session.connection.mode() == Mode::Unjustified {
            return Ok(());
        }
        if self.link.mode == RunMode::ReadOnly {
            self.unit.statements.push((sql, parameters));
            return Ok(());
        }
        let statement = Statement {
            sql: &sql,
            parameters: &parameters,
        };
        self.session.connection.record(statement).await?;
        Ok(())
    }

    /// Has a frame forwarded as it came.
    fn pass(&mut self, frame: &Frame) {
        self.hand_over(frame.tag, &[&frame.head(), &frame.body]);
    }

    /// The end of a COPY's data follows the data, which passes by itself: it belongs to a statement that is on record.
    fn end_copy(&mut self, frame: &Frame) {
        self.link.send(&frame.head());
        self.link.send(&frame.body);
        self.sent(frame.tag);
    }

    /// Has the parts of a frame forwarded: at once, or from a decrypted connection with its unit.
    pub(super) fn hand_over(&mut self, tag: u8, parts: &[&[u8]]) {
        if self.link.mode == RunMode::Ordinary {
            parts.iter().for_each(|part| self.link.send(part));
            self.sent(tag);
            return;
        }
        for part in parts {
            self.unit.bytes.extend_from_slice(part);
        }
        self.unit.last = tag;
        self.cycle = match tag {
            b'Q' | b'S' => Cycle::Done,
            _ => Cycle::Forwarded,
        };
    }

    /// Sends what a decrypted connection has gathered: first everything before it is answered, so that rows and entries
    /// belong together; then its entry is durable; then it goes.
    async fn send_unit(&mut self) -> Result<(), Halt> {
        let unit = std::mem::take(&mut self.unit);
        if unit.bytes.is_empty() {
            return Ok(());
        }
        if unit.bytes.len() > UNIT_BYTES_MAX {
            return Err(Halt::End(End::Told(Fault::fatal(
                "54000",
                "too much is sent as one",
            ))));
        }
        // What was flushed has no end of its own in the answers: its rows may still be on their way when the Sync comes, and
        // stay openable until that is answered. Rows of a unit between the two are counted with the later one.
        let follows_flush = std::mem::replace(&mut self.flushed, unit.last == b'H');
        if unit.shows_nothing() {
            self.link.send(&unit.bytes);
        } else {
            if !follows_flush {
                self.quiesce().await?;
                self.finish_shown();
            }
            match self.open_unit(&unit).await {
                Ok(()) => self.link.send(&unit.bytes),
                Err(fault) => {
                    // What was flushed before it is on record as given up: nothing more of it opens.
                    self.finish_shown();
                    self.refuse_unit(&unit, fault)?;
                }
            }
        }
        self.outstanding += u32::from(matches!(unit.last, b'Q' | b'S'));
        self.copy_in_query = unit.last == b'Q';
        Ok(())
    }

    async fn open_unit(&mut self, unit: &Unit) -> Result<(), Fault> {
        if self.session.connection.mode() == Mode::Unjustified {
            return Ok(());
        }
        let more = [("-- more rows of an open portal".to_owned(), Vec::new())];
        let noted: &[(String, Vec<Option<String>>)] = match unit.statements.as_slice() {
            [] if unit.executes => &more,
            statements => statements,
        };
        if noted.is_empty() {
            return Ok(());
        }
        let statements = noted
            .iter()
            .map(|(sql, parameters)| Statement { sql, parameters });
        let statements: Vec<Statement<'_>> = statements.collect();
        let permit = self.session.connection.record_all(&statements).await?;
        let opener = self.session.connection.opener();
        self.shown = Some(Shown {
            at: opener.moment(),
            opener,
            permit: Some(permit),
            rows: 0,
            told_long: false,
        });
        Ok(())
    }

    /// In place of a unit that could not be put on record, the server gets something to refuse, and the unit's end.
    fn refuse_unit(&mut self, unit: &Unit, fault: Fault) -> Result<(), End> {
        let (refusal, end): (_, &[u8]) = match unit.last {
            b'Q' => (self.refusals.query(fault), &[]),
            b'S' => (self.refusals.parse(fault), b"S\0\0\0\x04"),
            _ => (self.refusals.parse(fault), b"H\0\0\0\x04"),
        };
        self.link.send(&refusal.ok_or_else(too_many_refusals)?);
        self.link.send(end);
        Ok(())
    }

    /// Refuses a message in the order of things: the server says no, in the words of `fault`.
    pub(super) fn refuse(&mut self, tag: u8, fault: Fault) -> Result<(), End> {
        let (tag, refusal) = match tag {
            b'Q' | b'F' => (b'Q', self.refusals.query(fault)),
            _ => (b'P', self.refusals.parse(fault)),
        };
        self.hand_over(tag, &[&refusal.ok_or_else(too_many_refusals)?]);
        Ok(())
    }
}

fn too_many_refusals() -> End {
    End::Told(Fault::fatal(
        "54000",
        "too many refused statements are on their way",
    ))
}

/// A Bind message of these parts.
fn encode_bind(bind: &Bind) -> Result<Vec<u8>, Fault> {
    let too_many = || Fault::error("08P01", "a message has too many parts");
    let count = |count: usize| u16::try_from(count).map_err(|_| too_many());
    let mut bytes = text_frame(b'B', &[&bind.portal, &bind.statement]);
    let put_formats = |bytes: &mut Vec<u8>, formats: &[Format]| -> Result<(), Fault> {
        bytes.extend_from_slice(&count(formats.len())?.to_be_bytes());
        for format in formats {
            bytes.extend_from_slice(&u16::from(*format == Format::Binary).to_be_bytes());
        }
        Ok(())
    };
    put_formats(&mut bytes, &bind.formats)?;
    bytes.extend_from_slice(&count(bind.parameters.len())?.to_be_bytes());
    for parameter in &bind.parameters {
        match parameter {
            None => bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(value) => {
                let length = i32::try_from(value.len()).map_err(|_| too_many())?;
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(value);
            }
        }
    }
    put_formats(&mut bytes, &bind.result_formats)?;
    put_length(&mut bytes);
    Ok(bytes)
}

fn unjustified() -> Fault {
    Fault::error(
        "42501",
        "this session has no reason yet: say first why you are here",
    )
    .hint(commands::JUSTIFY)
}
