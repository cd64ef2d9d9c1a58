//! A text that is overwritten on drop has no `Debug` outside of a class.
use privet_classify::value::Wiped;

fn main() {
    println!("{:?}", Wiped::from("ada@example.org".to_owned()));
}
