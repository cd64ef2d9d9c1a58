//! A parameter of a statement ends in the database's log: say why it is plain, or seal it.
use privet_classify::Uii;

fn main() {
    let email: Uii<String> = "ada@example.org".to_owned().into();
    let _parameters: [&(dyn postgres_types::ToSql + Sync); 1] = [&email];
}
