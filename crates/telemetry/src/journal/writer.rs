//! The thread that writes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::{Refused, Segment, Shared, folder, segment};

/// Bytes that are gathered for one sync at most.
const GATHERED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What the writer is asked.
#[derive(Debug)]
pub(super) enum Order {
    /// Make this durable.
    Append {
        payload: Vec<u8>,
        done: oneshot::Sender<Result<(), Refused>>,
    },
    /// Close the file.
    Close {
        done: oneshot::Sender<Result<(), Refused>>,
    },
    /// Give no position up to this one.
    GoBehind {
        position: u64,
        done: oneshot::Sender<Result<(), Refused>>,
    },
    /// Write nothing more.
    End { done: oneshot::Sender<()> },
}

/// The file that is being written, and what follows.
pub(super) struct Writer {
    shared: Arc<Shared>,
    file: Option<Open>,
    /// The next frame's position.
    next: u64,
}

struct Open {
    path: PathBuf,
    file: File,
    first: u64,
    /// Bytes that are synced.
    end: u64,
}

impl Open {
    fn is_empty(&self, next: u64) -> bool {
        self.first == next
    }
}

/// Frames that are written together.
#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    frames: u64,
    waiting: Vec<oneshot::Sender<Result<(), Refused>>>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, next: u64) -> io::Result<Self> {
        let mut writer = Self {
            shared,
            file: None,
            next,
        };
        writer.open()?;
        Ok(writer)
    }

    /// Writes until nobody can order any more.
    pub(super) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut gathered = Gathered::default();
        while let Some(first) = orders.blocking_recv() {
            let mut order = Some(first);
            while let Some(taken) = order.take() {
                match taken {
                    Order::Append { payload, done } => {
                        self.gather(&payload, done, &mut gathered);
                        if gathered.bytes.len() < GATHERED_BYTES_MAX {
                            order = orders.try_recv().ok();
                        }
                    }
                    Order::Close { done } => {
                        self.write(&mut gathered);
                        // Whoever asked may be gone.
                        let _ = done.send(self.close().map_err(|_| Refused::Disk));
                    }
                    Order::GoBehind { position, done } => {
                        self.write(&mut gathered);
                        let _ = done.send(self.go_behind(position).map_err(|_| Refused::Disk));
                    }
                    Order::End { done } => {
                        self.write(&mut gathered);
                        drop(self);
                        let _ = done.send(());
                        return;
                    }
                }
            }
            self.write(&mut gathered);
        }
    }

    fn gather(
        &self,
        payload: &[u8],
        done: oneshot::Sender<Result<(), Refused>>,
        gathered: &mut Gathered,
    ) {
        let more = gathered.bytes.len() + segment::FRAME_HEAD_BYTES + payload.len();
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        let bytes = self.shared.bytes.load(Ordering::Relaxed);
        if bytes.saturating_add(more) > self.shared.limits.bytes_max || !segment::fits(payload) {
            let _ = done.send(Err(Refused::Full));
            return;
        }
        segment::frame(self.next + gathered.frames, payload, &mut gathered.bytes);
        gathered.frames += 1;
        gathered.waiting.push(done);
    }

    fn write(&mut self, gathered: &mut Gathered) {
        if gathered.waiting.is_empty() {
            return;
        }
        let written = self.append(&gathered.bytes);
        // Also where it failed: nobody knows whether these positions are on the disk, so they are not given again.
        self.next += gathered.frames;
        let answer = match written {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(kind = %error.kind(), "the telemetry journal cannot be written");
                Err(Refused::Disk)
            }
        };
        gathered.bytes.clear();
        gathered.frames = 0;
        for waiting in gathered.waiting.drain(..) {
            let _ = waiting.send(answer);
        }
        let bytes = self.file.as_ref().map_or(0, |open| open.end);
        if bytes >= self.shared.limits.segment_bytes && self.close().is_ok() {
            self.shared.long_enough.notify_one();
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = match &mut self.file {
            Some(open) => open,
            None => self.open()?,
        };
        let written = open
            .file
            .write_all(bytes)
            .and_then(|()| open.file.sync_data());
        if let Err(error) = written {
            self.give_up();
            return Err(error);
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        open.end += length;
        self.shared.bytes.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    /// After a failed write or sync nobody knows what the disk holds, and a second sync may say that all is well when it is
    /// not. So nothing more is written to that file: it is cut back to what was acknowledged, and another one begins.
    fn give_up(&mut self) {
        let Some(open) = self.file.take() else { return };
        if let Err(error) = folder::cut(&open.path, open.end) {
            // What follows its good frames is cut off when it is read.
            tracing::warn!(kind = %error.kind(), "a file of the telemetry journal could not be cut back");
        }
        if open.is_empty(self.next) {
            let _ = self.shared.folder.remove(&open.path);
            self.shared.bytes.fetch_sub(open.end, Ordering::Relaxed);
        } else {
            self.add_closed(open);
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self.file.take() {
            Some(open) if open.is_empty(self.next) => {
                self.file = Some(open);
                Ok(())
            }
            // The new file's name says where to go on once the others are gone, so it is there before they are.
            Some(open) => match self.open().map(drop) {
                Ok(()) => {
                    self.add_closed(open);
                    Ok(())
                }
                Err(error) => {
                    self.file = Some(open);
                    Err(error)
                }
            },
            None => self.open().map(drop),
        }
    }

    fn go_behind(&mut self, position: u64) -> io::Result<()> {
        if position < self.next {
            return Ok(());
        }
        self.close()?;
        self.next = position + 1;
        // The empty file bears the old position in its name.
        if let Some(empty) = self.file.take() {
            self.open()?;
            self.shared.bytes.fetch_sub(empty.end, Ordering::Relaxed);
            self.shared.folder.remove(&empty.path)?;
        }
        Ok(())
    }

    fn add_closed(&self, open: Open) {
        let closed = self.shared.closed.lock();
        let mut closed = closed.unwrap_or_else(PoisonError::into_inner);
        closed.push(Segment {
            path: open.path,
            first: open.first,
            last: self.next - 1,
            bytes: open.end,
        });
    }

    fn open(&mut self) -> io::Result<&mut Open> {
        let (path, file) = self.shared.folder.create(self.next)?;
        let end = u64::try_from(segment::HEAD.len()).unwrap_or_default();
        self.shared.bytes.fetch_add(end, Ordering::Relaxed);
        Ok(self.file.insert(Open {
            path,
            file,
            first: self.next,
            end,
        }))
    }
}
