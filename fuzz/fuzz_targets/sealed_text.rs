//! Sealed values and blind indexes, as text and binary, from anybody: never a panic, one text for one value, and nothing
//! opens that was not sealed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_seal::{
    BlindIndex, Block, Nonce, Scope, SealedRef, SealedText, Secret32, SubjectKey, Value,
    ValueCipher, from_text, to_text,
};

fuzz_target!(|data: &[u8]| {
    binary(data);
    recognized(data);
    if let Ok(text) = str::from_utf8(data) {
        texts(text);
        sealed_here(Value::Text(text));
    }
    sealed_here(Value::Bytes(data));
});

fn binary(data: &[u8]) {
    let Ok(sealed) = SealedRef::parse(data) else {
        return;
    };
    assert_eq!(sealed.bytes(), data);
    assert_eq!(from_text(&to_text(data)).as_deref(), Ok(data));
    // Nobody knows this key, so nobody can have sealed with it.
    assert!(cipher(&sealed).open(sealed.field(), &sealed).is_err());
}

/// What the SQL door does with every cell.
fn recognized(data: &[u8]) {
    let Some(text) = SealedText::recognize(data) else {
        return;
    };
    let mut buffer = Vec::new();
    if let Ok(sealed) = text.decode_into(&mut buffer) {
        assert_eq!(
            (sealed.key_id(), sealed.field()),
            (text.key_id(), text.field())
        );
        assert_eq!(to_text(sealed.bytes()).as_bytes(), data);
    }
}

fn texts(text: &str) {
    if let Ok(sealed) = from_text(text) {
        assert_eq!(to_text(&sealed), text);
        assert!(SealedText::recognize(text).is_some());
    }
    if let Ok(index) = BlindIndex::parse(text) {
        assert_eq!(index.to_text(), text);
    }
}

fn sealed_here(value: Value<'_>) {
    let data = [0x01, 0x01]
        .into_iter()
        .chain([7; 16 + 2 + 12 + 2 + 16])
        .collect::<Vec<u8>>();
    let any = SealedRef::parse(&data).unwrap();
    let cipher = cipher(&any);
    for block in [Block::FREE_TEXT, Block::SHORT] {
        let sealed = cipher
            .seal(any.field(), value, block, Nonce::from_bytes([7; 12]))
            .unwrap();
        let sealed = SealedRef::parse(&sealed).unwrap();
        let mut buffer = Vec::new();
        let opened = cipher.open_into(any.field(), &sealed, &mut buffer).unwrap();
        assert!(opened == value);
    }
}

fn cipher(sealed: &SealedRef<'_>) -> ValueCipher {
    let key = SubjectKey::from(Secret32::from_slice(&[9; 32]).unwrap());
    key.cipher(&Scope::new("fuzz", "acme").unwrap(), sealed.key_id())
}
