use privet_classify::{Classified, Uii};

#[derive(Classified)]
struct Customer {
    email: Uii<String>,
}

fn main() {
    let customer = Customer { email: "ada@example.org".to_owned().into() };
    println!("{customer}");
}
