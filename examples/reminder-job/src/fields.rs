// Made by `privet classify --lang rust` from the data map. `privet check --code` compares both.

//! The fields of the data map, each with its class and what its values look like.

/// Field `email`: number 1, class `UII`, for `service`.
pub type Email = privet_classify::Uii<String, privet_classify::value::Email>;

/// Field `name`: number 2, class `UII`, for `service`.
pub type Name = privet_classify::Uii<String, privet_classify::value::Name>;

/// The classes of attributes that logs and telemetry may have; all others are dropped.
pub const ATTRIBUTES: &[(&str, privet_classify::Class)] = &[
    ("error.type", privet_classify::Class::Sys),
    ("gone", privet_classify::Class::Sys),
    ("written", privet_classify::Class::Sys),
];

/// The fields as names, for the client library.
pub mod field {
    /// Field `email`.
    #[derive(Debug)]
    pub enum Email {}

    impl privet::Field for Email {
        const NAME: &'static str = "email";
        type Value = super::Email;
    }

    /// Field `name`.
    #[derive(Debug)]
    pub enum Name {}

    impl privet::Field for Name {
        const NAME: &'static str = "name";
        type Value = super::Name;
    }
}

/// The purposes of the data map.
pub mod purpose {
    /// Purpose `service`: contract.
    pub const SERVICE: privet::Purpose = privet::Purpose::new("service");
}
