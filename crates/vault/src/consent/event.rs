//! What the ledger says once it is opened: one event, and everything that the person had answered by then.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use privet_classify::Language;
use serde::{Deserialize, Serialize};

/// What a person last answered for one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAnswer {
    /// The purpose's bit in the consent map.
    pub bit: u8,
    /// Whether it was yes.
    pub agreed: bool,
    /// The version of the notice that was in force then: a yes is a yes to that text.
    pub notice: String,
    /// When.
    pub since: Timestamp,
}

/// Everything that a person has answered, after one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentState {
    /// The event's number among the person's own, from 1. Of two events the one with the higher number is the later one,
    /// whatever their times say.
    pub number: u64,
    /// When the event was; never before the same person's event before it.
    pub at: Timestamp,
    /// One answer a purpose, by bit; a purpose that is not here was never answered for. Each event has one, so that a state
    /// without any is [lost](Self::is_lost).
    pub answers: Vec<ConsentAnswer>,
}

impl ConsentState {
    /// What is left of a state whose row is gone from the data store: that there was one, with this number. The person
    /// agrees to nothing, and what they say next comes after it.
    pub(crate) fn lost(number: u64) -> Self {
        Self {
            number,
            at: Timestamp::UNIX_EPOCH,
            answers: Vec::new(),
        }
    }

    /// Whether the person answered and the data store does not know it any more.
    pub fn is_lost(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answer for a bit.
    pub fn answer(&self, bit: u8) -> Option<&ConsentAnswer> {
        self.answers.iter().find(|answer| answer.bit == bit)
    }
}

/// One event of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// What holds from then on.
    pub state: ConsentState,
    /// The bits of the purposes that it said yes to.
    pub granted: u32,
    /// The bits of those that it said no to.
    pub withdrawn: u32,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// The language of the text that the person was shown, where it was told; a text in it is kept for each yes.
    pub language: Option<Language>,
}

/// How an answer came. The list is closed, so that it can be counted and never holds anything personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsentChannel {
    /// On a web page.
    Web,
    /// In an application on the person's own device.
    App,
    /// Said or written to somebody of the staff.
    Support,
    /// Taken over from another system.
    Import,
    /// Global Privacy Control (W3C): the browser says no for the person. It never says yes.
    Gpc,
}

impl ConsentChannel {
    /// Every channel.
    pub const ALL: [Self; 5] = [Self::Web, Self::App, Self::Support, Self::Import, Self::Gpc];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Support => "support",
            Self::Import => "import",
            Self::Gpc => "gpc",
        }
    }
}

impl fmt::Display for ConsentChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the word of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a channel of consent: write `web`, `app`, `support`, `import` or `gpc`")]
pub struct UnknownChannel;

impl FromStr for ConsentChannel {
    type Err = UnknownChannel;

    fn from_str(text: &str) -> Result<Self, UnknownChannel> {
        let mut all = Self::ALL.into_iter();
        all.find(|channel| channel.as_str() == text)
            .ok_or(UnknownChannel)
    }
}
