//! `customer.email` alone would print the address.
use privet_classify::Classified;

#[derive(Classified)]
struct Customer {
    #[class(UII)]
    email: Option<String>,
    #[class(UPI)]
    id: u64,
    #[class(UDI)]
    country: String,
    #[class(CC)]
    note: std::borrow::Cow<'static, str>,
    #[class(OI)]
    employer: &'static str,
}

fn main() {}
