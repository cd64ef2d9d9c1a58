//! The quickest way past the compiler is asked for a reason.
use privet_classify::Classified;

#[derive(Classified)]
struct Customer {
    #[class(SYS)]
    reply_to_email: String,
    #[class(SYS)]
    date_of_birth: Option<u32>,
    #[class(SYS, because = ".")]
    phone: u64,
    #[class(SYS, since = "always")]
    ip_address: u64,
}

fn main() {}
