// Made by `privet classify --lang rust` from the data map. `privet check --code` compares both.

//! The fields of the data map, each with its class and what its values look like.

/// Field `email`: number 1, class `UII`, for `service`, `security`.
pub type Email = privet_classify::Uii<String, privet_classify::value::Email>;

/// Field `name`: number 2, class `UII`, for `service`.
pub type Name = privet_classify::Uii<String, privet_classify::value::Name>;

/// Field `wish`: number 3, class `CC`, for `service`.
pub type Wish = privet_classify::Cc<String, privet_classify::value::Text>;

/// The classes of attributes that logs and telemetry may have; all others are dropped.
pub const ATTRIBUTES: &[(&str, privet_classify::Class)] = &[
    ("environment", privet_classify::Class::Sys),
    ("error.type", privet_classify::Class::Sys),
    ("principal", privet_classify::Class::Sys),
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

    /// Field `wish`.
    #[derive(Debug)]
    pub enum Wish {}

    impl privet::Field for Wish {
        const NAME: &'static str = "wish";
        type Value = super::Wish;
    }
}

/// The purposes of the data map.
pub mod purpose {
    /// Purpose `security`: legitimate interest.
    pub const SECURITY: privet::Purpose = privet::Purpose::new("security");

    /// Purpose `service`: contract.
    pub const SERVICE: privet::Purpose = privet::Purpose::new("service");
}
