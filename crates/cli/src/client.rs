//! The commands' way to the running server: its address from `server.json`, a token from `tokens/` or `PRIVET_TOKEN`,
//! deadlines, and problems in words. Tokens are never printed.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use bytes::Bytes;
use privet_seal::Zeroizing;
use privet_vault::PrincipalName;
use privet_wire::Problem;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arguments::As;
use crate::folder::{Folder, read_secret_line};
use crate::output::shell;
use crate::serve::Server;

/// The environment variable that holds a token.
const TOKEN_VARIABLE: &str = "PRIVET_TOKEN";
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take, a long wait for new log entries included.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an answer that comes in pieces may take.
const STREAM_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
/// How much of an answer that is no problem is shown.
const FOREIGN_ANSWER_CHARS: usize = 200;

/// A client of one folder's server, as one principal.
pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
    token: Zeroizing<String>,
    /// Where the token came from, for messages.
    origin: String,
    /// The command that starts the server, for messages.
    start: String,
}

impl Client {
    /// A client of the folder's server, with the token of `--as`, else of `PRIVET_TOKEN`, else of `usual`.
    ///
    /// # Errors
    /// When no server runs or there is no token.
    pub(crate) fn new(folder: &Folder, who: &As, usual: &str) -> Result<Self> {
        let server = server(folder)?;
        let (token, origin) = token(folder, who.principal.as_ref(), usual)?;
        Ok(Self {
            http: http(&server)?,
            server,
            token,
            origin,
            start: folder.start_command(),
        })
    }

    /// What the server says of itself.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Asks for something.
    ///
    /// # Errors
    /// The server's refusal in words, or that it does not answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call(Method::GET, path, &(), None::<&()>).await
    }

    /// Asks for something, with a query.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T> {
        self.call(Method::GET, path, query, None::<&()>).await
    }

    /// Asks for a text that is no JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn text(&self, path: &str, query: &impl Serialize) -> Result<String> {
        let bytes = self.bytes(Method::GET, path, query, None::<&()>).await?;
        String::from_utf8(bytes.to_vec())
            .with_context(|| format!("the server's answer to {path} is not text"))
    }

    /// Sends something.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        self.call(method, path, &(), Some(body)).await
    }

    /// Sends JSON lines.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn lines<T: DeserializeOwned>(&self, path: &str, lines: Vec<u8>) -> Result<T> {
        let url = format!("{}{path}", self.server.api);
        let request = self.http.post(url).bearer_auth(&*self.token);
        let request = request
            .header("content-type", "application/x-ndjson")
            .body(lines);
        let answer = request.send().await.map_err(|error| self.silent(error))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| self.silent(error))?;
        if !status.is_success() {
            return Err(self.refusal(status, &bytes));
        }
        serde_json::from_slice(&bytes)
            .with_context(|| format!("the server's answer to {path} is not what was expected"))
    }

    /// Sends something whose answer may be long and late, and hands over each piece as it comes. A connection that breaks off is
    /// an error: what was handed over until then is not all of it.
    ///
    /// # Errors
    /// As [`get`](Self::get), and what `take` says.
    pub(crate) async fn stream(
        &self,
        path: &str,
        body: &impl Serialize,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let url = format!("{}{path}", self.server.api);
        self.pieces(self.http.post(url).json(body), &mut take).await
    }

    /// Fetches something long, piece by piece.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    pub(crate) async fn fetch(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let url = format!("{}{path}", self.server.api);
        self.pieces(self.http.get(url), &mut take).await
    }

    async fn pieces(
        &self,
        request: reqwest::RequestBuilder,
        take: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let request = request.bearer_auth(&*self.token).timeout(STREAM_TIMEOUT);
        let mut answer = request.send().await.map_err(|error| self.silent(error))?;
        let status = answer.status();
        if !status.is_success() {
            let bytes = answer.bytes().await.map_err(|error| self.silent(error))?;
            return Err(self.refusal(status, &bytes));
        }
        while let Some(piece) = answer.chunk().await.map_err(|error| self.silent(error))? {
            take(&piece)?;
        }
        Ok(())
    }

    /// Takes something away.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(crate) async fn delete(&self, path: &str) -> Result<()> {
        self.call(Method::DELETE, path, &(), None::<&()>).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &impl Serialize,
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        let bytes = self.bytes(method, path, query, body).await?;
        // An answer without content is `()`.
        let content = if bytes.is_empty() {
            b"null"
        } else {
            &bytes[..]
        };
        serde_json::from_slice(content)
            .with_context(|| format!("the server's answer to {path} is not what was expected"))
    }

    async fn bytes(
        &self,
        method: Method,
        path: &str,
        query: &impl Serialize,
        body: Option<&impl Serialize>,
    ) -> Result<Bytes> {
        let url = format!("{}{path}", self.server.api);
        let request = self.http.request(method, url);
        let mut request = request.bearer_auth(&*self.token).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| self.silent(error))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| self.silent(error))?;
        if !status.is_success() {
            return Err(self.refusal(status, &bytes));
        }
        Ok(bytes)
    }

    fn silent(&self, error: reqwest::Error) -> Error {
        let (api, start) = (&self.server.api, &self.start);
        // The chain below the topmost says what happened; the topmost repeats the address.
        let cause = std::iter::successors(std::error::Error::source(&error), |e| e.source()).last();
        let cause = cause.map_or_else(|| error.to_string(), ToString::to_string);
        if error.is_connect() {
            anyhow!("the server at {api} does not answer ({cause}): start it with `{start}`")
        } else if error.is_timeout() {
            anyhow!("the server at {api} took too long: look at its log")
        } else {
            anyhow!("the connection to the server at {api} failed: {cause}")
        }
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Error {
        let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
            let text: String = String::from_utf8_lossy(body)
                .chars()
                .take(FOREIGN_ANSWER_CHARS)
                .collect();
            return anyhow!("the server answered {status}: {text}");
        };
        let Problem { detail, code, .. } = problem;
        if status == StatusCode::UNAUTHORIZED {
            return anyhow!("{detail} ({code}; the token is that of {})", self.origin);
        }
        anyhow!("{detail} ({code})")
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// What the folder's running server says of itself.
fn server(folder: &Folder) -> Result<Server> {
    let path = folder.server();
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "no server runs here: start one with `{}`",
                folder.start_command()
            )
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
        }
    };
    serde_json::from_slice(&text).with_context(|| format!("`{}` is not right", path.display()))
}

