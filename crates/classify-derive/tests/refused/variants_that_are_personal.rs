use privet_classify::Classified;

#[derive(Classified)]
#[classified(variants = UDI)]
enum Gender {
    Female,
    Male,
    Other,
}

fn main() {}
