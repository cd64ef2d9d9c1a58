use privet_classify::Classified;

#[derive(Classified)]
struct Job {
    #[classified(skip)]
    secret: String,
}

fn main() {}
