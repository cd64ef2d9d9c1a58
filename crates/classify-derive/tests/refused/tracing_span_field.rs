use privet_classify::Uii;

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    let span = tracing::info_span!("send", to = tracing::field::Empty);
    span.record("to", &email);
}
