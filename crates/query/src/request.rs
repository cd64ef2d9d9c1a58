//! What is asked, as it comes through standard input: one line of JSON, then the ids of the people who agree, 16 bytes each.

use std::io::{BufRead, Read};

use privet_telemetry_store::Attribute;
use serde::Deserialize;

use crate::error::Error;
use crate::people::People;

/// The format that is understood.
const FORMAT: u32 = 1;
/// The longest first line: a statement, credentials, and a thousand columns.
const LINE_SIZE_BYTES_MAX: u64 = 1 << 20;
/// The longest statement.
const SQL_SIZE_BYTES_MAX: usize = 64 << 10;
/// The most people: 16 bytes each are held in memory.
const PEOPLE_MAX: u64 = 1 << 27;

/// What is asked.
#[derive(Debug)]
pub struct Request {
    /// The first line.
    pub header: Header,
    /// Whose rows may be seen.
    pub people: People,
}

/// The first line.
#[derive(Deserialize)]
pub struct Header {
    format: u32,
    /// The purpose, as the data map names it.
    pub purpose: String,
    /// The statement.
    pub sql: String,
    /// How the answer is written.
    pub output: Output,
    /// The telemetry store's address.
    pub store: String,
    /// What the object store's client is told; credentials are among it.
    #[serde(default)]
    pub options: Vec<(String, String)>,
    /// The columns that the data map's attributes have.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
    people: Who,
    /// What the query may take.
    #[serde(default)]
    pub limits: Limits,
}

/// Credentials, and a statement that can quote a person, belong into no log.
impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Header")
            .field("purpose", &self.purpose)
            .field("output", &self.output)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Who {
    Everybody(Everybody),
    /// So many ids follow.
    Count(u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Everybody {
    Everybody,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// For people to look at.
    Table,
    /// RFC 4180, with a line of names.
    Csv,
    /// One JSON object a line.
    Json,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
}

/// What a query may take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Memory of joins, groups and sorting.
    pub memory_bytes: u64,
    /// Where to put what does not fit into memory; none: nothing is put anywhere.
    pub spill_folder: Option<std::path::PathBuf>,
    /// How much may lie there.
    pub spill_bytes: u64,
    /// From start to end.
    pub time_ms: u64,
    /// Rows of the answer.
    pub rows: u64,
    /// Bytes of the answer.
    pub output_bytes: u64,
    /// Parts of the work done at the same time.
    pub partitions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            spill_folder: None,
            spill_bytes: 4 << 30,
            time_ms: 60_000,
            rows: 1_000_000,
            output_bytes: 1 << 30,
            partitions: 2,
        }
    }
}

impl Request {
    /// Reads a request. What comes behind it is not touched.
    ///
    /// # Errors
    ///
    /// [`Error::Request`]; it quotes nothing.
    pub fn read(input: &mut impl BufRead) -> Result<Self, Error> {
        let mut line = Vec::new();
        let mut head = input.take(LINE_SIZE_BYTES_MAX);
        head.read_until(b'\n', &mut line)
            .map_err(|_| Error::Request("it cannot be read"))?;
        if line.pop() != Some(b'\n') {
            return Err(Error::Request("its first line does not end"));
        }
        let header: Header = serde_json::from_slice(&line)
            .map_err(|_| Error::Request("its first line is malformed"))?;
        if header.format != FORMAT {
            return Err(Error::Request("its format is not known"));
        }
        if header.sql.len() > SQL_SIZE_BYTES_MAX {
            return Err(Error::Request("the statement is longer than 64 KiB"));
        }
        let people = match header.people {
            Who::Everybody(Everybody::Everybody) => People::Everybody,
            Who::Count(count) if count > PEOPLE_MAX => {
                return Err(Error::Request("there are too many people"));
            }
            Who::Count(count) => {
                let size_bytes = count * 16;
                let mut ids = Vec::new();
                input
                    .take(size_bytes)
                    .read_to_end(&mut ids)
                    .map_err(|_| Error::Request("the people's ids cannot be read"))?;
                if u64::try_from(ids.len()) != Ok(size_bytes) {
                    return Err(Error::Request("people's ids are missing"));
                }
                People::from_sorted_bytes(&ids)?
            }
        };
        Ok(Self { header, people })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Request, String> {
        Request::read(&mut &*bytes).map_err(|error| error.to_string())
    }

    fn line(people: &str) -> Vec<u8> {
        format!(
            "{{\"format\":1,\"purpose\":\"improvement\",\"sql\":\"SELECT 1\",\"output\":\"csv\",\"store\":\"/t\",\"people\":{people}}}\n"
        )
        .into_bytes()
    }

    #[test]
    fn a_request_says_whose_rows() {
        let mut bytes = line("2");
        bytes.extend([0_u8; 16]);
        bytes.extend([1_u8; 16]);
        let request = read(&bytes).unwrap();
        assert_eq!(format!("{:?}", request.people), "Only(2 people)");
        assert_eq!(
            read(&line("\"everybody\"")).unwrap().people,
            People::Everybody
        );
        assert_eq!(read(&line("0")).unwrap().people, People::Only([].into()));
    }

    /// Whatever is wrong, nobody is seen rather than everybody.
    #[test]
    fn what_is_not_said_clearly_is_refused() {
        for people in ["null", "\"all\"", "-1", "{}", "3", "1e99", "999999999999"] {
            let mut bytes = line(people);
            bytes.extend([0_u8; 16]);
            bytes.extend([1_u8; 16]);
            assert!(read(&bytes).is_err(), "{people}");
        }
        let mut bytes = line("2");
        bytes.extend([1_u8; 16]);
        bytes.extend([0_u8; 16]);
        assert!(read(&bytes).is_err());
        assert!(read(b"").is_err() && read(b"{}\n").is_err() && read(&line("0")[..40]).is_err());
        let text = String::from_utf8(line("0")).unwrap();
        let later = text.replace("\"format\":1", "\"format\":2");
        assert!(read(later.as_bytes()).is_err());
        let long = text.replace("SELECT 1", &"x".repeat(SQL_SIZE_BYTES_MAX + 1));
        assert!(read(long.as_bytes()).is_err());
    }
}
