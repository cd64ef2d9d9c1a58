//! Sealed values, blind indexes, ids that can be severed, and the key hierarchy.
//!
//! A value of a person is sealed under that person's own random key, so that destroying the key
//! erases the value wherever its copies lie. Keys are wrapped by a tenant's key and that one by a
//! root, which a [`KeyProvider`] holds. The formats are specified in `docs/formats/`
//! (`sealed-values.md`, `sealed-files.md`, `blind-indexes.md`, `ids.md`, `keys.md`), with test vectors.
//!
//! ```
//! use privet_seal::{Block, Entropy, FieldNumber, KeyId, Nonce, Scope, SealedRef, SubjectKey, Value};
//!
//! # struct Fixed;
//! # impl Entropy for Fixed { fn fill(&self, out: &mut [u8]) { out.fill(7) } }
//! # let entropy = Fixed;
//! let scope = Scope::new("prod", "acme")?;
//! let cipher = SubjectKey::generate(&entropy).cipher(&scope, KeyId::random(&entropy));
//! let email = FieldNumber(1);
//! let sealed = cipher.seal(email, Value::Text("a@example.com"), Block::SHORT, Nonce::random(&entropy))?;
//! let opened = cipher.open(email, &SealedRef::parse(&sealed)?)?;
//! assert_eq!(opened.as_text().as_str(), "a@example.com");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate does not do: it reads no file, clock or random device (randomness is an
//! argument: [`Entropy`]), keeps no state, caches no keys, and knows neither who may open a value
//! nor how a value is normalized.

mod error;

mod entropy;
mod identifiers;
mod secret;

mod chunks;
mod cipher;
mod sealed;
mod sealed_text;
mod value;

mod index;
mod mac;
mod record;

mod object_id;
mod telemetry_id;
mod tombstone;

mod provider;
mod root_file;
mod wrap;

mod associated_data;
mod primitive;

pub use chunks::{CHUNK_SIZE_BYTES, ChunkOpener, ChunkSealer, FileKey, FilePrefix};
pub use cipher::ValueCipher;
pub use entropy::{Entropy, Nonce, NonceSource};
pub use error::{Error, OpenError, ParseError, ProviderError};
pub use identifiers::{FieldNumber, KeyId, Scope};
pub use index::{BlindIndex, IndexKey};
pub use mac::{MacKey, PlaceKey, PseudonymKey};
pub use object_id::{ObjectId, ObjectSalt};
pub use provider::{KeyProvider, ProviderDescription, RootChange};
pub use record::{RECORD_SIZE_BYTES_MAX, RecordKey};
pub use root_file::{FileKeyProvider, PassphraseCost, ROOT_VERSIONS_MAX};
pub use sealed::{SEALED_SIZE_BYTES_MAX, SEALED_SIZE_BYTES_MIN, SealedRef, Suite};
pub use sealed_text::{SealedText, from_text, text_beginning, to_text, to_text_into};
pub use secret::{Secret32, SubjectKey};
pub use telemetry_id::{Salt, Tyid};
pub use tombstone::{TOMBSTONE, TOMBSTONE_MARK, TOMBSTONE_PREFIX};
pub use value::{Block, OpenedValue, Value};
pub use wrap::{KeyKind, WRAPPED_SIZE_BYTES, WrapContext, WrappedRef, WrappingKey};
pub use zeroize::Zeroizing;
