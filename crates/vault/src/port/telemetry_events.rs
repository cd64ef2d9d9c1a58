//! What telemetry holds of people, for the copy that each gets of their own data.

use async_trait::async_trait;
use privet_classify::Class;
use privet_seal::Tyid;

/// Why events were not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Telemetry cannot be read now; the words show neither addresses nor credentials.
    #[error("telemetry cannot be read ({0}): check its store, then try again")]
    Unavailable(String),
}

/// Every telemetry id that is a person's now. What was recorded under a former one is nobody's.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalIds {
    /// The ids.
    pub tyids: Vec<Tyid>,
}

impl std::fmt::Debug for PersonalIds {
    // The ids are one person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonalIds").finish_non_exhaustive()
    }
}

/// A column of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventColumn {
    /// The member of an event's JSON that it is.
    pub name: String,
    /// How personal it is.
    pub class: Class,
}

/// One kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTable {
    /// Its name, as `logs`.
    pub name: String,
    /// Its columns, in the order in which people see them. The ids are none of them: they would tie the file to telemetry.
    pub columns: Vec<EventColumn>,
}

/// An event, overwritten by nobody: telemetry holds no value that identifies a person.
#[derive(Clone, PartialEq)]
pub struct PersonalEvent {
    /// Whose: the position among the people that were asked for.
    pub person: usize,
    /// A value for each column of the table, in their order; null where there is none.
    pub values: Vec<serde_json::Value>,
}

impl std::fmt::Debug for PersonalEvent {
    // It is somebody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonalEvent").finish_non_exhaustive()
    }
}

/// Telemetry, as far as people get a copy of it: events that are marked exportable, and no others.
#[async_trait]
pub trait TelemetryEvents: Send + Sync {
    /// Every kind of event of which people get a copy, with its columns, always in the same order.
    async fn tables(&self) -> Result<Vec<EventTable>, EventError>;

    /// Begins to read one kind of event of all these people, in one pass. Each person's events come in an order that is the
    /// same each time, as long as nothing is added.
    async fn events_of(
        &self,
        table: &EventTable,
        people: &[PersonalIds],
    ) -> Result<Box<dyn EventReader>, EventError>;
}

/// One reading.
#[async_trait]
pub trait EventReader: Send {
    /// The next events; `None` when there are no more. A page is bounded by whoever reads it from the store, to some MiB.
    async fn next(&mut self) -> Result<Option<Vec<PersonalEvent>>, EventError>;
}
