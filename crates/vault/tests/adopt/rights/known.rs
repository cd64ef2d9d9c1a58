//! A club whose rows are known: who they belong to, who else may see them, and what is left when somebody leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Members, who have all that refers to itself and in circles; guests, whose rows stay.
pub(crate) const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
tax = { basis = "legal_obligation" }
[fields.name]
number = 1
class = "UII"
type = "name"
purposes = ["service"]
[fields.phone]
number = 2
class = "UII"
type = "phone"
purposes = ["service"]
[fields.bill]
number = 3
class = "UII"
type = "address"
purposes = ["service"]
retain = { for = "7y", from = "arrived_on", basis = "legal_obligation", why = "tax law", purposes = ["tax"] }

[sources.club]
tenant = "acme"
[sources.club.tables.member]
subject = "id"
erase = "row"
columns = { id = { class = "UPI" }, boss_id = { class = "UPI" }, favourite_id = { class = "UPI" }, name = { field = "name" } }
[sources.club.tables.profile]
subject = "member_id -> member"
erase = "row"
columns = { member_id = { class = "UPI" } }
[sources.club.tables.letter]
subject = "sender_id -> member"
shared = ["recipient_id -> member", "answers_to -> letter"]
erase = "row"
erase_with = "owner"
columns = { id = { class = "SYS" }, sender_id = { class = "UPI" }, recipient_id = { class = "UPI" }, answers_to = { class = "UPI" } }
[sources.club.tables.enclosure]
subject = "letter_id -> letter"
erase = "row"
columns = { letter_id = { class = "UPI" }, no = { class = "SYS" }, what = { class = "CC", clear = true } }
[sources.club.tables.booking]
subject = "member_id -> member"
erase = "row"
columns = { house = { class = "SYS" }, no = { class = "SYS" }, member_id = { class = "UPI" } }
[sources.club.tables.meal]
subject = "(house, booking_no) -> booking.(house, no)"
erase = "row"
columns = { house = { class = "SYS" }, booking_no = { class = "SYS" }, dish = { class = "UDI", clear = true } }
[sources.club.tables.change]
subject = "member_id -> member"
erase = "row"
export = "fact"
at = "changed_at"
columns = { id = { class = "SYS" }, member_id = { class = "UPI" }, changed_at = { class = "SYS" } }
[sources.club.tables.offer]
subject = "member_id -> member"
erase = "row"
columns = { id = { class = "UPI" }, member_id = { class = "UPI" }, answer_id = { class = "UPI" } }
[sources.club.tables.answer]
subject = "offer_id -> offer"
erase = "row"
columns = { id = { class = "UPI" }, offer_id = { class = "UPI" } }
[sources.club.tables.guest]
subject = "id"
erase = "tombstone"
[sources.club.tables.guest.columns]
id = { class = "UPI" }
name = { field = "name" }
phone = { field = "phone" }
country = { class = "UDI", clear = true }
region = { class = "UDI", clear = true, keep = "guests are counted by region" }
[sources.club.tables.stay]
subject = "guest_id -> guest"
erase = "null"
columns = { id = { class = "SYS" }, guest_id = { class = "UPI" }, arrived_on = { class = "SYS" }, wish = { class = "CC", clear = true }, bill = { field = "bill" } }
"#;

/// With whom letters are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    Owner,
    Either,
}

pub(crate) fn map(with: With) -> String {
    match with {
        With::Owner => MAP.to_owned(),
        With::Either => MAP
            .replace("erase_with = \"owner\"", "erase_with = \"either\"")
            .replace(", \"answers_to -> letter\"]", "]"),
    }
}

/// Offers and answers refer to each other and cannot do without; so do favourites, but can.
const SCHEMA: &str = "
CREATE TABLE member (id INTEGER PRIMARY KEY, boss_id INTEGER REFERENCES member (id), favourite_id INTEGER FAVOURITE, name TEXT NOT NULL);
CREATE TABLE profile (member_id INTEGER PRIMARY KEY REFERENCES member (id));
CREATE TABLE letter (id INTEGER PRIMARY KEY, sender_id INTEGER NOT NULL REFERENCES member (id),
  recipient_id INTEGER REFERENCES member (id) ON DELETE CASCADE, answers_to INTEGER REFERENCES letter (id) ON DELETE CASCADE);
