//! Which variant it is tells something too.
use privet_classify::Classified;

#[derive(Classified)]
enum Gender {
    Female,
    Male,
    Other,
}

fn main() {}
