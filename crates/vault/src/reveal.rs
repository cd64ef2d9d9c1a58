//! Revealing: many subjects and fields, one purpose, one decision per field, one durable entry, then the values.

use std::sync::Arc;

use privet_classify::Field;
use privet_seal::{FieldNumber, SealedRef, ValueCipher, Zeroizing};

use crate::audit::{EntryKind, Record};
use crate::consent::{self, ConsentRule};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::subject::{FIELDS_MAX, SUBJECTS_MAX};
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, Form, PrincipalKind, Result, SourceName, SubjectName, Vault};

/// Sealed values of one call, in bytes.
const SEALED_BYTES_MAX: usize = 16 << 20;
/// How many values are read at a time.
const VALUES_READ: usize = 128;

/// What to reveal, and why.
#[derive(Debug, Clone)]
pub struct RevealRequest {
    /// Whose values.
    pub subjects: Vec<SubjectName>,
    /// Names of fields of the data map.
    pub fields: Vec<String>,
    /// A purpose of the data map.
    pub purpose: String,
    /// The form wanted; without one, masked for people, and the most open that policy allows for jobs.
    pub form: Option<Form>,
    /// A free-text reason, kept in the side record.
    pub reason: Option<String>,
}

/// One value in its form.
pub enum RevealedValue {
    /// There is no value.
    Missing,
    /// There is one, but it does not open.
    Unreadable,
    /// Nobody was asked whether there is one: the purpose rests on consent, and the subject did not give it.
    Refused,
    /// The value in the form that was decided.
    Shown(Zeroizing<String>),
}

impl std::fmt::Debug for RevealedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Unreadable => "Unreadable",
            Self::Refused => "Refused",
            Self::Shown(_) => "Shown(…)",
        })
    }
}

/// The answer: for each subject in the request's order its values in the order of `fields`; `None` for a subject that
/// does not exist, or did not agree.
#[derive(Debug)]
pub struct Revealed {
    /// The form of all values.
    pub form: Form,
    /// The entry's index in the audit log.
    pub entry: u64,
    /// The names of the fields.
    pub fields: Vec<String>,
    /// Values by subject and field.
    pub subjects: Vec<Option<Vec<RevealedValue>>>,
    /// For each subject whether it was left out because the purpose rests on consent and it did not give it.
    pub refused: Vec<bool>,
}

impl Vault {
    /// Reveals values in the form that policy allows; the entry is durable before this returns.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, by purpose, or when none of the subjects agrees, [`Error::AuditUnavailable`] when the entry could not be
    /// written in time. Nothing is revealed then.
    pub async fn reveal(&self, caller: &Caller, request: &RevealRequest) -> Result<Revealed> {
        check_size(request.subjects.len(), request.fields.len())?;
        let fields: Vec<&Field> = request
            .fields
            .iter()
            .map(|name| self.field(name))
            .collect::<Result<_>>()?;
        let rule = match self.check_purpose(&request.purpose, &fields) {
            Ok(rule) => rule,
            Err(error) => {
                return Err(self.refused(caller, request, &fields, None, error).await);
            }
        };
        let sources = self.sources_named(&request.subjects)?;
        let (form, decision) = match self.decide_form(caller, request, &fields, &sources)? {
            Ok(decided) => decided,
            Err(decision) => {
                let error =
                    denied_by_policy(caller, Action::Reveal(request.form.unwrap_or(Form::Masked)));
                return Err(self
                    .refused(caller, request, &fields, Some(&decision), error)
                    .await);
            }
        };
        let mark = self.inner.keyring.mark();
        let mut opened = self.subjects_named(&request.subjects).await?;
        let refused = self.leave_out(rule.as_ref(), &mut opened).await?;
        if let Some(rule) = &rule
            && consent::nobody_agrees(&opened, &refused)
        {
            let error = rule.missing();
            return Err(self
                .refused(caller, request, &fields, Some(&decision), error)
                .await);
        }
        let numbers: Arc<[u16]> = fields.iter().map(|field| field.number).collect();
        let used = opened.iter().flatten();
        let mut record = request
            .record(caller, form)
            .ruling(self.ruling(&decision))
            .subjects(used.map(|open| open.used(Arc::clone(&numbers), 1)));
        if rule.is_some() {
            record = record.count("refused", consent::count(&refused));
        }
        // The entry is written while the values are fetched and opened; nothing leaves before both are done.
        let (entry, values) =
            tokio::join!(self.record(record), self.sealed_values(&opened, &numbers));
        let (entry, values) = (entry?, values?);
        self.with_keys_of(&mut opened, &values).await?;
        self.fresh()?;
        let erased = self.erased_since(mark, &opened).await?;
        let mut subjects =
            self.show_all(caller, &request.purpose, form, &fields, &opened, values)?;
        for (subject, _) in subjects.iter_mut().zip(erased).filter(|(_, gone)| *gone) {
            *subject = None;
        }
        Ok(Revealed {
            form,
            entry,
            fields: request.fields.clone(),
            subjects,
            refused,
        })
    }

