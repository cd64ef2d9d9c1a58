use privet_classify::Classified;

#[derive(Classified)]
struct Customer {
    #[class(PII)]
    email: String,
}

fn main() {}
