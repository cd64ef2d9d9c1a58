//! The test vectors in `docs/formats/vectors/`, through this crate and through a second
//! implementation made from other crates. Vectors are added, never changed or deleted.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod oracle;

use argon2::{Algorithm, Argon2, Params, Version};
use oracle::{base64url, expand, info, with_lengths};
use privet_seal::{
    BlindIndex, Block, FieldNumber, FileKeyProvider, IndexKey, KeyId, KeyKind, KeyProvider, MacKey,
    Nonce, PseudonymKey, RecordKey, Scope, SealedRef, SealedText, Secret32, SubjectKey, Value,
    ValueCipher, WrapContext, WrappingKey, from_text, to_text,
};
use serde_json::Value as Json;

fn vectors(name: &str) -> Json {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/vectors/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}.json")).unwrap()).unwrap()
}

/// The cases of a list; an empty one would test nothing.
fn cases<'a>(vectors: &'a Json, list: &str) -> &'a [Json] {
    let cases = vectors[list].as_array().unwrap();
    assert!(!cases.is_empty(), "{list}");
    cases
}

fn text<'a>(case: &'a Json, name: &str) -> &'a str {
    case[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {case}"))
}

fn number<N: TryFrom<u64>>(case: &Json, name: &str) -> N {
    let number = case[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} in {case}"));
    N::try_from(number).ok().unwrap()
}

fn from_hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2));
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn bytes(case: &Json, name: &str) -> Vec<u8> {
    from_hex(text(case, name))
}

fn secret(case: &Json, name: &str) -> Secret32 {
    Secret32::from_slice(&bytes(case, name)).unwrap()
}

fn nonce(case: &Json) -> Nonce {
    Nonce::from_bytes(bytes(case, "nonce").try_into().unwrap())
}

fn scope(case: &Json) -> Scope {
    Scope::new(text(case, "environment"), text(case, "tenant")).unwrap()
}

fn cipher(case: &Json) -> ValueCipher {
    let key_id: KeyId = text(case, "key_id").parse().unwrap();
    SubjectKey::from(secret(case, "subject_key")).cipher(&scope(case), key_id)
}

#[test]
fn sealed_values() {
    for case in cases(&vectors("sealed-values"), "valid") {
        let raw = match text(case, "type") {
            "text" => text(case, "value").as_bytes().to_vec(),
            "integer" => text(case, "value")
                .parse::<i64>()
                .unwrap()
                .to_be_bytes()
                .to_vec(),
            _ => bytes(case, "value"),
        };
        let eight = || <[u8; 8]>::try_from(raw.as_slice()).unwrap();
        let (tag, value) = match text(case, "type") {
            "text" => (1, Value::Text(text(case, "value"))),
            "integer" => (2, Value::Integer(i64::from_be_bytes(eight()))),
            "real" => (3, Value::Real(f64::from_bits(u64::from_be_bytes(eight())))),
            "bytes" => (4, Value::Bytes(&raw)),
            other => panic!("{other}"),
        };
        seal_here(case, value);
        seal_there(case, tag, &raw);
    }
}

/// Through this crate.
fn seal_here(case: &Json, value: Value<'_>) {
    let (name, field) = (text(case, "name"), FieldNumber(number(case, "field")));
    let block = Block::new(number(case, "block")).unwrap();
    let sealed = cipher(case).seal(field, value, block, nonce(case)).unwrap();
    assert_eq!(sealed, bytes(case, "sealed"), "{name}");
    assert_eq!(to_text(&sealed), text(case, "text"));
    assert_eq!(from_text(text(case, "text")).unwrap(), sealed);
    assert!(SealedText::recognize(text(case, "text")).is_some());

    let opened = cipher(case)
        .open(field, &SealedRef::parse(&sealed).unwrap())
        .unwrap();
    let same = match (opened.as_value(), value) {
        // A NaN equals nothing, but its bits must come back.
        (Value::Real(opened), Value::Real(value)) => opened.to_bits() == value.to_bits(),
        (opened, value) => opened == value,
    };
    assert!(same, "{name}");
}