    async fn refused(
        &self,
        caller: &Caller,
        request: &RevealRequest,
        fields: &[&Field],
        decision: Option<&Decision>,
        error: Error,
    ) -> Error {
        let mut record = Record::by(EntryKind::RevealDenied, caller)
            .purpose(&request.purpose)
            .count("subjects", request.subjects.len() as u64)
            .count("fields", fields.len() as u64);
        if let Some(decision) = decision {
            record = record.ruling(self.ruling(decision));
        }
        self.refuse(record, error).await
    }

    /// A purpose must exist and serve each field. Where it rests on consent, the rule for each subject is answered.
    pub(crate) fn check_purpose(
        &self,
        purpose: &str,
        fields: &[&Field],
    ) -> Result<Option<ConsentRule<'_>>> {
        let known = self.purpose(purpose)?;
        for field in fields {
            if !field
                .purposes
                .iter()
                .any(|allowed| allowed.as_str() == purpose)
            {
                return Err(Error::denied(
                    "purpose_not_allowed",
                    format!("field `{}` does not serve purpose `{purpose}`", field.name),
                ));
            }
        }
        ConsentRule::of(known)
    }

    /// The form for all fields: the one asked for, or the default of the principal's kind.
    fn decide_form(
        &self,
        caller: &Caller,
        request: &RevealRequest,
        fields: &[&Field],
        sources: &[Option<SourceName>],
    ) -> Result<Result<(Form, Decision), Decision>> {
        let candidates: &[Form] = match (request.form, caller.principal().kind) {
            (Some(Form::Clear), _) => &[Form::Clear],
            (Some(Form::Masked), _) | (None, PrincipalKind::Person) => &[Form::Masked],
            (Some(Form::Pseudonym), _) => &[Form::Pseudonym],
            (Some(Form::Sealed), _) => &[Form::Sealed],
            (None, PrincipalKind::Job | PrincipalKind::Subject) => &Form::ALL,
        };
        let mut last = no_decision();
        for form in candidates {
            let action = Action::Reveal(*form);
            last = self.decide_fields(caller, action, Some(&request.purpose), fields, sources)?;
            if last.allowed {
                return Ok(Ok((*form, last)));
            }
        }
        Ok(Err(last))
    }

    /// One decision per field and source; the first "no" is the answer, else "yes" by the policies of all.
    pub(crate) fn decide_fields(
        &self,
        caller: &Caller,
        action: Action,
        purpose: Option<&str>,
        fields: &[&Field],
        sources: &[Option<SourceName>],
    ) -> Result<Decision> {
        let mut all: Option<Decision> = None;
        let pairs = sources
            .iter()
            .flat_map(|source| fields.iter().map(move |field| (source, field)));
        for (source, field) in pairs {
            let question = Question::about(action).field(field).purpose_if(purpose);
            let decision = self.decide(caller, &question.of(source.as_ref()))?;
            if !decision.allowed {
                return Ok(decision);
            }
            all = Some(match all {
                Some(all) => all.and(decision),
                None => decision,
            });
        }
        Ok(all.unwrap_or_else(no_decision))
    }

    /// Reads subjects again whose values name a key that they lack: fields of them are being erased, and what stays has another key.
    pub(crate) async fn with_keys_of(
        &self,
        opened: &mut [Option<Arc<OpenSubject>>],
        values: &[Vec<Option<Vec<u8>>>],
    ) -> Result<()> {
        for (open, values) in opened.iter_mut().flatten().zip(values) {
            let sealed = values.iter().flatten().map(Vec::as_slice);
            let keyring = &self.inner.keyring;
            *open = keyring.holding(open, sealed, self.now()).await?;
        }
        Ok(())
    }

    async fn sealed_values(
        &self,
        opened: &[Option<Arc<OpenSubject>>],
        fields: &[u16],
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>> {
        let puids: Vec<_> = opened.iter().flatten().map(|open| open.row.puid).collect();
        let mut values = Vec::with_capacity(puids.len());
        let mut room = SEALED_BYTES_MAX;
        for chunk in puids.chunks((VALUES_READ / fields.len().max(1)).max(1)) {
            for row in self.inner.data.values(chunk, fields).await? {
                let bytes: usize = row.iter().flatten().map(Vec::len).sum();
                room = room.checked_sub(bytes).ok_or_else(too_large)?;
                values.push(row);
            }
        }
        Ok(values)
    }

    fn show_all(
        &self,
        caller: &Caller,
        purpose: &str,
        form: Form,
        fields: &[&Field],
        opened: &[Option<Arc<OpenSubject>>],
        values: Vec<Vec<Option<Vec<u8>>>>,
    ) -> Result<Vec<Option<Vec<RevealedValue>>>> {
        let mut values = values.into_iter();
        let mut buffer = Vec::new();
        let mut subjects = Vec::with_capacity(opened.len());
        for open in opened {
            let Some(open) = open else {
                subjects.push(None);
                continue;
            };
            let row = values
                .next()
                .ok_or(Error::Internal("data store answered too little"))?;
            let mut shown = Vec::with_capacity(fields.len());
            for (field, sealed) in fields.iter().zip(row) {
                shown.push(match sealed {
                    None => RevealedValue::Missing,
                    Some(sealed) => {
                        let to = Recipient {
                            caller,
                            purpose,
                            form,
                        };
                        self.show(&to, open, field, &sealed, &mut buffer)
                    }
                });
            }
            subjects.push(Some(shown));
        }
        Ok(subjects)
    }

    /// One sealed value in its form. Every failure to open looks the same.
    pub(crate) fn show(
        &self,
        to: &Recipient<'_>,
        open: &OpenSubject,
        field: &Field,
        sealed: &[u8],
        buffer: &mut Vec<u8>,
    ) -> RevealedValue {
        if to.form == Form::Sealed {
            return RevealedValue::Shown(Zeroizing::new(privet_seal::to_text(sealed)));
        }
        let Ok(parsed) = SealedRef::parse(sealed) else {
            return RevealedValue::Unreadable;
        };
        let Some(cipher) = open.cipher(parsed.key_id()) else {
            return RevealedValue::Unreadable;
        };
        match opened_text(&cipher, field, &parsed, buffer) {
            None => RevealedValue::Unreadable,
            Some(text) => RevealedValue::Shown(match to.form {
                Form::Masked => {
                    Zeroizing::new(field.value_type.mask(&text, &self.inner.config.masks))
                }
                Form::Pseudonym => Zeroizing::new(Self::pseudonym(to, open)),
                Form::Clear | Form::Sealed => text,
            }),
        }
    }

    /// A pseudonym stands for the person: it dies with the subject and joins neither recipients nor purposes.
    fn pseudonym(to: &Recipient<'_>, open: &OpenSubject) -> String {
        let recipient = to.caller.principal().name.as_str();
        let key = open.account_key.pseudonym_key();
        key.pseudonym(open.row.reference.as_bytes(), to.purpose, recipient)
    }
}

