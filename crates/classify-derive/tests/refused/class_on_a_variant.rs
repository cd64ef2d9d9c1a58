use privet_classify::Classified;

#[derive(Classified)]
#[classified(variants = SYS)]
enum State {
    #[class(SYS)]
    Running(u32),
}

fn main() {}
