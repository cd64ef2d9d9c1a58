//! What the derive takes.
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use privet_classify::{Cc, Classified, Oi, Redacted, Sys, Udi, Uii, Upi, taxonomy, value};

enum Health {}

impl taxonomy::DataClass for Health {
    const LABEL: taxonomy::Label = taxonomy::Label::Own("clinic/health");
}

#[derive(Classified)]
struct Unit;

#[derive(Classified)]
enum Never {}

#[derive(Classified)]
#[classified(variants = SYS)]
enum Gender {
    Female,
    r#Other,
}

#[derive(Classified)]
struct Everything<'a, T, K: Ord, const N: usize>
where
    T: Clone,
{
    r#type: Sys<u8>,
    #[class(SYS)]
    generic_sys: T,
    #[class(SYS, because = "the address of our own server")]
    ip_address: std::net::IpAddr,
    id: Upi<u64>,
    borrowed: Uii<&'a str, value::Email>,
    reference: &'a Cc<String>,
    array: [Udi<T>; N],
    nested: Option<Box<Everything<'a, T, K, N>>>,
    map: BTreeMap<Oi<K>, HashMap<Upi<u64>, Vec<Gender>>>,
    shared: (Rc<Cc<String>>, Arc<Classified<String, Health>>),
    gender: Udi<Gender, value::Opaque>,
    unit: Unit,
    never: Option<Never>,
    nothing: (),
}

fn log<T: Redacted>() {}

fn main() {
    log::<Everything<'static, u8, u8, 2>>();
    log::<Never>();
    assert_eq!(format!("{:?} {:?}", Gender::Female, Gender::Other), "Female Other");
    assert_eq!(format!("{Unit:?}"), "Unit");
}
