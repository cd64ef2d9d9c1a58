//! An answer in the open has no log form.
use privet_classify::{Uii, because, wire::Wire};

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    println!("{:?}", Wire::new(&email, because("the answer to themself")));
}
