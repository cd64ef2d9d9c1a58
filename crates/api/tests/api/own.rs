//! People whose own pages are asked for: an identity provider that believes what it is told, and browsers that are logged in.

use async_trait::async_trait;
use privet_vault::port::{IdentityError, IdentityProvider, LoginAttempt, LoginProof};
use privet_vault::{OwnAnswer, SubjectName};

use crate::bed::Bed;
use crate::http::Answer;

/// A provider whose codes are the names of whom they prove. (A real one is in the tests of the pages.)
pub(crate) struct Codes;

#[async_trait]
impl IdentityProvider for Codes {
    fn name(&self) -> &str {
        "Shop"
    }

    async fn address(&self, attempt: &LoginAttempt) -> Result<String, IdentityError> {
        let state = attempt.state.as_str();
        Ok(format!("https://login.example.com/?state={state}"))
    }

    async fn prove(
        &self,
        _: &LoginAttempt,
        proof: LoginProof<'_>,
    ) -> Result<SubjectName, IdentityError> {
        let name = proof.code.parse();
        name.map_err(|_| IdentityError::Refused("no such code".into()))
    }

    async fn farewell(&self) -> Option<String> {
        Some("https://login.example.com/end".to_owned())
    }
}

/// A browser in which a person is logged in.
pub(crate) struct OwnBrowser {
    pub(crate) secret: String,
    pub(crate) form: String,
}

impl OwnBrowser {
    pub(crate) async fn of(bed: &Bed, subject: &str, number: usize) -> Self {
        let here = format!("2001:db8:{number:x}::1");
        let begun = bed.vault.begin_own_login(&here).await.unwrap();
        let (_, state) = begun.address.split_once("state=").unwrap();
        let answer = OwnAnswer {
            state,
            code: Some(subject),
            issuer: None,
        };
        let login = bed.vault.finish_own_login(&begun.secret, answer, &here);
        let secret = login.await.unwrap().to_string();
        let form = bed.vault.me(&secret, &here).await.unwrap().form_token;
        Self {
            form: form.as_str().to_owned(),
            secret,
        }
    }

    pub(crate) fn cookie(&self) -> String {
        format!("privet-me={}", self.secret)
    }

    /// The newest look at this person's data, as addresses name it.
    pub(crate) async fn look(&self, bed: &Bed) -> String {
        let me = bed.vault.me(&self.secret, "192.0.2.1").await.unwrap().me;
        let looks = me.looks(None).await.unwrap().looks;
        format!("{}/{}", looks[0].log, looks[0].index)
    }

    /// Asks for a copy and has it made; the request.
    pub(crate) async fn copy(&self, bed: &Bed) -> String {
        self.post(bed, "/me/copy", "").await.expect(200);
        let operator = bed.of("operator").await;
        let run = operator.call("POST", "/v1/requests/run", None).await;
        run.expect(200);
        let me = bed.vault.me(&self.secret, "192.0.2.1").await.unwrap().me;
        let copies = me.copies().await.unwrap();
        copies.last().unwrap().id.to_string()
    }

    pub(crate) async fn get(&self, bed: &Bed, path: &str) -> Answer {
        send(bed, "GET", path, &self.cookie(), "").await
    }

    /// Sends a form of this person's own pages.
    pub(crate) async fn post(&self, bed: &Bed, path: &str, fields: &str) -> Answer {
        let body = format!("form={}&{fields}", self.form);
        send(bed, "POST", path, &self.cookie(), &body).await
    }
}

/// A request as a browser sends it from these pages themselves.
pub(crate) async fn send(bed: &Bed, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
    let headers = format!("Cookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n");
    send_with(bed, method, path, &headers, body).await
}

pub(crate) async fn send_with(
    bed: &Bed,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: privet\r\nConnection: close\r\nAccept: text/html\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    bed.client.raw(request.as_bytes()).await
}
