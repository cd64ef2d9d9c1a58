//! A real browser: Chromium through its WebDriver, one process for all cases (<https://www.w3.org/TR/webdriver2/>).

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::{Answer, parse};
use crate::tls::{Certificate, HOST};

/// How a reference to an element is named on the wire.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// What Chromium needs to run as root, without a screen, and without talking to anybody.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    // It would go to TLS by itself, where the test wants to see that it was told to.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode",
];

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser that is open.
pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// Where pictures go, if anybody wants to look.
    pictures: Option<PathBuf>,
    _profile: TempDir,
}

/// An element of the page.
#[derive(Debug, Clone)]
pub(crate) struct Element(String);

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver leads a group of its own, in which its browser is.
        if let Some(group) = rustix::process::Pid::from_raw(self.driver.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// Opens one that trusts this certificate and finds the server that has it.
    pub(crate) async fn open(certificate: &Certificate) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            // What a browser that is killed leaves behind goes with the profile.
            .env("TMPDIR", profile.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect(
                "`chromedriver` is missing: these tests drive a real browser; `./test` installs the Debian packages \
                 chromium and chromium-driver",
            );
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver does not say where it listens");
        // What it says further is nobody's business, but must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let pictures = std::env::var_os("PRIVET_PICTURES").map(PathBuf::from);
        if let Some(folder) = &pictures {
            fs::create_dir_all(folder).unwrap();
        }
        let mut browser = Self {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            pictures,
            _profile: profile,
        };
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
        let profile = browser._profile.path().display();
        arguments.push(format!("--user-data-dir={profile}"));
        arguments.push(format!(
            "--ignore-certificate-errors-spki-list={}",
            certificate.fingerprint
        ));
        arguments.push(format!("--host-resolver-rules=MAP {HOST} 127.0.0.1"));
        let options = json!({ "args": arguments });
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let answer = browser.call("POST", "/session", Some(wanted)).await;
        answer["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut browser.session);
        browser
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, value) = self.status_of(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {value}");
        value
    }

    async fn status_of(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, answer(&mut stream)).await;
        let answer = answer.expect("the browser does not answer");
        (answer.status, answer.json()["value"].take())
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let path = format!("/session/{}{path}", self.session);
        self.call(method, &path, body).await
    }

    async fn tell(&self, path: &str, body: Value) -> Value {
        self.ask("POST", path, Some(body)).await
    }

    pub(crate) async fn go(&self, address: &str) {
        self.tell("/url", json!({ "url": address })).await;
    }

    pub(crate) async fn back(&self) {
        self.tell("/back", json!({})).await;
    }

    pub(crate) async fn address(&self) -> String {
        self.ask("GET", "/url", None)
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The path and query of the page.
    pub(crate) async fn path(&self) -> String {
        let address = self.address().await;
        let rest = address.splitn(4, '/').nth(3).unwrap_or_default();
        format!("/{rest}")
    }

    /// The first element that a CSS selector finds; fails if there is none.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let found = self.all(css).await;
        let page = self.text("body").await;
        found
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no `{css}` in: {page}"))
    }

    pub(crate) async fn all(&self, css: &str) -> Vec<Element> {
        let how = json!({ "using": "css selector", "value": css });
        let found = self.tell("/elements", how).await;
        let found = found.as_array().unwrap().iter();
        found
            .map(|element| Element(element[ELEMENT].as_str().unwrap().to_owned()))
            .collect()
    }

    pub(crate) async fn has(&self, css: &str) -> bool {
        !self.all(css).await.is_empty()
    }

    /// What a person reads in the first element that a selector finds, as soon as there is one: a page may still be on its way.
    pub(crate) async fn text(&self, css: &str) -> String {
        let begun = Instant::now();
        let mut found = self.all(css).await;
        while found.is_empty() && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
            found = self.all(css).await;
        }
        let Some(Element(id)) = found.first() else {
            let source = self.ask("GET", "/source", None).await;
            panic!("no `{css}` at {}: {source}", self.address().await);
        };
        let text = self.ask("GET", &format!("/element/{id}/text"), None).await;
        text.as_str().unwrap().to_owned()
    }

    pub(crate) async fn click(&self, css: &str) {
        let Element(id) = self.find(css).await;
        self.tell(&format!("/element/{id}/click"), json!({})).await;
    }

    /// Clicks the link or button whose text begins like this, and waits for the page that comes of it.
    pub(crate) async fn press(&self, text: &str) {
        let page = self.find("html").await;
        self.click_text(text).await;
        let path = format!("/session/{}/element/{}/name", self.session, page.0);
        for _ in 0..10_000 {
            // An element of a page that is gone is "stale" (WebDriver section 12.2).
            if self.status_of("GET", &path, None).await.0 != 200 {
                return;
            }
        }
        panic!("`{text}` leads nowhere");
    }

    /// Opens what is folded under this text.
    pub(crate) async fn unfold(&self, text: &str) {
        self.click_text(text).await;
    }

    async fn click_text(&self, text: &str) {
        let xpath = format!(
            "//main//*[self::a or self::button or self::summary][starts-with(normalize-space(.), \"{text}\")] \
             | //header//button[starts-with(normalize-space(.), \"{text}\")]"
        );
        let how = json!({ "using": "xpath", "value": xpath });
        let element = self.tell("/element", how).await;
        let id = element[ELEMENT].as_str().unwrap();
        self.tell(&format!("/element/{id}/click"), json!({})).await;
    }

    pub(crate) async fn write(&self, css: &str, text: &str) {
        let Element(id) = self.find(css).await;
        self.tell(&format!("/element/{id}/clear"), json!({})).await;
        let keys = json!({ "text": text });
        self.tell(&format!("/element/{id}/value"), keys).await;
    }

    /// Runs a function body in the page, as a developer's tools do: the page's own policy does not bind them.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let script = json!({ "script": script, "args": [] });
        self.tell("/execute/sync", script).await
    }

    pub(crate) async fn cookies(&self) -> Value {
        self.ask("GET", "/cookie", None).await
    }

    pub(crate) async fn forget_cookies(&self) {
        self.ask("DELETE", "/cookie", None).await;
    }

    /// Presses a key.
    pub(crate) async fn key(&self, key: &str) {
        let actions =
            json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.tell("/actions", json!({ "actions": [keyboard] }))
            .await;
    }

    async fn developer(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.tell("/goog/cdp/execute", body).await;
    }

    /// Makes the window this wide.
    pub(crate) async fn wide(&self, pixels: u32) {
        let metrics = json!({
            "width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": pixels < 600
        });
        self.developer("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Prefers a light or a dark scheme.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        let features = json!({ "features": [feature] });
        self.developer("Emulation.setEmulatedMedia", features).await;
    }

    pub(crate) async fn scripts(&self, are_on: bool) {
        let value = json!({ "value": !are_on });
        self.developer("Emulation.setScriptExecutionDisabled", value)
            .await;
    }

    /// Keeps pictures of the page, narrow and wide, light and dark, where `PRIVET_PICTURES` names a folder.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = &self.pictures else { return };
        for pixels in [390, 1280] {
            self.wide(pixels).await;
            for scheme in ["light", "dark"] {
                self.prefer(scheme).await;
                let height = self
                    .run("return document.documentElement.scrollHeight")
                    .await;
                let metrics = json!({
                    "width": pixels, "height": height, "deviceScaleFactor": 1, "mobile": pixels < 600
                });
                self.developer("Emulation.setDeviceMetricsOverride", metrics)
                    .await;
                let picture = self.ask("GET", "/screenshot", None).await;
                let picture = base64::engine::general_purpose::STANDARD
                    .decode(picture.as_str().unwrap())
                    .unwrap();
                fs::write(
                    folder.join(format!("{name}-{pixels}-{scheme}.png")),
                    picture,
                )
                .unwrap();
                self.wide(pixels).await;
            }
        }
        self.wide(1280).await;
        self.prefer("light").await;
    }
}

/// One answer; the driver keeps its connections open, whatever it is asked.
async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 16 * 1024];
        let count = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..count]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let answer = parse(&bytes);
            let length = answer
                .header("content-length")
                .map(|text| text.parse::<usize>());
            if count == 0 || bytes.len() >= end + 4 + length.unwrap().unwrap() {
                return answer;
            }
        }
        assert!(count > 0, "the browser is gone");
    }
}
