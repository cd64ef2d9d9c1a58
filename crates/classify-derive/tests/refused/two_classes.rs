use privet_classify::Classified;

#[derive(Classified)]
struct Job {
    #[class(SYS)]
    #[class(SYS)]
    attempts: u32,
}

fn main() {}
