//! Side records: what an entry says that is long or personal, sealed under a key that dies. The entry holds the
//! SHA-256 of the sealed bytes, so a side record can be destroyed alone, but not changed.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use privet_seal::{Entropy, KeyId, Nonce, RecordKey, Zeroizing};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::hex::Hex;
use super::subjects::{Seed, SubjectProof, SubjectUse, prove_leaf};
use crate::port::SideRow;
use crate::{Error, Result, SubjectRef};

/// Version of sealed side records and of the JSON inside.
const VERSION: u8 = 1;

/// `version(1) | key id(16)`, before the sealed record.
const HEADER_BYTES: usize = 17;

/// Keeps this use of a record key apart from any other.
const LABEL: &[u8] = b"privet/v1/side";

/// Ids in a subject reference.
const REFERENCE_BYTES: usize = 16;

/// A key of side records: of a session, or of a day. Destroying it in the key store ends what it sealed.
pub struct SideKey {
    id: KeyId,
    key: RecordKey,
}

impl SideKey {
    /// The key that the key store knows by `id`.
    pub fn new(id: KeyId, key: RecordKey) -> Self {
        Self { id, key }
    }

    /// The id that stands before every record it sealed.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl std::fmt::Debug for SideKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SideKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A side record as the store holds it, with the hash that the entry states already checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSide {
    key_id: KeyId,
    sealed: Vec<u8>,
}

impl SealedSide {
    /// Takes a row from the store.
    ///
    /// # Errors
    /// [`Error::Internal`] if the bytes are not those that the hash was made of, or not a side record of this version.
    pub fn from_row(row: SideRow) -> Result<Self> {
        if sha256(&row.sealed) != row.sha256 {
            return Err(Error::Internal("a side record was changed outside Privet"));
        }
        match row.sealed.first_chunk::<HEADER_BYTES>() {
            Some([VERSION, id @ ..]) => Ok(Self {
                key_id: KeyId(*id),
                sealed: row.sealed,
            }),
            _ => Err(Error::Internal("a side record of an unknown version")),
        }
    }

    /// How many bytes it takes.
    pub(crate) fn len(&self) -> usize {
        self.sealed.len()
    }

    /// The key that opens it; where the key store has it no longer, the record has ended.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Opens the record.
    ///
    /// # Errors
    /// [`Error::Internal`] if the key is another one or the record was changed; the same for every cause.
    pub fn open(&self, key: &SideKey) -> Result<SideRecord> {
        const ERROR: fn() -> Error = || Error::Internal("a side record does not open");
        let (header, record) = self
            .sealed
            .split_at_checked(HEADER_BYTES)
            .ok_or_else(ERROR)?;
        if key.id != self.key_id {
            return Err(ERROR());
        }
        let opened = key
            .key
            .open(record, &associated_data(header))
            .map_err(|_| ERROR())?;
        let json: SideJson = serde_json::from_slice(&opened).map_err(|_| ERROR())?;
        if json.v != VERSION {
            return Err(ERROR());
        }
        Ok(SideRecord {
            seed: json.seed.map(|seed| seed.0),
            subjects: ungroup(&json.subjects).ok_or_else(ERROR)?,
            data: json.data,
        })
    }
}

/// An opened side record.
#[derive(Clone, PartialEq)]
pub struct SideRecord {
    seed: Option<Seed>,
    /// The subjects of the entry, in the order of its salted tree.
    pub subjects: Vec<SubjectUse>,
    /// What is long or personal, by name.
    pub data: Map<String, Value>,
}

impl SideRecord {
    /// What `subject` may be shown of the entry; `None` if the entry is not about it.
    pub fn subject_proof(&self, subject: SubjectRef) -> Option<SubjectProof> {
        let index = self
            .subjects
            .iter()
            .position(|candidate| candidate.reference == subject)?;
        prove_leaf(self.seed.as_ref()?, &self.subjects, index)
    }
}

impl std::fmt::Debug for SideRecord {
    // What it holds is what must not stand in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SideRecord").finish_non_exhaustive()
    }
}

/// Seals the side record of an entry.
pub(crate) fn seal(
    key: &SideKey,
    seed: Option<&Seed>,
    subjects: &[SubjectUse],
    data: SideData<'_>,
    entropy: &dyn Entropy,
) -> Result<SideRow> {
    let json = SideJsonRef {
        v: VERSION,
        seed: seed.map(|seed| Hex(*seed)),
        subjects: group(subjects),
        data,
    };
    let statements = data.statements.map_or(0, |json| json.get().len());
    let room = 256 + 24 * subjects.len() + statements;
    let mut plain = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *plain, &json)
        .map_err(|_| Error::Internal("a side record cannot be JSON"))?;
    let mut header = [VERSION; HEADER_BYTES];
    let (_, id) = header.split_at_mut(1);
    id.copy_from_slice(key.id.as_bytes());
    let record = key
        .key
        .seal(&plain, &associated_data(&header), Nonce::random(entropy))
        .map_err(|_| Error::Internal("a side record is too long"))?;
    let sealed = [&header, record.as_slice()].concat();
    Ok(SideRow {
        sha256: sha256(&sealed),
        sealed,
    })
}

fn associated_data(header: &[u8]) -> Vec<u8> {
    [LABEL, header].concat()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    // SHA-256 always yields 32 bytes, so both sides have the same length.
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[derive(Serialize)]
struct SideJsonRef<'a> {
    v: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<Hex<32>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<Group>,
    #[serde(skip_serializing_if = "SideData::is_empty")]
    data: SideData<'a>,
}

