//! The provider: HTTP on a port of its own, with the tokens and the documents that a test gives it.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A key that tokens are signed with (ES256).
pub(crate) struct Key {
    id: &'static str,
    pair: EcdsaKeyPair,
    /// Its public half, as everybody has it.
    pub(crate) public: Vec<u8>,
}

impl Key {
    pub(crate) fn make(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public = pair.public_key().as_ref().to_vec();
        Self { id, pair, public }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let text = format!("{}.{}", encode(&head), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
    }

    /// A JSON Web Key (RFC 7517).
    fn published(&self) -> Value {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": part(&self.public[1..33]), "y": part(&self.public[33..]),
        })
    }
}

/// A token that says of itself that it is not signed.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", encode(&json!({ "alg": "none" })), encode(claims))
}

/// A token signed with what is no secret.
pub(crate) fn hs256(claims: &Value, secret: &[u8]) -> String {
    let head = json!({ "alg": "HS256", "typ": "JWT", "kid": "one" });
    let text = format!("{}.{}", encode(&head), encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

struct Script {
    discovery: Value,
    discovery_status: u16,
    keys: Value,
    keys_read: usize,
    token: (u16, String),
    redirects: bool,
    asked: Vec<String>,
}

/// A provider that listens until its test is over.
pub(crate) struct Op {
    pub(crate) issuer: String,
    pub(crate) key: Key,
    script: Arc<Mutex<Script>>,
}

impl Op {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = Key::make("one");
        let algorithms = ["RS256", "ES256", "HS256", "none"];
        let discovery = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // It would take anything.
            "id_token_signing_alg_values_supported": algorithms,
        });
        let script = Arc::new(Mutex::new(Script {
            discovery,
            discovery_status: 200,
            keys: json!({ "keys": [key.published()] }),
            keys_read: 0,
            token: (200, String::new()),
            redirects: false,
            asked: Vec::new(),
        }));
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self {
            issuer,
            key,
            script,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// The next code is worth this token.
    pub(crate) fn hand_out(&self, token: String) {
        let body = json!({ "access_token": "x", "token_type": "Bearer", "id_token": token });
        self.change(|script| script.token = (200, body.to_string()));
    }

    /// The next code is worth nothing; what it says about that is nobody's business.
    pub(crate) fn refuse_code(&self, error: &str) {
        let body = json!({ "error": error, "error_description": "of ada@example.com" });
        self.change(|script| script.token = (400, body.to_string()));
    }

    pub(crate) fn describe(&self, more: &Value) {
        self.change(|script| {
            for (name, value) in more.as_object().unwrap() {
                script.discovery[name] = value.clone();
            }
        });
    }

    pub(crate) fn refuse_discovery(&self) {
        self.change(|script| script.discovery_status = 500);
    }

    pub(crate) fn redirect_tokens(&self) {
        self.change(|script| script.redirects = true);
    }

    pub(crate) fn publish(&self, key: &Key) {
        self.change(|script| script.keys = json!({ "keys": [key.published()] }));
    }

    pub(crate) fn keys_read(&self) -> usize {
        self.script.lock().unwrap().keys_read
    }

    /// What its token endpoint was asked, heads and bodies.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.clone()
    }
}

/// One request and its answer.
async fn answer(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut bytes = Vec::new();
    let request = loop {
        let mut part = [0; 4_096];
        let count = stream.read(&mut part).await.unwrap_or_default();
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let length = lines.find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or_default() {
                break text;
            }
        }
        if count == 0 {
            return;
        }
    };
    let (status, more, body) = {
        let mut script = script.lock().unwrap();
        match request.split(' ').nth(1).unwrap_or_default() {
            "/.well-known/openid-configuration" => {
                let body = script.discovery.to_string();
                (script.discovery_status, "", body)
            }
            "/keys" => {
                script.keys_read += 1;
                (200, "", script.keys.to_string())
            }
            "/token" if script.redirects => (307, "Location: /keys\r\n", "{}".to_owned()),
            "/token" => {
                script.asked.push(
                    request
                        .replace("Basic", "basic")
                        .replace("Authorization", "authorization"),
                );
                let (status, body) = script.token.clone();
                (status, "", body)
            }
            _ => (404, "", "{}".to_owned()),
        }
    };
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nConnection: close\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
}
