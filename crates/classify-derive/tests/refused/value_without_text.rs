//! What has no text has no log form but `Opaque`.
use privet_classify::Uii;

fn main() {
    let photo: Uii<Vec<u8>> = vec![1].into();
    println!("{photo:?}");
}
