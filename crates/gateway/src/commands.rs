//! Session commands: `CALL privet.justify(…)`, `decrypt`, `join`, `encrypt`, `status`; parsed strictly, alone in their
//! message.

use privet_vault::port::SqlValue;

use crate::fault::Fault;
use crate::text::{self, Kind, Token};

/// How a session is justified; the hint of every refusal that lacks it.
pub(crate) const JUSTIFY: &str =
    "CALL privet.justify('why you are here', 'https://link.to/the/ticket');";
/// How one subject's values are opened.
pub(crate) const DECRYPT: &str = "CALL privet.decrypt(consent => 'https://link.to/their/consent', subject => 'customer:42', fields => 'email');";
/// How another connection joins a grant.
pub(crate) const JOIN: &str = "CALL privet.join('grant id');";
/// How a second person sees what is asked of them.
pub(crate) const REQUESTS: &str = "CALL privet.requests();";
/// How a second person approves it.
pub(crate) const APPROVE: &str =
    "CALL privet.approve('request id', note => 'what you have to say');";
/// How a second person says no.
pub(crate) const DENY: &str = "CALL privet.deny('request id', note => 'what you have to say');";
/// How they are sealed again.
pub(crate) const ENCRYPT: &str = "CALL privet.encrypt();";
/// How one asks where one stands.
pub(crate) const STATUS: &str = "CALL privet.status();";

/// The procedures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Procedure {
    /// States a reason.
    Justify,
    /// Opens one subject's values.
    Decrypt,
    /// Uses a grant of another connection of the same session, or a request that was approved.
    Join,
    /// Lists what waits for a second person.
    Requests,
    /// Approves a request of somebody else.
    Approve,
    /// Says no to a request.
    Deny,
    /// Goes back to protected.
    Encrypt,
    /// Tells the mode.
    Status,
}

impl Procedure {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "justify" => Self::Justify,
            "decrypt" => Self::Decrypt,
            "join" => Self::Join,
            "requests" => Self::Requests,
            "approve" => Self::Approve,
            "deny" => Self::Deny,
            "encrypt" => Self::Encrypt,
            "status" => Self::Status,
            _ => return None,
        })
    }

    /// Names of its arguments in order.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Justify => &["reason", "link"],
            Self::Decrypt => &["consent", "subject", "fields", "minutes", "emergency"],
            Self::Join => &["grant"],
            Self::Approve | Self::Deny => &["request", "note"],
            Self::Requests | Self::Encrypt | Self::Status => &[],
        }
    }

    /// The exact call, to copy.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Justify => JUSTIFY,
            Self::Decrypt => DECRYPT,
            Self::Join => JOIN,
            Self::Requests => REQUESTS,
            Self::Approve => APPROVE,
            Self::Deny => DENY,
            Self::Encrypt => ENCRYPT,
            Self::Status => STATUS,
        }
    }
}

/// One argument as written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Argument {
    Absent,
    Text(String),
    Parameter(u16),
}

/// A call as written; parameters are not bound yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// What is called.
    pub(crate) procedure: Procedure,
    arguments: Vec<Argument>,
    /// The highest parameter number.
    pub(crate) parameters: u16,
}

/// A session command, ready to act on. Texts are as the client typed them: personal, and never printed.
pub(crate) enum Command {
    /// States a reason.
    Justify {
        /// Why.
        reason: String,
        /// The ticket.
        link: Option<String>,
    },
    /// Opens the values of one subject, or of a few.
    Decrypt {
        /// Where the consent can be read; in an emergency it may be empty.
        consent: String,
        /// Whose, with commas between.
        subject: String,
        /// Which; all that policy allows, if absent.
        fields: Option<Vec<String>>,
        /// For how long.
        minutes: Option<u32>,
        /// Why it cannot wait.
        emergency: Option<String>,
    },
    /// Uses a grant of another connection, or a request that was approved.
    Join {
        /// Its id.
        grant: String,
    },
    /// Lists what waits for a second person.
    Requests,
    /// Approves a request of somebody else, or says no to it.
    Decide {
        /// Its id.
        request: String,
        /// Yes or no.
        approved: bool,
        /// What there is to say.
        note: String,
    },
    /// Goes back to protected.
    Encrypt,
    /// Tells the mode.
    Status,
}

