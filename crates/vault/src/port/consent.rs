//! The consent ledger as a store keeps it: events that are only ever added, each with everything that the person had
//! answered by then, so that the last one is the state.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::Puid;

/// What a person last answered for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentAnswer {
    /// The purpose's bit in the consent map.
    pub bit: u8,
    /// Whether it was yes.
    pub agreed: bool,
    /// The version of the notice that was in force then: a yes is a yes to that text. One line.
    pub notice: String,
    /// When.
    pub since: Timestamp,
}

/// Everything that a person has answered, after one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentState {
    /// The event's position among all events of the store, from 1. Of two events the one with the higher position is the
    /// later one, whatever their times say.
    pub sequence: u64,
    /// When the event was; never before the same person's event before it.
    pub at: Timestamp,
    /// One answer a purpose, by bit; a purpose that is not here was never answered for.
    pub answers: Vec<ConsentAnswer>,
}

impl ConsentState {
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
    /// What shows that it was given: sealed, binary.
    pub evidence: Option<Vec<u8>>,
}

/// What a bit of the consent map stands for. It never stands for anything else once somebody has said yes to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsentBit {
    /// The bit.
    pub bit: u8,
    /// The purpose's name in the data map.
    pub purpose: String,
}

/// An event to be added.
#[derive(Debug, Clone)]
pub struct NewConsentEvent {
    /// Whose answers.
    pub puid: Puid,
    /// The position of the person's last event, which the new one follows; 0 where there is none.
    pub after: u64,
    /// When.
    pub at: Timestamp,
    /// What the person says yes to.
    pub granted: Vec<ConsentBit>,
    /// The bits that the person says no to.
    pub withdrawn: u32,
    /// All answers that hold from then on, by bit.
    pub answers: Vec<ConsentAnswer>,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// What shows that it was given: sealed, binary.
    pub evidence: Option<Vec<u8>>,
}

/// How an answer came. The list is closed, so that it can be counted and never holds anything personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
