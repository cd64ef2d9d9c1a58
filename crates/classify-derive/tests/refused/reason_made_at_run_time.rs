//! A reason is in the code.
use privet_classify::{Uii, because};

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    let reason = std::env::args().next().unwrap_or_default();
    println!("{}", email.reveal(because(&reason)));
}
