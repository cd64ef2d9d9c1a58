//! What people are told.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use minijinja::Value;
use zeroize::Zeroizing;

/// What a mail is about. Its templates are `NAME.LANGUAGE.txt` and `NAME.LANGUAGE.html`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The file with the person's data is ready.
    AccessReady {
        /// Where it can be downloaded, after a login.
        link: String,
        /// The last day on which it can.
        until: Date,
    },
    /// A link that logs the person in to their own pages.
    LoginLink {
        /// The link. Whoever has it and asked for it can log in with it.
        link: Zeroizing<String>,
    },
    /// Somebody asks the person for leave to look at some of their data.
    LookAsked {
        /// Where they see what is asked, after a login, and answer.
        link: String,
    },
    /// The person's data will be erased.
    ErasurePlanned {
        /// The day on which that begins.
        on: Date,
        /// Where it can be called off until then.
        link: String,
    },
    /// The person's data was erased. It is the last mail.
    ErasureDone,
    /// Nothing happened: an operator sees whether mail arrives.
    Test,
}

impl fmt::Debug for Notice {
    // A link may be one to log in with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notice").field(&self.name()).finish()
    }
}

impl Notice {
    /// The names of all notices.
    pub(crate) const NAMES: [&'static str; 6] = [
        "access-ready",
        "login-link",
        "look-asked",
        "erasure-planned",
        "erasure-done",
        "test",
    ];

    /// Its name in the names of templates.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AccessReady { .. } => "access-ready",
            Self::LoginLink { .. } => "login-link",
            Self::LookAsked { .. } => "look-asked",
            Self::ErasurePlanned { .. } => "erasure-planned",
            Self::ErasureDone => "erasure-done",
            Self::Test => "test",
        }
    }

    /// What its templates may use besides `company`, `contact` and `request`.
    pub(crate) fn variables(&self) -> BTreeMap<&'static str, Value> {
        match self {
            Self::AccessReady { link, until } => BTreeMap::from([
                ("link", Value::from(link)),
                ("until", Value::from(until.to_string())),
            ]),
            Self::LoginLink { link } => BTreeMap::from([("link", Value::from(link.as_str()))]),
            Self::LookAsked { link } => BTreeMap::from([("link", Value::from(link))]),
            Self::ErasurePlanned { on, link } => BTreeMap::from([
                ("link", Value::from(link)),
                ("on", Value::from(on.to_string())),
            ]),
            Self::ErasureDone | Self::Test => BTreeMap::new(),
        }
    }

    /// One of each, to see whether templates can be filled in.
    pub(crate) fn examples() -> [Self; 6] {
        let link = "https://privet.example/requests/0".to_owned();
        let day = Date::constant(2026, 1, 31);
        [
            Self::AccessReady {
                link: link.clone(),
                until: day,
            },
            Self::LoginLink {
                link: Zeroizing::new(link.clone()),
            },
            Self::LookAsked { link: link.clone() },
            Self::ErasurePlanned { on: day, link },
            Self::ErasureDone,
            Self::Test,
        ]
    }
}
