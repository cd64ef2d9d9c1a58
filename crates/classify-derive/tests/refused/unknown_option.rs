use privet_classify::Classified;

#[derive(Classified)]
#[classified(skip)]
struct Job;

fn main() {}
