use privet_classify::Classified;

#[derive(Classified)]
#[classified(variants = SYS)]
enum Contact {
    Mail { to: String },
    Nobody,
}

fn main() {}
