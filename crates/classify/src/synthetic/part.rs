//! What of a person a field holds, told by its value type and its name, and the value that it gets.

use std::cell::OnceCell;

use super::dealt::deal;
use super::label::Label;
use super::rng::Stream;
use super::{Address, Person, ascii, places};
use crate::class::Class;
use crate::value_type::ValueType;

/// What of a person a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    FullName,
    FirstName,
    LastName,
    Email,
    Phone,
    Address,
    Street,
    City,
    PostalCode,
    Country,
    Birthday,
    /// A day of the last years.
    Day,
    /// What is written about them.
    Note,
    /// What they write.
    Message,
    Integer,
    Url,
    Ip,
}

const FIRST: &[&str] = &[
    "first",
    "firstname",
    "given",
    "givenname",
    "forename",
    "middle",
];
const LAST: &[&str] = &["last", "lastname", "family", "surname", "maiden"];
const STREET: &[&str] = &["street", "house"];
const CITY: &[&str] = &["city", "town", "village"];
const REGION: &[&str] = &["state", "region", "province", "county", "canton"];
const POSTAL: &[&str] = &["postal", "postcode", "postalcode", "zip", "zipcode", "plz"];
const BORN: &[&str] = &[
    "birthday",
    "birthdate",
    "birth",
    "born",
    "dateofbirth",
    "dob",
];
const MAIL: &[&str] = &["email", "mail", "emailaddress"];
const PHONE: &[&str] = &["phone", "telephone", "tel", "phonenumber"];
const WRITTEN: &[&str] = &[
    "message",
    "messages",
    "body",
    "content",
    "text",
    "question",
    "request",
    "review",
    "feedback",
    "reply",
    "complaint",
];
const NOTED: &[&str] = &["note", "notes", "comment", "comments", "remark", "remarks"];

impl Part {
    /// What a field of that type, class and name holds.
    pub(super) fn of(value_type: ValueType, class: Class, label: &Label) -> Self {
        match value_type {
            ValueType::Email => Self::Email,
            ValueType::Phone => Self::Phone,
            ValueType::Name => Self::of_name(label),
            ValueType::Address => Self::of_address(label).unwrap_or(Self::Address),
            ValueType::Date if label.has(BORN) => Self::Birthday,
            ValueType::Date => Self::Day,
            ValueType::Text => Self::of_text(class, label).unwrap_or(Self::Note),
            ValueType::CountryCode => Self::Country,
            ValueType::PostalCode => Self::PostalCode,
            ValueType::Integer => Self::Integer,
            ValueType::Url => Self::Url,
            ValueType::Ip => Self::Ip,
        }
    }

    fn of_name(label: &Label) -> Self {
        if label.has(FIRST) {
            Self::FirstName
        } else if label.has(LAST) {
            Self::LastName
        } else {
            Self::FullName
        }
    }

    fn of_address(label: &Label) -> Option<Self> {
        if label.has(&["line"]) {
            Some(Self::Street)
        } else {
            Self::of_place(label)
        }
    }

    fn of_place(label: &Label) -> Option<Self> {
        if label.has(STREET) {
            Some(Self::Street)
        } else if label.has(POSTAL) {
            Some(Self::PostalCode)
        } else if label.has(CITY) || label.has(REGION) {
            Some(Self::City)
        } else {
            None
        }
    }

    /// What a text of that name holds, if the name says so. What identifies must pass as an invented
    /// text ([`ValueType::is_reserved_example`]), which a bare code of a country or place does not.
    pub(super) fn of_text(class: Class, label: &Label) -> Option<Self> {
        if !class.is_identifying() && label.has(POSTAL) {
            return Some(Self::PostalCode);
        }
        if !class.is_identifying() && label.has(&["country", "nationality"]) {
            return Some(Self::Country);
        }
        if label.has(WRITTEN) {
            Some(Self::Message)
        } else if label.has(NOTED) {
            Some(Self::Note)
        } else if label.has(MAIL) {
            Some(Self::Email)
        } else if label.has(PHONE) {
            Some(Self::Phone)
        } else if label.has(&["address"]) {
            Some(Self::of_address(label).unwrap_or(Self::Address))
        } else if label.has(FIRST) || label.has(LAST) || label.has(&["name", "fullname"]) {
            Some(Self::of_name(label))
        } else {
            Self::of_place(label)
        }
    }

    /// Words of a name that say no more than that it is of this part.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Email => &["email", "mail", "e", "emailaddress", "address"],
            Self::Phone => &["phone", "telephone", "tel", "phonenumber", "number", "no"],
            // The lines of one address belong together.
            Self::Address | Self::Street | Self::City | Self::PostalCode => &[
                "address",
                "full",
                "street",
                "line",
                "1",
                "house",
                "city",
                "town",
                "village",
                "postal",
                "code",
                "postcode",
                "postalcode",
                "zip",
                "zipcode",
                "plz",
            ],
            Self::Note => &["note", "notes", "text"],
            Self::Message => &["message", "messages", "body", "text"],
            Self::Integer => &["integer"],
            Self::Url => &["url"],
            Self::Ip => &["ip", "address"],
            Self::Day => &["day", "date"],
            // There is one of each, whatever the field is called.
            Self::FullName | Self::FirstName | Self::LastName | Self::Birthday | Self::Country => {
                &[]
            }
        }
    }

    /// The name under which its choices are made. Those of values without further words are those
    /// of [`ValueType::synthesize`].
    fn stream(self) -> &'static str {
        match self {
            Self::Address | Self::Street | Self::City | Self::PostalCode => "address",
            Self::Phone => "phone",
            Self::Day => "day",
            Self::Note => "text",
            Self::Message => "support message",
            Self::Integer => "integer",
            Self::Ip => "ip",
            Self::Country => "country_code",
            Self::FullName
            | Self::FirstName
            | Self::LastName
            | Self::Birthday
            | Self::Email
            | Self::Url => "person",
        }
    }
}

