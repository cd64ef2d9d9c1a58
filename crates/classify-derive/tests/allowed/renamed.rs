//! The crate under another name, as the client library re-exports it.
mod privet {
    pub use privet_classify as classify;
}
use privet::classify::{Classified, Uii};

#[derive(Classified)]
#[classified(crate = privet::classify)]
struct Customer {
    email: Uii<String>,
}

fn main() {
    let customer = Customer { email: "ada@example.org".to_owned().into() };
    assert_eq!(format!("{customer:?}"), "Customer { email: [UII] }");
}
