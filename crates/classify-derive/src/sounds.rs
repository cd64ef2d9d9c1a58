//! Names of fields that sound as if they held something personal.
//!
//! A short list of words that hardly ever mean anything else: who is asked about every `name` stops
//! reading the question. Taken from the fields of the data map and from what peers' checks look for.

/// Words, each of one or more parts of a name in snake case.
const WORDS: &[&[&str]] = &[
    &["email"],
    &["mail", "address"],
    &["phone"],
    &["mobile"],
    &["telephone"],
    &["first", "name"],
    &["last", "name"],
    &["full", "name"],
    &["given", "name"],
    &["family", "name"],
    &["surname"],
    &["nickname"],
    &["username"],
    &["user", "name"],
    &["birthday"],
    &["birthdate"],
    &["birth", "date"],
    &["date", "of", "birth"],
    &["dob"],
    &["gender"],
    &["street"],
    &["postcode"],
    &["zip", "code"],
    &["postal", "code"],
    &["home", "address"],
    &["billing", "address"],
    &["shipping", "address"],
    &["ip", "address"],
    &["client", "ip"],
    &["remote", "addr"],
    &["user", "agent"],
    &["iban"],
    &["card", "number"],
    &["ssn"],
    &["passport"],
    &["password"],
    &["latitude"],
    &["longitude"],
];

/// Whether the name of a field holds one of the words: `reply_to_email` does, `emailed_at` does not.
pub(crate) fn personal(name: &str) -> bool {
    let parts: Vec<&str> = name.trim_start_matches("r#").split('_').collect();
    WORDS
        .iter()
        .any(|word| parts.windows(word.len()).any(|window| window == *word))
}
