//! The secret of pseudonyms is not in reach.
use privet_classify::PseudonymKey;

fn main() {
    let key = PseudonymKey::new("k1", [7; 32]).unwrap();
    println!("{:?}", key.secret);
    let _ = key.clone();
}
