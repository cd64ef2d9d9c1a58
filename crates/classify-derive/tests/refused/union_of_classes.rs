use privet_classify::{Classified, Uii};

#[derive(Classified)]
union Either {
    number: Uii<u64>,
    length: u32,
}

fn main() {}
