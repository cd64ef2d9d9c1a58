use privet_classify::Classified;

#[derive(Classified)]
#[class(SYS)]
struct Job {
    attempts: u32,
}

fn main() {}
