use privet_classify::Uii;

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    println!("{}", email.reveal());
}
