//! A collection is as personal as what is in it.
use privet_classify::{Classified, Upi};

#[derive(Classified)]
struct Customer {
    id: Upi<u64>,
    phones: Vec<Option<String>>,
}

fn main() {}
