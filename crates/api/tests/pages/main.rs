//! The auditor's pages in a real Chromium, over the real vault and a real socket. One browser serves all cases.
//!
//! `PRIVET_PICTURES=DIR` keeps pictures of each page, narrow and wide, light and dark.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
// The parts shared with the API's tests hold more than is needed here.
#![expect(dead_code, reason = "shared with another test program")]

#[path = "../api/bed.rs"]
mod bed;
#[path = "../api/http.rs"]
mod http;
#[path = "../api/own.rs"]
mod own;
#[path = "../api/postbox.rs"]
mod postbox;

mod checks;
mod console;
mod hostile;
mod identity;
mod lists;
mod login;
mod own_pages;
mod people;
mod records;
mod requests;
mod reviewing;
mod tls;
mod webdriver;

use std::rc::Rc;

use bed::Bed;
use tls::Certificate;
use webdriver::Browser;

/// A browser, and a server for one case.
pub(crate) struct World {
    pub(crate) browser: Rc<Browser>,
    pub(crate) bed: Bed,
    /// What the browser trusts besides what it trusts anyway.
    pub(crate) certificate: Rc<Certificate>,
}

impl World {
    /// The same browser, and another server.
    pub(crate) fn at(&self, bed: Bed) -> Self {
        Self {
            browser: Rc::clone(&self.browser),
            bed,
            certificate: Rc::clone(&self.certificate),
        }
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.bed.client.address)
    }

    pub(crate) async fn go(&self, path: &str) {
        self.browser.go(&self.address(path)).await;
    }

    /// Logs a person in by a link, as they would.
    pub(crate) async fn log_in(&self, name: &str) {
        let link = self.link(name).await;
        self.go(&link).await;
        self.browser.press("Log in with this link").await;
    }

    /// Fails unless each of these parts can be read in the first element that a selector finds.
    pub(crate) async fn reads(&self, css: &str, parts: &[&str]) {
        let text = self.browser.text(css).await;
        for part in parts {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
    }

    /// A link that logs this person in.
    pub(crate) async fn link(&self, name: &str) -> String {
        let made = self.bed.of(name).await;
        let made = made.call("POST", "/v1/login-links", None).await.expect(201);
        made.json()["path"].as_str().unwrap().to_owned()
    }

    /// The next case begins with a server and a login of its own.
    async fn next(self) -> Self {
        self.browser.forget_cookies().await;
        self.at(bed::bed().await)
    }
}

/// Bytes of stack: the policy engine refuses to decide where little is left, and these cases are deep without
/// optimization.
const STACK: usize = 64 << 20;

#[test]
fn the_pages_in_a_browser() {
    let cases = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(all_cases());
    });
    if let Err(failed) = cases.unwrap().join() {
        std::panic::resume_unwind(failed);
    }
}

async fn all_cases() {
    let certificate = Rc::new(Certificate::make());
    let mut world = World {
        browser: Rc::new(Browser::open(&certificate).await),
        bed: bed::bed().await,
        certificate,
    };
    macro_rules! cases {
        ($($case:path),+ $(,)?) => {$(
            println!(concat!("case ", stringify!($case)));
            $case(&world).await;
            world = world.next().await;
        )+};
    }
    cases![
        login::by_link,
        login::by_token,
        login::leaving,
        login::elsewhere,
        reviewing::one_after_the_other,
        reviewing::a_flag_needs_a_note,
        reviewing::a_thread_of_comments,
        reviewing::nobody_judges_themselves,
        reviewing::a_long_session,
        reviewing::an_emergency,
        requests::a_second_person,
        requests::not_alone,
        requests::answers,
        people::what_waits,
        people::hostile_words,
        people::not_for_everybody,
        requests::hostile,
        tls::pages,
        lists::filters,
        lists::pages,
        records::summary,
        records::log,
        records::session_proof,
        records::findings,
        hostile::corpus,
        hostile::without_scripts,
        own_pages::everything,
        own_pages::strangers,
        own_pages::by_mail,
        own_pages::a_receipt,
        checks::every_page,
        checks::keyboard,
    ];
    drop(world);
}
