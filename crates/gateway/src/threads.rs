//! The threads that serve clients. A client stays on one thread: its frames never wait for another thread to wake up,
//! which on a runtime whose threads share their tasks costs as much as forwarding them does.

use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::error::Error;

/// Threads with a runtime each; they end when this is dropped.
pub(crate) struct Threads {
    handles: Vec<Handle>,
    next: usize,
    /// Dropping it ends the threads.
    _running: watch::Sender<()>,
}

impl Threads {
    /// Starts `count` threads, at least one.
    ///
    /// # Errors
    /// [`Error::Threads`] when the system has none to give.
    pub(crate) fn start(count: usize) -> Result<Self, Error> {
        let (running, run) = watch::channel(());
        let mut handles = Vec::new();
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(Error::Threads)?;
            handles.push(runtime.handle().clone());
            let mut run = run.clone();
            thread::Builder::new()
                .name(format!("gateway-{number}"))
                .spawn(move || {
                    // An error is the end that is waited for: the sender is gone.
                    runtime.block_on(async { while run.changed().await.is_ok() {} });
                    // What tasks are left has nothing to answer to; what blocks is not waited for.
                    runtime.shutdown_background();
                })
                .map_err(Error::Threads)?;
        }
        Ok(Self {
            handles,
            next: 0,
            _running: running,
        })
    }

    /// Runs a client's task on the thread whose turn it is.
    pub(crate) fn spawn(
        &mut self,
        clients: &mut JoinSet<()>,
        client: impl Future<Output = ()> + Send + 'static,
    ) {
        self.next = (self.next + 1) % self.handles.len().max(1);
        if let Some(handle) = self.handles.get(self.next) {
            clients.spawn_on(client, handle);
        }
    }
}
