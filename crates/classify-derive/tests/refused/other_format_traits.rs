use privet_classify::Upi;

fn main() {
    let id: Upi<u64> = 4711.into();
    println!("{id:x} {id:e}");
}
