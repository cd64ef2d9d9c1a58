//! The texts of mail, which operators can replace.
//!
//! A notice has a text in each language, `NOTICE.LANGUAGE.txt`, whose first line is `Subject: …`, and may have
//! `NOTICE.LANGUAGE.html` beside it. They are Jinja templates; a variable that does not exist is an error, and in HTML values
//! are escaped. There are texts in English and German; files of the same name take their place.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Environment, UndefinedBehavior, Value};

use crate::{Error, Notice};

/// Steps that one template may take: enough for any mail, and no loop goes on for ever.
const FUEL: u64 = 20_000;
/// The language of mail for people whose own has no texts.
const DEFAULT_LANGUAGE: &str = "en";

const OURS: [(&str, &str); 20] = [
    (
        "access-ready.en.txt",
        include_str!("../templates/access-ready.en.txt"),
    ),
    (
        "access-ready.en.html",
        include_str!("../templates/access-ready.en.html"),
    ),
    (
        "access-ready.de.txt",
        include_str!("../templates/access-ready.de.txt"),
    ),
    (
        "access-ready.de.html",
        include_str!("../templates/access-ready.de.html"),
    ),
    (
        "login-link.en.txt",
        include_str!("../templates/login-link.en.txt"),
    ),
    (
        "login-link.en.html",
        include_str!("../templates/login-link.en.html"),
    ),
    (
        "login-link.de.txt",
        include_str!("../templates/login-link.de.txt"),
    ),
    (
        "login-link.de.html",
        include_str!("../templates/login-link.de.html"),
    ),
    (
        "look-asked.en.txt",
        include_str!("../templates/look-asked.en.txt"),
    ),
    (
        "look-asked.en.html",
        include_str!("../templates/look-asked.en.html"),
    ),
    (
        "look-asked.de.txt",
        include_str!("../templates/look-asked.de.txt"),
    ),
    (
        "look-asked.de.html",
        include_str!("../templates/look-asked.de.html"),
    ),
    (
        "erasure-planned.en.txt",
        include_str!("../templates/erasure-planned.en.txt"),
    ),
    (
        "erasure-planned.en.html",
        include_str!("../templates/erasure-planned.en.html"),
    ),
    (
        "erasure-planned.de.txt",
        include_str!("../templates/erasure-planned.de.txt"),
    ),
    (
        "erasure-planned.de.html",
        include_str!("../templates/erasure-planned.de.html"),
    ),
    (
        "erasure-done.en.txt",
        include_str!("../templates/erasure-done.en.txt"),
    ),
    (
        "erasure-done.de.txt",
        include_str!("../templates/erasure-done.de.txt"),
    ),
    ("test.en.txt", include_str!("../templates/test.en.txt")),
    ("test.de.txt", include_str!("../templates/test.de.txt")),
];

/// Every text of every mail, checked.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Names of files that there are.
    files: BTreeSet<String>,
}

/// What every notice can be filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common<'a> {
    pub(crate) company: &'a str,
    pub(crate) contact: &'a str,
    pub(crate) request: &'a str,
}

/// A mail's texts.
pub(crate) struct Texts {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
    pub(crate) language: String,
}

