//! A reason is `because("…")`, so that one search finds them all.
use privet_classify::Uii;

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    println!("{}", email.reveal("mail"));
}
