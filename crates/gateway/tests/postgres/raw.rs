//! A client that speaks the protocol by hand: what it sends is said byte for byte, and so is what it hears.

use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A frame as it came.
pub(crate) type Frame = (u8, Vec<u8>);

/// A connection that has logged in.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    input: BytesMut,
}

impl Raw {
    pub(crate) async fn connect(
        address: SocketAddr,
        user: &str,
        password: &str,
        database: &str,
    ) -> Self {
        let parameters = [
            ("user", user),
            ("database", database),
            ("client_encoding", "UTF8"),
        ];
        let (raw, _) = Self::start(address, 0x0003_0000, &parameters, password).await;
        raw
    }

    /// Asks for a version of the protocol; answers what was said up to ReadyForQuery, without the login.
    pub(crate) async fn start(
        address: SocketAddr,
        version: u32,
        parameters: &[(&str, &str)],
        password: &str,
    ) -> (Self, Vec<Frame>) {
        let stream = TcpStream::connect(address).await.unwrap();
        let input = BytesMut::new();
        let mut raw = Self { stream, input };
        let mut message = BytesMut::new();
        frontend::startup_message(parameters.iter().copied(), &mut message).unwrap();
        // The version stands behind the length.
        message[4..8].copy_from_slice(&version.to_be_bytes());
        raw.send(&message).await;
        let mut said = raw.authenticate(password).await;
        loop {
            let frame = raw.frame().await.unwrap();
            let ready = frame.0 == b'Z';
            said.push(frame);
            if ready {
                return (raw, said);
            }
        }
    }

    /// Answers what was said before the login.
    async fn authenticate(&mut self, password: &str) -> Vec<Frame> {
        let mut before = Vec::new();
        let mut offered = self.frame().await.unwrap();
        while offered.0 == b'v' {
            before.push(offered);
            offered = self.frame().await.unwrap();
        }
        assert_eq!(offered.0, b'R', "{}", String::from_utf8_lossy(&offered.1));
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let mut message = BytesMut::new();
        frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut message).unwrap();
        self.send(&message).await;
        let (_, first) = self.frame().await.unwrap();
        scram.update(&first[4..]).unwrap();
        message.clear();
        frontend::sasl_response(scram.message(), &mut message).unwrap();
        self.send(&message).await;
        let (_, last) = self.frame().await.unwrap();
        scram.finish(&last[4..]).unwrap();
        before
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; `None` at the end.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(head) = self.input.first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
                let whole = usize::try_from(length).unwrap() + 1;
                if self.input.len() >= whole {
                    let frame = self.input.split_to(whole);
                    return Some((frame[0], frame[5..].to_vec()));
                }
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(count) if count > 0 => {}
                _ => return None,
            }
        }
    }

    /// Everything up to so many ReadyForQuery, or the end.
    pub(crate) async fn answers(&mut self, ready: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut seen = 0;
        while seen < ready {
            let Some(frame) = self.frame().await else {
                frames.push((b'.', b"the end".to_vec()));
                break;
            };
            seen += usize::from(frame.0 == b'Z');
            frames.push(frame);
        }
        frames
    }
}

/// Frames of the client, put together.
#[derive(Default, Clone)]
pub(crate) struct Script(pub(crate) BytesMut);

impl Script {
    pub(crate) fn query(mut self, sql: &str) -> Self {
        frontend::query(sql, &mut self.0).unwrap();
        self
    }

    pub(crate) fn parse(mut self, name: &str, sql: &str, types: &[u32]) -> Self {
        frontend::parse(name, sql, types.iter().copied(), &mut self.0).unwrap();
        self
    }

    /// Binds text parameters; `format` is for the results.
    pub(crate) fn bind(
        mut self,
        portal: &str,
        name: &str,
        values: &[Option<&str>],
        format: i16,
    ) -> Self {
        let bound = frontend::bind(
            portal,
            name,
            [0],
            values,
            |value, out| {
                Ok(match value {
                    None => postgres_protocol::IsNull::Yes,
                    Some(text) => {
                        out.put_slice(text.as_bytes());
                        postgres_protocol::IsNull::No
                    }
                })
            },
            [format],
            &mut self.0,
        );
        assert!(bound.is_ok());
        self
    }

    pub(crate) fn describe(mut self, kind: u8, name: &str) -> Self {
        frontend::describe(kind, name, &mut self.0).unwrap();
        self
    }

    pub(crate) fn execute(mut self, portal: &str, rows: i32) -> Self {
        frontend::execute(portal, rows, &mut self.0).unwrap();
        self
    }

    pub(crate) fn close(mut self, kind: u8, name: &str) -> Self {
        frontend::close(kind, name, &mut self.0).unwrap();
        self
    }

    pub(crate) fn flush(mut self) -> Self {
        frontend::flush(&mut self.0);
        self
    }

    pub(crate) fn sync(mut self) -> Self {
        frontend::sync(&mut self.0);
        self
    }

    /// A frame of any type.
    pub(crate) fn frame(mut self, tag: u8, body: &[u8]) -> Self {
        self.0.put_u8(tag);
        self.0.put_u32(u32::try_from(body.len() + 4).unwrap());
        self.0.put_slice(body);
        self
    }
}
