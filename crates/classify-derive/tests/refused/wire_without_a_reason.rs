use privet_classify::{Uii, wire::Wire};

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    let _ = serde_json::to_string(&Wire::new(&email));
}
