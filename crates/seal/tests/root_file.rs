//! The root key file and the provider over it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "tests"
)]

mod fixtures;

use aws_lc_rs::digest;
use fixtures::{Counter, scope};
use privet_seal::{
    Error, FileKeyProvider, KeyId, KeyKind, KeyProvider, Nonce, OpenError, PassphraseCost,
    ProviderError, ROOT_VERSIONS_MAX, RootChange, Secret32, WrapContext, Zeroizing,
};

const PASSPHRASE: &[u8] = b"correct horse battery staple";

fn cheap() -> PassphraseCost {
    PassphraseCost::new(8, 1, 1).unwrap()
}

fn written(change: RootChange) -> Zeroizing<Vec<u8>> {
    match change {
        RootChange::Write { file, .. } => file,
        RootChange::Done { .. } => panic!("a file must be written"),
    }
}

fn text(provider: &FileKeyProvider, entropy: &Counter) -> String {
    String::from_utf8(provider.encode(entropy).to_vec()).unwrap()
}

/// Parses and says what went wrong.
fn failure(file: &str, passphrase: Option<&[u8]>) -> ProviderError {
    FileKeyProvider::parse(file.as_bytes(), passphrase)
        .err()
        .unwrap()
}

/// Recomputes the `check` line of an altered root key file, so that the alteration itself is met.
fn recheck(file: &str) -> String {
    let lines = file.split("check ").next().unwrap();
    let hash = digest::digest(&digest::SHA256, lines.as_bytes());
    let digits: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{lines}check {digits}\n")
}

/// A tenant key, wrapped: checks that what one provider wrapped another unwraps.
struct Tenant {
    key: Secret32,
    wrapped: Vec<u8>,
}

impl Tenant {
    fn wrapped_by(provider: &dyn KeyProvider) -> Self {
        let key = Secret32::from_slice(&[9; 32]).unwrap();
        let nonce = Nonce::from_bytes([1; 12]);
        let wrapped = provider
            .wrap(&Self::context(&scope()), &key, nonce)
            .unwrap();
        Self { key, wrapped }
    }

    fn context(scope: &privet_seal::Scope) -> WrapContext<'_> {
        let (key_id, kind) = (KeyId([4; 16]), KeyKind::Tenant);
        WrapContext {
            scope,
            key_id,
            subject: None,
            kind,
            generation: 0,
        }
    }

    fn unwrap(&self, provider: &dyn KeyProvider) -> Result<(), ProviderError> {
        let (scope, commitment) = (scope(), self.key.commitment());
        let key = provider.unwrap(&Self::context(&scope), &self.wrapped, &commitment)?;
        assert!(key.expose() == self.key.expose());
        Ok(())
    }
}

#[test]
fn a_file_comes_back() {
    let entropy = Counter::default();
    let provider = FileKeyProvider::create(&entropy);
    let tenant = Tenant::wrapped_by(&provider);
    let read = FileKeyProvider::parse(&provider.encode(&entropy), None).unwrap();
    assert_eq!(read.describe(), provider.describe());
    assert_eq!(tenant.unwrap(&read), Ok(()));
    assert_eq!(text(&read, &entropy), text(&provider, &entropy));

    let other = FileKeyProvider::create(&entropy);
    assert_eq!(
        tenant.unwrap(&other),
        Err(ProviderError::UnknownVersion(provider.current()))
    );
    let broken = Tenant {
        wrapped: vec![0; 78],
        ..tenant
    };
    assert_eq!(
        broken.unwrap(&provider),
        Err(ProviderError::Open(OpenError))
    );
}

#[test]
fn versions_come_and_go() {
    let entropy = Counter::default();
    let first = FileKeyProvider::create(&entropy);
    let old = Tenant::wrapped_by(&first);

    let change = first.rotate(&entropy).unwrap();
    let current = change.current();
    assert_eq!(
        first.describe().versions,
        [first.current()],
        "nothing changes before the file"
    );
    let second = FileKeyProvider::parse(&written(change), None).unwrap();
    assert_eq!(second.describe().versions, [first.current(), current]);
    let new = Tenant::wrapped_by(&second);
    assert_eq!((old.unwrap(&second), new.unwrap(&second)), (Ok(()), Ok(())));
    assert_eq!(
        new.unwrap(&first),
        Err(ProviderError::UnknownVersion(current))
    );

    let refused = second.destroy(current, &entropy).err();
    assert_eq!(refused, Some(ProviderError::CurrentVersion(current)));
    let unknown = KeyId([0; 16]);
    let refused = second.destroy(unknown, &entropy).err();
    assert_eq!(refused, Some(ProviderError::UnknownVersion(unknown)));

    let change = second.destroy(first.current(), &entropy).unwrap();
    assert_eq!(change.current(), current);
    let third = FileKeyProvider::parse(&written(change), None).unwrap();
    assert_eq!(
        old.unwrap(&third),
        Err(ProviderError::UnknownVersion(first.current()))
    );
    assert_eq!(new.unwrap(&third), Ok(()));
}

#[test]
fn a_file_holds_a_limited_number_of_versions() {
    let entropy = Counter::default();
    let mut provider = FileKeyProvider::create(&entropy);
    for _ in 1..ROOT_VERSIONS_MAX {
        let file = written(provider.rotate(&entropy).unwrap());
        provider = FileKeyProvider::parse(&file, None).unwrap();
    }
    assert_eq!(provider.rotate(&entropy).err(), Some(ProviderError::Full));
    let protected = provider.protect(PASSPHRASE, cheap(), &entropy).unwrap();
    let file = protected.encode(&entropy);
    assert!(FileKeyProvider::parse(&file, Some(PASSPHRASE)).is_ok());
}