impl RevealRequest {
    /// The entry of what is shown, as far as the request says.
    fn record(&self, caller: &Caller, form: Form) -> Record {
        let record = Record::by(EntryKind::Reveal, caller)
            .purpose(&self.purpose)
            .form(form);
        match &self.reason {
            Some(reason) => record.personal("reason", reason.clone()),
            None => record,
        }
    }
}

/// Who gets a value, why and in which form.
pub(crate) struct Recipient<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) purpose: &'a str,
    pub(crate) form: Form,
}

fn opened_text(
    cipher: &ValueCipher,
    field: &Field,
    sealed: &SealedRef<'_>,
    buffer: &mut Vec<u8>,
) -> Option<Zeroizing<String>> {
    let value = cipher
        .open_into(FieldNumber(field.number), sealed, buffer)
        .ok()?;
    let text = value.as_text();
    buffer.fill(0);
    Some(text)
}

pub(crate) fn check_size(subjects: usize, fields: usize) -> Result<()> {
    if subjects == 0 || subjects > SUBJECTS_MAX {
        return Err(Error::invalid(
            "too_many",
            format!("name 1 to {SUBJECTS_MAX} subjects a call"),
        ));
    }
    if fields == 0 || fields > FIELDS_MAX {
        return Err(Error::invalid(
            "too_many",
            format!("name 1 to {FIELDS_MAX} fields a call"),
        ));
    }
    Ok(())
}

fn too_large() -> Error {
    Error::invalid(
        "too_many",
        "the values of this call are too large together: ask for fewer subjects or fields at a time",
    )
}

/// What nobody decided is denied.
fn no_decision() -> Decision {
    Decision {
        allowed: false,
        policies: Arc::default(),
    }
}