impl Templates {
    /// Our texts, and in their place those of `files`, names and contents. Each is filled in once to see whether that works.
    ///
    /// # Errors
    /// A name that is none of a template; a template that is malformed or uses what it is not given.
    pub fn read(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        for (name, text) in OURS {
            texts.insert(name.to_owned(), text.to_owned());
        }
        for (name, text) in files {
            let (notice, language, ending) = parts(&name)?;
            if ending == "txt" {
                // Our HTML beside another text would say something else.
                texts.remove(&format!("{notice}.{language}.html"));
            }
            texts.insert(name, text);
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        let mut files = BTreeSet::new();
        for (name, text) in texts {
            let text = match name.strip_suffix(".txt") {
                None => text,
                Some(stem) => {
                    let (subject, body) = split(&name, &text)?;
                    add(&mut environment, &format!("{stem}.subject"), &name, subject)?;
                    body
                }
            };
            add(&mut environment, &name, &name, text)?;
            files.insert(name);
        }
        let templates = Self { environment, files };
        templates.check()?;
        Ok(templates)
    }

    /// Fills in every template once.
    fn check(&self) -> Result<(), Error> {
        let common = Common {
            company: "Example",
            contact: "privacy@example.org",
            request: "0",
        };
        for notice in Notice::examples() {
            let prefix = format!("{}.", notice.name());
            let files = self.files.iter().filter(|file| file.starts_with(&prefix));
            let languages = files.filter_map(|file| file.split('.').nth(1));
            for language in languages.collect::<BTreeSet<_>>() {
                self.fill_in(&notice, language, common)?;
            }
        }
        Ok(())
    }

    /// The texts of a notice in a language, as `de` or `de-AT`, or else in English.
    pub(crate) fn fill(
        &self,
        notice: &Notice,
        language: &str,
        common: Common<'_>,
    ) -> Result<Texts, Error> {
        let language = language.to_ascii_lowercase();
        let first = language.split(['-', '_']).next().unwrap_or_default();
        let known = |language: &&str| {
            self.files
                .contains(&format!("{}.{language}.txt", notice.name()))
        };
        let language = [&*language, first].into_iter().find(known);
        self.fill_in(notice, language.unwrap_or(DEFAULT_LANGUAGE), common)
    }

    fn fill_in(&self, notice: &Notice, language: &str, common: Common<'_>) -> Result<Texts, Error> {
        let mut values = notice.variables();
        values.insert("company", Value::from(common.company));
        values.insert("contact", Value::from(common.contact));
        values.insert("request", Value::from(common.request));
        let known: Vec<String> = values.keys().map(|name| format!("`{name}`")).collect();
        let stem = format!("{}.{language}", notice.name());
        let rendered = |ending: &str| {
            let name = format!("{stem}.{ending}");
            let template = self.environment.get_template(&name);
            let text = template.and_then(|template| template.render(values.clone()));
            text.map_err(|error| {
                let problem = format!("{}; it may use {}", error.kind(), known.join(", "));
                let ending = if ending == "subject" { "txt" } else { ending };
                in_template(&format!("{stem}.{ending}"), &error, problem)
            })
        };
        let has_html = self.files.contains(&format!("{stem}.html"));
        Ok(Texts {
            subject: one_line(&rendered("subject")?),
            text: rendered("txt")?,
            html: has_html.then(|| rendered("html")).transpose()?,
            language: language.to_owned(),
        })
    }
}

fn add(
    environment: &mut Environment<'static>,
    name: &str,
    file: &str,
    text: String,
) -> Result<(), Error> {
    let added = environment.add_template_owned(name.to_owned(), text);
    added.map_err(|error| in_template(file, &error, error.to_string()))
}

fn in_template(file: &str, error: &minijinja::Error, problem: String) -> Error {
    Error::Template {
        file: file.to_owned(),
        line: error.line().unwrap_or(1),
        problem,
    }
}

/// Notice, language and ending of a file's name.
fn parts(name: &str) -> Result<(&str, &str, &str), Error> {
    let mut parts = name.split('.');
    let is_language = |language: &str| {
        (2..=16).contains(&language.len())
            && language
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(notice), Some(language), Some(ending @ ("txt" | "html")), None)
            if Notice::NAMES.contains(&notice) && is_language(language) =>
        {
            Ok((notice, language, ending))
        }
        _ => Err(Error::Name {
            file: name.to_owned(),
            notices: Notice::NAMES.map(|name| format!("`{name}`")).join(", "),
        }),
    }
}

