//! A field without `%` or `?` takes plain values alone.
use privet_classify::Uii;

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    tracing::info!(email, "sent");
}