/// Through the second implementation.
fn seal_there(case: &Json, tag: u8, raw: &[u8]) {
    let value_key = expand(&bytes(case, "subject_key"), &info("privet/v1/value"));
    assert_eq!(value_key, bytes(case, "value_key"));
    let (key_id, nonce) = (bytes(case, "key_id"), bytes(case, "nonce"));
    let field = number::<u16>(case, "field").to_be_bytes();
    let associated_data = with_lengths(&[
        b"privet/v1/value",
        &[1],
        &[oracle::SUITE],
        text(case, "environment").as_bytes(),
        text(case, "tenant").as_bytes(),
        &key_id,
        &field,
    ]);
    assert_eq!(associated_data, bytes(case, "associated_data"));
    let plaintext = oracle::pad(tag, raw, number(case, "block"));
    assert_eq!(plaintext, bytes(case, "plaintext"));
    let encrypted = oracle::encrypt(&value_key, &nonce, &associated_data, &plaintext);
    let sealed = [
        vec![1, oracle::SUITE],
        key_id,
        field.to_vec(),
        nonce,
        encrypted,
    ]
    .concat();
    assert_eq!(sealed, bytes(case, "sealed"), "{}", text(case, "name"));
    assert_eq!(format!("pv1_{}", base64url(&sealed)), text(case, "text"));
}

#[test]
fn sealed_values_that_do_not_open() {
    let vectors = vectors("sealed-values");
    for case in cases(&vectors, "invalid") {
        let sealed = bytes(case, "sealed");
        let field = FieldNumber(number(case, "field"));
        let opened =
            SealedRef::parse(&sealed).is_ok_and(|sealed| cipher(case).open(field, &sealed).is_ok());
        assert!(!opened, "{}", text(case, "name"));

        // What is called authentic must be so: only its plaintext is wrong.
        if text(case, "name").starts_with("authentic") {
            let key = expand(&bytes(case, "subject_key"), &info("privet/v1/value"));
            let own = &cases(&vectors, "valid")[0];
            let aad = bytes(own, "associated_data");
            let plaintext = oracle::decrypt(&key, &sealed[20..32], &aad, &sealed[32..]);
            assert!(plaintext.is_some(), "{}", text(case, "name"));
        }
    }
    for case in cases(&vectors, "invalid_texts") {
        assert!(
            from_text(text(case, "text")).is_err(),
            "{}",
            text(case, "name")
        );
    }
}

#[test]
fn blind_indexes() {
    let vectors = vectors("blind-indexes");
    for case in cases(&vectors, "valid") {
        let (version, normalized) = (number::<u16>(case, "version"), text(case, "normalized"));
        let index = IndexKey::new(secret(case, "index_key"), version).index(normalized);
        assert_eq!(index.as_bytes().as_slice(), bytes(case, "index"));
        assert_eq!(index.to_text(), text(case, "text"));
        assert_eq!(BlindIndex::parse(text(case, "text")), Ok(index));

        let code = oracle::hmac(&bytes(case, "index_key"), normalized.as_bytes());
        let index = [version.to_be_bytes().as_slice(), &code[..16]].concat();
        assert_eq!(index, bytes(case, "index"));
        assert_eq!(format!("px1_{}", base64url(&index)), text(case, "text"));
    }
    for case in cases(&vectors, "invalid_texts") {
        assert!(
            BlindIndex::parse(text(case, "text")).is_err(),
            "{}",
            text(case, "name")
        );
    }
}

/// The context of a wrapped key: kind and generation as numbers, the subject or null.
fn context<'a>(case: &Json, scope: &'a Scope) -> WrapContext<'a> {
    let subject = case["subject"]
        .as_str()
        .map(|digits| from_hex(digits).try_into().unwrap());
    WrapContext {
        scope,
        key_id: text(case, "key_id").parse().unwrap(),
        subject,
        kind: KeyKind::from_code(number(case, "kind")).unwrap(),
        generation: number(case, "generation"),
    }
}

fn wrapping_key(case: &Json) -> WrappingKey {
    let id = text(case, "wrapping_key_id").parse().unwrap();
    WrappingKey::new(id, secret(case, "wrapping_key"))
}

