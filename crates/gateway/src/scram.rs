//! The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) as PostgreSQL uses it: the user is
//! the one of the start-up message, the name inside the conversation is ignored.
//!
//! The conversation is a type per step, so a proof cannot be checked before a challenge was sent. A wrong proof, a
//! user that does not exist and a verifier that was made up all end in the same error.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// SCRAM over SHA-256.
pub(crate) const MECHANISM: &str = "SCRAM-SHA-256";
/// The same, bound to the TLS connection.
pub(crate) const MECHANISM_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Bytes of our part of the nonce.
pub(crate) const NONCE_BYTES: usize = 18;

/// What the server keeps instead of a password (RFC 5802 section 3).
#[derive(Clone)]
pub(crate) struct Verifier {
    /// Salt of the password hash.
    pub(crate) salt: Vec<u8>,
    /// Rounds of PBKDF2.
    pub(crate) iterations: u32,
    /// SHA-256 of the client key.
    pub(crate) stored_key: [u8; 32],
    /// Key of the server's own proof.
    pub(crate) server_key: [u8; 32],
}

/// Why the conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScramError {
    /// Not a message of this conversation.
    #[error("malformed SCRAM message")]
    Malformed,
    /// A mechanism that was not offered.
    #[error("client selected an invalid SASL authentication mechanism")]
    Mechanism,
    /// Channel binding that does not fit this connection, or a sign that somebody removed the offer of it.
    #[error("SCRAM channel binding check failed")]
    Binding,
    /// The proof does not fit the verifier.
    #[error("authentication failed")]
    Proof,
}

/// The channel binding of this connection: `tls-server-end-point` (RFC 5929 section 4) with its bytes, if TLS is on and
/// the certificate has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Binding(Option<Vec<u8>>);

impl Binding {
    /// Of a connection whose server certificate hashes to `end_point`.
    pub(crate) fn end_point(end_point: Option<Vec<u8>>) -> Self {
        Self(end_point)
    }

    /// The mechanisms to offer, best first.
    pub(crate) fn mechanisms(&self) -> &'static [&'static str] {
        if self.0.is_some() {
            &[MECHANISM_PLUS, MECHANISM]
        } else {
            &[MECHANISM]
        }
    }
}

