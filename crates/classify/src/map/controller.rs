//! `[controller]`: in whose name people are asked.

use super::model::Controller;
use super::problems::Problems;
use super::read::{Item, Section};

/// Characters of a name or an address.
const LENGTH_MAX: usize = 200;

pub(super) fn read(root: &mut Section<'_>, problems: &mut Problems<'_>) -> Option<Controller> {
    let mut section = root.optional("controller")?.section(problems)?;
    let name = section.required("name", "the name, as `name = \"Shop Ltd\"`", problems);
    let contact = section.required(
        "contact",
        "where it can be reached, as `contact = \"privacy@shop.example\"`",
        problems,
    );
    section.finish(problems);
    let mut read = |item: Option<Item<'_>>| item.and_then(|item| one_line(&item, problems));
    let (name, contact) = (read(name), read(contact));
    Some(Controller {
        name: name?,
        contact: contact?,
    })
}

/// It stands in every receipt, so it is short and of one line.
fn one_line(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let text = item.words(problems)?;
    if text.chars().count() > LENGTH_MAX || text.chars().any(char::is_control) {
        let advice = format!("write it in one line of at most {LENGTH_MAX} characters");
        problems.add(&item.key, "it is too long, or of several lines", &advice);
        return None;
    }
    Some(text)
}
