//! What was done in a session, as the page shows it: steps in order, with clients' own questions to the catalogs folded.

use jiff::Timestamp;
use privet_vault::StepView;

use super::text::{Moment, Typed, counted};

/// A step, or several that are folded.
pub(super) struct Group {
    pub(super) steps: Vec<Step>,
    /// What is folded, in words; empty for a step that stands for itself.
    pub(super) folded: String,
}

/// One step.
pub(super) struct Step {
    pub(super) at: Moment,
    pub(super) entry: u64,
    /// The log with that entry, where it is another server's.
    pub(super) elsewhere: Option<String>,
    /// What it was, in words; empty for an ordinary statement.
    pub(super) what: String,
    pub(super) sql: Option<Typed>,
    /// Whether the statement may be higher than its place, so that it is scrolled, also by keyboard.
    pub(super) is_long: bool,
    pub(super) parameters: Vec<Option<Typed>>,
    /// What it showed, what was searched, why it was refused: in words.
    pub(super) notes: Vec<Typed>,
    pub(super) is_sensitive: bool,
    pub(super) is_destroyed: bool,
}

/// The steps of a page in groups.
pub(super) fn groups(steps: Vec<StepView>, is_catalog_question: fn(&str) -> bool) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut folding = false;
    for view in steps {
        let folds = view.opened.is_empty()
            && view.parameters.is_empty()
            && view.sql.as_deref().is_some_and(is_catalog_question);
        match groups.last_mut() {
            Some(last) if folds && folding => last.steps.push(step(view)),
            _ => groups.push(Group {
                steps: vec![step(view)],
                folded: String::new(),
            }),
        }
        folding = folds;
        if let Some(last) = groups.last_mut().filter(|_| folds) {
            last.folded = counted(last.steps.len() as u64, "question") + " to the catalogs";
        }
    }
    groups
}

fn step(view: StepView) -> Step {
    let (what, is_sensitive) = meaning(&view);
    let notes = notes(&view);
    let parameters = view.parameters.iter();
    Step {
        at: Moment::from(view.at),
        entry: view.entry,
        elsewhere: view.elsewhere,
        what,
        is_long: view.sql.as_deref().is_some_and(is_long),
        sql: view.sql.as_deref().map(|sql| Typed::new(sql.trim())),
        parameters: parameters
            .map(|value| value.as_deref().map(Typed::new))
            .collect(),
        notes,
        is_sensitive,
        is_destroyed: view.destroyed,
    }
}

/// Whether a statement takes more lines than are shown at once, on the narrowest screen.
fn is_long(sql: &str) -> bool {
    const LINES_MAX: usize = 12;
    const LINE_CHARS: usize = 30;
    let lines = sql
        .lines()
        .map(|line| 1 + line.chars().count() / LINE_CHARS);
    lines.sum::<usize>() > LINES_MAX
}

/// What a kind of entry is to an auditor, and whether it is marked.
fn meaning(view: &StepView) -> (String, bool) {
    let (words, is_sensitive) = match view.kind.as_str() {
        "session.statements" => ("", false),
        "session.joined" => ("Another connection joined", false),
        "session.ended" => ("The session ended", false),
        "session.refused" => ("Refused", true),
        "grant.issued" => ("Was allowed to decrypt", true),
        "grant.denied" => ("Was refused to decrypt", true),
        "grant.ended" => ("Went back to protected", false),
        "grant.requested" => ("Asked a second person to approve", true),
        "grant.approved" => ("A second person approved", true),
        "grant.rejected" => ("A request was turned down", true),
        "finding" => ("The server noticed", true),
        "statement.opened" => ("Decrypted", true),
        "statement.shown" => ("What an earlier statement showed", true),
        "probe" => ("Searched for an exact value", true),
        "probe.denied" => ("Was refused an exact search", true),
        // A newer version wrote something that this one has no words for.
        other => (other, true),
    };
    (words.to_owned(), is_sensitive)
}

fn notes(view: &StepView) -> Vec<Typed> {
    let mut notes = Vec::new();
    let opened = view.opened.iter();
    let fields: Vec<_> = opened
        .map(|(field, count)| format!("{field} × {count}"))
        .collect();
    match (fields.is_empty(), view.rows) {
        (false, Some(rows)) => {
            notes.push(format!(
                "Opened {} in {}",
                fields.join(", "),
                counted(rows, "row")
            ));
        }
        (false, None) => notes.push(format!("Opened {}", fields.join(", "))),
        (true, Some(rows)) => notes.push(format!("Opened nothing in {}", counted(rows, "row"))),
        (true, None) if view.decrypted && !view.given_up => {
            notes.push("What it showed is not on record yet".to_owned());
        }
        (true, None) => {}
    }
    if view.given_up {
        notes.push("The client took a part of the result alone".to_owned());
    }
    if let Some(entry) = view.shows.filter(|_| view.kind == "statement.shown") {
        notes.push(format!("Of the statement in entry {entry}"));
    }
    if !view.searched.is_empty() && view.kind.starts_with("probe") {
        notes.push(format!("In {}", view.searched.join(", ")));
    }
    if let Some(connection) = view.connection.filter(|connection| *connection > 1) {
        notes.push(format!("From the session's connection {connection}"));
    }
    if let Some(bytes) = view.cut_from {
        let whole = counted(bytes, "byte");
        notes.push(format!(
            "The record keeps both ends of {whole}, and the SHA-256"
        ));
    }
    match view.why.as_deref() {
        Some("emergency_unreviewed") => {
            notes.push("Nobody reviewed this emergency within 24 hours".to_owned());
        }
        Some("expired_unreviewed") => {
            notes.push(
                "What was typed was destroyed at its longest term, and nobody had approved it"
                    .to_owned(),
            );
        }
        Some("objected") => {
            notes.push("A person whose data was opened says that this was not right".to_owned());
        }
        Some(why) => notes.push(format!("Because: {why}")),
        None => {}
    }
    notes.iter().map(|note| Typed::new(note)).collect()
}

/// A moment to the second, or none.
pub(super) fn moment_if(moment: Option<Timestamp>) -> Option<Moment> {
    moment.map(Moment::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(sql: &str) -> StepView {
        StepView {
            entry: 7,
            elsewhere: None,
            kind: "session.statements".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            sql: Some(sql.to_owned()),
            connection: None,
            cut_from: None,
            parameters: Vec::new(),
            decrypted: false,
            grant: None,
            opened: Vec::new(),
            rows: None,
            given_up: false,
            searched: Vec::new(),
            why: None,
            shows: None,
            destroyed: false,
        }
    }

    fn folded(steps: Vec<StepView>) -> Vec<(usize, String)> {
        let groups = groups(steps, |sql| sql.contains("pg_class"));
        groups
            .into_iter()
            .map(|group| (group.steps.len(), group.folded))
            .collect()
    }

    #[test]
    fn questions_to_the_catalogs_are_folded_and_nothing_else() {
        let catalog = || view("SELECT * FROM pg_class");
        let mut opening = catalog();
        opening.opened = vec![("email".to_owned(), 1)];
        let steps = vec![catalog(), catalog(), view("SELECT 1"), catalog(), opening];
        let apart = |count: usize| (count, String::new());
        assert_eq!(
            folded(steps),
            [
                (2, "2 questions to the catalogs".to_owned()),
                apart(1),
                (1, "1 question to the catalogs".to_owned()),
                apart(1),
            ]
        );
    }
}
