//! `[fields.*]`: the kinds of personal data.

use std::collections::BTreeMap;

use crate::class::Class;
use crate::name::{FieldName, PurposeName, kind};
use crate::value_type::ValueType;

use super::model::{Basis, Field, Lookup, Retain, RetainFrom};
use super::period::{self, Period};
use super::problems::Problems;
use super::purposes::{Purposes, check_known};
use super::read::{Declared, Item, Section, name};

/// The declared fields.
pub(super) type Fields = Declared<kind::Field, Field>;

pub(super) fn read(
    root: &mut Section<'_>,
    purposes: &Purposes,
    problems: &mut Problems<'_>,
) -> Fields {
    let mut fields = Fields::new();
    let mut numbers = BTreeMap::new();
    let mut contact: Option<String> = None;
    for (text, item) in root.section("fields", problems).entries() {
        let key = item.key.clone();
        let name = name(&key, text, problems);
        let (Some(name), Some(section)) = (name, item.section(problems)) else {
            continue;
        };
        let field = read_one(name, section, purposes, problems);
        if field.number != 0
            && let Some(first) = numbers.insert(field.number, key.clone())
        {
            let line = problems.line(&first);
            let problem = format!("number {} is that of `{first}` (line {line})", field.number);
            let advice = "give each field its own, and never that of a field that was removed";
            problems.add(&format!("{key}.number"), problem, advice);
        }
        if field.contact
            && let Some(first) = contact.replace(key.clone())
        {
            let line = problems.line(&first);
            let problem = format!("people are written to at `{first}` already (line {line})");
            let advice = "leave `contact = true` with one field: nobody gets the same mail twice";
            problems.add(&format!("{key}.contact"), problem, advice);
        }
        fields.insert(field.name.clone(), field);
    }
    fields
}

fn read_one(
    name: FieldName,
    mut section: Section<'_>,
    purposes: &Purposes,
    problems: &mut Problems<'_>,
) -> Field {
    let number = section.required(
        "number",
        "a number from 1 to 65535 that no other field has",
        problems,
    );
    let class = section.required("class", "`class = \"UII\"` or another class", problems);
    let value_type = section.required("type", "`type = \"email\"` or another value type", problems);
    let uses = section.required(
        "purposes",
        "what the field is used for, as `purposes = [\"support\"]`",
        problems,
    );
    let lookup = section.optional("lookup");
    let contact = section.optional("contact");
    let retain = section
        .optional("retain")
        .and_then(|item| item.section(problems));

    let class = class.and_then(|item| read_class(&item, problems));
    let value_type = value_type.and_then(|item| item.word::<ValueType>(problems));
    // A field that only the law wants may have no purpose before the account closes.
    let may_be_empty = retain.is_some();
    let uses = uses.and_then(|item| read_purposes(&item, purposes, may_be_empty, problems));
    let contact =
        contact.is_some_and(|item| read_contact(&item, value_type, uses.as_deref(), problems));
    let field = Field {
        name,
        number: number
            .and_then(|item| item.integer(1, u16::MAX, problems))
            .unwrap_or(0),
        class: class.unwrap_or(Class::Uii),
        value_type: value_type.unwrap_or(ValueType::Text),
        lookup: lookup.and_then(|item| read_lookup(item, class, value_type, problems)),
        purposes: uses.unwrap_or_default(),
        contact,
        retain: retain.map(|section| read_retain(section, purposes, problems)),
    };
    section.finish(problems);
    field
}

/// Whether people are written to at the field's value: an address of mail that is used before the account closes.
fn read_contact(
    item: &Item<'_>,
    value_type: Option<ValueType>,
    uses: Option<&[PurposeName]>,
    problems: &mut Problems<'_>,
) -> bool {
    let contact = item.boolean(problems);
    if !contact {
        return false;
    }
    if let Some(kind) = value_type.filter(|kind| *kind != ValueType::Email) {
        let problem = format!("mail goes to addresses of mail, and this field is of type `{kind}`");
        let advice = "put it at a field of type `email`";
        problems.add(&item.key, problem, advice);
    }
    if uses.is_some_and(<[_]>::is_empty) {
        let problem = "the field has no purpose but what is kept by law";
        let advice = "put it at the field that holds people's address while they have an account";
        problems.add(&item.key, problem, advice);
    }
    true
}

