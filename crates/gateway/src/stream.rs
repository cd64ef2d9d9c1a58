//! A client's connection as a stream of frames: one read and one write per wake-up, with limits of time on both.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::server::TlsStream;
use tokio_util::io::poll_read_buf;

use crate::fault::Fault;
use crate::frame::{self, Caps, Deframer, FrameError, Out, Taken};

/// How much of what a client sends ahead is held while a statement runs.
const AHEAD_BYTES_MAX: usize = 64 * 1024;

/// What is written at once; more goes out before more is made.
pub(crate) const WRITE_BYTES: usize = 64 * 1024;

/// How a connection ends early.
#[derive(Debug)]
pub(crate) enum End {
    /// The client is gone, or too slow to be told anything.
    Gone,
    /// The client is told this, then the connection is closed.
    Told(Fault),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        Self::Told(Fault::fatal("08P01", error.to_string()))
    }
}

/// With or without TLS.
pub(crate) enum Socket {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Bounds of time of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From one message to the next.
    pub(crate) idle: Duration,
    /// From the first byte of a message to its last.
    pub(crate) message: Duration,
    /// For a client to take what it asked for.
    pub(crate) write: Duration,
}

/// Frames in, frames out.
pub(crate) struct Wire {
    socket: Socket,
    /// What was read and is not taken yet.
    pub(crate) input: BytesMut,
    deframer: Deframer,
    /// What is to be sent.
    pub(crate) out: Out,
    /// How much of that has been sent already.
    sent: usize,
    caps: Caps,
    patience: Patience,
    /// Until when the client may take, and whether that is for the rest of a message.
    deadline: Option<(bool, Instant)>,
}

impl Wire {
    /// Over a socket from which nothing was read yet.
    pub(crate) fn new(socket: Socket, caps: Caps, patience: Patience) -> Self {
        let (deframer, out) = (Deframer::default(), Out::default());
        Self {
            socket,
            input: BytesMut::new(),
            deframer,
            out,
            sent: 0,
            caps,
            patience,
            deadline: None,
        }
    }

    /// The socket, to put TLS around it. Bytes that arrived before the handshake would be believed to come from
    /// inside it (CVE-2021-23214), so there must be none.
    pub(crate) fn into_plain_socket(self) -> Result<TcpStream, End> {
        match self.socket {
            Socket::Plain(socket) if self.input.is_empty() => Ok(socket),
            _ => Err(End::Told(Fault::fatal(
                "08P01",
                "received unencrypted data after TLS request",
            ))),
        }
    }

    /// The next message without a tag.
    pub(crate) async fn first(&mut self) -> Result<Bytes, End> {
        self.until(frame::take_first).await
    }

    /// The next message of the login conversation.
    pub(crate) async fn login(&mut self) -> Result<Bytes, End> {
        self.until(frame::take_login).await
    }

    async fn until(
        &mut self,
        take: impl Fn(&mut BytesMut) -> Result<Option<Bytes>, FrameError>,
    ) -> Result<Bytes, End> {
        self.flush().await?;
        loop {
            if let Some(body) = take(&mut self.input)? {
                return Ok(body);
            }
            self.read().await?;
        }
    }

    /// The next frame after login, if it is here already.
    pub(crate) fn ready(&mut self) -> Result<Option<Taken>, End> {
        match self.deframer.take(&mut self.input, self.caps)? {
            Taken::More => Ok(None),
            taken => {
                self.deadline = None;
                Ok(Some(taken))
            }
        }
    }

    /// Waits for the next frame after login. May be dropped and called again: nothing is lost and no clock starts
    /// anew. What is to be sent must have been flushed.
    pub(crate) async fn next(&mut self) -> Result<Taken, End> {
        loop {
            if let Some(taken) = self.ready()? {
                return Ok(taken);
            }
            let inside = self.deframer.is_inside(&self.input);
            let deadline = self.deadline(inside);
            match timeout_at(deadline, self.read()).await {
                Ok(read) => read?,
                Err(_) if inside => {
                    let fault = Fault::fatal("08P01", "a message took too long to arrive");
                    return Err(End::Told(fault));
                }
                Err(_) => {
                    let fault = Fault::fatal("57P05", "the connection was idle for too long");
                    return Err(End::Told(fault));
                }
            }
        }
    }

