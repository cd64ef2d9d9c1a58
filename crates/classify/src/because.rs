//! Why a value leaves its class.

/// Why somebody takes a value out of its class: a constant text in the code, so that a search for
/// `because(` finds every place where personal data comes into the open, with its reason beside it.
///
/// The reason is for whoever reads the code; it is not recorded at run time. A look that has to be
/// on record is a reveal by Privet's server.
///
/// ```
/// use privet_classify::{Because, because};
///
/// const RECEIPT: Because = because("the receipt is mailed to this address");
/// assert_eq!(RECEIPT.reason(), "the receipt is mailed to this address");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Because(&'static str);

impl Because {
    /// The reason.
    ///
    /// ```
    /// # use privet_classify::because;
    /// assert_eq!(because("greeting in the mail to herself").reason(), "greeting in the mail to herself");
    /// ```
    #[must_use]
    pub fn reason(self) -> &'static str {
        self.0
    }
}

/// States why a value is taken out of its class; see [`Because`].
///
/// ```
/// use privet_classify::{Uii, because};
///
/// let email: Uii<String> = "ada@example.org".to_owned().into();
/// let to: &str = email.reveal(because("the receipt is mailed to this address"));
/// assert_eq!(to, "ada@example.org");
/// ```
#[must_use]
pub const fn because(reason: &'static str) -> Because {
    Because(reason)
}