CREATE TABLE enclosure (letter_id INTEGER REFERENCES letter (id), no INTEGER, what TEXT, PRIMARY KEY (letter_id, no));
CREATE TABLE booking (house INTEGER, no INTEGER, member_id INTEGER NOT NULL REFERENCES member (id), PRIMARY KEY (house, no));
CREATE TABLE meal (house INTEGER, booking_no INTEGER, dish TEXT, PRIMARY KEY (house, booking_no, dish),
  FOREIGN KEY (house, booking_no) REFERENCES booking (house, no));
CREATE TABLE change (id INTEGER PRIMARY KEY, member_id INTEGER REFERENCES member (id), changed_at TEXT);
CREATE TABLE offer (id INTEGER PRIMARY KEY, member_id INTEGER NOT NULL REFERENCES member (id), answer_id INTEGER NOT NULL ANSWER);
CREATE TABLE answer (id INTEGER PRIMARY KEY, offer_id INTEGER NOT NULL REFERENCES offer (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE guest (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, phone TEXT, country TEXT, region TEXT);
CREATE TABLE stay (id INTEGER PRIMARY KEY, guest_id INTEGER REFERENCES guest (id), arrived_on TEXT, wish TEXT, bill TEXT);
CREATE TABLE dues (member_id INTEGER NOT NULL REFERENCES member (id), guest_id INTEGER NOT NULL REFERENCES guest (id),
  PRIMARY KEY (member_id, guest_id));
";

pub(crate) fn sqlite_schema() -> String {
    SCHEMA
        .replace("FAVOURITE", "REFERENCES letter (id)")
        .replace(
            "ANSWER",
            "REFERENCES answer (id) DEFERRABLE INITIALLY DEFERRED",
        )
}

pub(crate) fn postgres_schema() -> String {
    let later = "ALTER TABLE member ADD FOREIGN KEY (favourite_id) REFERENCES letter (id);
                 ALTER TABLE offer ADD FOREIGN KEY (answer_id) REFERENCES answer (id) DEFERRABLE INITIALLY DEFERRED;";
    format!(
        "{}{later}",
        SCHEMA.replace("FAVOURITE", "").replace("ANSWER", "")
    )
}

/// The tables of members, with all columns.
pub(crate) const TABLES: [(&str, &[&str]); 9] = [
    ("member", &["id", "boss_id", "favourite_id", "name"]),
    ("profile", &["member_id"]),
    ("letter", &["id", "sender_id", "recipient_id", "answers_to"]),
    ("enclosure", &["letter_id", "no", "what"]),
    ("booking", &["house", "no", "member_id"]),
    ("meal", &["house", "booking_no", "dish"]),
    ("change", &["id", "member_id", "changed_at"]),
    ("offer", &["id", "member_id", "answer_id"]),
    ("answer", &["id", "offer_id"]),
];

/// What tells their rows apart.
pub(crate) const KEYS: [(&str, &[&str]); 9] = [
    ("member", &["id"]),
    ("profile", &["member_id"]),
    ("letter", &["id"]),
    ("enclosure", &["letter_id", "no"]),
    ("booking", &["house", "no"]),
    ("meal", &["house", "booking_no", "dish"]),
    ("change", &["id"]),
    ("offer", &["id"]),
    ("answer", &["id"]),
];

const MEMBERS: u32 = 40;
const LETTERS: u32 = 240;

#[derive(Debug, Clone)]
struct Member {
    id: u32,
    boss: Option<u32>,
    favourite: Option<u32>,
}

#[derive(Debug, Clone)]
struct Letter {
    id: u32,
    sender: u32,
    recipient: Option<u32>,
    answers_to: Option<u32>,
}

/// The rows of a club.
#[derive(Debug, Clone)]
pub(crate) struct Club {
    members: Vec<Member>,
    letters: Vec<Letter>,
    /// Letter and number.
    enclosures: Vec<(u32, u32)>,
    /// House, number, member.
    bookings: Vec<(u32, u32, u32)>,
    /// House, number, dish.
    meals: Vec<(u32, u32, u32)>,
    /// Number, member.
    changes: Vec<(u32, u32)>,
    /// Number, which its answer shares, and member.
    offers: Vec<(u32, u32)>,
}

/// The same chance each time (Knuth's MMIX).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(end)).unwrap()
    }

    /// One of 1 to `end`, or nobody.
    fn some(&mut self, end: u32) -> Option<u32> {
        (end > 0 && self.below(4) > 0).then(|| 1 + self.below(end.max(1)))
    }
}

