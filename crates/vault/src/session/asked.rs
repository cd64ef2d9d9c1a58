//! What an engineer asks to decrypt, read and checked before anything is looked up or decided.

use std::time::Duration;

use super::justification::{Reason, check_url};
use crate::{Error, Result, SessionLimits, SourceName, SubjectName};

/// The most that an operator can set as [`SessionLimits::subjects_max`]: a grant is for people who agreed, each by name, and
/// never for a table.
pub const SUBJECTS_MAX: u32 = 100;
/// Bytes of a list of subjects for each of them; the longest name fits.
const NAME_BYTES_MAX: usize = 400;

/// What a client writes in place of an address, so that the person is asked themself, on their own pages.
pub const ASK_THE_PERSON: &str = "ask";

/// What a client asks to open.
#[derive(Clone, Default)]
pub struct DecryptRequest {
    /// Where the consent of the people can be found: a web address, one for all of them. In an emergency it may be empty. Or
    /// [`ASK_THE_PERSON`], for one person at a time.
    pub consent: String,
    /// Whose data: operational ids or rows such as `customer:42`, with commas between; at most [`SessionLimits::subjects_max`].
    pub subject: String,
    /// Which fields; all that policy allows without it.
    pub fields: Option<Vec<String>>,
    /// For how long.
    pub minutes: Option<u32>,
    /// Why it cannot wait, where nobody is asked: at once, short, and reviewed first.
    pub emergency: Option<String>,
}

impl std::fmt::Debug for DecryptRequest {
    // Names of subjects, evidence and reasons are personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecryptRequest")
            .field("fields", &self.fields)
            .field("minutes", &self.minutes)
            .field("emergency", &self.emergency.is_some())
            .finish_non_exhaustive()
    }
}

/// A request whose form is right.
pub(super) struct Asked {
    /// The subjects as typed, for people.
    pub(super) label: String,
    /// The same, parsed; each once.
    pub(super) names: Vec<SubjectName>,
    /// Names of the fields; all that policy allows without it.
    pub(super) fields: Option<Vec<String>>,
    pub(super) minutes: u32,
    /// Where the consent can be found.
    pub(super) consent: Option<String>,
    /// Why it cannot wait.
    pub(super) emergency: Option<String>,
    /// Whether the person is asked themself: then what is in place of an address is [`ASK_THE_PERSON`].
    pub(super) asks_person: bool,
}

impl Asked {
    pub(super) fn check(
        request: &DecryptRequest,
        source: &SourceName,
        limits: &SessionLimits,
    ) -> Result<Self> {
        let emergency = match &request.emergency {
            None => None,
            Some(why) => {
                let reason = Reason::check(why, None);
                let reason = reason.map_err(|_| {
                    Error::invalid(
                        "emergency_too_weak",
                        "say in a few words why it cannot wait, such as 'somebody empties their \
                         account right now'; at most 2,000 characters",
                    )
                })?;
                Some(reason.text)
            }
        };
        let asks_person = emergency.is_none() && request.consent.trim() == ASK_THE_PERSON;
        let consent = match request.consent.trim() {
            "" if emergency.is_some() => None,
            ask if asks_person => Some(ask.to_owned()),
            consent => {
                check_url(
                    consent,
                    "evidence_not_url",
                    "the evidence of the person's consent",
                )?;
                Some(consent.to_owned())
            }
        };
        let names = names(&request.subject, source, limits)?;
        if asks_person && names.len() > 1 {
            return Err(Error::invalid(
                "subjects_too_many",
                "people are asked one at a time: nobody is told of the others",
            ));
        }
        if request.fields.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::invalid(
                "fields",
                "name at least one field, or leave `fields` out",
            ));
        }
        let typed = request.subject.split(',').map(str::trim);
        Ok(Self {
            label: typed.collect::<Vec<_>>().join(", "),
            names,
            fields: request.fields.clone(),
            minutes: minutes(request.minutes, emergency.is_some(), limits)?,
            consent,
            emergency,
            asks_person,
        })
    }

    /// What the grant rests on, to compare: the evidence, or why it could not wait.
    pub(super) fn evidence(&self) -> &str {
        let evidence = self.consent.as_ref().or(self.emergency.as_ref());
        evidence.map_or("", String::as_str)
    }
}

