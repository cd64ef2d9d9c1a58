use privet_classify::Classified;

#[derive(Classified)]
struct Job {
    #[class]
    attempts: u32,
    #[class()]
    took_ms: u64,
    #[class = "SYS"]
    name: u64,
}

fn main() {}