impl Club {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let members = (1..=MEMBERS).map(|id| Member {
            id,
            boss: chance.some(MEMBERS),
            favourite: chance.some(LETTERS),
        });
        let members = members.collect();
        let letters = (1..=LETTERS).map(|id| Letter {
            id,
            sender: 1 + chance.below(MEMBERS),
            recipient: chance.some(MEMBERS),
            answers_to: chance.some(id - 1),
        });
        let letters: Vec<Letter> = letters.collect();
        let enclosures =
            (1..=LETTERS).flat_map(|letter| (0..chance.below(3)).map(move |no| (letter, no)));
        let enclosures = enclosures.collect();
        let bookings = (1..=2).flat_map(|house| (1..=50).map(move |no| (house, no)));
        let bookings: Vec<_> = bookings
            .map(|(house, no)| (house, no, 1 + chance.below(MEMBERS)))
            .collect();
        let meals = bookings
            .iter()
            .flat_map(|(house, no, _)| (0..chance.below(3)).map(|dish| (*house, *no, dish)));
        let meals = meals.collect();
        Self {
            members,
            letters,
            enclosures,
            meals,
            bookings,
            changes: (1..=80).map(|id| (id, 1 + chance.below(MEMBERS))).collect(),
            offers: (1..=60).map(|id| (id, 1 + chance.below(MEMBERS))).collect(),
        }
    }

    fn sender_of(&self, letter: u32) -> Option<u32> {
        let letter = self.letters.iter().find(|one| one.id == letter);
        letter.map(|letter| letter.sender)
    }

    /// Whose letter it is, and who else may see it.
    fn readers(&self, letter: &Letter) -> BTreeSet<u32> {
        let answered = letter.answers_to.and_then(|letter| self.sender_of(letter));
        let readers = [Some(letter.sender), letter.recipient, answered];
        readers.into_iter().flatten().collect()
    }

    pub(crate) fn letters_of(&self, member: u32) -> BTreeSet<u32> {
        let own = self.letters.iter().filter(|letter| letter.sender == member);
        own.map(|letter| letter.id).collect()
    }

    /// What a member gets, as `table|key`.
    pub(crate) fn copy_of(&self, member: u32) -> BTreeSet<String> {
        let mut copy = BTreeSet::from([format!("member|{member}"), format!("profile|{member}")]);
        for letter in &self.letters {
            if self.readers(letter).contains(&member) {
                copy.insert(format!("letter|{}", letter.id));
                let own = self.enclosures.iter().filter(|(of, _)| *of == letter.id);
                copy.extend(own.map(|(of, no)| format!("enclosure|{of}|{no}")));
            }
        }
        for (house, no, _) in self.bookings.iter().filter(|(_, _, of)| *of == member) {
            copy.insert(format!("booking|{house}|{no}"));
            let own = self
                .meals
                .iter()
                .filter(|(there, of, _)| (there, of) == (house, no));
            copy.extend(own.map(|(house, no, dish)| format!("meal|{house}|{no}|{dish}")));
        }
        let changes = self.changes.iter().filter(|(_, of)| *of == member);
        copy.extend(changes.map(|(id, _)| format!("change|{id}")));
        for (id, _) in self.offers.iter().filter(|(_, of)| *of == member) {
            copy.extend([format!("offer|{id}"), format!("answer|{id}")]);
        }
        copy
    }

    /// Somebody leaves.
    pub(crate) fn erase(&mut self, member: u32, with: With) {
        let goes = |letter: &Letter| match with {
            With::Owner => letter.sender == member,
            With::Either => letter.sender == member || letter.recipient == Some(member),
        };
        let gone: BTreeSet<u32> = self
            .letters
            .iter()
            .filter(|letter| goes(letter))
            .map(|letter| letter.id)
            .collect();
        let none = |place: &mut Option<u32>, gone: &dyn Fn(u32) -> bool| {
            if place.is_some_and(gone) {
                *place = None;
            }
        };
        self.members.retain(|one| one.id != member);
        for one in &mut self.members {
            none(&mut one.boss, &|boss| boss == member);
            none(&mut one.favourite, &|letter| gone.contains(&letter));
        }
        self.letters.retain(|letter| !gone.contains(&letter.id));
        for letter in &mut self.letters {
            none(&mut letter.recipient, &|recipient| recipient == member);
            none(&mut letter.answers_to, &|letter| gone.contains(&letter));
        }
        self.enclosures.retain(|(letter, _)| !gone.contains(letter));
        let bookings: BTreeSet<(u32, u32)> = self
            .bookings
            .iter()
            .filter(|(_, _, of)| *of == member)
            .map(|(house, no, _)| (*house, *no))
            .collect();
        self.bookings.retain(|(_, _, of)| *of != member);
        self.meals
            .retain(|(house, no, _)| !bookings.contains(&(*house, *no)));
        self.changes.retain(|(_, of)| *of != member);
        self.offers.retain(|(_, of)| *of != member);
    }

    /// Every row as text, table by table.
    pub(crate) fn rows(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let mut rows: BTreeMap<&'static str, BTreeSet<String>> = TABLES
            .iter()
            .map(|(table, _)| (*table, BTreeSet::new()))
            .collect();
        for (table, values) in self.values() {
            let texts = values.iter().map(|value| match value.as_str() {
                "NULL" => "",
                text => text.trim_matches('\''),
            });
            rows.get_mut(table)
                .unwrap()
                .insert(texts.collect::<Vec<_>>().join("|"));
        }
        rows
    }

    /// Every row's values as SQL.
    fn values(&self) -> Vec<(&'static str, Vec<String>)> {
        let sql = |value: Option<u32>| value.map_or("NULL".to_owned(), |value| value.to_string());
        let mut values = Vec::new();
        for Member {
            id,
            boss,
            favourite,
        } in &self.members
        {
            values.push((
                "member",
                vec![
                    id.to_string(),
                    sql(*boss),
                    sql(*favourite),
                    format!("'Member {id}'"),
                ],
            ));
            values.push(("profile", vec![id.to_string()]));
        }
        for Letter {
            id,
            sender,
            recipient,
            answers_to,
        } in &self.letters
        {
            values.push((
                "letter",
                vec![
                    id.to_string(),
                    sender.to_string(),
                    sql(*recipient),
                    sql(*answers_to),
                ],
            ));
        }
        self.things(&mut values);
        values
    }

    fn things(&self, values: &mut Vec<(&'static str, Vec<String>)>) {
        for (letter, no) in &self.enclosures {
            values.push((
                "enclosure",
                vec![letter.to_string(), no.to_string(), "'a leaf'".to_owned()],
            ));
        }
        for (house, no, member) in &self.bookings {
            values.push((
                "booking",
                vec![house.to_string(), no.to_string(), member.to_string()],
            ));
        }
        for (house, no, dish) in &self.meals {
            values.push((
                "meal",
                vec![house.to_string(), no.to_string(), format!("'{dish}'")],
            ));
        }
        for (id, member) in &self.changes {
            values.push((
                "change",
                vec![
                    id.to_string(),
                    member.to_string(),
                    "'2026-01-02 10:00:00'".to_owned(),
                ],
            ));
        }
        for (id, member) in &self.offers {
            values.push((
                "offer",
                vec![id.to_string(), member.to_string(), id.to_string()],
            ));
            values.push(("answer", vec![id.to_string(), id.to_string()]));
        }
    }

    /// All rows, in one transaction; those that refer to later ones first without and then with.
    pub(crate) fn inserts(&self) -> String {
        let mut sql = String::from("BEGIN;\n");
        for (table, mut values) in self.values() {
            if table == "member" {
                values[1] = "NULL".to_owned();
                values[2] = "NULL".to_owned();
            }
            writeln!(sql, "INSERT INTO {table} VALUES ({});", values.join(", ")).unwrap();
        }
        for Member {
            id,
            boss,
            favourite,
        } in &self.members
        {
            let sql_of =
                |value: &Option<u32>| value.map_or("NULL".to_owned(), |value| value.to_string());
            let (boss, favourite) = (sql_of(boss), sql_of(favourite));
            writeln!(
                sql,
                "UPDATE member SET boss_id = {boss}, favourite_id = {favourite} WHERE id = {id};"
            )
            .unwrap();
        }
        sql.push_str("COMMIT;");
        sql
    }
}
