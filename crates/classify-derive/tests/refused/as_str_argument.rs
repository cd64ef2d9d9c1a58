use privet_classify::Uii;

fn mail(to: &str) {
    println!("{to}");
}

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    mail(&email);
    mail(email.as_ref());
}
