//! Who people are, proved by the application's identity provider: OpenID Connect Core 1.0, authorization code flow with
//! PKCE (RFC 7636), through the `openidconnect` crate over our HTTP client.
//!
//! [`Provider`] is the vault's port [`IdentityProvider`](privet_vault::port::IdentityProvider): it says where a browser goes, and
//! makes of what the browser comes back with the name of a subject. The vault keeps the secrets of a login, once and for ten
//! minutes, and looks the subject up.
//!
//! ```no_run
//! # fn make(clock: std::sync::Arc<dyn privet_vault::Clock>) -> Result<(), privet_login::SettingsError> {
//! use privet_login::{Provider, Settings};
//!
//! let provider = Provider::new(
//!     Settings {
//!         name: "Shop".to_owned(),
//!         issuer: "https://login.shop.example".to_owned(),
//!         client_id: "privet".to_owned(),
//!         client_secret: None,
//!         subject: "shop/customer:{sub}".parse()?,
//!         pages: "https://privet.shop.example".to_owned(),
//!         authorities: None,
//!     },
//!     clock,
//! )?;
//! # Ok(())
//! # }
//! ```
//!
//! What it does not do: read a person's profile, keep a token, or act as them at the provider. Of the ID token one claim is
//! read, and everything else of it, and the access token, is dropped.

mod claims;
mod error;
mod http;
mod known;
mod provider;
mod settings;
mod subject;

pub use error::SettingsError;
pub use provider::Provider;
pub use settings::{ClientSecret, Settings};
pub use subject::SubjectClaim;
