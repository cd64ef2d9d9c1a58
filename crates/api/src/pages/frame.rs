//! What stands around every page: who is logged in, where, and where one can go.

use privet_vault::Rights;
use privet_wire::Personal;

use super::signed_in::SignedIn;
use super::style::ADDRESS;
use crate::router::Api;

/// The parts of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Queue,
    Sessions,
    Requests,
    People,
    Summary,
    Log,
}

impl Place {
    const ALL: [Self; 6] = [
        Self::Queue,
        Self::Sessions,
        Self::Requests,
        Self::People,
        Self::Summary,
        Self::Log,
    ];

    /// Whether it leads somewhere for whoever may do this.
    fn is_open(self, rights: Rights) -> bool {
        match self {
            Self::Queue | Self::Sessions | Self::Summary => rights.reads_sessions,
            Self::Requests => rights.decides_requests,
            Self::People => rights.reads_people_requests,
            Self::Log => rights.reads_log,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Queue => "/queue",
            Self::Sessions => "/sessions",
            Self::Requests => "/requests",
            Self::People => "/people",
            Self::Summary => "/summary",
            Self::Log => "/log",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Queue => "Queue",
            Self::Sessions => "Sessions",
            Self::Requests => "Requests",
            Self::People => "People",
            Self::Summary => "Summary",
            Self::Log => "Log",
        }
    }
}

/// A link of the navigation.
pub(super) struct Tab {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) is_here: bool,
}

/// Who is logged in.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) form_token: Personal,
    pub(super) tabs: Vec<Tab>,
}

/// The frame of a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) environment: String,
    pub(super) person: Option<Person>,
    pub(super) style: &'static str,
}

impl Frame {
    /// A page for somebody who is logged in.
    pub(super) fn of(api: &Api, who: &SignedIn, place: Option<Place>, title: &str) -> Self {
        let open = Place::ALL.into_iter().filter(|tab| tab.is_open(who.rights));
        let tabs = open.map(|tab| Tab {
            path: tab.path(),
            name: tab.name(),
            is_here: Some(tab) == place,
        });
        Self {
            person: Some(Person {
                name: who.caller.principal().name.to_string(),
                form_token: who.form_token.clone(),
                tabs: tabs.collect(),
            }),
            ..Self::bare(api, title)
        }
    }

    /// A page for anybody.
    pub(super) fn bare(api: &Api, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            environment: api.vault.config().environment.to_string(),
            person: None,
            style: ADDRESS.as_str(),
        }
    }
}