#[test]
fn a_passphrase_protects_the_secrets() {
    let entropy = Counter::default();
    let open = FileKeyProvider::create(&entropy);
    let tenant = Tenant::wrapped_by(&open);
    let plain = text(&open, &entropy);
    let secret = plain.lines().nth(2).unwrap().rsplit(' ').next().unwrap();

    let protected = open.protect(PASSPHRASE, cheap(), &entropy).unwrap();
    assert!(protected.describe().protected);
    let file = text(&protected, &entropy);
    assert!(!file.contains(secret));
    assert!(file.contains("protection argon2id m=8 t=1 p=1 salt="));
    assert_eq!(failure(&file, None), ProviderError::PassphraseNeeded);
    assert_eq!(
        failure(&file, Some(b"correct horse")),
        ProviderError::WrongPassphrase
    );
    assert_eq!(
        failure(&plain, Some(PASSPHRASE)),
        ProviderError::NotProtected
    );

    // Rotating keeps the protection without asking for the passphrase again.
    let read = FileKeyProvider::parse(file.as_bytes(), Some(PASSPHRASE)).unwrap();
    let rotated = written(read.rotate(&entropy).unwrap());
    let read = FileKeyProvider::parse(&rotated, Some(PASSPHRASE)).unwrap();
    assert_eq!(tenant.unwrap(&read), Ok(()));
    assert_eq!(read.describe().versions.len(), 2);
}

#[test]
fn lines_of_a_protected_file_cannot_be_moved_dropped_or_repeated() {
    let entropy = Counter::default();
    let root = FileKeyProvider::create(&entropy)
        .protect(PASSPHRASE, cheap(), &entropy)
        .unwrap();
    let file = written(root.rotate(&entropy).unwrap());
    let file = String::from_utf8(file.to_vec()).unwrap();
    let lines: Vec<&str> = file.lines().collect();
    let &[magic, protection, old, new, _] = lines.as_slice() else {
        panic!("{file}")
    };
    let check = |lines: &[&str]| failure(&recheck(&(lines.join("\n") + "\n")), Some(PASSPHRASE));
    assert_eq!(
        check(&[magic, protection, new, old]),
        ProviderError::WrongPassphrase
    );
    assert_eq!(
        check(&[magic, protection, old]),
        ProviderError::WrongPassphrase
    );
    assert_eq!(
        check(&[magic, protection, new]),
        ProviderError::WrongPassphrase
    );
    assert_eq!(
        check(&[magic, protection, old, new, new]),
        ProviderError::WrongPassphrase
    );
    let cost = protection.replace("t=1", "t=2");
    assert_eq!(
        check(&[magic, &cost, old, new]),
        ProviderError::WrongPassphrase
    );
}

#[test]
fn damaged_files_are_refused_with_a_position() {
    let entropy = Counter::default();
    let file = text(&FileKeyProvider::create(&entropy), &entropy);
    let check = |file: &str, position: usize| match failure(file, None) {
        ProviderError::Malformed(error) => {
            assert_eq!(error.position(), position, "{error}\n{file}");
            assert_eq!(
                ProviderError::Malformed(error).to_string(),
                "malformed root key file"
            );
        }
        other => panic!("{other}"),
    };
    let end = file.find("check ").unwrap();
    check("", 0);
    check("\n", 0);
    check("[server]\naddress = 1\n", 0);
    check("privet-root-keys one\n", 0);
    check("privet-root-keys 0\n", 0);
    check(&file.replace("root ", "Root "), end);
    check(file.trim_end(), end);
    check(&file.replace("check ", "hash "), end);
    check(
        &recheck(&file.replace("protection none", "protection rot13")),
        19,
    );
    check(&recheck(&file.replace("root ", "Root ")), 35);
    check(&recheck(&file.replace("root ", "root x")), 40);
    let line = file.lines().nth(2).unwrap();
    check(&recheck(&file.replace(line, &line[..line.len() - 1])), 35);
    check(
        &recheck(&file.replace(line, &format!("{line}\n{line}"))),
        35 + line.len() + 1,
    );
    let empty = recheck("privet-root-keys 1\nprotection none\n");
    check(&empty, 35);
    check(&recheck(&file.replace("none", "argon2id m=8 t=1 p=1")), 19);
    let costly = "argon2id m=4000000 t=1 p=1 salt=AAAAAAAAAAAAAAAAAAAAAA";
    check(&recheck(&file.replace("none", costly)), 19);
    check(&"x".repeat(100_000), 8704);

    let newer = file.replace("privet-root-keys 1", "privet-root-keys 2");
    assert_eq!(failure(&newer, None), ProviderError::NewerFormat);
}

#[test]
fn costs_have_limits() {
    assert!(PassphraseCost::new(1 << 20, 16, 16).is_ok());
    for (memory, passes, lanes) in [
        (0, 1, 1),
        (7, 1, 1),
        (31, 1, 4),
        ((1 << 20) + 1, 1, 1),
        (64, 0, 1),
        (64, 17, 1),
    ]
    .into_iter()
    .chain([(64, 1, 0), (u32::MAX, 1, 17)])
    {
        assert_eq!(
            PassphraseCost::new(memory, passes, lanes),
            Err(Error::PassphraseCost)
        );
    }
    let recommended = PassphraseCost::RECOMMENDED;
    assert!(recommended.memory_kib() >= 64 * 1024 && recommended.passes() >= 3);
}