/// What a side record says by name.
#[derive(Clone, Copy)]
pub(crate) struct SideData<'a> {
    pub(crate) map: &'a Map<String, Value>,
    /// The statements, if there are any; a name of its own.
    pub(crate) statements: Option<&'a RawValue>,
}

impl SideData<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty() && self.statements.is_none()
    }
}

impl Serialize for SideData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.map {
            map.serialize_entry(name, value)?;
        }
        if let Some(statements) = self.statements {
            map.serialize_entry("statements", statements)?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
struct SideJson {
    v: u8,
    seed: Option<Hex<32>>,
    #[serde(default)]
    subjects: Vec<Group>,
    #[serde(default)]
    data: Map<String, Value>,
}

/// Consecutive subjects with the same fields and count: a bulk call is mostly one group, 22 characters a subject.
#[derive(Serialize, Deserialize)]
struct Group {
    fields: Vec<u16>,
    count: u32,
    /// Base64url of the references, 16 bytes each, one after the other.
    refs: String,
}

fn group(subjects: &[SubjectUse]) -> Vec<Group> {
    subjects
        .chunk_by(|a, b| a.count == b.count && a.fields == b.fields)
        .filter_map(|chunk| {
            let first = chunk.first()?;
            let mut refs = Vec::with_capacity(REFERENCE_BYTES * chunk.len());
            for subject in chunk {
                refs.extend_from_slice(subject.reference.as_bytes());
            }
            Some(Group {
                fields: first.fields.to_vec(),
                count: first.count,
                refs: URL_SAFE_NO_PAD.encode(refs),
            })
        })
        .collect()
}

fn ungroup(groups: &[Group]) -> Option<Vec<SubjectUse>> {
    let mut subjects = Vec::new();
    for group in groups {
        let refs = URL_SAFE_NO_PAD.decode(&group.refs).ok()?;
        let (references, []) = refs.as_chunks::<REFERENCE_BYTES>() else {
            return None;
        };
        let fields: std::sync::Arc<[u16]> = group.fields.as_slice().into();
        subjects.extend(references.iter().map(|reference| SubjectUse {
            reference: SubjectRef::from_bytes(*reference),
            fields: fields.clone(),
            count: group.count,
        }));
    }
    Some(subjects)
}

#[cfg(test)]
mod tests {
    use privet_seal::Secret32;

    use super::*;
    use crate::audit::subjects::subjects_root;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    fn key(id: u8) -> SideKey {
        let secret = Secret32::from_slice(&[id; 32]).unwrap();
        SideKey::new(KeyId([id; 16]), RecordKey::from(secret))
    }

    fn subjects(count: u8) -> Vec<SubjectUse> {
        (0..count)
            .map(|i| SubjectUse {
                reference: SubjectRef::from_bytes([i; 16]),
                fields: if i < 3 { [1].into() } else { [1, 2].into() },
                count: 1,
            })
            .collect()
    }

    fn sealed(count: u8) -> SideRow {
        let data = serde_json::json!({"address": "192.0.2.7"});
        seal(
            &key(1),
            Some(&[9; 32]),
            &subjects(count),
            SideData {
                map: data.as_object().unwrap(),
                statements: None,
            },
            &Fixed,
        )
        .unwrap()
    }

    #[test]
    fn what_was_sealed_opens_and_proves() {
        let side = SealedSide::from_row(sealed(5)).unwrap();
        assert_eq!(side.key_id(), KeyId([1; 16]));
        let opened = side.open(&key(1)).unwrap();
        assert_eq!(opened.subjects, subjects(5));
        assert_eq!(opened.data["address"], "192.0.2.7");
        let proof = opened
            .subject_proof(SubjectRef::from_bytes([4; 16]))
            .unwrap();
        assert!(proof.verify(&subjects_root(&[9; 32], &subjects(5)), 5));
        assert_eq!(opened.subject_proof(SubjectRef::from_bytes([5; 16])), None);
    }

    #[test]
    fn nothing_else_opens() {
        let row = sealed(5);
        assert!(
            SealedSide::from_row(row.clone())
                .unwrap()
                .open(&key(2))
                .is_err()
        );
        for place in 0..row.sealed.len() {
            let mut changed = row.clone();
            changed.sealed[place] ^= 1;
            assert!(
                SealedSide::from_row(changed.clone()).is_err(),
                "the hash notices byte {place}"
            );
            changed.sha256 = sha256(&changed.sealed);
            let opened = SealedSide::from_row(changed).and_then(|side| side.open(&key(1)));
            assert!(opened.is_err(), "the seal notices byte {place}");
        }
        let short = SideRow {
            sha256: sha256(&row.sealed[..10]),
            sealed: row.sealed[..10].to_vec(),
        };
        assert!(SealedSide::from_row(short).is_err());
    }

    #[test]
    fn a_bulk_call_stays_small() {
        let uniform: Vec<_> = (0..100)
            .map(|i| SubjectUse {
                reference: SubjectRef::from_bytes([i; 16]),
                fields: [1, 2].into(),
                count: 2,
            })
            .collect();
        let data = SideData {
            map: &Map::new(),
            statements: None,
        };
        let row = seal(&key(1), Some(&[9; 32]), &uniform, data, &Fixed).unwrap();
        assert!(
            row.sealed.len() < 2400,
            "{} bytes for 100 subjects",
            row.sealed.len()
        );
    }
}
