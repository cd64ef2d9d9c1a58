//! What engineers type is hostile: it is shown, and does nothing.

use privet_vault::{DecryptRequest, Statement};
use serde_json::json;

use crate::World;
use crate::checks::check_page;
use crate::console::{console, settled};

/// What plants a script, breaks out of markup or attributes, or hides what it is. What it would do is to set `planted`.
pub(crate) const CORPUS: [&str; 16] = [
    "<script>window.planted = 1</script> why not",
    "\"><img src=x onerror=\"window.planted=1\"> why not",
    "' autofocus onfocus='window.planted=1' why not",
    "</textarea></pre></title><script>window.planted=1</script> why",
    "<svg/onload=window.planted=1> <style>*{display:none}</style> why",
    "{{7*7}} ${7*7} <%= 7*7 %> why not this one",
    "javascript:window.planted=1 is no reason at all",
    "<a href=\"javascript:window.planted=1\">click me please</a>",
    "abc\u{202e}gnp.exe is reversed \u{2066}isolated\u{2069}",
    "zero\u{200b}width\u{feff} and a NUL \0 and a bell \u{7}",
    "عربي ثم english ثم عربي and back",
    "=HYPERLINK(\"https://evil.example\",\"click\")",
    "<meta http-equiv=refresh content=\"0;url=https://evil.example\"> why",
    "<base href=\"https://evil.example/\"><form action=//evil.example>",
    "&lt;b&gt;escaped already&lt;/b&gt; &amp;lt; why not",
    "<!-- <iframe src=https://evil.example></iframe> --> why not",
];

pub(crate) async fn corpus(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let ada = bed.subject("ada@example.com").await;
    world.log_in("auditor").await;
    for (n, hostile) in CORPUS.iter().enumerate() {
        // Each reason differs from the one before it.
        let reason = format!("{hostile} (case {n})");
        let link = "https://tickets.example.com@evil.example/\"onclick='window.planted=1'";
        let (mut connection, id) = console(bed, &reason, link).await;
        let parameters = [Some((*hostile).to_owned()), Some("x".repeat(3_000))];
        let statement = Statement {
            sql: hostile,
            parameters: &parameters,
        };
        connection.record(statement).await.unwrap();
        let long = "W".repeat(20_000);
        let statement = Statement {
            sql: &long,
            parameters: &[],
        };
        connection.record(statement).await.unwrap();
        let request = DecryptRequest {
            consent: format!("https://t.example/?{n}=<script>window.planted=1</script>"),
            subject: ada.clone(),
            ..DecryptRequest::default()
        };
        connection.decrypt(&request).await.unwrap();
        connection.close().await.unwrap();
        settled(bed, id).await;
        let auditor = bed.of("auditor").await;
        let comment = json!({ "text": hostile });
        let comments = format!("/v1/sessions/{id}/comments");
        auditor.post(&comments, comment).await.expect(204);
        world.go(&format!("/sessions/{id}")).await;
        shown(world, hostile, n).await;
        browser.click("#note").await;
        harmless(world).await;
        check_page(world, "hostile session").await;
        if n == 8 {
            browser.picture("hostile").await;
        }
    }
    world.go("/sessions").await;
    harmless(world).await;
    check_page(world, "hostile list").await;
    browser.picture("hostile-list").await;
}

/// Every visible character is there, and every invisible one has its name.
async fn shown(world: &World, hostile: &str, n: usize) {
    let find = "return [...document.querySelectorAll('blockquote, .steps code, .notes li')].map(e => e.textContent)";
    let places = world.browser.run(find).await;
    let places: Vec<String> = serde_json::from_value(places).unwrap();
    let visible: String = hostile
        .chars()
        .map(|c| match c {
            '\u{202e}' | '\u{2066}' | '\u{2069}' | '\u{200b}' | '\u{feff}' | '\0' | '\u{7}' => {
                format!("U+{:04X}", u32::from(c))
            }
            c => c.to_string(),
        })
        .collect();
    assert!(places[0].contains(&visible), "case {n}: {}", places[0]);
    let others = places
        .iter()
        .filter(|place| place.contains(&visible))
        .count();
    assert!(
        others >= 3,
        "case {n}: reason, statement, comment: {places:?}"
    );
}

/// Nothing ran, nothing was made, and no link leads anywhere but to web addresses.
pub(crate) async fn harmless(world: &World) {
    let found = world
        .browser
        .run(
            "return {
                planted: window.planted === undefined,
                elements: document.querySelectorAll('script, img, svg, iframe, base, object, embed').length,
                handlers: [...document.querySelectorAll('*')].flatMap(e => [...e.attributes])
                    .filter(a => a.name.startsWith('on') || a.name === 'style').length,
                links: [...document.querySelectorAll('a')].map(a => a.href)
                    .filter(href => !href.startsWith(location.origin) && !/^https?:/.test(href)),
                forms: [...document.forms].filter(f => !f.action.startsWith(location.origin)).length,
            }",
        )
        .await;
    let expected = json!({
        "planted": true, "elements": 0, "handlers": 0, "links": [], "forms": 0
    });
    assert_eq!(found, expected);
}

/// The whole work of an auditor, in a browser that runs no scripts at all.
pub(crate) async fn without_scripts(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    browser.scripts(false).await;
    let id = crate::console::decrypted(bed, "Ada cannot sign in since the update").await;
    world.log_in("auditor").await;
    browser.press("Start with the first").await;
    assert!(browser.path().await.starts_with(&format!("/sessions/{id}")));
    browser.write("#note", "fits").await;
    browser.press("Approve").await;
    assert!(
        browser
            .text("main")
            .await
            .contains("Nothing waits for a verdict")
    );
    world.go("/sessions").await;
    browser.unfold("Filter").await;
    browser.write("#text", "update").await;
    browser.press("Show").await;
    assert_eq!(browser.all(".list tbody tr").await.len(), 1);
    browser.press("Log out").await;
    assert_eq!(browser.path().await, "/login");
    browser.scripts(true).await;
}