#[test]
fn wrapped_keys() {
    for case in cases(&vectors("keys"), "wrapped") {
        let (scope, key) = (scope(case), secret(case, "key"));
        let context = context(case, &scope);
        let wrapped = wrapping_key(case).wrap(&context, &key, nonce(case));
        assert_eq!(wrapped, bytes(case, "wrapped"));
        assert_eq!(key.commitment().as_slice(), bytes(case, "commitment"));
        let commitment = bytes(case, "commitment").try_into().unwrap();
        let unwrapped = wrapping_key(case)
            .unwrap(&context, &wrapped, &commitment)
            .unwrap();
        assert!(unwrapped.expose() == key.expose());

        let derived_key = expand(&bytes(case, "wrapping_key"), &info("privet/v1/wrap"));
        assert_eq!(derived_key, bytes(case, "derived_key"));
        assert_eq!(
            expand(&bytes(case, "key"), b"privet/v1/commitment"),
            commitment
        );
        let associated_data = with_lengths(&[
            b"privet/v1/wrap",
            text(case, "environment").as_bytes(),
            text(case, "tenant").as_bytes(),
            &bytes(case, "key_id"),
            &case["subject"].as_str().map(from_hex).unwrap_or_default(),
            &[number(case, "kind")],
            &number::<u32>(case, "generation").to_be_bytes(),
        ]);
        assert_eq!(associated_data, bytes(case, "associated_data"));
        let nonce = bytes(case, "nonce");
        let encrypted =
            oracle::encrypt(&derived_key, &nonce, &associated_data, &bytes(case, "key"));
        let head = [
            &[1, oracle::SUITE],
            bytes(case, "wrapping_key_id").as_slice(),
        ]
        .concat();
        assert_eq!([head, nonce, encrypted].concat(), bytes(case, "wrapped"));
    }
}

#[test]
fn wrapped_keys_that_do_not_unwrap() {
    let vectors = vectors("keys");
    for case in cases(&vectors, "wrapped_invalid") {
        let scope = scope(case);
        let commitment = bytes(case, "commitment").try_into().unwrap();
        let unwrapped =
            wrapping_key(case).unwrap(&context(case, &scope), &bytes(case, "wrapped"), &commitment);
        assert!(unwrapped.is_err(), "{}", text(case, "name"));
    }
    for (case, kind) in cases(&vectors, "kinds").iter().zip(KeyKind::ALL) {
        assert_eq!(
            (text(case, "name"), number::<u8>(case, "code")),
            (kind.name(), kind.code())
        );
    }
}

#[test]
fn codes_and_pseudonyms() {
    let vectors = vectors("keys");
    for case in cases(&vectors, "codes") {
        let parts = case["parts"].as_array().unwrap();
        let parts: Vec<Vec<u8>> = parts
            .iter()
            .map(|part| from_hex(part.as_str().unwrap()))
            .collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let code = bytes(case, "mac");
        assert_eq!(
            MacKey::from(secret(case, "key")).mac(&parts).as_slice(),
            code
        );
        assert_eq!(
            oracle::code(&bytes(case, "key"), "privet/v1/link", &parts),
            code
        );
    }
    for case in cases(&vectors, "pseudonyms") {
        let subject = bytes(case, "subject").try_into().unwrap();
        let (purpose, recipient) = (text(case, "purpose"), text(case, "recipient"));
        let (key, raw) = if case["subject_key"].is_string() {
            let key = SubjectKey::from(secret(case, "subject_key")).pseudonym_key();
            (
                key,
                expand(&bytes(case, "subject_key"), b"privet/v1/pseudonym-key"),
            )
        } else {
            let key = PseudonymKey::from(secret(case, "pseudonym_key"));
            (key, bytes(case, "pseudonym_key"))
        };
        assert_eq!(
            key.pseudonym(&subject, purpose, recipient),
            text(case, "pseudonym")
        );
        let parts = [subject.as_slice(), purpose.as_bytes(), recipient.as_bytes()];
        let code = oracle::code(&raw, "privet/v1/pseudonym", &parts);
        assert_eq!(
            format!("ps1_{}", base64url(&code[..16])),
            text(case, "pseudonym")
        );
    }
}

