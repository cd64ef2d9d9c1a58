//! Gathering what there is of people, for the copy that each gets of their own data: every place is read once for all people of
//! a batch.

mod source;

#[expect(unused_imports, reason = "what people ask for is made of it")]
pub(crate) use source::{
    CollectError, CollectedRow, CollectedValue, SourceCollection, SourceReader,
};
