//! A field that bears no class: the compiler says which classes there are.
use privet_classify::Classified;

#[derive(Classified)]
struct Customer {
    email: String,
}

fn main() {}
