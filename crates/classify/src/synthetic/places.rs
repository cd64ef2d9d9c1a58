//! Streets and cities that do not exist, and the codes around them.

/// First words of streets.
#[rustfmt::skip]
pub(super) const STREETS: &[&str] = &[
    "Acorn", "Alder", "Amber", "Anchor", "Aspen", "Birch", "Bramble", "Cedar", "Cherry",
    "Clover", "Copper", "Coral", "Elder", "Fern", "Foxglove", "Granite", "Harbour", "Hazel",
    "Heather", "Heron", "Ivy", "Juniper", "Lantern", "Larch", "Laurel", "Linden", "Magnolia",
    "Maple", "Meadow", "Mill", "Orchard", "Osprey", "Pebble", "Poplar", "Quarry", "Rowan",
    "Saffron", "Sorrel", "Thistle", "Willow",
];

/// Last words of streets.
#[rustfmt::skip]
pub(super) const STREET_KINDS: &[&str] = &[
    "Avenue", "Court", "Drive", "Lane", "Road", "Row", "Street", "Way",
];

/// Invented cities, each one word in ASCII.
#[rustfmt::skip]
pub(super) const CITIES: &[&str] = &[
    "Alderfen", "Amberholt", "Ashmarrow", "Birkenfell", "Brackwater", "Caldermoss",
    "Copperwick", "Dovemere", "Eastermoor", "Elmscar", "Fennbrook", "Foxhollowby",
    "Glimmerford", "Greyfallow", "Harrowmead", "Hazelstrand", "Ivorhythe", "Junipermouth",
    "Kestrelholm", "Larkmere", "Lindenmarsh", "Mistlebury", "Mosswater", "Nettlecombe",
    "Oakenvale", "Ostermoor", "Pebblestrand", "Quillhaven", "Rookfold", "Rushmarrow",
    "Saltmerrow", "Silverfen", "Sorrelby", "Tarnwick", "Thistlemoor", "Umberleaf", "Violetford",
    "Wetherfell", "Willowscar", "Yarrowmouth",
];

/// Area codes of the North American Numbering Plan.
#[rustfmt::skip]
pub(super) const AREA_CODES: &[&str] = &[
    "202", "206", "212", "213", "214", "215", "216", "224", "231", "248", "253", "267", "281",
    "301", "303", "305", "312", "313", "314", "316", "319", "321", "330", "334", "352", "360",
    "385", "402", "404", "406", "407", "410", "412", "415", "417", "419", "423", "425", "434",
    "440", "443", "458", "469", "479", "484", "501", "503", "504", "505", "509", "512", "515",
    "518", "520", "530", "540", "541", "551", "559", "561",
];

/// Countries by their codes.
#[rustfmt::skip]
pub(super) const COUNTRIES: &[&str] = &[
    "AR", "AT", "AU", "BE", "BR", "CA", "CH", "CL", "CZ", "DE", "DK", "EG", "ES", "FI", "FR",
    "GB", "GH", "GR", "HU", "ID", "IE", "IN", "IT", "JP", "KE", "KR", "MA", "MX", "MY", "NG",
    "NL", "NO", "NZ", "PE", "PH", "PL", "PT", "RO", "SE", "SN", "TH", "TR", "UA", "US", "UY",
    "VN", "ZA",
];

/// Networks that RFC 5737 keeps for documentation.
pub(super) const NETWORKS: &[&str] = &["192.0.2", "198.51.100", "203.0.113"];
