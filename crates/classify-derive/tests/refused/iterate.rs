use privet_classify::Cc;

fn main() {
    let notes: Cc<Vec<String>, privet_classify::value::Opaque> = vec![String::new()].into();
    for note in notes {
        println!("{note}");
    }
}
