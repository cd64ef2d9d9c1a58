//! What is not asked for is not there.
use privet_classify::{Classified, Uii};

#[derive(Classified)]
struct Customer {
    email: Uii<String>,
}

fn main() {
    let customer = Customer { email: "ada@example.org".to_owned().into() };
    let _ = serde_json::to_string(&customer);
}
