//! A class does not change by being passed on.
use privet_classify::{Sys, Uii};

fn log(row: Sys<String>) {
    println!("{row}");
}

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    log(email);
}
