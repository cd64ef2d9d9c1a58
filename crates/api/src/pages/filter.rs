//! Which sessions a page is about, as its address says it. Forms send empty fields; an address is made without them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use privet_vault::port::{SessionCursor, SessionFilter, SessionOrder, Verdict};
use privet_vault::{PrincipalName, SessionQuery, SourceName};
use privet_wire::Personal;
use serde::{Deserialize, Serialize};

use super::signed_in::SignedIn;
use crate::convert::{cursor_text, parse_cursor};
use crate::refusal::Refusal;
use crate::router::Api;

/// The parameters as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FilterQuery {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) who: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) source: String,
    /// The first and the last day, in UTC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) to: String,
    /// `decrypted` or nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) mode: String,
    /// `pending`, `approved`, `flagged` or nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) verdict: String,
    /// The number of a search.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) search: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) after: String,
}

/// A filter that can be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) query: FilterQuery,
    who: Option<PrincipalName>,
    source: Option<SourceName>,
    from: Option<Timestamp>,
    before: Option<Timestamp>,
    decrypted: bool,
    verdict: Option<Verdict>,
    after: Option<SessionCursor>,
    /// The text of its search.
    pub(super) text: Option<Personal>,
}

impl Filter {
    /// Reads the parameters; what is wrong with one is said with its name.
    pub(super) fn read(api: &Api, who: &SignedIn, query: FilterQuery) -> Result<Self, Refusal> {
        let wrong = |what: &'static str| Refusal::malformed("invalid_query", what);
        let name = |text: &str| (!text.is_empty()).then(|| text.to_lowercase());
        let day = |text: &str| (!text.is_empty()).then(|| text.parse::<Date>());
        let who_asked = name(query.who.trim()).map(|name| name.parse());
        let source = name(query.source.trim()).map(|name| name.parse());
        let to = day(&query.to).transpose().map_err(|_| wrong(DAYS))?;
        let after = (!query.after.is_empty())
            .then(|| parse_cursor(&query.after).ok_or_else(|| wrong(PLACE)));
        let number = query.search.parse::<u64>().ok();
        let searches = &api.searches;
        let text = number.and_then(|number| searches.text(who.caller.token(), number));
        if !query.search.is_empty() && text.is_none() {
            return Err(wrong(
                "this search is over: it was another login's, or many others came after it; search again",
            ));
        }
        Ok(Self {
            who: who_asked.transpose().map_err(|_| wrong(WHO))?,
            source: source.transpose().map_err(|_| wrong(SOURCE))?,
            from: day(&query.from)
                .transpose()
                .map_err(|_| wrong(DAYS))?
                .and_then(start_of),
            before: to
                .and_then(|day| day.checked_add(1.day()).ok())
                .and_then(start_of),
            decrypted: query.mode == "decrypted",
            verdict: Verdict::ALL
                .into_iter()
                .find(|verdict| verdict.as_str() == query.verdict),
            after: after.transpose()?,
            text,
            query,
        })
    }

    /// The sessions themselves, newest first.
    pub(super) fn newest(&self, count_max: u32) -> SessionQuery {
        self.asked(SessionFilter {
            verdict: self.verdict,
            count_max,
            ..SessionFilter::default()
        })
    }

    /// Those of them that wait for a verdict of somebody else than who did the work: emergencies first, then
    /// the oldest.
    pub(super) fn waiting(&self, who: &SignedIn, count_max: u32) -> SessionQuery {
        let waiting = self.asked(SessionFilter {
            verdict: Some(Verdict::Pending),
            not_by: Some(who.caller.principal().name.clone()),
            order: SessionOrder::OldestFirst,
            count_max,
            ..SessionFilter::default()
        });
        SessionQuery {
            urgent_first: true,
            ..waiting
        }
    }

    fn asked(&self, filter: SessionFilter) -> SessionQuery {
        SessionQuery {
            filter: SessionFilter {
                principal: self.who.clone(),
                source: self.source.clone(),
                decrypted: self.decrypted.then_some(true),
                from: self.from,
                before: self.before,
                after: self.after,
                ..filter
            },
            text: self.text.as_ref().map(|text| text.as_str().to_owned()),
            reasons: true,
            urgent_first: false,
        }
    }

    /// The filter as the query of an address, from the start of the list.
    pub(super) fn text(&self) -> String {
        self.behind(None)
    }

    /// The same behind a session.
    pub(super) fn behind(&self, cursor: Option<SessionCursor>) -> String {
        let query = FilterQuery {
            after: cursor.map(cursor_text).unwrap_or_default(),
            ..self.query.clone()
        };
        // Nothing of it can fail to be written.
        serde_urlencoded::to_string(&query).unwrap_or_default()
    }

    /// Whether it lets everything through.
    pub(super) fn is_open(&self) -> bool {
        self.text().is_empty()
    }
}

const WHO: &str = "`who` is a user name, such as `on_call`";
const SOURCE: &str = "`source` is a database's name in the data map, such as `shop`";
const DAYS: &str = "a day is written as 2026-11-25";
const PLACE: &str = "this is no place in the list: begin at its start";

/// Midnight of a day.
pub(super) fn start_of(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}
