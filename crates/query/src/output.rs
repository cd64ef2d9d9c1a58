//! Writing an answer, within its limits.

use std::io::{self, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::parquet::arrow::ArrowWriter;

use crate::error::Error;
use crate::request::{Limits, Output};

/// The largest table to look at; it is laid out as a whole.
const TABLE_ROWS_MAX: u64 = 10_000;

const ROWS: &str = "the answer has more rows than it may: add a LIMIT, or group";
const BYTES: &str = "the answer is larger than it may be: ask for fewer columns or rows";
const TABLE: &str =
    "a table to look at has at most 10,000 rows: add a LIMIT, or ask for another format";

/// Where an answer goes.
struct Answer<W: Write + Send> {
    rows: u64,
    rows_max: u64,
    schema: SchemaRef,
    form: Form<W>,
}

impl<W: Write + Send> std::fmt::Debug for Answer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

enum Form<W: Write + Send> {
    Table(Bounded<W>, Vec<RecordBatch>),
    Csv(Box<csv::Writer<Bounded<W>>>),
    Json(LineDelimitedWriter<Bounded<W>>),
    Parquet(Box<ArrowWriter<Bounded<W>>>),
    Arrow(Box<StreamWriter<Bounded<W>>>),
}

/// Bytes up to a limit. What is behind it says what went wrong, since writers of formats wrap errors in their own.
struct Bounded<W> {
    output: W,
    rest: u64,
    failed: std::sync::Arc<std::sync::atomic::AtomicU8>,
}

const FULL: u8 = 1;
const CLOSED: u8 = 2;

impl<W> Bounded<W> {
    /// Remembers that nobody takes what is written.
    fn note(&self, done: io::Result<()>) -> io::Result<()> {
        done.inspect_err(|_| {
            self.failed
                .store(CLOSED, std::sync::atomic::Ordering::Relaxed);
        })
    }
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some(rest) = self.rest.checked_sub(size) else {
            self.failed
                .store(FULL, std::sync::atomic::Ordering::Relaxed);
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        let written = self.output.write_all(bytes);
        self.note(written)?;
        self.rest = rest;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.output.flush();
        self.note(flushed)
    }
}

/// Writes an answer and says how it ended.
pub struct Writing<W: Write + Send> {
    answer: Answer<W>,
    failed: std::sync::Arc<std::sync::atomic::AtomicU8>,
}

impl<W: Write + Send> std::fmt::Debug for Writing<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.answer.fmt(f)
    }
}

impl<W: Write + Send> Writing<W> {
    /// Begins an answer.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`], [`Error::Abandoned`], [`Error::Statement`] (the format has no place for a column's type).
    pub fn begin(
        output: W,
        form: Output,
        schema: &SchemaRef,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let failed = std::sync::Arc::default();
        let output = Bounded {
            output,
            rest: limits.output_bytes,
            failed: std::sync::Arc::clone(&failed),
        };
        let mut rows_max = limits.rows;
        let form = match form {
            Output::Table => {
                rows_max = rows_max.min(TABLE_ROWS_MAX);
                Form::Table(output, Vec::new())
            }
            Output::Csv => {
                let mut writer = csv::WriterBuilder::new().with_header(true).build(output);
                // The names stand there also when there are no rows.
                let empty = RecordBatch::new_empty(schema.clone());
                writer
                    .write(&empty)
                    .map_err(|error| said(&failed, &error))?;
                Form::Csv(Box::new(writer))
            }
            Output::Json => Form::Json(LineDelimitedWriter::new(output)),
            Output::Parquet => {
                let writer = ArrowWriter::try_new(output, schema.clone(), None);
                Form::Parquet(Box::new(writer.map_err(|error| said(&failed, &error))?))
            }
            Output::Arrow => {
                let writer = StreamWriter::try_new(output, schema);
                Form::Arrow(Box::new(writer.map_err(|error| said(&failed, &error))?))
            }
        };
        Ok(Self {
            answer: Answer {
                rows: 0,
                rows_max,
                schema: schema.clone(),
                form,
            },
            failed,
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// As [`Writing::begin`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let answer = &mut self.answer;
        answer.rows += u64::try_from(batch.num_rows()).unwrap_or_default();
        if answer.rows > answer.rows_max {
            let is_table =
                matches!(answer.form, Form::Table(..)) && answer.rows_max == TABLE_ROWS_MAX;
            return Err(Error::Limit(if is_table { TABLE } else { ROWS }));
        }
        let failed = &self.failed;
        match &mut answer.form {
            Form::Table(_, batches) => {
                batches.push(batch.clone());
                Ok(())
            }
            Form::Csv(writer) => writer.write(batch).map_err(|error| said(failed, &error)),
            Form::Json(writer) => writer.write(batch).map_err(|error| said(failed, &error)),
            Form::Parquet(writer) => writer.write(batch).map_err(|error| said(failed, &error)),
            Form::Arrow(writer) => writer.write(batch).map_err(|error| said(failed, &error)),
        }
    }

    /// Ends the answer; how many rows it has.
    ///
    /// # Errors
    ///
    /// As [`Writing::begin`].
    pub fn end(self) -> Result<u64, Error> {
        let failed = self.failed;
        let answer = self.answer;
        let flush = |mut output: Bounded<W>| output.flush().map_err(|error| said(&failed, &error));
        match answer.form {
            Form::Table(mut output, batches) => {
                let table = pretty_format_batches_with_schema(answer.schema, &batches)
                    .map_err(|error| said(&failed, &error))?;
                let text = visible(&table.to_string());
                writeln!(output, "{text}").map_err(|error| said(&failed, &error))?;
                flush(output)?;
            }
            Form::Csv(writer) => flush(writer.into_inner())?,
            Form::Json(mut writer) => {
                writer.finish().map_err(|error| said(&failed, &error))?;
                flush(writer.into_inner())?;
            }
            Form::Parquet(writer) => {
                flush(writer.into_inner().map_err(|error| said(&failed, &error))?)?;
            }
            Form::Arrow(writer) => {
                flush(writer.into_inner().map_err(|error| said(&failed, &error))?)?;
            }
        }
        Ok(answer.rows)
    }
}

fn said(failed: &std::sync::atomic::AtomicU8, error: &dyn std::fmt::Display) -> Error {
    match failed.load(std::sync::atomic::Ordering::Relaxed) {
        FULL => Error::Limit(BYTES),
        CLOSED => Error::Abandoned,
        _ => Error::Statement(error.to_string()),
    }
}

/// What telemetry says must not move a terminal's cursor or change its colours.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array};

    use super::*;

    /// A reader that goes away while bytes lie in a buffer: they are taken, and fail when they are to be passed on.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_reader_who_is_gone_is_noticed_when_a_buffer_is_passed_on() {
        let limits = Limits {
            rows: 1000,
            output_bytes: 1 << 20,
            ..serde_json::from_value(serde_json::json!({})).unwrap()
        };
        let numbers: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        for form in [
            Output::Table,
            Output::Csv,
            Output::Json,
            Output::Parquet,
            Output::Arrow,
        ] {
            let written = Writing::begin(Gone, form, &batch.schema(), &limits)
                .and_then(|mut writing| writing.write(&batch).and_then(|()| writing.end()));
            assert!(
                matches!(written, Err(Error::Abandoned)),
                "{form:?}: {written:?}"
            );
        }
    }
}
