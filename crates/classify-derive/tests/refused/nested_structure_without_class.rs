//! A `Debug` of its own is no promise about what it shows.
use privet_classify::Classified;

#[derive(Debug)]
struct Address {
    street: String,
}

#[derive(Classified)]
struct Customer {
    address: Address,
}

fn main() {}
