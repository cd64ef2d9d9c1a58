//! What the name of a field, a table or a column says. `BillingAddress`, `billing_address` and
//! `Billing Address` say the same two words.

/// The words of a name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    words: Vec<String>,
}

impl Label {
    pub(super) fn of(name: &str) -> Self {
        let mut words = Vec::new();
        let mut word = String::new();
        let mut letters = name.chars().peekable();
        let mut before = None;
        while let Some(c) = letters.next() {
            let next = letters.peek().copied();
            if !c.is_alphanumeric() || begins_word(before, c, next) {
                end_word(&mut words, &mut word);
            }
            if c.is_alphanumeric() {
                word.extend(c.to_lowercase());
            }
            before = Some(c);
        }
        end_word(&mut words, &mut word);
        Self { words }
    }

    /// Whether one of the words is among these.
    pub(super) fn has(&self, any: &[&str]) -> bool {
        self.words.iter().any(|word| any.contains(&word.as_str()))
    }

    /// What the name says beside these words: `billing` of `billing_address` beside `address`.
    pub(super) fn beside(&self, words: &[&str]) -> String {
        let rest = self.words.iter().map(String::as_str);
        let rest: Vec<_> = rest.filter(|word| !words.contains(word)).collect();
        rest.join("-")
    }
}

/// A capital after a small letter, the last of several capitals before one, digits after letters.
fn begins_word(before: Option<char>, c: char, next: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let after_small = before.is_lowercase() && c.is_uppercase();
    let last_capital =
        before.is_uppercase() && c.is_uppercase() && next.is_some_and(char::is_lowercase);
    let digits = before.is_alphabetic() && c.is_numeric();
    after_small || last_capital || digits
}

fn end_word(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (name, want) in [
            ("billing_address", "billing address"),
            ("BillingAddress", "billing address"),
            ("Billing Address", "billing address"),
            ("billing-address$2", "billing address 2"),
            ("IPAddress", "ip address"),
            ("addressLine2", "address line 2"),
            ("lastSeenIP", "last seen ip"),
            ("ÉtatCivil", "état civil"),
            ("__", ""),
        ] {
            assert_eq!(Label::of(name).words.join(" "), want, "{name}");
        }
    }
}