/// The client's first message, understood.
pub(crate) struct ClientFirst {
    /// Header and binding as the client must repeat them in its last message.
    expected_binding: Vec<u8>,
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// Reads a SASLInitialResponse body.
    ///
    /// # Errors
    /// A mechanism or binding that was not offered, or anything malformed.
    pub(crate) fn parse(body: &[u8], binding: &Binding) -> Result<Self, ScramError> {
        let (mechanism, data) = initial_response(body)?;
        let plus = match mechanism {
            MECHANISM => false,
            MECHANISM_PLUS if binding.0.is_some() => true,
            _ => return Err(ScramError::Mechanism),
        };
        let (header, bare) = split_header(data)?;
        let expected_binding = expected_binding(header, plus, binding)?;
        let nonce = client_nonce(bare)?;
        Ok(Self {
            expected_binding,
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// The challenge: the server's first message and what to check the answer against.
    pub(crate) fn challenge(
        self,
        verifier: Verifier,
        nonce: &[u8; NONCE_BYTES],
    ) -> (String, Challenge) {
        let nonce = format!("{}{}", self.nonce, STANDARD.encode(nonce));
        let server_first = format!(
            "r={nonce},s={},i={}",
            STANDARD.encode(&verifier.salt),
            verifier.iterations
        );
        let challenge = Challenge {
            signed_so_far: format!("{},{server_first},", self.bare),
            expected_binding: self.expected_binding,
            nonce,
            verifier,
        };
        (server_first, challenge)
    }
}

/// A challenge that was sent.
pub(crate) struct Challenge {
    signed_so_far: String,
    expected_binding: Vec<u8>,
    nonce: String,
    verifier: Verifier,
}

impl Challenge {
    /// Checks the client's last message; answers the server's own proof for it.
    ///
    /// # Errors
    /// Anything but the right proof over exactly this conversation.
    pub(crate) fn verify(self, body: &[u8]) -> Result<String, ScramError> {
        let message = std::str::from_utf8(body).map_err(|_| ScramError::Malformed)?;
        let (unproven, proof) = message.rsplit_once(",p=").ok_or(ScramError::Malformed)?;
        let mut parts = unproven.split(',');
        let binding = attribute(parts.next(), "c=")?;
        let nonce = attribute(parts.next(), "r=")?;
        let binding = STANDARD
            .decode(binding)
            .map_err(|_| ScramError::Malformed)?;
        if binding != self.expected_binding {
            return Err(ScramError::Binding);
        }
        if nonce != self.nonce {
            return Err(ScramError::Malformed);
        }
        let proof: [u8; 32] = STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok())
            .ok_or(ScramError::Malformed)?;
        let signed = format!("{}{unproven}", self.signed_so_far);
        let signature = hmac_sha256(&self.verifier.stored_key, signed.as_bytes());
        let client_key: Vec<u8> = proof
            .iter()
            .zip(signature.as_ref())
            .map(|(proof, sign)| proof ^ sign)
            .collect();
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        constant_time::verify_slices_are_equal(stored_key.as_ref(), &self.verifier.stored_key)
            .map_err(|_| ScramError::Proof)?;
        let own = hmac_sha256(&self.verifier.server_key, signed.as_bytes());
        Ok(format!("v={}", STANDARD.encode(own)))
    }
}

fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

/// `mechanism NUL length(4) data`: the body of SASLInitialResponse.
fn initial_response(body: &[u8]) -> Result<(&str, &str), ScramError> {
    let end = memchr::memchr(0, body).ok_or(ScramError::Malformed)?;
    let (mechanism, rest) = body.split_at_checked(end).ok_or(ScramError::Malformed)?;
    let (length, data) = rest
        .get(1..)
        .and_then(<[u8]>::split_first_chunk::<4>)
        .ok_or(ScramError::Malformed)?;
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(data.len()) {
        return Err(ScramError::Malformed);
    }
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| ScramError::Malformed);
    Ok((text(mechanism)?, text(data)?))
}

/// Splits off the GS2 header, `flag,[a=authzid],` (RFC 5802 section 7), with its last comma.
fn split_header(data: &str) -> Result<(&str, &str), ScramError> {
    let mut commas = data.match_indices(',');
    let _after_flag = commas.next().ok_or(ScramError::Malformed)?;
    let (end, _) = commas.next().ok_or(ScramError::Malformed)?;
    data.split_at_checked(end + 1).ok_or(ScramError::Malformed)
}

/// What the client's last message must repeat: the header, then the binding's bytes if it uses one.
fn expected_binding(header: &str, plus: bool, binding: &Binding) -> Result<Vec<u8>, ScramError> {
    let mut parts = header.split(',');
    let flag = parts.next().unwrap_or_default();
    // Acting as somebody else is not supported, as in PostgreSQL.
    if parts.next() != Some("") {
        return Err(ScramError::Malformed);
    }
    let mut expected = header.as_bytes().to_vec();
    match (flag, plus, &binding.0) {
        ("n", false, _) | ("y", false, None) => {}
        ("p=tls-server-end-point", true, Some(end_point)) => expected.extend_from_slice(end_point),
        // `y` says "you did not offer binding", although we did: somebody in between removed the offer.
        _ => return Err(ScramError::Binding),
    }
    Ok(expected)
}

/// The nonce of `n=user,r=nonce[,extensions]`; a mandatory extension (`m=`) in front is one we do not know.
fn client_nonce(bare: &str) -> Result<&str, ScramError> {
    let mut parts = bare.split(',');
    attribute(parts.next(), "n=")?;
    let nonce = attribute(parts.next(), "r=")?;
    let printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
    if nonce.is_empty() || !printable {
        Err(ScramError::Malformed)
    } else {
        Ok(nonce)
    }
}

fn attribute<'a>(part: Option<&'a str>, name: &str) -> Result<&'a str, ScramError> {
    part.and_then(|part| part.strip_prefix(name))
        .ok_or(ScramError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verifier of `password`, as the vault makes one when it issues a token.
    pub(crate) fn verifier(password: &[u8], salt: &[u8], iterations: u32) -> Verifier {
        let mut salted = [0; 32];
        aws_lc_rs::pbkdf2::derive(
            aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA256,
            iterations.try_into().unwrap(),
            salt,
            password,
            &mut salted,
        );
        let client_key = hmac_sha256(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let server_key = hmac_sha256(&salted, b"Server Key");
        Verifier {
            salt: salt.to_vec(),
            iterations,
            stored_key: stored_key.as_ref().try_into().unwrap(),
            server_key: server_key.as_ref().try_into().unwrap(),
        }
    }

    fn initial(mechanism: &str, data: &str) -> Vec<u8> {
        let mut body = mechanism.as_bytes().to_vec();
        body.push(0);
        body.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        body.extend(data.as_bytes());
        body
    }

    // RFC 7677 section 3. Its server nonce is text of its own alphabet, so the challenge is put together by hand.
    const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn rfc_challenge() -> Challenge {
        let first =
            ClientFirst::parse(&initial(MECHANISM, CLIENT_FIRST), &Binding::default()).unwrap();
        Challenge {
            signed_so_far: format!("{},r={NONCE},s={SALT},i=4096,", first.bare),
            expected_binding: first.expected_binding,
            nonce: NONCE.to_owned(),
            verifier: verifier(b"pencil", &STANDARD.decode(SALT).unwrap(), 4096),
        }
    }

    #[test]
    fn the_example_of_rfc_7677_succeeds() {
        assert_eq!(
            rfc_challenge().verify(CLIENT_FINAL.as_bytes()),
            Ok(SERVER_FINAL.to_owned())
        );
    }

    #[test]
    fn any_changed_byte_of_the_last_message_fails() {
        for at in 0..CLIENT_FINAL.len() {
            let mut changed = CLIENT_FINAL.as_bytes().to_vec();
            changed[at] ^= 1;
            assert!(rfc_challenge().verify(&changed).is_err(), "byte {at}");
        }
        for end in 0..CLIENT_FINAL.len() {
            assert!(
                rfc_challenge()
                    .verify(&CLIENT_FINAL.as_bytes()[..end])
                    .is_err(),
                "cut at {end}"
            );
        }
    }

    fn parse(mechanism: &str, data: &str, end_point: Option<&[u8]>) -> Result<(), ScramError> {
        let binding = Binding::end_point(end_point.map(<[u8]>::to_vec));
        ClientFirst::parse(&initial(mechanism, data), &binding).map(|_| ())
    }

    #[test]
    fn a_removed_offer_of_binding_is_noticed() {
        assert_eq!(
            parse(MECHANISM, "y,,n=,r=x", Some(b"hash")),
            Err(ScramError::Binding)
        );
        assert_eq!(parse(MECHANISM, "y,,n=,r=x", None), Ok(()));
        assert_eq!(parse(MECHANISM, "n,,n=,r=x", Some(b"hash")), Ok(()));
        let bound = "p=tls-server-end-point,,n=,r=x";
        assert_eq!(parse(MECHANISM_PLUS, bound, Some(b"hash")), Ok(()));
        assert_eq!(
            parse(MECHANISM_PLUS, bound, None),
            Err(ScramError::Mechanism)
        );
        assert_eq!(
            parse(MECHANISM, bound, Some(b"hash")),
            Err(ScramError::Binding)
        );
        assert_eq!(
            parse(MECHANISM_PLUS, "n,,n=,r=x", Some(b"hash")),
            Err(ScramError::Binding)
        );
        assert_eq!(
            parse(MECHANISM_PLUS, "p=tls-unique,,n=,r=x", Some(b"hash")),
            Err(ScramError::Binding)
        );
    }

    #[test]
    fn binding_bytes_are_part_of_the_answer() {
        let binding = Binding::end_point(Some(b"hash".to_vec()));
        let body = initial(MECHANISM_PLUS, "p=tls-server-end-point,,n=,r=abc");
        for (bytes, wanted) in [
            (&b"hash"[..], ScramError::Proof),
            (b"other", ScramError::Binding),
        ] {
            let first = ClientFirst::parse(&body, &binding).unwrap();
            let (_, challenge) = first.challenge(verifier(b"x", b"salt", 1), &[7; NONCE_BYTES]);
            let mut repeated = b"p=tls-server-end-point,,".to_vec();
            repeated.extend_from_slice(bytes);
            let answer = format!(
                "c={},r={},p={}",
                STANDARD.encode(repeated),
                challenge.nonce,
                STANDARD.encode([0; 32])
            );
            assert_eq!(challenge.verify(answer.as_bytes()), Err(wanted));
        }
    }

    #[test]
    fn malformed_first_messages_are_refused() {
        for data in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,r=x",
            "n,,n=u",
            "n,,n=u,r=",
            "n,,m=ext,n=u,r=x",
            "n,a=other,n=u,r=x",
            "n,,n=u,r=a b",
            "q,,n=u,r=x",
        ] {
            assert!(parse(MECHANISM, data, None).is_err(), "{data}");
        }
        assert_eq!(
            parse("PLAIN", "n,,n=u,r=x", None),
            Err(ScramError::Mechanism)
        );
        for body in [
            &b""[..],
            b"SCRAM-SHA-256",
            b"SCRAM-SHA-256\0\0\0\0\x09n,,n=,r=",
            b"\0",
        ] {
            assert!(ClientFirst::parse(body, &Binding::default()).is_err());
        }
    }
}
