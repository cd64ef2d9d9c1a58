//! What stands in a column of which the data map says no more than a class: told by its name, or
//! left out. A column that is filled wrongly breaks the application's tests in ways that are hard
//! to see, one that is left out breaks them at once or not at all.

use super::Why;
use super::content::{Content, Drawn};
use super::key::Key;
use crate::class::Class;
use crate::synthetic::label::Label;
use crate::synthetic::part::{Part, Slot};
use crate::synthetic::rng::Stream;
use crate::synthetic::words;

/// When something was over. A row where that is filled is one that nobody finds any more.
const OVER: &[&str] = &[
    "deleted",
    "removed",
    "closed",
    "cancelled",
    "canceled",
    "archived",
    "expired",
    "ended",
    "revoked",
    "blocked",
    "locked",
    "banned",
    "disabled",
    "finished",
];
const DAYS: &[&str] = &[
    "on",
    "date",
    "day",
    "since",
    "until",
    "joined",
    "ordered",
    "received",
    "registered",
];
const MOMENTS: &[&str] = &[
    "at",
    "time",
    "timestamp",
    "datetime",
    "created",
    "updated",
    "modified",
];
const FLAGS: &[&str] = &[
    "active",
    "enabled",
    "verified",
    "confirmed",
    "subscribed",
    "paid",
    "optin",
];
const REFERENCES: &[&str] = &["id", "uuid", "guid", "key", "ref", "fk", "hash", "token"];
const NUMBERS: &[&str] = &["no", "nr", "num", "number"];
const PLACES: &[&str] = &["position", "ordinal", "sequence", "seq"];
const FEW: &[&str] = &[
    "quantity", "qty", "count", "rating", "stars", "level", "version",
];
const AMOUNTS: &[&str] = &[
    "total", "amount", "price", "cents", "sum", "cost", "fee", "balance", "score", "points",
    "size", "bytes", "length", "weight", "width", "height", "duration", "seconds", "minutes",
    "hours", "tax", "revenue", "salary",
];
const PERCENTS: &[&str] = &["age", "percent", "discount", "rate"];
const HANDLES: &[&str] = &["handle", "login", "username", "nickname", "nick", "user"];
const COMPANIES: &[&str] = &[
    "company",
    "organisation",
    "organization",
    "employer",
    "firm",
    "vendor",
    "supplier",
    "manufacturer",
];
const PRODUCTS: &[&str] = &["product", "item", "article", "goods"];
const BORN: &[&str] = &[
    "birthday",
    "birthdate",
    "birth",
    "born",
    "dateofbirth",
    "dob",
];

const GENDERS: &[&str] = &["female", "male", "nonbinary"];
const LANGUAGES: &[&str] = &["de", "en", "es", "fr", "it", "pt"];
const CURRENCIES: &[&str] = &["CHF", "EUR", "GBP", "JPY", "USD"];
const STATES: &[&str] = &["new", "open", "done"];

