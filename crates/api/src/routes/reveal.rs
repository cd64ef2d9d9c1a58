//! Values out of the vault: many subjects and fields, one purpose.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::{Error, RevealRequest as Wanted, Revealed, RevealedValue};
use privet_wire::{RevealAnswer, RevealRequest};
use serde::ser::{Serialize, SerializeMap as _, SerializeStruct as _, Serializer};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::Json;
use crate::convert::{form_in, subject_names};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Shows values in the form that policy allows. The audit entry is durable before the answer leaves. 404 if there is
/// none of the subjects. For a purpose that rests on consent, those who do not agree are named as refused; 403
/// `consent_missing` if nobody agrees.
#[utoipa::path(post, path = "/v1/reveal", tag = "values", request_body = RevealRequest,
    responses((status = 200, body = RevealAnswer), Refusals))]
pub(crate) async fn reveal(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<RevealRequest>,
) -> Result<Answer, Refusal> {
    let wanted = Wanted {
        subjects: subject_names(&body.subjects)?,
        fields: body.fields,
        purpose: body.purpose,
        form: body.form.map(form_in),
        reason: body.reason.map(|reason| reason.as_str().to_owned()),
    };
    let revealed = api.vault.reveal(&caller, &wanted).await?;
    let shown = Shown {
        names: &body.subjects,
        revealed: &revealed,
    };
    let (values, bytes) = shown.size();
    api.metrics.shown(revealed.form, values);
    if revealed.subjects.iter().all(Option::is_none) && !revealed.refused.contains(&true) {
        return Err(Error::NotFound("subject").into());
    }
    Answer::sized(StatusCode::OK, &shown, bytes)
}

/// The code of a subject that did not agree.
pub(super) const CONSENT_MISSING: &str = "consent_missing";

/// A [`RevealAnswer`] that is written from where the values are, without copying them first.
struct Shown<'a> {
    names: &'a [String],
    revealed: &'a Revealed,
}

impl Shown<'_> {
    /// How many values are shown, and about how many bytes the answer has.
    fn size(&self) -> (u64, usize) {
        let rows = self.revealed.subjects.iter().flatten();
        let names: usize = self
            .revealed
            .fields
            .iter()
            .map(|name| name.len() + 16)
            .sum();
        let per_subject = names + 144;
        let mut values = 0;
        let mut bytes = 64 + per_subject * self.names.len();
        for value in rows.flatten() {
            if let RevealedValue::Shown(text) = value {
                values += 1;
                bytes += text.len();
            }
        }
        (values, bytes)
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_struct("RevealAnswer", 3)?;
        answer.serialize_field("form", self.revealed.form.as_str())?;
        answer.serialize_field("entry", &self.revealed.entry)?;
        answer.serialize_field("subjects", &Subjects(self))?;
        answer.end()
    }
}

struct Subjects<'a>(&'a Shown<'a>);

impl Serialize for Subjects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shown { names, revealed } = self.0;
        let shown = revealed.subjects.iter().zip(&revealed.refused);
        let subjects = names.iter().zip(shown);
        serializer.collect_seq(subjects.map(|(name, (values, refused))| Subject {
            name,
            fields: &revealed.fields,
            values: values.as_deref(),
            refused: *refused,
        }))
    }
}

struct Subject<'a> {
    name: &'a str,
    fields: &'a [String],
    values: Option<&'a [RevealedValue]>,
    /// For want of consent.
    refused: bool,
}

impl Serialize for Subject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unreadable: Vec<&str> = self
            .named()
            .filter(|(_, value)| matches!(value, RevealedValue::Unreadable))
            .map(|(name, _)| name)
            .collect();
        let mut subject = serializer.serialize_struct("RevealedSubject", 5)?;
        subject.serialize_field("subject", self.name)?;
        subject.serialize_field("found", &(self.values.is_some() || self.refused))?;
        subject.serialize_field("values", &Values(self))?;
        if !unreadable.is_empty() {
            subject.serialize_field("unreadable", &unreadable)?;
        }
        if self.refused {
            subject.serialize_field("refused", CONSENT_MISSING)?;
        }
        subject.end()
    }
}

impl<'a> Subject<'a> {
    fn named(&self) -> impl Iterator<Item = (&'a str, &'a RevealedValue)> {
        let names = self.fields.iter().map(String::as_str);
        names.zip(self.values.unwrap_or_default())
    }
}

struct Values<'a>(&'a Subject<'a>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = serializer.serialize_map(None)?;
        for (name, value) in self.0.named() {
            match value {
                RevealedValue::Shown(text) => values.serialize_entry(name, text.as_str())?,
                RevealedValue::Missing | RevealedValue::Unreadable | RevealedValue::Refused => {
                    values.serialize_entry(name, &())?;
                }
            }
        }
        values.end()
    }
}

#[cfg(test)]
mod tests {
    use privet_vault::Form;

    use super::*;

    #[test]
    fn what_is_written_is_what_the_wire_says() {
        let shown = |text: &str| RevealedValue::Shown(text.to_owned().into());
        let revealed = Revealed {
            form: Form::Masked,
            entry: 7,
            fields: vec!["email".to_owned(), "phone".to_owned()],
            subjects: vec![
                Some(vec![shown("\"é\u{1}"), RevealedValue::Unreadable]),
                None,
                Some(vec![RevealedValue::Missing, shown("…")]),
                None,
            ],
            refused: vec![false, false, false, true],
        };
        let names = ["a:1", "a:2", "a:3", "a:4"].map(str::to_owned);
        let shown = Shown {
            names: &names,
            revealed: &revealed,
        };
        let text = serde_json::to_string(&shown).unwrap();
        let read: RevealAnswer = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let (values, bytes) = shown.size();
        assert_eq!(values, 2);
        assert!(bytes >= text.len(), "{bytes} < {}", text.len());
        assert_eq!(read.subjects[0].unreadable, ["phone"]);
        assert!(!read.subjects[1].found && read.subjects[1].refused.is_none());
        let refused = &read.subjects[3];
        assert!(refused.found && refused.values.is_empty());
        assert_eq!(refused.refused.as_deref(), Some("consent_missing"));
    }
}
