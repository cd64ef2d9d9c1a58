//! A path takes what is a path; an identifier of a person is none.
use privet_classify::Upi;
use std::path::Path;

fn main() {
    let id: Upi<String> = "4711".to_owned().into();
    let _ = Path::new("/customers").join(&id);
}
