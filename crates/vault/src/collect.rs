//! Gathering what there is of people, for the copy that each gets of their own data: every place is read once for all people of
//! a batch.

mod shape;
mod source;
mod spooling;
mod words;

mod batch;

mod events;
mod gather;
mod looks;
mod own;

pub(crate) use batch::{Batch, Member};
pub(crate) use source::{CollectError, CollectedValue, SourceCollection};
pub(crate) use spooling::Filled;
pub(crate) use words::Words;
