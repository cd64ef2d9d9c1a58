//! Sealing and opening the values of one subject key.

use zeroize::{Zeroize, Zeroizing};

use crate::associated_data::AssociatedData;
use crate::primitive::{Aead, SUITE_AES_256_GCM_SIV};
use crate::sealed::VERSION;
use crate::{
    Block, Error, FieldNumber, KeyId, Nonce, OpenError, OpenedValue, SEALED_SIZE_BYTES_MAX, Scope,
    SealedRef, Value, to_text,
};

/// Names this use of a subject key, in the derivation and in the associated data.
pub(crate) const LABEL: &str = "privet/v1/value";

/// A ready cipher: a subject key for one scope, with key schedule and associated data prepared.
///
/// Shared between threads; wiped on drop. It holds key material: there is no `Debug`.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct ValueCipher {
    aead: Aead,
    key_id: KeyId,
    /// Ready but for the field number at its end.
    associated_data: AssociatedData,
}

impl ValueCipher {
    pub(crate) fn new(aead: Aead, scope: &Scope, key_id: KeyId) -> Self {
        let associated_data = AssociatedData::new(LABEL)
            .with(&[VERSION])
            .with(&[SUITE_AES_256_GCM_SIV])
            .with(scope.environment().as_bytes())
            .with(scope.tenant().as_bytes())
            .with(key_id.as_bytes())
            .with(&0_u16.to_be_bytes());
        Self {
            aead,
            key_id,
            associated_data,
        }
    }

    /// The id that stands in every value this cipher seals.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Seals a value, binary.
    ///
    /// # Errors
    /// [`Error::TooLong`] if the sealed form would exceed [`SEALED_SIZE_BYTES_MAX`].
    pub fn seal(
        &self,
        field: FieldNumber,
        value: Value<'_>,
        block: Block,
        nonce: Nonce,
    ) -> Result<Vec<u8>, Error> {
        let mut sealed = Vec::new();
        self.seal_into(field, value, block, nonce, &mut sealed)?;
        Ok(sealed)
    }

    /// Seals a value into `out`, replacing what it holds; allocates only if it is too small.
    /// After an error `out` is empty.
    ///
    /// # Errors
    /// [`Error::TooLong`] if the sealed form would exceed [`SEALED_SIZE_BYTES_MAX`].
    #[inline]
    pub fn seal_into(
        &self,
        field: FieldNumber,
        value: Value<'_>,
        block: Block,
        nonce: Nonce,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let size = value.sealed_len(block);
        // All the room at once: growing later would leave a copy of the plaintext behind. A
        // buffer that was as long last time is not filled with zeros again.
        out.resize(size.unwrap_or(0), 0);
        let sealed = self.seal_over(field, value, nonce, out).ok_or(TOO_LONG);
        if sealed.is_err() {
            out.zeroize();
        }
        sealed
    }

    /// Seals a value as text: `pv1_` and base64url.
    ///
    /// # Errors
    /// [`Error::TooLong`] if the binary form would exceed [`SEALED_SIZE_BYTES_MAX`].
    pub fn seal_text(
        &self,
        field: FieldNumber,
        value: Value<'_>,
        block: Block,
        nonce: Nonce,
    ) -> Result<String, Error> {
        self.seal(field, value, block, nonce)
            .map(|sealed| to_text(&sealed))
    }

    /// Opens a value that is expected to be this key's and of this field.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    pub fn open(
        &self,
        field: FieldNumber,
        sealed: &SealedRef<'_>,
    ) -> Result<OpenedValue, OpenError> {
        let mut plaintext = Zeroizing::new(vec![0; sealed.ciphertext.len()]);
        self.decrypt(field, sealed, &mut plaintext)?;
        OpenedValue::decode(plaintext)
    }

    /// Opens a value into `buffer`, replacing what it holds; allocates only if it is too small.
    ///
    /// The buffer then holds plaintext: pass a [`Zeroizing`] one, or wipe it. If it must grow,
    /// its former content is wiped first. After an error there is nothing in it to read.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    #[inline]
    pub fn open_into<'b>(
        &self,
        field: FieldNumber,
        sealed: &SealedRef<'_>,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Value<'b>, OpenError> {
        let len = sealed.ciphertext.len();
        if buffer.capacity() < len {
            buffer.zeroize();
        }
        // Not cleared before: a buffer that was as long last time is not filled with zeros again.
        buffer.resize(len, 0);
        self.decrypt(field, sealed, buffer)?;
        Value::decode(buffer)
    }

    /// Seals over `out`, which has the sealed length; `None` if it has not.
    #[inline]
    fn seal_over(
        &self,
        field: FieldNumber,
        value: Value<'_>,
        nonce: Nonce,
        out: &mut [u8],
    ) -> Option<()> {
        let (version_and_suite, rest) = out.split_first_chunk_mut()?;
        let (key_id, rest) = rest.split_first_chunk_mut()?;
        let (field_number, rest) = rest.split_first_chunk_mut()?;
        let (nonce_bytes, rest) = rest.split_first_chunk_mut()?;
        let (body, tag) = rest.split_last_chunk_mut()?;
        *version_and_suite = [VERSION, SUITE_AES_256_GCM_SIV];
        *key_id = self.key_id.0;
        *field_number = field.0.to_be_bytes();
        *nonce_bytes = nonce.0;
        value.encode(body)?;
        self.associated_data
            .ending_in(field.0, |aad| self.aead.seal(nonce, aad, body, tag))
            .ok()
    }

    /// Decrypts into `out`, which has the length of the ciphertext. On failure it holds zeros.
    #[inline]
    fn decrypt(
        &self,
        field: FieldNumber,
        sealed: &SealedRef<'_>,
        out: &mut [u8],
    ) -> Result<(), OpenError> {
        // The header says so itself: a key of another id, or another field, is not tried.
        if sealed.key_id() != self.key_id || sealed.field() != field {
            out.zeroize();
            return Err(OpenError);
        }
        let SealedRef {
            nonce,
            ciphertext,
            tag,
            ..
        } = *sealed;
        self.associated_data.ending_in(field.0, |aad| {
            self.aead.open(nonce, aad, ciphertext, tag, out)
        })
    }
}

const TOO_LONG: Error = Error::TooLong {
    size_bytes_max: SEALED_SIZE_BYTES_MAX,
};
