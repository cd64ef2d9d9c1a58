//! Step 2: what `privet classify` prints.

#![expect(unreachable_pub, reason = "as it is printed")]

pub type Email = privet_classify::Uii<String, privet_classify::value::Email>;
