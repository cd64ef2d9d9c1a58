//! What invented people write and buy, and what is written about them. No sentence starts with the
//! whole of another, so that a text can be taken apart again.

/// How a message to support starts.
pub(super) const GREETINGS: &[&str] = &[
    "Hello,",
    "Good morning,",
    "Good evening,",
    "Hi there,",
    "Dear team,",
];

/// What is wrong.
pub(super) const PROBLEMS: &[&str] = &[
    "my order arrived, but one of the parts is missing.",
    "the parcel has been at the same depot for a week.",
    "I was charged twice for the same order.",
    "the discount code was not accepted at the checkout.",
    "the lamp flickers when the heating is on.",
    "I cannot sign in since I changed my password.",
    "the colour is darker than in the picture.",
    "the invoice shows an address that I moved away from.",
    "the instructions are missing page four.",
    "the delivery came while nobody was home.",
    "two of the screws do not fit.",
    "the box was open when it arrived.",
    "I ordered the large one and received the small one.",
    "the app shows an order that is not mine.",
    "the refund has not arrived after ten days.",
    "the handle broke on the second day.",
    "I would like to change the delivery date.",
    "the newsletter keeps coming although I cancelled it.",
    "the warranty card was not in the box.",
    "the shelf is two centimetres shorter than described.",
];

/// What to do about it.
pub(super) const WISHES: &[&str] = &[
    "Could you send me a replacement?",
    "Please refund the difference.",
    "Can you tell me where it is now?",
    "Please correct this on the next invoice as well.",
    "What do you need from me to sort this out?",
    "I would rather keep it and get a discount.",
    "Please cancel the rest of the order.",
    "Could somebody call me about it in the afternoon?",
    "Is there a way to do this without a new order?",
    "Please let me know before you send anything.",
    "Can I bring it back to a shop?",
    "I can send pictures if that helps.",
];

/// How a message ends.
pub(super) const THANKS: &[&str] = &[
    "Thank you!",
    "Many thanks!",
    "Kind regards",
    "With best wishes",
    "Thanks a lot!",
];

/// What a message consists of.
pub(super) const MESSAGE: [&[&str]; 4] = [GREETINGS, PROBLEMS, WISHES, THANKS];

/// What support writes down about a customer.
pub(super) const NOTES: &[&str] = &[
    "Prefers to be called in the morning.",
    "Pays by invoice and always on time.",
    "Asked for deliveries without packaging.",
    "Has the spare key for the showroom.",
    "Wants no letters, only mail.",
    "Ordered for a school last year.",
    "Waits for the blue one to come back in stock.",
    "Was promised a discount on the next order.",
    "Speaks to us on behalf of a club.",
    "Returned the first lamp because of the plug.",
    "Collects the catalogues since the first issue.",
    "Leaves parcels with the neighbour.",
    "Likes to see a sample before ordering.",
    "Moved twice this year, check the address.",
    "Complained about the hotline and was right.",
    "Needs the invoice in two copies.",
    "Is away every August.",
    "Wrote the kind review that hangs in the office.",
    "Orders in large numbers before the holidays.",
    "Has a standing order for filters.",
];

/// First words of products.
#[rustfmt::skip]
pub(super) const LOOKS: &[&str] = &[
    "Quiet", "Bright", "Gentle", "Sturdy", "Slender", "Foldable", "Little", "Grand", "Humble",
    "Nimble", "Patient", "Polished", "Round", "Silver", "Simple", "Tall",
];

/// Second words of products.
#[rustfmt::skip]
pub(super) const MATERIALS: &[&str] = &[
    "Ash", "Bamboo", "Beech", "Birch", "Brass", "Cedar", "Clay", "Copper", "Cork", "Cotton",
    "Felt", "Glass", "Linen", "Oak", "Slate", "Walnut", "Wool",
];

/// Last words of products.
#[rustfmt::skip]
pub(super) const THINGS: &[&str] = &[
    "Basket", "Bench", "Blanket", "Bookend", "Bowl", "Candlestick", "Chair", "Clock", "Desk",
    "Drawer", "Easel", "Frame", "Jug", "Kettle", "Lamp", "Mirror", "Pillow", "Plate", "Rug",
    "Shelf", "Stool", "Table", "Teapot", "Tray", "Vase",
];

/// Last words of companies.
#[rustfmt::skip]
pub(super) const COMPANIES: &[&str] = &[
    "Brothers", "Cooperative", "Foundry", "Mills", "Press", "Studio", "Supplies", "Trading",
    "Workshop",
];

/// What people do for a living.
#[rustfmt::skip]
pub(super) const JOBS: &[&str] = &[
    "Accountant", "Archivist", "Baker", "Buyer", "Carpenter", "Cartographer", "Clerk", "Gardener",
    "Librarian", "Nurse", "Planner", "Teacher", "Translator", "Welder",
];

/// Every sentence.
pub(super) fn sentences() -> impl Iterator<Item = &'static str> {
    [GREETINGS, PROBLEMS, WISHES, THANKS, NOTES]
        .into_iter()
        .flatten()
        .copied()
}