impl Command {
    /// The exact call, to copy.
    pub(crate) fn example(&self) -> &'static str {
        match self {
            Self::Justify { .. } => JUSTIFY,
            Self::Decrypt { .. } => DECRYPT,
            Self::Join { .. } => JOIN,
            Self::Requests => REQUESTS,
            Self::Decide { approved: true, .. } => APPROVE,
            Self::Decide { .. } => DENY,
            Self::Encrypt => ENCRYPT,
            Self::Status => STATUS,
        }
    }
}

/// Finds a session command in the statements of one message.
///
/// # Errors
/// A call of something else in `privet`, a malformed one, or one that is not alone.
pub(crate) fn find(tokens: &[Token<'_>]) -> Result<Option<Call>, Fault> {
    let mut calls = text::statements(tokens).filter(|statement| is_call(statement));
    let Some(statement) = calls.next() else {
        return Ok(None);
    };
    if text::statements(tokens).count() > 1 {
        let hint = procedure(statement).map_or(STATUS, Procedure::example);
        return Err(
            Fault::error("42601", "a `CALL privet.…` must be alone in its message").hint(hint),
        );
    }
    parse(statement).map(Some)
}

/// Whether a statement begins with `CALL privet.`.
fn is_call(statement: &[Token<'_>]) -> bool {
    matches!(statement, [call, schema, ..] if call.is_word("call") && schema.name().as_deref() == Some("privet"))
}

fn procedure(statement: &[Token<'_>]) -> Option<Procedure> {
    match statement {
        [_, _, dot, name, ..] if dot.is_symbol('.') => Procedure::by_name(&name.name()?),
        _ => None,
    }
}

fn parse(statement: &[Token<'_>]) -> Result<Call, Fault> {
    let Some(procedure) = procedure(statement) else {
        let known = "there are `justify`, `decrypt`, `join`, `encrypt`, `status`, `requests`, `approve` and \
                     `deny`";
        let fault = Fault::error("42883", "no such procedure in `privet`").detail(known);
        return Err(fault.hint(STATUS));
    };
    let malformed = |what: &str| {
        Fault::error("42601", format!("malformed call: {what}")).hint(procedure.example())
    };
    let inside = match statement.get(4..) {
        Some([open, inside @ .., close]) if open.is_symbol('(') && close.is_symbol(')') => inside,
        _ => return Err(malformed("its arguments stand in one pair of parentheses")),
    };
    let names = procedure.arguments();
    let mut arguments = vec![Argument::Absent; names.len()];
    let mut named_before = false;
    let written = inside.split(|token| token.is_symbol(',')).enumerate();
    for (position, argument) in written.filter(|_| !inside.is_empty()) {
        let (slot, value) = match argument {
            [name, colon, sign, value] if is_arrow(colon, sign) => {
                named_before = true;
                let name = name.name().unwrap_or_default();
                (names.iter().position(|known| **known == *name), value)
            }
            [value] if !named_before => (Some(position), value),
            [_] => {
                return Err(malformed(
                    "an argument without a name follows one with a name",
                ));
            }
            _ => {
                return Err(malformed(
                    "an argument is a text, a number, NULL or a parameter",
                ));
            }
        };
        let slot = slot.and_then(|slot| arguments.get_mut(slot));
        let slot = slot.ok_or_else(|| malformed("it has no such argument"))?;
        if *slot != Argument::Absent {
            return Err(malformed("an argument is given twice"));
        }
        *slot = value_of(value)
            .ok_or_else(|| malformed("an argument is a text, a number, NULL or a parameter"))?;
    }
    let parameters = arguments.iter().map(|argument| match argument {
        Argument::Parameter(number) => *number,
        _ => 0,
    });
    Ok(Call {
        procedure,
        parameters: parameters.max().unwrap_or(0),
        arguments,
    })
}

/// `=>` or the older `:=`.
fn is_arrow(first: &Token<'_>, second: &Token<'_>) -> bool {
    first.end == second.start
        && ((first.is_symbol('=') && second.is_symbol('>'))
            || (first.is_symbol(':') && second.is_symbol('=')))
}

fn value_of(token: &Token<'_>) -> Option<Argument> {
    match &token.kind {
        Kind::Text(text) => Some(Argument::Text(text.clone().into_owned())),
        Kind::Number(digits) => Some(Argument::Text((*digits).to_owned())),
        Kind::Parameter(number) => Some(Argument::Parameter(*number)),
        Kind::Word(_) if token.is_word("null") => Some(Argument::Absent),
        _ => None,
    }
}

impl Call {
    /// The command with its parameters bound.
    ///
    /// # Errors
    /// A missing or unfit argument.
    pub(crate) fn bind(&self, parameters: &[SqlValue]) -> Result<Command, Fault> {
        let mut arguments = self
            .arguments
            .iter()
            .map(|argument| bound(argument, parameters));
        let mut next = || arguments.next().unwrap_or(Ok(None));
        let example = self.procedure.example();
        let needed = |value: Option<String>, what: &str| {
            value.ok_or_else(|| Fault::error("22023", format!("`{what}` is missing")).hint(example))
        };
        Ok(match self.procedure {
            Procedure::Justify => Command::Justify {
                reason: needed(next()?, "reason")?,
                link: next()?,
            },
            Procedure::Decrypt => {
                let (consent, subject) = (next()?, needed(next()?, "subject"));
                let fields = next()?.map(|list| field_list(&list)).transpose()?;
                let minutes = next()?.map(|minutes| whole_minutes(&minutes)).transpose()?;
                let emergency = next()?;
                Command::Decrypt {
                    consent: match emergency {
                        Some(_) => consent.unwrap_or_default(),
                        None => needed(consent, "consent")?,
                    },
                    subject: subject?,
                    fields,
                    minutes,
                    emergency,
                }
            }
            Procedure::Join => Command::Join {
                grant: needed(next()?, "grant")?,
            },
            Procedure::Requests => Command::Requests,
            Procedure::Approve | Procedure::Deny => Command::Decide {
                request: needed(next()?, "request")?,
                approved: self.procedure == Procedure::Approve,
                note: next()?.unwrap_or_default(),
            },
            Procedure::Encrypt => Command::Encrypt,
            Procedure::Status => Command::Status,
        })
    }
}

fn bound(argument: &Argument, parameters: &[SqlValue]) -> Result<Option<String>, Fault> {
    let number = match argument {
        Argument::Absent => return Ok(None),
        Argument::Text(text) => return Ok(Some(text.clone())),
        Argument::Parameter(number) => usize::from(*number),
    };
    let value = number
        .checked_sub(1)
        .and_then(|index| parameters.get(index));
    match value {
        Some(SqlValue::Null) => Ok(None),
        Some(SqlValue::Text(text)) => Ok(Some(text.clone())),
        Some(SqlValue::Integer(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(Fault::error(
            "22023",
            format!("parameter ${number} must be a text or a whole number"),
        )),
        None => Err(Fault::error(
            "08P01",
            format!("there is no parameter ${number}"),
        )),
    }
}

fn field_list(list: &str) -> Result<Vec<String>, Fault> {
    let fields: Vec<String> = list
        .split(',')
        .map(|field| field.trim().to_owned())
        .collect();
    if fields.iter().any(String::is_empty) {
        let fault = Fault::error(
            "22023",
            "`fields` is a list of field names with commas between",
        );
        return Err(fault.hint(DECRYPT));
    }
    Ok(fields)
}

fn whole_minutes(minutes: &str) -> Result<u32, Fault> {
    minutes.parse().map_err(|_| {
        Fault::error("22023", "`minutes` is a whole number").hint(
            "CALL privet.decrypt(consent => 'https://link.to/their/consent', subject => 'customer:42', minutes => 15);",
        )
    })
}

#[cfg(test)]
mod tests;
