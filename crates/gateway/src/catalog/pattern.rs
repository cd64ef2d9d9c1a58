//! The patterns that psql makes of what a person typed: `cust*` becomes `^(cust.*)$`.

/// What a name must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    alternatives: Vec<Vec<Part>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// This character, in either case if it was folded.
    Exactly(char),
    /// Any one character.
    Any,
    /// Any number of characters.
    Many,
}

impl Pattern {
    /// A name as it is.
    pub(crate) fn exact(name: &str) -> Self {
        Self {
            alternatives: vec![name.chars().map(Part::Exactly).collect()],
        }
    }

    /// `LIKE`, with its two wildcards and backslash.
    pub(crate) fn like(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => parts.push(Part::Many),
                '_' => parts.push(Part::Any),
                '\\' => parts.extend(chars.next().map(Part::Exactly)),
                c => parts.push(Part::Exactly(c)),
            }
        }
        Self {
            alternatives: vec![parts],
        }
    }

    /// `^(…|…)$` with `.`, `.*` and escaped characters; `None`: a regular expression of another kind.
    pub(crate) fn regex(text: &str) -> Option<Self> {
        let inside = text.strip_prefix("^(")?.strip_suffix(")$")?;
        let mut alternatives = vec![Vec::new()];
        let mut chars = inside.chars().peekable();
        while let Some(c) = chars.next() {
            let part = match c {
                '|' => {
                    alternatives.push(Vec::new());
                    continue;
                }
                '.' if chars.next_if_eq(&'*').is_some() => Part::Many,
                '.' => Part::Any,
                '\\' => Part::Exactly(chars.next()?),
                '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '^' | '$' => return None,
                c => Part::Exactly(c),
            };
            alternatives.last_mut()?.push(part);
        }
        Some(Self { alternatives })
    }

    /// Whether `name` looks like it. SQLite does not tell `A` from `a` in names.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.alternatives.iter().any(|parts| matches(parts, &name))
    }
}

/// The usual two-pointer matching with one wildcard to come back to: linear space, no exponential time.
fn matches(parts: &[Part], name: &[char]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < name.len() || part < parts.len() {
        let fits = match (parts.get(part), name.get(at)) {
            (Some(Part::Many), _) => {
                back = Some((part, at));
                part += 1;
                continue;
            }
            (Some(Part::Any), Some(_)) => true,
            (Some(Part::Exactly(c)), Some(found)) => c.eq_ignore_ascii_case(found),
            _ => false,
        };
        if fits {
            part += 1;
            at += 1;
            continue;
        }
        match back {
            Some((many, from)) if from < name.len() => {
                back = Some((many, from + 1));
                part = many + 1;
                at = from + 1;
            }
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psql_patterns_match_as_typed() {
        for (pattern, name, expected) in [
            ("^(customer)$", "customer", true),
            ("^(customer)$", "Customer", true),
            ("^(customer)$", "customers", false),
            ("^(cust.*)$", "customer", true),
            ("^(.*_.*)$", "a_b_c", true),
            ("^(.*z)$", "abcz", true),
            ("^(.*z)$", "abczx", false),
            ("^(a|b.)$", "bx", true),
            ("^(a\\.b)$", "a.b", true),
            ("^(a\\.b)$", "axb", false),
            ("^(.*)$", "", true),
        ] {
            assert_eq!(
                Pattern::regex(pattern).unwrap().matches(name),
                expected,
                "{pattern} {name}"
            );
        }
        for pattern in ["customer", "^(a+)$", "^([ab])$", "^(a\\)$", "^((a))$"] {
            assert_eq!(Pattern::regex(pattern), None, "{pattern}");
        }
        assert!(Pattern::like("cus%").matches("customer"));
        assert!(Pattern::like("a\\_%").matches("a_b"));
        assert!(!Pattern::like("a\\_%").matches("axb"));
        assert!(Pattern::exact("A.b").matches("a.b"));
    }
}