    /// Until when the client may take. A message's clock starts with its first byte: a byte now and then does not
    /// wind it up again.
    fn deadline(&mut self, inside: bool) -> Instant {
        match self.deadline {
            Some((of_message, deadline)) if of_message == inside => deadline,
            _ => {
                let limit = if inside {
                    self.patience.message
                } else {
                    self.patience.idle
                };
                let deadline = Instant::now() + limit;
                self.deadline = Some((inside, deadline));
                deadline
            }
        }
    }

    /// Whether the next frame is here already and has this tag.
    pub(crate) fn next_is(&self, tag: u8) -> bool {
        self.input.first() == Some(&tag)
    }

    async fn read(&mut self) -> Result<(), End> {
        self.input.reserve(4 * 1024);
        match self.socket.read_buf(&mut self.input).await {
            Ok(0) | Err(_) => Err(End::Gone),
            Ok(_) => Ok(()),
        }
    }

    /// Waits until the client is gone, holding a bounded amount of what it sends meanwhile. May be dropped at any time.
    pub(crate) async fn gone(&mut self) {
        loop {
            if self.input.len() >= AHEAD_BYTES_MAX {
                // It sends more than is held, so it is there.
                std::future::pending::<()>().await;
            }
            if self.read().await.is_err() {
                return;
            }
        }
    }

    /// Writes what is to be sent.
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        let patience = self.patience.write;
        let write = std::future::poll_fn(|context| self.poll_send(context));
        match timeout(patience, write).await {
            Ok(sent) => sent,
            Err(_) => Err(End::Gone),
        }
    }

    /// Writes what is to be sent as far as the client takes it; ready when nothing is left.
    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        if self.out.len() == 0 {
            return Poll::Ready(Ok(()));
        }
        let sent = poll_write_all(
            Pin::new(&mut self.socket),
            context,
            self.out.bytes(),
            &mut self.sent,
        );
        if sent.is_ready() {
            self.out.clear();
            self.sent = 0;
        }
        sent.map_err(End::from)
    }

    /// Reads what the client has sent; ready when there is more than before.
    pub(crate) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        match poll_read_more(Pin::new(&mut self.socket), context, &mut self.input) {
            Poll::Ready(Ok(count)) if count > 0 => Poll::Ready(Ok(())),
            Poll::Ready(_) => Poll::Ready(Err(End::Gone)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Gives back the room that a quiet connection does not need.
    pub(crate) fn relax(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if self.out.len() == 0 {
            self.out = Out::default();
        }
    }

    /// Bounds of frames.
    pub(crate) fn caps(&self) -> Caps {
        self.caps
    }

    /// Bounds of time.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Says a last word and closes, as far as the client lets us.
    pub(crate) async fn end(mut self, fault: Option<&Fault>) {
        if let Some(fault) = fault {
            self.out.error(fault);
        }
        let close = async {
            if self.flush().await.is_ok() {
                // A client that is gone already has nothing to shut down.
                let _ = self.socket.shutdown().await;
            }
        };
        let _ = timeout(Duration::from_secs(5), close).await;
    }
}

/// What is read at once from a quiet connection, and from one that has much to say.
const READ_BYTES: (usize, usize) = (8 * 1024, 128 * 1024);

/// Reads once, with as much room as the last reads needed; answers the bytes read, zero at the end.
pub(crate) fn poll_read_more(
    stream: Pin<&mut impl AsyncRead>,
    context: &mut Context<'_>,
    input: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let (least, most) = READ_BYTES;
    if input.is_empty() && input.capacity() < least {
        input.reserve(least);
    } else if input.capacity() == input.len() {
        input.reserve(input.len().clamp(least, most));
    }
    poll_read_buf(stream, context, input)
}

/// Writes `bytes` from `sent` on; ready when all of them are with the system.
pub(crate) fn poll_write_all(
    mut stream: Pin<&mut impl AsyncWrite>,
    context: &mut Context<'_>,
    bytes: &[u8],
    sent: &mut usize,
) -> Poll<io::Result<()>> {
    while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
        match ready!(stream.as_mut().poll_write(context, rest))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => *sent += count,
        }
    }
    stream.poll_flush(context)
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(socket) => Pin::new(socket).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(socket) => Pin::new(socket).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(socket) => Pin::new(socket).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(socket) => Pin::new(socket).poll_shutdown(context),
        }
    }
}
