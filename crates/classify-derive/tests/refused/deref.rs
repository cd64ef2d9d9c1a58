//! No method of the value is in reach.
use privet_classify::Uii;

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    println!("{}", email.to_uppercase());
    println!("{}", *email);
}