/// Somebody whose values are asked for; made when the first needs it.
#[derive(Debug)]
pub(super) struct Someone {
    seed: u64,
    pub(super) index: u64,
    person: OnceCell<Person>,
}

impl Someone {
    pub(super) fn new(seed: u64, index: u64) -> Self {
        Self {
            seed,
            index,
            person: OnceCell::new(),
        }
    }

    pub(super) fn person(&self) -> &Person {
        self.person
            .get_or_init(|| Person::new(self.seed, self.index))
    }

    /// Name and index, as a path or a mail address has them.
    pub(super) fn handle(&self, number: u64, between: &str) -> String {
        let person = self.person();
        let (first, last) = (ascii(&person.first_name), ascii(&person.last_name));
        format!("{first}{between}{last}{between}{number}")
    }
}

/// How the values of a field are made.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    part: Part,
    /// What the name says beside the part: `billing`. Fields of one group fit together, those of
    /// two groups differ.
    group: String,
    unique: bool,
    several: bool,
    stream: Stream,
    /// Where dealing starts.
    start: u64,
}

/// The longest group in a mail address, whose local part has at most 64 bytes.
const GROUP_CHARS_MAX: usize = 20;

impl Slot {
    /// Of a part, with a name that says which of several. `unique`: no value comes twice. `several`:
    /// one person has several of them.
    pub(super) fn new(
        part: Part,
        label: &Label,
        (unique, several): (bool, bool),
        seed: u64,
    ) -> Self {
        let group = match part.words() {
            [] => String::new(),
            words => label.beside(words),
        };
        let what = match group.as_str() {
            "" => part.stream().to_owned(),
            group => format!("{} {group}", part.stream()),
        };
        let stream = Stream::new(seed, &what);
        let start = stream.at(u64::MAX).below(u64::from(u32::MAX));
        Self {
            part,
            group,
            unique,
            several,
            stream,
            start,
        }
    }

    /// How many values there are before one would come again; `None` if there is no end, or no need.
    pub(super) fn different(&self) -> Option<u64> {
        self.part.different().filter(|_| self.unique)
    }

    /// The value for somebody, in the row of that index.
    pub(super) fn value(&self, someone: &Someone, row: u64) -> String {
        if let Some(count) = self.different() {
            return self.part.nth(deal(count, self.start, row));
        }
        // What a person has several of differs from row to row; who they are does not.
        let turn = if self.several { row } else { someone.index };
        match self.part {
            Part::FullName => someone.person().full_name(),
            Part::FirstName => someone.person().first_name.clone(),
            Part::LastName => someone.person().last_name.clone(),
            Part::Birthday => someone.person().birthday.clone(),
            Part::Country => {
                let mut rng = self.stream.at(someone.index);
                rng.pick(places::COUNTRIES).to_owned()
            }
            Part::Email | Part::Url if !self.unique => self.contact(someone, someone.index),
            Part::Email | Part::Url => self.contact(someone, turn),
            Part::Phone if self.group.is_empty() => someone.person().phone.clone(),
            Part::Phone => self.drawn(someone.index),
            Part::Address | Part::Street | Part::City | Part::PostalCode => self.address(someone),
            Part::Note if self.group.is_empty() && !self.several => someone.person().note.clone(),
            Part::Integer => (1 + self.stream.at(turn).below(9_999)).to_string(),
            Part::Ip => super::ip(&mut self.stream.at(turn)),
            Part::Note | Part::Message | Part::Day => self.drawn(turn),
        }
    }

    /// A mail or web address with that number in it.
    fn contact(&self, someone: &Someone, number: u64) -> String {
        let group: String = self
            .group
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .take(GROUP_CHARS_MAX)
            .collect();
        let group = group.trim_matches('-');
        if self.part == Part::Url {
            let between = if group.is_empty() { "" } else { "/" };
            let path = someone.handle(number, "-");
            return format!("https://www.example.org/{group}{between}{path}");
        }
        let email = &someone.person().email;
        if group.is_empty() && number == someone.index {
            return email.clone();
        }
        let domain = email
            .rsplit_once('@')
            .map_or("example.com", |(_, domain)| domain);
        let between = if group.is_empty() { "" } else { "." };
        let local = someone.handle(number, ".");
        format!("{local}{between}{group}@{domain}")
    }

    fn address(&self, someone: &Someone) -> String {
        let other;
        let address = if self.group.is_empty() {
            &someone.person().address
        } else {
            let number = self.stream.at(someone.index).below(Address::DIFFERENT);
            other = Address::nth(number);
            &other
        };
        match self.part {
            Part::Street => address.street.clone(),
            Part::City => address.city.clone(),
            Part::PostalCode => address.postal_code.clone(),
            _ => address.to_string(),
        }
    }

    fn drawn(&self, turn: u64) -> String {
        let count = self.part.different().unwrap_or(1);
        self.part.nth(self.stream.at(turn).below(count))
    }
}
