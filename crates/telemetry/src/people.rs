//! Whom records are about: what the vault's handle says of the people of one request.

use privet_vault::Oid;

/// A person as telemetry knows them at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Their id for telemetry.
    pub tyid: [u8; 16],
    /// The purposes with a yes to the notice in force, one bit each.
    pub bits: u32,
    /// The number of that answer under this id; 0 if they never answered.
    pub number: u32,
}

impl Stamp {
    /// Whether they agree to a purpose of that bit.
    pub fn agrees(&self, bit: u8) -> bool {
        self.bits.checked_shr(bit.into()).unwrap_or(0) & 1 == 1
    }
}

/// The people of one request, and ids of objects.
pub trait People {
    /// The person with this operational id; `None`: nobody of this environment.
    fn stamp(&self, oid: &Oid) -> Option<Stamp>;

    /// The id of what an application calls `value`, in records about the person with this operational id (`None`: about nobody
    /// known). It changes with the person's telemetry id.
    fn object(&self, of: Option<&Oid>, value: &[u8]) -> String;

    /// The notices in force, which the bits are about.
    fn notice(&self) -> &str;
}