/// A token and where it came from: that of `named` in the folder, else of PRIVET_TOKEN, else of `usual` in the folder.
///
/// # Errors
/// When there is none.
pub(crate) fn token(
    folder: &Folder,
    named: Option<&PrincipalName>,
    usual: &str,
) -> Result<(Zeroizing<String>, String)> {
    if named.is_none()
        && let Ok(token) = std::env::var(TOKEN_VARIABLE)
    {
        let token = Zeroizing::new(token);
        return Ok((
            Zeroizing::new(token.trim().to_owned()),
            format!("the variable {TOKEN_VARIABLE}"),
        ));
    }
    let principal = match named {
        Some(named) => named.clone(),
        None => usual.parse()?,
    };
    let path = folder.token(&principal);
    let shown = path.display().to_string();
    if !path.exists() {
        bail!(
            "there is no token for `{principal}` in `{shown}`: make one with `privet token issue {principal} --keep \
             --dir {}`, name another principal with --as, or set {TOKEN_VARIABLE}",
            shell(folder.path().display())
        );
    }
    Ok((read_secret_line(&path)?, format!("`{shown}`")))
}

fn http(server: &Server) -> Result<reqwest::Client> {
    if server.certificate.is_none() && !is_private(server) {
        bail!(
            "a token goes to {} through TLS only: give the API a certificate (`tls` under [api] in `privet.toml`)",
            server.api
        );
    }
    let mut http = reqwest::Client::builder()
        .user_agent(concat!("privet/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    if let Some(path) = &server.certificate {
        let pem = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .with_context(|| format!("`{}` holds no certificate", path.display()))?;
        // The server's own certificate and no other: no authority may stand in for it.
        http = http.tls_certs_only(certificates).https_only(true);
    }
    if let Some(name) = host_name(&server.api) {
        http = http.resolve(name, server.api_address);
    }
    http.build().context("cannot make an HTTP client")
}

/// Whether nobody listens on the way to the API: it is on this machine.
fn is_private(server: &Server) -> bool {
    let host = host_name(&server.api).map(|host| host.trim_matches(['[', ']']));
    let host = host.and_then(|host| host.parse::<IpAddr>().ok());
    host.is_some_and(|ip| ip.is_loopback()) && server.api_address.ip().is_loopback()
}

/// The host of a URL.
fn host_name(url: &str) -> Option<&str> {
    url.split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once(':'))
        .map(|(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(api: &str, address: &str) -> Server {
        let said = serde_json::json!({
            "environment": "test", "api": api, "api_address": address, "gateway": "127.0.0.1:7432",
            "certificate": null, "pid": 1,
        });
        serde_json::from_value(said).unwrap()
    }

    #[test]
    fn a_token_leaves_this_machine_through_tls_only() {
        // As `main` does first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        for (api, address) in [
            ("http://127.0.0.1:7300", "127.0.0.1:7300"),
            ("http://[::1]:7300", "[::1]:7300"),
        ] {
            assert!(http(&server(api, address)).is_ok(), "{api}");
        }
        for (api, address) in [
            ("http://10.0.0.1:7300", "10.0.0.1:7300"),
            ("http://10.0.0.1:7300", "127.0.0.1:7300"),
            ("http://127.0.0.1:7300", "10.0.0.1:7300"),
            ("http://privet.example:7300", "127.0.0.1:7300"),
        ] {
            let error = http(&server(api, address)).unwrap_err().to_string();
            assert!(error.contains("through TLS only"), "{api}: {error}");
        }
    }
}