fn names(list: &str, source: &SourceName, limits: &SessionLimits) -> Result<Vec<SubjectName>> {
    let subjects_max = limits.subjects_max.min(SUBJECTS_MAX) as usize;
    let many = list.split(',').take(subjects_max + 1).count() > subjects_max;
    if many || list.len() > subjects_max * NAME_BYTES_MAX {
        return Err(Error::invalid(
            "subjects_too_many",
            format!("one grant is for at most {subjects_max} subjects: make several"),
        ));
    }
    let mut names = Vec::new();
    for name in list.split(',') {
        let mut name: SubjectName = name.trim().parse().map_err(|_| {
            Error::invalid(
                "subject",
                "name a subject, or several with commas between: an oid, or a row such as \
                 'customer:42'",
            )
        })?;
        if let SubjectName::Alias {
            source: named @ None,
            ..
        } = &mut name
        {
            *named = Some(source.clone());
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn minutes(asked: Option<u32>, emergency: bool, limits: &SessionLimits) -> Result<u32> {
    let whole = |limit: Duration| u32::try_from(limit.as_secs() / 60).unwrap_or(u32::MAX);
    let (default, max) = match emergency {
        true => (limits.emergency, limits.emergency_max),
        false => (limits.grant, limits.grant_max),
    };
    let (minutes, max) = (asked.unwrap_or(whole(default)), whole(max));
    if (1..=max).contains(&minutes) {
        return Ok(minutes);
    }
    let what = if emergency {
        "a grant that is taken in an emergency"
    } else {
        "a grant"
    };
    Err(Error::invalid(
        "minutes",
        format!("{what} lasts 1 to {max} minutes"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        subject: &str,
        consent: &str,
        minutes: Option<u32>,
        emergency: Option<&str>,
    ) -> String {
        let request = DecryptRequest {
            consent: consent.to_owned(),
            subject: subject.to_owned(),
            fields: None,
            minutes,
            emergency: emergency.map(str::to_owned),
        };
        let shop = "shop".parse().unwrap();
        match Asked::check(&request, &shop, &SessionLimits::default()) {
            Ok(asked) => {
                let names: Vec<_> = asked.names.iter().map(ToString::to_string).collect();
                format!("{} {}m", names.join(" "), asked.minutes)
            }
            Err(error) => error.code().to_owned(),
        }
    }

    const LINK: &str = "https://tickets.example.com/1";
    const WHY: &str = "somebody is emptying accounts right now";

    #[test]
    fn what_is_asked() {
        let one = check("customer:42", LINK, None, None);
        assert_eq!(one, "shop/customer:42 15m");
        let list = check(
            " customer:42,customer:43 , customer:42",
            LINK,
            Some(60),
            None,
        );
        assert_eq!(list, "shop/customer:42 shop/customer:43 60m");
        assert_eq!(
            check("customer:42", "", None, Some(WHY)),
            "shop/customer:42 5m"
        );
        assert_eq!(
            check("customer:42", "", Some(15), Some(WHY)),
            "shop/customer:42 15m"
        );
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(check("customer:42,", LINK, None, None), "subject");
        assert_eq!(check("", LINK, None, None), "subject");
        assert_eq!(check("customer:42", "", None, None), "evidence_not_url");
        assert_eq!(
            check("customer:42", "yes", None, Some(WHY)),
            "evidence_not_url"
        );
        assert_eq!(
            check("customer:42", "", None, Some(".")),
            "emergency_too_weak"
        );
        assert_eq!(check("customer:42", "", Some(16), Some(WHY)), "minutes");
        assert_eq!(check("customer:42", LINK, Some(61), None), "minutes");
        let twenty = vec!["customer:1"; 20].join(",");
        assert_eq!(check(&twenty, LINK, None, None), "shop/customer:1 15m");
        let more = vec!["customer:1"; 21].join(",");
        assert_eq!(check(&more, LINK, None, None), "subjects_too_many");
        let long = format!("customer:{}", "1".repeat(9_000));
        assert_eq!(check(&long, LINK, None, None), "subjects_too_many");
    }

    #[test]
    fn the_operator_s_limits_hold() {
        let limits = SessionLimits {
            grant: Duration::from_secs(120),
            grant_max: Duration::from_secs(300),
            subjects_max: 2,
            ..SessionLimits::default()
        };
        let check = |subject: &str, minutes| {
            let request = DecryptRequest {
                consent: LINK.to_owned(),
                subject: subject.to_owned(),
                minutes,
                ..DecryptRequest::default()
            };
            let asked = Asked::check(&request, &"shop".parse().unwrap(), &limits);
            match asked {
                Ok(asked) => asked.minutes.to_string(),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(check("customer:1,customer:2", None), "2");
        assert_eq!(check("customer:1", Some(5)), "5");
        assert_eq!(check("customer:1", Some(6)), "a grant lasts 1 to 5 minutes");
        let many = "one grant is for at most 2 subjects: make several";
        assert_eq!(check("customer:1,customer:2,customer:3", None), many);
        let every = SessionLimits {
            subjects_max: SUBJECTS_MAX,
            ..limits
        };
        let request = DecryptRequest {
            consent: LINK.to_owned(),
            subject: (0..SUBJECTS_MAX)
                .map(|n| format!("customer:{n}"))
                .collect::<Vec<_>>()
                .join(", "),
            ..DecryptRequest::default()
        };
        let asked = Asked::check(&request, &"shop".parse().unwrap(), &every);
        assert_eq!(asked.ok().unwrap().names.len(), SUBJECTS_MAX as usize);
    }
}