#[test]
fn records() {
    for case in cases(&vectors("keys"), "records") {
        let (record, aad) = (
            text(case, "record").as_bytes(),
            text(case, "aad").as_bytes(),
        );
        let (key, raw) = if case["session_key"].is_string() {
            let (session, subject) = (secret(case, "session_key"), secret(case, "subject_key"));
            let both = [bytes(case, "session_key"), bytes(case, "subject_key")].concat();
            let salt = b"privet/v1/record-combined";
            let raw = oracle::extract_and_expand(salt, &both, &info("privet/v1/record"));
            (
                RecordKey::combine(&session, [&SubjectKey::from(subject)]),
                raw,
            )
        } else {
            let raw = expand(&bytes(case, "key"), &info("privet/v1/record"));
            (RecordKey::from(secret(case, "key")), raw)
        };
        let sealed = key.seal(record, aad, nonce(case)).unwrap();
        assert_eq!(sealed, bytes(case, "sealed"));
        assert_eq!(key.open(&sealed, aad).unwrap().as_slice(), record);

        let head = with_lengths(&[b"privet/v1/record", &[1], &[oracle::SUITE]]);
        let nonce = bytes(case, "nonce");
        let encrypted = oracle::encrypt(&raw, &nonce, &[head.as_slice(), aad].concat(), record);
        assert_eq!(
            [vec![1, oracle::SUITE], nonce, encrypted].concat(),
            bytes(case, "sealed")
        );
    }
}

#[test]
fn root_files() {
    for case in cases(&vectors("keys"), "root_files") {
        let passphrase = case["passphrase"].as_str().map(str::as_bytes);
        let file = text(case, "file");
        let provider = FileKeyProvider::parse(file.as_bytes(), passphrase).unwrap();
        let versions: Vec<String> = provider
            .describe()
            .versions
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected: Vec<&str> = case["versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap())
            .collect();
        assert_eq!(versions, expected);

        // The second implementation reads the current version; both wrap the same.
        let current = read_current(file, passphrase, versions.len());
        let root = WrappingKey::new(provider.current(), Secret32::from_slice(&current).unwrap());
        let (scope, key) = (
            Scope::new("prod", "acme").unwrap(),
            SubjectKey::from(root_key()),
        );
        let context = WrapContext {
            scope: &scope,
            key_id: KeyId([1; 16]),
            subject: None,
            kind: KeyKind::Tenant,
            generation: 0,
        };
        let nonce = || Nonce::from_bytes([2; 12]);
        let wrapped = provider.wrap(&context, key.secret(), nonce()).unwrap();
        assert_eq!(wrapped, root.wrap(&context, key.secret(), nonce()));
    }
}

fn root_key() -> Secret32 {
    Secret32::from_slice(&[3; 32]).unwrap()
}

/// Reads the last `root` line of a root key file.
fn read_current(file: &str, passphrase: Option<&[u8]>, count: usize) -> Vec<u8> {
    let lines: Vec<&str> = file.lines().collect();
    let protection: Vec<&str> = lines[1].split(' ').collect();
    let current: Vec<&str> = lines[lines.len() - 2].split(' ').collect();
    let stored = oracle::from_base64url(current[2]);
    let Some(passphrase) = passphrase else {
        return stored;
    };

    let part = |place: usize, prefix| protection[place].strip_prefix(prefix).unwrap();
    let cost = |place, prefix| part(place, prefix).parse().unwrap();
    let params = Params::new(cost(2, "m="), cost(3, "t="), cost(4, "p="), Some(32)).unwrap();
    let mut key = [0; 32];
    let salt = oracle::from_base64url(part(5, "salt="));
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, &salt, &mut key)
        .unwrap();
    let associated_data = with_lengths(&[
        b"privet/v1/root-file",
        lines[1].as_bytes(),
        &from_hex(current[1]),
        &(count as u64 - 1).to_be_bytes(),
        &(count as u64).to_be_bytes(),
    ]);
    let key = expand(&key, &info("privet/v1/root-file"));
    oracle::decrypt(&key, &stored[..12], &associated_data, &stored[12..]).unwrap()
}
