//! One query, from request to the last line: the answer on standard output, what the server wants to know on standard error,
//! one JSON object a line.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use privet_telemetry_store::{Access, Machine, Settings, Store};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::confine;
use crate::error::{Code, Error};
use crate::output::Writing;
use crate::people::People;
use crate::request::Request;
use crate::session::Session;

/// Between two progress lines.
const PROGRESS: Duration = Duration::from_secs(1);
/// What an engine that does not listen gets before the process ends without it.
const PATIENCE: Duration = Duration::from_secs(3);
/// Stacks: deep expressions are walked by functions that call themselves.
const STACK_BYTES: usize = 256 << 20;
/// Threads that wait for the disk.
const WAITING_THREADS: usize = 4;
/// Threads beside those that work, which read files in place: clocks go on while all of these wait.
const CLOCK_THREADS: usize = 1;

/// What the server hears.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    /// The process is ready to work.
    Started {
        /// The system keeps it from all files but the store's.
        confined: bool,
    },
    /// It works.
    Progress { files_read: u64, files: u64 },
    /// The answer is whole.
    Done {
        rows: u64,
        /// The log entry of the telemetry store up to which it holds.
        version: u64,
        /// How many people agreed; missing: the purpose does not rest on consent.
        #[serde(skip_serializing_if = "Option::is_none")]
        people: Option<usize>,
    },
    /// It is not.
    Error { code: Code, message: &'a str },
}

fn say(line: &Line<'_>) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        // Who does not listen hears it from the exit status.
        let _ = io::stderr().lock().write_all(&text);
    }
}

/// Answers the request on standard input; `true`: the answer is whole.
///
/// The process ends when standard input does.
pub fn run() -> bool {
    match answer() {
        Ok(done) => {
            say(&done);
            true
        }
        Err(error) => {
            say(&Line::Error {
                code: error.code(),
                message: &error.to_string(),
            });
            false
        }
    }
}

fn answer() -> Result<Line<'static>, Error> {
    let mut input = BufReader::new(io::stdin());
    let request = Request::read(&mut input)?;
    let limits = request.header.limits.clone();
    confine::bound(&limits)?;
    // Before the first other thread: what is started later is confined as well.
    let confined = confine::confine(
        Store::folder(&request.header.store),
        &Store::files(&request.header.options),
        &limits,
    );
    say(&Line::Started { confined });
    let abandoned = watch(input);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(limits.partitions.max(1).saturating_add(CLOCK_THREADS))
        .max_blocking_threads(WAITING_THREADS)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|_| Error::Process("cannot start its threads"))?;
    let time = Duration::from_millis(limits.time_ms);
    // The root of the work runs on a thread with a large stack, too.
    let done = runtime.block_on(async {
        let work = tokio::spawn(async move {
            let work = tokio::time::timeout(time, query(request));
            tokio::select! {
                done = work => done.unwrap_or(Err(Error::Time)),
                _ = abandoned => Err(Error::Abandoned),
            }
        });
        let patience = tokio::time::timeout(time.saturating_add(PATIENCE), work);
        match patience.await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(Error::Process("met an error of its own")),
            Err(_) => Err(Error::Time),
        }
    });
    // Threads that still work are left behind: the process ends.
    runtime.shutdown_background();
    done
}

/// Hears the end of standard input.
fn watch(mut input: BufReader<io::Stdin>) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        // What is sent behind a request means nothing.
        while !matches!(input.read(&mut byte), Ok(0) | Err(_)) {}
        let _ = sender.send(());
    });
    receiver
}

async fn query(request: Request) -> Result<Line<'static>, Error> {
    let Request { header, people } = request;
    let settings = Settings {
        options: header.options,
        ..Settings::new(Access::Read)
    };
    let store = Store::open(&header.store, settings, Arc::new(Machine))?;
    let snapshot = store.snapshot().await?;
    let session = Session::new(&snapshot, &header.attributes, &people, &header.limits)?;
    let mut batches = session.ask(&header.sql).await?;
    let output = io::BufWriter::new(io::stdout());
    let schema = batches.schema();
    let mut writing = Writing::begin(output, header.output, &schema, &header.limits)?;
    let mut ticks = tokio::time::interval(PROGRESS);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            batch = batches.next() => match batch {
                Some(batch) => writing.write(&batch?)?,
                None => break,
            },
            _ = ticks.tick() => {
                let (files_read, files) = session.progress().files();
                say(&Line::Progress { files_read, files });
            }
        }
    }
    Ok(Line::Done {
        rows: writing.end()?,
        version: snapshot.version(),
        people: match &people {
            People::Everybody => None,
            People::Only(ids) => Some(ids.len()),
        },
    })
}
