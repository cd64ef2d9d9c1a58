//! Values that several callers want at the same time are read at once.
//!
//! A reveal reads few values, and a round trip to the database costs a hundred times what finding one of them does. There
//! is no timer: while some questions are under way, the next ones gather, so that a busy store asks for many values at once
//! and an idle one asks right away.

use std::sync::Arc;

use privet_vault::Puid;
use privet_vault::port::StoreError;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use super::reading;
use crate::postgres::column::from_id;
use crate::postgres::database::{Client, Database, Failure};

/// How many questions are under way at a time: while one waits for the database, another can be put together.
const QUESTIONS: usize = 2;
/// How many callers may wait for a question; further ones wait to wait.
const WAITING_MAX: usize = 4_096;
/// How many values of different callers are asked for at once. Whoever wants more by itself is not divided.
const VALUES_MAX: usize = 512;

/// Sealed values of subjects, one for each field.
type Values = Vec<Vec<Option<Vec<u8>>>>;

/// What a caller wants.
struct Wanted {
    subjects: Vec<Puid>,
    fields: Vec<u16>,
    reply: oneshot::Sender<Result<Values, StoreError>>,
}

impl Wanted {
    fn count(&self) -> usize {
        self.subjects.len().saturating_mul(self.fields.len())
    }
}

/// Reads values for whoever asks.
#[derive(Debug)]
pub(super) struct Reader {
    queue: mpsc::Sender<Wanted>,
    database: Database,
}

/// The callers that wait, and the one that did not fit into the last question.
struct Queue {
    waiting: mpsc::Receiver<Wanted>,
    left: Option<Wanted>,
}

impl Reader {
    /// Begins to read; ends with the last holder. Needs a tokio runtime.
    pub(super) fn start(database: &Database) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let shared = Arc::new(Mutex::new(Queue {
            waiting,
            left: None,
        }));
        for _ in 0..QUESTIONS {
            tokio::spawn(answer(Arc::clone(&shared), database.clone()));
        }
        Self {
            queue,
            database: database.clone(),
        }
    }

    /// For each subject, one entry per field.
    pub(super) async fn values(
        &self,
        subjects: &[Puid],
        fields: &[u16],
    ) -> Result<Values, StoreError> {
        let (reply, answered) = oneshot::channel();
        let wanted = Wanted {
            subjects: subjects.to_vec(),
            fields: fields.to_vec(),
            reply,
        };
        if wanted.count() == 0 {
            return Ok(subjects.iter().map(|_| Vec::new()).collect());
        }
        let ended = || self.database.unavailable("is no longer read");
        let answer = async {
            self.queue.send(wanted).await.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?
        };
        // The question before, and its own.
        let wait = self.database.answer_wait() * 2;
        let late = |_| Err(self.database.slow());
        timeout(wait, answer).await.unwrap_or_else(late)
    }
}

/// Puts questions until nobody is left who could ask.
async fn answer(queue: Arc<Mutex<Queue>>, database: Database) {
    loop {
        let wanted = queue.lock().await.next().await;
        if wanted.is_empty() {
            return;
        }
        let (puids, fields) = asked(&wanted);
        let read = database
            .run(move |client| Box::pin(async move { read(client, &puids, &fields).await }))
            .await;
        hand_out(wanted, read);
    }
}

impl Queue {
    /// Whoever waits, as far as one question goes; empty at the end.
    async fn next(&mut self) -> Vec<Wanted> {
        let first = match self.left.take() {
            Some(first) => Some(first),
            None => self.waiting.recv().await,
        };
        let mut count = 0;
        let mut wanted = Vec::new();
        let mut next = first;
        while let Some(one) = next {
            // Whoever stopped waiting is not read for.
            if !one.reply.is_closed() {
                if count > 0 && count + one.count() > VALUES_MAX {
                    self.left = Some(one);
                    break;
                }
                count += one.count();
                wanted.push(one);
            }
            next = match self.waiting.try_recv() {
                Ok(one) => Some(one),
                Err(_) if wanted.is_empty() => self.waiting.recv().await,
                Err(_) => None,
            };
        }
        wanted
    }
}

/// The place of each value that is wanted, caller by caller.
fn asked(wanted: &[Wanted]) -> (Vec<Uuid>, Vec<i32>) {
    let count = wanted.iter().map(Wanted::count).sum();
    let (mut puids, mut fields) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for one in wanted {
        for subject in &one.subjects {
            for field in &one.fields {
                puids.push(from_id(subject.as_bytes()));
                fields.push(i32::from(*field));
            }
        }
    }
    (puids, fields)
}

/// Gives each caller its own; what failed failed for all of them.
fn hand_out(wanted: Vec<Wanted>, read: Result<Vec<Option<Vec<u8>>>, StoreError>) {
    let (mut values, error) = match read {
        Ok(values) => (values.into_iter(), None),
        Err(error) => (Vec::new().into_iter(), Some(error)),
    };
    for one in wanted {
        let own = match &error {
            Some(error) => Err(error.clone()),
            None => {
                let rows = one.subjects.iter();
                Ok(rows
                    .map(|_| values.by_ref().take(one.fields.len()).collect())
                    .collect())
            }
        };
        // Whoever stopped waiting wants nothing any more.
        let _ = one.reply.send(own);
    }
}

/// One value for each place, in order.
async fn read(
    client: &mut Client,
    puids: &[Uuid],
    fields: &[i32],
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT value.sealed
               FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS asked (puid, field, n)
               LEFT JOIN value ON value.puid = asked.puid AND value.field = asked.field
              ORDER BY n",
        )
        .await?;
    let rows = client.query(&select, &[&puids, &fields]).await?;
    rows.iter().map(|row| reading(row).get(0)).collect()
}
