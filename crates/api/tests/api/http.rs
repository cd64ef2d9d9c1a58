//! The smallest HTTP client: it sends the bytes that a test writes, and shows what came back.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything may take; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, all of it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        self.read()
    }

    /// The body as one of the wire's types.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The status and the problem's code, such as `403 policy_denied`.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem: privet_wire::Problem = self.read();
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.kind, format!("urn:privet:error:{}", problem.code));
        assert_eq!(self.header("x-request-id"), Some(&*problem.request_id));
        format!("{} {}", self.status, problem.code)
    }

    /// Fails unless the status is this one.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// A client of one server, with one token or none.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) token: Option<String>,
}

impl Client {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: privet\r\nconnection: close\r\n");
        if let Some(token) = &self.token {
            request.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        let body = body.map(|body| body.to_string());
        if let Some(body) = &body {
            let length = body.len();
            request.push_str("content-type: application/json\r\n");
            request.push_str(&format!("content-length: {length}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body.as_deref().unwrap_or_default());
        self.raw(request.as_bytes()).await
    }

    /// Sends these bytes and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        exchange(&mut stream, bytes).await
    }
}

/// Sends bytes over a stream and reads until the other side closes.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
) -> Answer {
    // A server that refuses early may close before everything is written.
    let _ = stream.write_all(bytes).await;
    parse(&read_to_end(stream).await)
}

/// Everything until the other side closes, or resets after what it had to say.
pub(crate) async fn read_to_end<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the server neither answers nor closes");
    bytes
}

pub(crate) fn parse(bytes: &[u8]) -> Answer {
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let split = split.unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(bytes)));
    let head = std::str::from_utf8(&bytes[..split]).unwrap().to_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = bytes[split + 4..].to_vec();
    Answer { status, head, body }
}
