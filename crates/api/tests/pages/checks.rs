//! What holds on every page: its headers, its structure, its contrast, its width, its keyboard order.

use serde_json::{Value, json};

use crate::World;
use crate::console::{decrypted, session};
use crate::http::Client;

const TAB: &str = "\u{e004}";

pub(crate) async fn every_page(world: &World) {
    let bed = &world.bed;
    let id = decrypted(bed, "Ada cannot sign in since the update").await;
    session(bed, "the nightly import failed", &["SELECT 1"]).await;
    world.log_in("auditor").await;
    let session = format!("/sessions/{id}");
    for path in [
        "/queue",
        "/sessions",
        "/sessions?mode=decrypted",
        &session,
        "/nonsense",
    ] {
        headers(world, path).await;
        world.go(path).await;
        check_page(world, path).await;
    }
    world.browser.forget_cookies().await;
    world.go("/login?code=00").await;
    check_page(world, "/login").await;
}

/// The headers that keep a page from doing anything, on pages and on refusals.
async fn headers(world: &World, path: &str) {
    let cookies = world.browser.cookies().await;
    let value = cookies[0]["value"].as_str().unwrap().to_owned();
    let client = Client {
        token: None,
        ..world.bed.client.clone()
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: privet\r\nConnection: close\r\nAccept: text/html\r\nCookie: privet={value}\r\n\r\n"
    );
    let answer = client.raw(request.as_bytes()).await;
    let header = |name| answer.header(name).unwrap_or_default().to_owned();
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "style-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("script-src"),
        "{policy}"
    );
    assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    assert_eq!(header("cache-control"), "no-store", "{path}");
    assert_eq!(header("x-frame-options"), "DENY", "{path}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert!(header("content-type").starts_with("text/html"), "{path}");
}

/// Structure, contrast and width of the page that is open.
pub(crate) async fn check_page(world: &World, name: &str) {
    let browser = &world.browser;
    let expected = json!({
        "language": "en", "headings": 1, "main": 1, "unlabelled": [], "skipped": [], "captions": 0, "duplicates": [],
    });
    assert_eq!(browser.run(STRUCTURE).await, expected, "{name}");
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        let pale = browser.run(CONTRAST).await;
        assert_eq!(pale, json!([]), "{name}, {scheme}");
    }
    browser.prefer("light").await;
    for pixels in [360, 768, 1280, 2000] {
        browser.wide(pixels).await;
        let over = browser.run(OVERFLOW).await;
        assert_eq!(over, Value::Null, "{name} at {pixels} pixels");
    }
    browser.wide(1280).await;
}

const STRUCTURE: &str = "
    const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1]);
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    return {
        language: document.documentElement.lang,
        headings: document.querySelectorAll('h1').length,
        main: document.querySelectorAll('main').length,
        unlabelled: [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
            .filter(e => !(e.labels && e.labels.length) && !e.textContent.trim()).map(e => e.outerHTML),
        skipped: levels.filter((level, n) => n > 0 && level > levels[n - 1] + 1),
        captions: [...document.querySelectorAll('table')].filter(t => !t.caption).length,
        duplicates: ids.filter((id, n) => ids.indexOf(id) !== n),
    };";

/// Text whose contrast is below 4.5 (WCAG 2.2, success criterion 1.4.3).
const CONTRAST: &str = "
    const channels = color => (color.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const ground = element => {
        for (let e = element; e; e = e.parentElement) {
            const color = channels(getComputedStyle(e).backgroundColor);
            if (color.length < 4 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    const pale = [];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!own || !element.getClientRects().length) continue;
        const [one, two] = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))];
        const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
        if (ratio < 4.5) pale.push(element.className + ' ' + element.tagName + ' ' + ratio.toFixed(2));
    }
    return [...new Set(pale)];";

/// What is wider than the window, or nothing.
const OVERFLOW: &str = "
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return null;
    return [...document.querySelectorAll('body *')]
        .filter(e => e.getBoundingClientRect().right > width + 1)
        .map(e => e.tagName + '.' + e.className).slice(0, 5).join(', ');";

/// From the top: past the navigation by the skip link, then in the order in which the page reads.
pub(crate) async fn keyboard(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let long = format!("SELECT {}1", "1 + ".repeat(500));
    let id = session(bed, "the nightly import failed", &[&long, "SELECT 1"]).await;
    world.log_in("auditor").await;
    world.go(&format!("/sessions/{id}")).await;
    let mut order = Vec::new();
    for _ in 0..22 {
        browser.key(TAB).await;
        let at = browser
            .run(
                "const e = document.activeElement;
                 if (e === document.body) return '(end)';
                 if (getComputedStyle(e).outlineStyle === 'none') return 'no outline: ' + e.outerHTML;
                 return (e.getAttribute('aria-label') || e.textContent || e.id).trim().split('\\n')[0];",
            )
            .await;
        order.push(at.as_str().unwrap().to_owned());
    }
    let expected = [
        "Skip to the content",
        "Privet",
        "Queue",
        "Sessions",
        "Summary",
        "Log",
        "Log out",
        "https://tickets.example.com/7",
        "Only what is sensitive",
    ];
    assert_eq!(order[..expected.len()], expected, "{order:?}");
    let places = [
        "Statement",
        "note",
        "Approve",
        "Flag",
        "Comment only",
        "Skip to the next that waits",
    ];
    let places = places.map(|name| {
        order
            .iter()
            .position(|at| at == name)
            .unwrap_or_else(|| panic!("{name}: {order:?}"))
    });
    assert!(places.is_sorted(), "{order:?}");
    world.go("/sessions").await;
    browser.key(TAB).await;
    browser.key("\u{e007}").await;
    let at = browser.run("return document.activeElement.id").await;
    assert_eq!(at, "main");
}
