//! A generic structure is loggable exactly if what is put into it is.
use privet_classify::{Classified, Redacted};

#[derive(Classified)]
struct Page<T> {
    items: Vec<T>,
}

fn log(_: &impl Redacted) {}

fn main() {
    log(&Page { items: vec!["ada@example.org"] });
}
