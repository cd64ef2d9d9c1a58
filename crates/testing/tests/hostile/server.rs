//! A server on loopback that answers as it likes, byte for byte. It ends with the test's runtime.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use privet::{Client, Limits, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `POST /v1/seal`.
    pub(crate) what: String,
    /// The head, in lower case.
    pub(crate) head: String,
    /// The body, if it is JSON.
    pub(crate) body: serde_json::Value,
}

/// What goes back.
pub(crate) enum Answer {
    /// These bytes; then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes; then a further one again and again, for as long as somebody listens.
    Drip(Vec<u8>),
    /// These bytes; then nothing more, without an end.
    Silence(Vec<u8>),
}

/// A JSON answer.
pub(crate) fn json(status: u16, body: &str) -> Answer {
    with(status, "content-type: application/json\r\n", body)
}

/// An answer with these lines in its head.
pub(crate) fn with(status: u16, lines: &str, body: &str) -> Answer {
    let length = body.len();
    // A connection that the client kept would be closed under its next request, now before it left and now after.
    let lines = format!("{lines}connection: close\r\ncontent-length: {length}\r\n");
    Answer::Bytes(format!("HTTP/1.1 {status} x\r\n{lines}\r\n{body}").into_bytes())
}

/// The start of an answer that is longer than what is there of it.
pub(crate) fn begun(lines: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 x\r\n{lines}\r\n\r\n{body}").into_bytes()
}

/// What a server of the environment `test` says.
pub(crate) fn live() -> Answer {
    json(200, r#"{"status":"live","environment":"test"}"#)
}

/// Limits with the time that a machine under load needs.
pub(crate) fn patient() -> Limits {
    Limits {
        deadline: Duration::from_secs(120),
        attempt: Duration::from_secs(60),
        connect: Duration::from_secs(60),
        ..Limits::default()
    }
}

/// The server, and what it was asked.
pub(crate) struct Hostile {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Hostile {
    /// Answers each request with what this says.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                tokio::spawn(async move { serve(stream, &*answer, &seen).await });
            }
        });
        Self { address, asked }
    }

    /// One that names its environment rightly, and answers everything else with what this says.
    pub(crate) async fn after_live(
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |asked| match &*asked.what {
            "GET /health/live" => live(),
            _ => answer(asked),
        })
        .await
    }

    /// A client of it, with other limits than the usual ones.
    pub(crate) fn client_within(&self, limits: Limits) -> Client {
        let token = format!("pvt_test_{SECRET}").parse().unwrap();
        let settings = Settings::new("test".parse().unwrap(), token);
        Client::new(settings.address(&self.address).limits(limits)).unwrap()
    }

    /// A client of it that has the time that a machine under load needs.
    pub(crate) fn client(&self) -> Client {
        self.client_within(patient())
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often it was asked this.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.asked().iter().filter(|one| one.what == what).count()
    }
}

/// The secret part of the clients' token.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef01234567";

async fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&Asked) -> Answer + Send + Sync),
    seen: &Mutex<Vec<Asked>>,
) {
    // A client that goes away in the middle is what some tests are about.
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    seen.lock().unwrap().push(asked.clone());
    let (bytes, drips) = match answer(&asked) {
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            return;
        }
        Answer::Drip(bytes) => (bytes, true),
        Answer::Silence(bytes) => (bytes, false),
    };
    let _ = stream.write_all(&bytes).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while drips && stream.write_all(b" ").await.is_ok() {
        ticks.tick().await;
    }
    // Until the client closes.
    let _ = stream.read(&mut [0]).await;
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let what = head.split(" HTTP/").next()?.to_owned();
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.parse().unwrap());
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or_default();
    Some(Asked { what, head, body })
}
