//! What became of records and values, in numbers. No name and no value is among them: both can be personal.

/// Why a record was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// It names a purpose that the data map does not have.
    Purpose,
    /// Its purpose rests on consent, and it is about nobody known or somebody who does not agree.
    Consent,
    /// The data map does not list the metric.
    Metric,
    /// The metric comes in another unit than the data map says.
    Unit,
    /// It is not what OTLP says, such as a span without an id.
    Invalid,
    /// It has too many attributes or buckets.
    TooLarge,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Purpose,
        Self::Consent,
        Self::Metric,
        Self::Unit,
        Self::Invalid,
        Self::TooLarge,
    ];

    /// The name, for metrics and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purpose => "unknown purpose",
            Self::Consent => "no consent",
            Self::Metric => "unknown metric",
            Self::Unit => "wrong unit",
            Self::Invalid => "invalid",
            Self::TooLarge => "too large",
        }
    }
}

/// Why a value was dropped from a record that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lost {
    /// The data map does not list the name.
    Unknown,
    /// Its class never passes.
    Class,
    /// It is of another type than the data map says.
    Type,
    /// It is not among the values that the data map lists.
    Unlisted,
    /// It is too long.
    TooLarge,
    /// It was to name a person, and names nobody of this environment.
    Nobody,
}

impl Lost {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Unknown,
        Self::Class,
        Self::Type,
        Self::Unlisted,
        Self::TooLarge,
        Self::Nobody,
    ];

    /// The name, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Class => "class",
            Self::Type => "type",
            Self::Unlisted => "unlisted",
            Self::TooLarge => "too_large",
            Self::Nobody => "nobody",
        }
    }
}

/// What became of the records of a request, or of all so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Log records, spans and points that passed.
    pub accepted: u64,
    dropped: [u64; Dropped::ALL.len()],
    lost: [u64; Lost::ALL.len()],
}

impl Counts {
    /// How many log records, spans or points were dropped for that reason.
    pub fn dropped(&self, why: Dropped) -> u64 {
        Dropped::ALL
            .iter()
            .zip(self.dropped)
            .find(|(reason, _)| **reason == why)
            .map_or(0, |(_, count)| count)
    }

    /// How many were dropped in all.
    pub fn rejected(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// How many values were dropped for that reason.
    pub fn lost(&self, why: Lost) -> u64 {
        Lost::ALL
            .iter()
            .zip(self.lost)
            .find(|(reason, _)| **reason == why)
            .map_or(0, |(_, count)| count)
    }

    pub(crate) fn drop_records(&mut self, why: Dropped, count: usize) {
        let place = Dropped::ALL.iter().position(|reason| *reason == why);
        if let Some(slot) = place.and_then(|place| self.dropped.get_mut(place)) {
            *slot += u64::try_from(count).unwrap_or(u64::MAX);
        }
    }

    pub(crate) fn lose(&mut self, why: Lost) {
        let place = Lost::ALL.iter().position(|reason| *reason == why);
        if let Some(slot) = place.and_then(|place| self.lost.get_mut(place)) {
            *slot += 1;
        }
    }

    /// Adds what became of another request.
    pub fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        for (to, from) in self.dropped.iter_mut().zip(other.dropped) {
            *to += from;
        }
        for (to, from) in self.lost.iter_mut().zip(other.lost) {
            *to += from;
        }
    }

    /// What to tell a client whose records were dropped; empty if none was.
    pub fn message(&self) -> String {
        let reasons = Dropped::ALL
            .iter()
            .zip(self.dropped)
            .filter(|(_, count)| *count > 0)
            .map(|(why, count)| format!("{}: {count}", why.as_str()));
        let reasons: Vec<_> = reasons.collect();
        reasons.join(", ")
    }
}
