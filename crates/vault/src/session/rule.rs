//! What policy makes of the fields that somebody wants to decrypt: at once, after a second person approved, or not at all.

use privet_classify::Field;

use super::asked::Asked;
use crate::policy::{Action, Decision};
use crate::vault::Question;
use crate::{Caller, Error, Form, Result, SourceName, Vault};

/// How policy lets these fields open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nobody has to be asked.
    AtOnce,
    /// A second person has to approve.
    AfterApproval,
}

impl Vault {
    /// The fields asked for, which policy must all allow, or all that it allows; and whether somebody has to approve.
    pub(super) fn rule<'a>(
        &'a self,
        caller: &Caller,
        source: &SourceName,
        asked: &Asked,
    ) -> Result<Ruled<'a>, Refused> {
        let at_once = match asked.emergency {
            Some(_) => Action::BreakGlass,
            None => Action::Decrypt,
        };
        // Whoever may ask must also be allowed to see: a policy that forbids clear values binds the console too.
        let decide = |action: Action, field: &'a Field| {
            let ask = |action| {
                let question = Question::about(action).field(field).source(source);
                let decision = self.decide(caller, &question.with_grant());
                decision.map_err(|error| (error, None))
            };
            Ok(ask(action)?.and(ask(Action::Open(Form::Clear))?))
        };
        let mut fields: [Option<Sorted<'a>>; 2] = [None, None];
        let [now, later] = &mut fields;
        let mut no = None;
        let candidates: Vec<&'a Field> = match &asked.fields {
            None => self.inner.map.fields().collect(),
            Some(names) => {
                let known = names.iter().map(|name| self.field(name));
                let known: Result<Vec<_>> = known.collect();
                known.map_err(|error| (error, None))?
            }
        };
        for field in candidates {
            let decision = decide(at_once, field)?;
            if decision.allowed {
                add(now, field, decision);
                continue;
            }
            if asked.emergency.is_none() {
                let decision = decide(Action::RequestDecrypt, field)?;
                if decision.allowed {
                    add(later, field, decision);
                    continue;
                }
            }
            if asked.fields.is_some() {
                return Err((denied(asked), Some(decision)));
            }
            no = Some(decision);
        }
        Ruled::of(fields, asked.fields.is_some()).ok_or_else(|| (denied(asked), no))
    }
}

/// Fields that open in one way, with what allowed them.
type Sorted<'a> = (Vec<&'a Field>, Decision);

/// A refusal carries the decision that caused it.
pub(super) type Refused = (Error, Option<Decision>);

/// What policy makes of the fields.
pub(super) struct Ruled<'a> {
    pub(super) fields: Vec<&'a Field>,
    /// Fields that were not named and would take an approval.
    pub(super) left_out: Vec<&'a Field>,
    pub(super) decision: Decision,
    pub(super) way: Way,
}

impl<'a> Ruled<'a> {
    /// Fields that were named open all at once or all after an approval; of those that were not, what needs none opens.
    fn of(fields: [Option<Sorted<'a>>; 2], named: bool) -> Option<Self> {
        let (fields, left_out, decision, way) = match fields {
            [Some((mut fields, decision)), Some((more, other))] if named => {
                fields.extend(more);
                (fields, Vec::new(), decision.and(other), Way::AfterApproval)
            }
            [Some((fields, decision)), later] => {
                let left_out = later.map(|(fields, _)| fields).unwrap_or_default();
                (fields, left_out, decision, Way::AtOnce)
            }
            [None, Some((fields, decision))] => (fields, Vec::new(), decision, Way::AfterApproval),
            [None, None] => return None,
        };
        Some(Self {
            fields,
            left_out,
            decision,
            way,
        })
    }
}

fn add<'a>(sorted: &mut Option<Sorted<'a>>, field: &'a Field, decision: Decision) {
    *sorted = Some(match sorted.take() {
        None => (vec![field], decision),
        Some((mut fields, former)) => {
            fields.push(field);
            (fields, former.and(decision))
        }
    });
}

fn denied(asked: &Asked) -> Error {
    match asked.emergency {
        None => Error::denied("decrypt_denied", "policy does not let you decrypt this"),
        Some(_) => Error::denied(
            "emergency_denied",
            "policy does not let you decrypt this in an emergency: ask without `emergency`",
        ),
    }
}