fn read_class(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Class> {
    let class = item.word::<Class>(problems)?;
    if class == Class::Sys {
        let problem = "system metadata is nobody's, so it cannot be sealed as a field";
        let advice =
            "state the class at the column (`{ class = \"SYS\" }`), or choose another class";
        problems.add(&item.key, problem, advice);
    }
    Some(class)
}

/// The purposes in a list, each declared and listed once.
fn read_purposes(
    item: &Item<'_>,
    purposes: &Purposes,
    may_be_empty: bool,
    problems: &mut Problems<'_>,
) -> Option<Vec<PurposeName>> {
    let texts = item.strings(problems)?;
    let mut names = Vec::with_capacity(texts.len());
    for text in &texts {
        let Some(name) = name::<kind::Purpose>(&item.key, text, problems) else {
            continue;
        };
        check_known(&item.key, text, purposes, problems);
        if names.contains(&name) {
            problems.add(
                &item.key,
                format!("`{name}` is there twice"),
                "name it once",
            );
        } else {
            names.push(name);
        }
    }
    if texts.is_empty() && !may_be_empty {
        let advice = "name at least one purpose: what is used for nothing should not be kept";
        problems.add(&item.key, "the list is empty", advice);
    }
    Some(names)
}

/// Reads `lookup`, and refuses one that would give the values away: equal values have equal index
/// entries, so that whoever sees the index of a small domain can count and guess.
fn read_lookup(
    item: Item<'_>,
    class: Option<Class>,
    value_type: Option<ValueType>,
    problems: &mut Problems<'_>,
) -> Option<Lookup> {
    let mut section = item.section(problems)?;
    let unique = section
        .optional("unique")
        .is_some_and(|item| item.boolean(problems));
    let weak = section
        .optional("weak")
        .is_some_and(|item| item.boolean(problems));
    let why = match (class, value_type) {
        (Some(Class::Udi), _) => Some("demographic values (`UDI`)".to_owned()),
        (_, Some(kind)) if kind.is_small_domain() => Some(format!("values of type `{kind}`")),
        _ => None,
    };
    if let (Some(why), false) = (why, weak) {
        let problem =
            format!("{why} are few, so a blind index shows who shares one and lets it be guessed");
        problems.add(
            &section.key,
            problem,
            "drop `lookup`, or accept that with `weak = true`",
        );
    }
    section.finish(problems);
    Some(Lookup { unique, weak })
}

fn read_retain(
    mut section: Section<'_>,
    purposes: &Purposes,
    problems: &mut Problems<'_>,
) -> Retain {
    let for_ = section.required("for", "how long, as `for = \"7y\"`", problems);
    let from = section.required(
        "from",
        "a column with a date, as `from = \"invoice_date\"`",
        problems,
    );
    let basis = section.required(
        "basis",
        "`basis = \"legal_obligation\"` or another",
        problems,
    );
    let why = section.required(
        "why",
        "the reason in words, as `why = \"tax law\"`",
        problems,
    );
    let uses = section.required(
        "purposes",
        "what may still be done with it, as `purposes = [\"tax\"]`",
        problems,
    );

    let uses_key = section.path("purposes");
    let uses = uses.and_then(|item| read_purposes(&item, purposes, false, problems));
    let uses = uses.unwrap_or_default();
    for name in &uses {
        if purposes
            .get(name.as_str())
            .is_some_and(|purpose| purpose.basis == Basis::Consent)
        {
            let problem = format!("`{name}` rests on consent, which ends with the account");
            problems.add(&uses_key, problem, "name a purpose with another basis");
        }
    }
    let retain = Retain {
        for_: for_
            .and_then(|item| period::read(&item, problems))
            .unwrap_or(Period::ONE_DAY),
        from: from
            .and_then(|item| read_from(&item, problems))
            .unwrap_or(RetainFrom::Closure),
        basis: basis
            .and_then(|item| read_basis(&item, problems))
            .unwrap_or(Basis::Consent),
        why: why
            .and_then(|item| item.words(problems))
            .unwrap_or_default(),
        purposes: uses,
    };
    section.finish(problems);
    retain
}

fn read_from(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<RetainFrom> {
    match item.string(problems)? {
        "closure" => Some(RetainFrom::Closure),
        _ => item.name(problems).map(RetainFrom::Column),
    }
}

fn read_basis(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Basis> {
    let basis = item.word(problems)?;
    if basis == Basis::Consent {
        let problem =
            "consent ends with the account, so nothing can be kept after it on that basis";
        problems.add(
            &item.key,
            problem,
            "name the law or interest: `legal_obligation` or another",
        );
    }
    Some(basis)
}
