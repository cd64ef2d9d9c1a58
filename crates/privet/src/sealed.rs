//! Sealed values and blind indexes as columns of an application's own database.

#[cfg(feature = "tokio-postgres")]
mod postgres;
#[cfg(feature = "sqlx")]
mod sqlx;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Field;

/// A text that is not what Privet seals: plaintext perhaps, so it is not repeated.
///
/// ```
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// let not_sealed: privet::NotSealed = "ada@example.com".parse::<privet::Sealed<Email>>().unwrap_err();
/// assert!(!not_sealed.to_string().contains("ada"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {expected} of field `{field}`: was the column adopted, and is this the right column?")]
pub struct NotSealed {
    expected: &'static str,
    field: &'static str,
}

/// A value of field `F`, sealed: the text that a column holds. Opening it takes the server ([`OpenBatch`](crate::OpenBatch)), a
/// purpose and a right. With the features `sqlx` and `tokio-postgres` it is a column of these libraries.
///
/// It is what a column may hold and nothing else: plaintext does not become a `Sealed`.
///
/// ```
/// use privet_classify::{Uii, value};
///
/// struct Email;
/// impl privet::Field for Email {
///     const NAME: &'static str = "email";
///     type Value = Uii<String, value::Email>;
/// }
///
/// let error = "ada@example.com".parse::<privet::Sealed<Email>>().unwrap_err();
/// assert!(error.to_string().starts_with("not a sealed value of field `email`"));
/// ```
pub struct Sealed<F> {
    text: Box<str>,
    field: PhantomData<fn() -> F>,
}

/// The blind index of a value of field `F`: equal for equal values, for a column with an index or a unique constraint.
///
/// ```
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl privet::Field for Email {
/// #     const NAME: &'static str = "email";
/// #     type Value = Uii<String, value::Email>;
/// # }
/// let index: privet::BlindIndex<Email> = "px1_AAEzGtnMd5uHHi0qbJPJlvLE".parse()?;
/// assert_eq!(index.as_str(), "px1_AAEzGtnMd5uHHi0qbJPJlvLE");
/// # Ok::<(), privet::NotSealed>(())
/// ```
pub struct BlindIndex<F> {
    text: Box<str>,
    field: PhantomData<fn() -> F>,
}

impl<F: Field> Sealed<F> {
    /// The text as the column holds it.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email {
    /// #     const NAME: &'static str = "email";
    /// #     type Value = Uii<String, value::Email>;
    /// # }
    /// let column = format!("pv1_{}", "A".repeat(120));
    /// let sealed: privet::Sealed<Email> = column.parse()?;
    /// assert_eq!(sealed.as_str(), column);
    /// # Ok::<(), privet::NotSealed>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<F: Field> BlindIndex<F> {
    /// The text as the column holds it.
    ///
    /// ```
    /// # async fn find<F: privet::Field>(
    /// #     client: &privet::Client, purpose: &privet::Purpose, value: &F::Value,
    /// # ) -> Result<(), privet::Error> {
    /// let found = client.look_up::<F>(purpose, value).await?;
    /// // … WHERE email_px = ANY($1)
    /// let wanted: Vec<&str> = found.indexes.iter().map(privet::BlindIndex::as_str).collect();
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Base64url digits of the shortest sealed value: a header of 48 bytes and two of plaintext (`docs/formats/sealed-values.md`).
const SEALED_DIGITS_MIN: usize = 67;
/// Base64url digits of a blind index: 18 bytes (`docs/formats/blind-indexes.md`).
const INDEX_DIGITS: usize = 24;

fn is_sealed(text: &str) -> bool {
    digits(text, "pv1_").is_some_and(|digits| digits >= SEALED_DIGITS_MIN)
}

fn is_index(text: &str) -> bool {
    digits(text, "px1_") == Some(INDEX_DIGITS)
}

/// How many base64url digits follow the prefix, if nothing else does.
fn digits(text: &str, prefix: &str) -> Option<usize> {
    let digits = text.strip_prefix(prefix)?.as_bytes();
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    digits.iter().all(digit).then_some(digits.len())
}

/// What both columns have in common: they are texts of a certain form, for one field.
macro_rules! column {
    ($name:ident, $expected:literal, $is:ident) => {
        impl<F: Field> $name<F> {
            pub(crate) fn from_text(text: impl Into<Box<str>>) -> Result<Self, NotSealed> {
                let text = text.into();
                if $is(&text) {
                    let field = PhantomData;
                    return Ok(Self { text, field });
                }
                Err(NotSealed {
                    expected: $expected,
                    field: F::NAME,
                })
            }
        }

        impl<F: Field> FromStr for $name<F> {
            type Err = NotSealed;

            fn from_str(text: &str) -> Result<Self, NotSealed> {
                Self::from_text(text)
            }
        }

        impl<F: Field> TryFrom<String> for $name<F> {
            type Error = NotSealed;

            fn try_from(text: String) -> Result<Self, NotSealed> {
                Self::from_text(text)
            }
        }

        impl<F: Field> fmt::Debug for $name<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "<{}>"), F::NAME)
            }
        }

        impl<F: Field> fmt::Display for $name<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl<F: Field> Serialize for $name<F> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text)
            }
        }

        impl<'de, F: Field> Deserialize<'de> for $name<F> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // What a format says of something that is no text quotes it, and it may be plaintext.
                let text = Box::<str>::deserialize(deserializer).map_err(|_| {
                    serde::de::Error::custom(NotSealed {
                        expected: $expected,
                        field: F::NAME,
                    })
                })?;
                Self::from_text(text).map_err(serde::de::Error::custom)
            }
        }

        // Written out because `derive` would ask the same of the field, which has no values.
        impl<F> Clone for $name<F> {
            fn clone(&self) -> Self {
                Self {
                    text: self.text.clone(),
                    field: PhantomData,
                }
            }
        }

        impl<F> PartialEq for $name<F> {
            fn eq(&self, other: &Self) -> bool {
                self.text == other.text
            }
        }

        impl<F> Eq for $name<F> {}

        impl<F> Hash for $name<F> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.text.hash(state);
            }
        }
    };
}

column!(Sealed, "a sealed value", is_sealed);
column!(BlindIndex, "a blind index", is_index);

#[cfg(test)]
mod tests {
    use privet_classify::{Cc, value};

    use super::*;

    struct Note;
    impl Field for Note {
        const NAME: &'static str = "note";
        type Value = Cc<String, value::Text>;
    }

    #[test]
    fn what_is_not_sealed_is_not_quoted() {
        for plain in [
            "4111111111111111",
            "-4111",
            "41.11",
            "true",
            "\"4111 1111\"",
            "[4111]",
            "{\"4111\":1}",
        ] {
            let error = serde_json::from_str::<Sealed<Note>>(plain).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains("a sealed value"), "{said}");
            assert!(!said.contains("411") && !said.contains("41.1"), "{said}");
        }
        let sealed = format!("\"pv1_{}\"", "A".repeat(80));
        let read: Sealed<Note> = serde_json::from_str(&sealed).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), sealed);
    }
}