/// What stands in the column of that name and class.
pub(super) fn guess(
    label: &Label,
    class: Class,
    several: bool,
    (seed, stream): (u64, Stream),
) -> Result<Content, Why> {
    let person = |part| {
        let slot = Slot::new(part, label, (false, several), seed);
        Ok(Content::Person(Box::new(slot), part == Part::Integer))
    };
    let drawn = |drawn| Ok(Content::Drawn(stream, drawn));
    // Not where somebody was born.
    if label.has(BORN) && !label.ends(&["year"]) && Part::of_text(class, label).is_none() {
        return person(Part::Birthday);
    }
    if let Some(time) = of_time(label) {
        return time.map(|time| Content::Drawn(stream, time));
    }
    if label.ends(REFERENCES) {
        return Err(Why::Refers);
    }
    if let Some(number) = of_number(label, class) {
        return Ok(match number {
            Number::Key => Content::Key(Key::Counted),
            Number::Place => Content::Place,
            Number::Whole(first, last) => Content::Drawn(stream, Drawn::Whole(first..=last)),
        });
    }
    if label.starts(&["is", "has", "can", "may", "was", "allow", "allows", "wants"])
        || label.ends(FLAGS)
    {
        return drawn(Drawn::Flag);
    }
    if let Some(list) = of_list(label, class) {
        return drawn(Drawn::Word(list));
    }
    let called =
        |list: &[&str]| label.ends(list) || (label.has(list) && label.ends(&["name", "title"]));
    if called(HANDLES) {
        return Ok(Content::Handle);
    }
    if called(COMPANIES) || (class == Class::Oi && label.is(&["name"])) {
        return drawn(Drawn::Company);
    }
    // What has a name and is nobody: a product, a project, a file.
    let is_thing = label.ends(&["name"]) && matches!(class, Class::Cc | Class::Oi | Class::Sys);
    if called(PRODUCTS) || (is_thing && !label.has(&["first", "last", "full"])) {
        return drawn(Drawn::Product);
    }
    if label.has(&["url", "website", "homepage", "link"]) {
        return person(Part::Url);
    }
    if label.has(&["ip"]) {
        return person(Part::Ip);
    }
    if class != Class::Sys
        && let Some(part) = Part::of_text(class, label)
    {
        return person(part);
    }
    match class {
        Class::Cc => person(Part::Note),
        // An identifier of somebody that is not the row's own key leads elsewhere.
        Class::Upi => Err(Why::Refers),
        _ => Err(Why::Unknown),
    }
}

fn of_time(label: &Label) -> Option<Result<Drawn, Why>> {
    let is_moment = label.ends(MOMENTS);
    let is_day = label.has(&["date", "day"]) || label.ends(DAYS);
    let is_flag = label.starts(&["is", "was"]);
    if label.has(OVER) && (is_moment || is_day || is_flag || label.ends(OVER)) {
        return Some(Err(Why::Over));
    }
    if is_moment {
        Some(Ok(Drawn::Moment))
    } else if is_day {
        Some(Ok(Drawn::Day))
    } else {
        None
    }
}

enum Number {
    Key,
    Place,
    Whole(i64, i64),
}

fn of_number(label: &Label, class: Class) -> Option<Number> {
    let numbered = label.ends(NUMBERS);
    // The position of a person is their job.
    let is_place = label.ends(PLACES) || (numbered && label.has(&["line", "position"]));
    if is_place && (class == Class::Sys || !label.has(&["position"])) {
        return Some(Number::Place);
    }
    if numbered {
        let unique = class == Class::Upi;
        return Some(if unique {
            Number::Key
        } else {
            Number::Whole(1, 999)
        });
    }
    if label.ends(FEW) {
        Some(Number::Whole(1, 5))
    } else if label.ends(AMOUNTS) {
        Some(Number::Whole(1, 9_999))
    } else if label.ends(PERCENTS) {
        Some(Number::Whole(18, 90))
    } else if label.ends(&["year"]) && label.has(BORN) {
        Some(Number::Whole(1940, 2005))
    } else if label.ends(&["year"]) {
        Some(Number::Whole(2022, 2025))
    } else {
        None
    }
}

fn of_list(label: &Label, class: Class) -> Option<&'static [&'static str]> {
    if label.has(&["gender", "sex"]) {
        Some(GENDERS)
    } else if label.has(&["language", "locale", "lang"]) {
        Some(LANGUAGES)
    } else if label.has(&["currency"]) {
        Some(CURRENCIES)
    } else if label.has(&["status", "stage", "phase"])
        || (label.has(&["state"]) && class != Class::Udi)
    {
        Some(STATES)
    } else if !matches!(class, Class::Cc | Class::Sys)
        && label.has(&[
            "title",
            "job",
            "role",
            "occupation",
            "profession",
            "position",
        ])
    {
        Some(words::JOBS)
    } else {
        None
    }
}
