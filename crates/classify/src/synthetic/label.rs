//! What the name of a field, a table or a column says. `BillingAddress`, `billing_address` and
//! `Billing Address` say the same two words.

/// The words of a name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    words: Vec<String>,
}

/// Last words of names that tell rows apart.
const KEYS: &[&str] = &[
    "id", "uuid", "guid", "key", "no", "nr", "num", "number", "ref",
];

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

    /// Whether the name is these words and no more.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        self.words == words
    }

    /// Whether the first word is among these.
    pub(super) fn starts(&self, any: &[&str]) -> bool {
        let first = self.words.first();
        first.is_some_and(|word| any.contains(&word.as_str()))
    }

    /// Whether the last word is among these.
    pub(super) fn ends(&self, any: &[&str]) -> bool {
        let last = self.words.last();
        last.is_some_and(|word| any.contains(&word.as_str()))
    }

    /// What the name says beside these words: `billing` of `billing_address` beside `address`.
    pub(super) fn beside(&self, words: &[&str]) -> String {
        let rest = self.words.iter().map(String::as_str);
        let rest: Vec<_> = rest.filter(|word| !words.contains(word)).collect();
        rest.join("-")
    }

    /// What a key is of: `customer` for `CustomerId` and `customerid`, nothing for `id`. `None` if
    /// the name is not that of a key.
    pub(super) fn key_of(&self) -> Option<Self> {
        let (last, rest) = self.words.split_last()?;
        let mut words = rest.to_vec();
        if !KEYS.contains(&last.as_str()) {
            let stem = last.strip_suffix("id").filter(|stem| stem.len() > 2)?;
            words.push(stem.to_owned());
        }
        Some(Self { words })
    }

    /// Whether this is what a row of that table is called: `order` in `orders`.
    pub(super) fn is_row_of(&self, table: &Self) -> bool {
        let said = self.words.concat();
        !said.is_empty() && (said == table.words.concat() || said == table.singular().concat())
    }

    /// Whether this is how a row of that table is called for short: `message` in `support_messages`.
    pub(super) fn is_short_for(&self, table: &Self) -> bool {
        let singular = table.singular();
        let ends = |all: &[String]| {
            let from = all.len().saturating_sub(self.words.len());
            all.get(from..) == Some(self.words.as_slice())
        };
        !self.words.is_empty() && (ends(&table.words) || ends(&singular))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn singular(&self) -> Vec<String> {
        let mut words = self.words.clone();
        if let Some(last) = words.last_mut() {
            if let Some(stem) = last.strip_suffix("ies") {
                *last = format!("{stem}y");
            } else if ["sses", "xes", "ches", "shes"]
                .iter()
                .any(|end| last.ends_with(end))
            {
                last.truncate(last.len().saturating_sub(2));
            } else if last.ends_with('s') && !last.ends_with("ss") {
                last.pop();
            }
        }
        words
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

    #[test]
    fn keys_say_what_they_are_of() {
        for (column, table, row, short) in [
            ("CustomerId", "Customer", true, true),
            ("customerid", "customers", true, true),
            ("order_id", "orders", true, true),
            ("category_id", "categories", true, true),
            ("box_no", "boxes", true, true),
            ("address_id", "address", true, true),
            ("InvoiceLineId", "InvoiceLine", true, true),
            ("message_id", "support_message", false, true),
            ("id", "customer", false, false),
            ("rep_id", "support", false, false),
        ] {
            let key = Label::of(column).key_of().unwrap();
            let table = Label::of(table);
            assert_eq!(key.is_row_of(&table), row, "{column}");
            assert_eq!(key.is_short_for(&table), short, "{column}");
        }
        assert_eq!(Label::of("joined_on").key_of(), None);
        assert!(Label::of("id").key_of().unwrap().is_empty());
    }
}
