//! The connection to the database server: bytes in, bytes out, and what is known of the frame that is passing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use privet_vault::port::{ByteStream, Canceller, RunMode, Upstream};

use crate::cancel::Running;
use crate::stream::{poll_read_more, poll_write_all};

/// The room that is kept between writes.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// One connection to the server, for one client.
pub(super) struct Link {
    stream: Box<dyn ByteStream>,
    /// What was read and is not passed on yet.
    pub(super) input: BytesMut,
    /// How many bytes are still to come of a frame whose beginning was passed on.
    pub(super) passing: usize,
    /// The server has closed it.
    pub(super) is_gone: bool,
    /// The role behind it.
    pub(super) mode: RunMode,
    output: Vec<u8>,
    sent: usize,
    canceller: Arc<dyn Canceller>,
}

impl Link {
    /// Around a new connection; its parameters are what the client is told.
    pub(super) fn new(upstream: Upstream, mode: RunMode) -> Self {
        Self {
            stream: upstream.stream,
            input: BytesMut::new(),
            passing: 0,
            is_gone: false,
            mode,
            output: Vec::new(),
            sent: 0,
            canceller: upstream.canceller,
        }
    }

    /// From now on a cancel request stops what this connection runs.
    pub(super) fn answer_cancels(&self, running: &Running) {
        let canceller = Arc::clone(&self.canceller);
        running.begin(Box::new(move || {
            let canceller = Arc::clone(&canceller);
            Box::pin(async move { canceller.cancel().await })
        }));
    }

    /// Adds what the server shall get.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// How much waits for the server to take it.
    pub(super) fn waiting(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Writes what the server shall get, as far as it takes it.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.output.is_empty() || self.is_gone {
            return Poll::Ready(());
        }
        let stream = Pin::new(&mut self.stream);
        match poll_write_all(stream, context, &self.output, &mut self.sent) {
            Poll::Ready(Ok(())) => {}
            // Its last words may still be read.
            Poll::Ready(Err(_)) => self.is_gone = true,
            Poll::Pending => return Poll::Pending,
        }
        self.output.clear();
        self.output.shrink_to(KEPT_BYTES_MAX);
        self.sent = 0;
        Poll::Ready(())
    }

    /// Reads what the server has sent; ready when there is more than before, or when it has closed.
    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_gone {
            return Poll::Pending;
        }
        match poll_read_more(Pin::new(&mut self.stream), context, &mut self.input) {
            Poll::Ready(Ok(count)) if count > 0 => Poll::Ready(()),
            Poll::Ready(_) => {
                self.is_gone = true;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Gives back the room that a quiet connection does not need.
    pub(super) fn relax(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if self.output.is_empty() {
            self.output = Vec::new();
        }
    }

    /// Says goodbye, as far as the server takes it at once.
    pub(super) async fn close(mut self) {
        const TERMINATE: &[u8] = b"X\0\0\0\x04";
        if self.waiting() == 0 {
            self.send(TERMINATE);
        }
        let mut tried = std::pin::pin!(std::future::poll_fn(|context| self.poll_send(context)));
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), &mut tried).await;
    }
}
