use privet_classify::{Classified, Uii};

#[derive(Classified)]
struct Name(Uii<String>, String);

fn main() {}
