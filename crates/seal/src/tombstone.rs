//! What stands in place of a sealed value that was erased: text that has the form of a sealed value, in suite 0, which does not
//! exist and so never opens.

/// Version 1, suite 0, a key id of zeros: what every tombstone in text form starts with.
pub const TOMBSTONE_PREFIX: &str = "pv1_AQAAAAAAAAAAAAAAAAAAAAAA";

/// The tombstone: the header and zeros, as long as the shortest sealed value.
pub const TOMBSTONE: &str =
    "pv1_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Where in a tombstone 32 hexadecimal digits may stand that make it one of its own, for columns that hold no value twice:
/// after three more characters. The rest are zeros up to the tombstone's length.
pub const TOMBSTONE_MARK: std::ops::Range<usize> = 31..63;
