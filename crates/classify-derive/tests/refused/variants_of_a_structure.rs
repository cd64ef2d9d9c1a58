use privet_classify::Classified;

#[derive(Classified)]
#[classified(variants = SYS)]
struct Job;

fn main() {}
