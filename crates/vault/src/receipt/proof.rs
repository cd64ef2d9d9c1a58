//! Proofs of W3C Data Integrity 1.0 with the cryptosuite `eddsa-jcs-2022` (Data Integrity EdDSA Cryptosuites v1.0, section
//! 3.3): an Ed25519 signature over the hashes of two canonical JSON texts (RFC 8785), the proof's own options and the
//! document without its proof.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::canonical::canonical;
use super::{ReceiptError, ReceiptKey, ReceiptPublicKey};

const KIND: &str = "DataIntegrityProof";
const SUITE: &str = "eddsa-jcs-2022";
const PURPOSE: &str = "assertionMethod";
/// Multibase's mark of base58 in Bitcoin's alphabet.
const BASE58: char = 'z';
/// A signature's text has at most 88 characters; more is not looked at.
const VALUE_BYTES_MAX: usize = 96;

/// What stands beside a document. It has no time of its own: a receipt that is asked for again is the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    /// The document's, as the suite wants it.
    #[serde(rename = "@context")]
    context: Json,
    cryptosuite: String,
    #[serde(rename = "proofPurpose")]
    purpose: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "verificationMethod")]
    method: String,
    /// Absent in what is hashed.
    #[serde(
        rename = "proofValue",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    value: Option<String>,
}

impl Proof {
    fn options(document: &Json, key: &ReceiptPublicKey) -> Self {
        Self {
            context: document.get("@context").cloned().unwrap_or_default(),
            cryptosuite: SUITE.to_owned(),
            purpose: PURPOSE.to_owned(),
            kind: KIND.to_owned(),
            method: key.verification_method(),
            value: None,
        }
    }
}

/// The proof of a document, which has none yet.
pub(super) fn make(document: &Json, key: &ReceiptKey) -> Result<Proof, ReceiptError> {
    let mut proof = Proof::options(document, &key.public());
    let signature = key.sign(&hashes(&proof, document)?);
    let mut text = bs58::encode(signature).into_string();
    text.insert(0, BASE58);
    proof.value = Some(text);
    Ok(proof)
}

/// Whether `proof` is one of this document, without its proof, by this key.
pub(super) fn check(
    document: &Json,
    proof: &Proof,
    key: &ReceiptPublicKey,
) -> Result<(), ReceiptError> {
    let options = Proof::options(document, key);
    let suite = |proof: &Proof| (proof.kind.clone(), proof.cryptosuite.clone());
    if suite(proof) != suite(&options) || proof.purpose != options.purpose {
        return Err(ReceiptError::Form);
    }
    if proof.method != options.method {
        return Err(ReceiptError::OtherKey);
    }
    if proof.context != options.context {
        return Err(ReceiptError::Altered);
    }
    let text = proof.value.as_deref().ok_or(ReceiptError::Form)?;
    let digits = text.strip_prefix(BASE58).ok_or(ReceiptError::Form)?;
    if digits.len() > VALUE_BYTES_MAX {
        return Err(ReceiptError::Form);
    }
    let signature = bs58::decode(digits).into_vec();
    let signature = signature.map_err(|_| ReceiptError::Form)?;
    match key.verify(&hashes(&options, document)?, &signature) {
        true => Ok(()),
        false => Err(ReceiptError::Altered),
    }
}

/// What is signed (section 3.3.4): the options' hash and then the document's.
fn hashes(options: &Proof, document: &Json) -> Result<Vec<u8>, ReceiptError> {
    let hash = |text: Vec<u8>| digest(&SHA256, &text);
    let (options, document) = (hash(canonical(options)?), hash(canonical(document)?));
    Ok([options.as_ref(), document.as_ref()].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The document of the specification's test vectors (appendix B.2), with another method of naming the key, and without a
    /// time in its proof: that is the form here.
    fn document() -> Json {
        json!({
            "@context": [
                "https://www.w3.org/ns/credentials/v2",
                "https://www.w3.org/ns/credentials/examples/v2"
            ],
            "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
            "type": ["VerifiableCredential", "AlumniCredential"],
            "name": "Alumni Credential",
            "description": "A minimum viable example of an Alumni Credential.",
            "issuer": "https://vc.example/issuers/5678",
            "validFrom": "2023-01-01T00:00:00Z",
            "credentialSubject": {
                "id": "did:example:abcdefgh",
                "alumniOf": "The School of Examples"
            }
        })
    }

    const SECRET: &str = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq";
    const PUBLIC: &str = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";

    /// The published vector: its options have a time, so that they are put together here, and hashed and signed as ours are.
    #[test]
    fn the_published_vector_is_made() {
        let key = ReceiptKey::from_secret_text(SECRET).unwrap();
        assert_eq!(key.public().multibase(), PUBLIC);
        assert_eq!(&**key.to_secret_text().unwrap(), SECRET);
        let document = document();
        let mut options = serde_json::to_value(Proof::options(&document, &key.public())).unwrap();
        options["created"] = json!("2023-02-24T23:36:38Z");
        let hash = |value: &Json| digest(&SHA256, &canonical(value).unwrap());
        let signed = [hash(&options).as_ref(), hash(&document).as_ref()].concat();
        let start: Vec<u8> = vec![0x66, 0xab, 0x15, 0x4f, 0x5c, 0x28, 0x90, 0xa1];
        assert!(signed.starts_with(&start));
        let signature = bs58::encode(key.sign(&signed)).into_string();
        assert_eq!(
            signature,
            "2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"
        );
    }

    #[test]
    fn a_proof_is_of_one_document_and_one_key() {
        let key = ReceiptKey::from_secret_text(SECRET).unwrap();
        let made = make(&document(), &key).unwrap();
        assert_eq!(check(&document(), &made, &key.public()), Ok(()));
        let mut other = document();
        other["name"] = json!("Alumni credential");
        assert_eq!(
            check(&other, &made, &key.public()),
            Err(ReceiptError::Altered)
        );
        let stranger = ReceiptKey::from_seed(&[9; 32]).unwrap();
        assert_eq!(
            check(&document(), &made, &stranger.public()),
            Err(ReceiptError::OtherKey)
        );
        let mut posing = made;
        posing.method = stranger.public().verification_method();
        assert_eq!(
            check(&document(), &posing, &stranger.public()),
            Err(ReceiptError::Altered)
        );
    }
}
