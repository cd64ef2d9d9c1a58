//! What the data map says about the rows of people in an application's database, fitted to the database as it is: how each
//! table is read for them, and what is done when they leave. Either fits as a whole, or nothing is done and every problem is
//! named.

mod erase;
mod fields;
mod fit;
mod order;
mod read;
mod way;

pub(crate) use erase::{erasing, next_end};
pub(crate) use fields::{FieldTable, fields_of};
pub(crate) use fit::{columns_exist, columns_fit, find_table};
pub(crate) use read::{ReadColumn, reading};
pub(crate) use way::way;
