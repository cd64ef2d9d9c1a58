//! The standard derive cannot undo ours.
use privet_classify::{Classified, Uii};

#[derive(Classified, Debug)]
struct Customer {
    email: Uii<String>,
}

fn main() {}