/// The subject of a text and what follows. The subject's line stays in the text as a comment, so that lines keep their numbers.
fn split(file: &str, text: &str) -> Result<(String, String), Error> {
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let subject = first.strip_prefix("Subject:").map(str::trim);
    match subject {
        Some(subject) if !subject.is_empty() => {
            Ok((subject.to_owned(), format!("{{# #}}\n{body}")))
        }
        _ => Err(Error::Template {
            file: file.to_owned(),
            line: 1,
            problem: "the first line must be `Subject: …`".to_owned(),
        }),
    }
}

/// A text without line breaks, for a header, whatever it was filled with: they would begin another header.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Templates, Error> {
        Templates::read([(name.to_owned(), text.to_owned())])
    }

    fn refused(name: &str, text: &str) -> String {
        read(name, text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = [
            (
                "test.en.txt",
                "Hello",
                "`test.en.txt`, line 1: the first line must be `Subject: …`",
            ),
            (
                "test.en.txt",
                "Subject: A\n\nHello {{ name }}",
                "`test.en.txt`, line 3: undefined value; it may use `company`, `contact`, `request`",
            ),
            (
                "access-ready.fr.txt",
                "Subject: {{ unti }}\n",
                "`access-ready.fr.txt`, line 1: undefined value; it may use `company`, `contact`, `link`, `request`, `until`",
            ),
            (
                "test.en.html",
                "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}",
                "`test.en.html`, line 1: engine ran out of fuel; it may use `company`, `contact`, `request`",
            ),
        ];
        for (name, text, said) in wrong {
            assert_eq!(refused(name, text), said);
        }
        assert!(
            refused("test.en.txt", "Subject: A\n\n{{ company")
                .starts_with("`test.en.txt`, line 3: ")
        );
        for name in [
            "hello.en.txt",
            "test.txt",
            "test.en.pdf",
            "../test.en.txt",
            "test.EN.txt",
            "test.en.txt.bak",
        ] {
            assert!(
                refused(name, "Subject: A\n").contains("is no template"),
                "{name}"
            );
        }
    }

    #[test]
    fn values_are_escaped_in_html_alone_and_never_end_the_subject() {
        let common = Common {
            company: "A & B <Ltd>\r\nBcc: x@example.org",
            contact: "c",
            request: "r",
        };
        let html = "<p>{{ company }}</p>".to_owned();
        let files = [
            (
                "test.en.txt".to_owned(),
                "Subject: From {{ company }}\n\n{{ company }}".to_owned(),
            ),
            ("test.en.html".to_owned(), html),
        ];
        let templates = Templates::read(files).unwrap();
        let texts = templates.fill(&Notice::Test, "en", common).unwrap();
        assert_eq!(texts.subject, "From A & B <Ltd> Bcc: x@example.org");
        assert!(texts.text.ends_with(common.company));
        let html = texts.html.unwrap();
        assert!(html.starts_with("<p>A &amp; B &lt;Ltd&gt;"), "{html}");
    }

    #[test]
    fn languages_fall_back() {
        let templates = read("test.pt-br.txt", "Subject: Teste\n").unwrap();
        let common = Common {
            company: "",
            contact: "",
            request: "",
        };
        let language = |wish| {
            let texts = templates.fill(&Notice::Test, wish, common).unwrap();
            (texts.language, texts.html.is_some())
        };
        for (wish, language_of_mail) in [
            ("pt-BR", "pt-br"),
            ("pt", "en"),
            ("de-AT", "de"),
            ("", "en"),
            ("../x", "en"),
        ] {
            assert_eq!(
                language(wish),
                (language_of_mail.to_owned(), false),
                "{wish}"
            );
        }
    }

    #[test]
    fn another_text_takes_our_html_away() {
        let common = Common {
            company: "",
            contact: "",
            request: "",
        };
        let [ready, ..] = Notice::examples();
        let html = |templates: Templates| templates.fill(&ready, "en", common).unwrap().html;
        assert!(html(Templates::read([]).unwrap()).is_some());
        assert!(html(read("access-ready.en.txt", "Subject: A\n").unwrap()).is_none());
    }
}
