//! What auditors take away: the summary, the state of the log, entries with their proofs.

use privet_tlog::Proof;
use privet_tlog::note::VerifierKey;

use crate::World;
use crate::console::{decrypted, session};
use crate::http::{Answer, Client};

/// What a link downloads: a browser would keep it as a file.
async fn download(world: &World, path: &str) -> Answer {
    let cookies = world.browser.cookies().await;
    let value = cookies[0]["value"].as_str().unwrap().to_owned();
    let client = Client {
        token: None,
        ..world.bed.client.clone()
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: privet\r\nConnection: close\r\nCookie: privet={value}\r\n\r\n"
    );
    let answer = client.raw(request.as_bytes()).await.expect(200);
    let kept = answer.header("content-disposition").unwrap();
    assert!(kept.starts_with("attachment; filename="), "{kept}");
    answer
}

pub(crate) async fn summary(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    decrypted(bed, "Ada cannot sign in since the update").await;
    for n in 0..3 {
        session(bed, &format!("import number {n} failed"), &["SELECT 1"]).await;
    }
    world.log_in("auditor").await;
    world.go("/summary").await;
    let page = browser.text("main").await;
    for part in [
        "Sessions 4 0 +4",
        "Decrypted 1 0 +1",
        "4 sessions, 1 of them decrypted",
        "Ada cannot sign in since the update",
        "Nobody yet.",
    ] {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
    assert!(browser.has("svg rect.bar-hot").await);
    browser.picture("summary").await;
    let path = browser
        .run("return [...document.querySelectorAll('.files a')].map(a => a.pathname + a.search)")
        .await;
    let paths: Vec<String> = serde_json::from_value(path).unwrap();
    assert_eq!(paths.len(), 3);
    let markdown = download(world, &paths[0]).await;
    assert!(
        markdown.text().contains("| Sessions | 4 | 0 |"),
        "{}",
        markdown.text()
    );
    let csv = download(world, &paths[1]).await;
    assert_eq!(csv.text().lines().count(), 5);
    assert_eq!(
        download(world, &paths[2]).await.json()["total"]["sessions"],
        4
    );
    browser.press("The period before").await;
    assert!(
        browser
            .text("main")
            .await
            .contains("No sessions in this period.")
    );
    browser.press("The period after").await;
    assert!(browser.text("main").await.contains("4 sessions"));
}

pub(crate) async fn log(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let id = session(bed, "the nightly import failed", &["SELECT 1"]).await;
    world.log_in("auditor").await;
    world.go("/log").await;
    let page = browser.text("main").await;
    assert!(
        page.contains("privet.example/test/1") && page.contains("Last full check"),
        "{page}"
    );
    assert!(browser.has(".verdict-approved").await, "it is in order");
    browser.picture("log").await;
    world.go(&format!("/sessions/{id}")).await;
    browser.press("entry").await;
    let heading = browser.text("h1").await;
    let index: u64 = heading.trim_start_matches("Entry ").parse().unwrap();
    browser.picture("entry").await;
    let entry = download(world, &format!("/log/entries/{index}/bytes")).await;
    let proof = download(world, &format!("/log/entries/{index}/proof")).await;
    // Checked with the log's public key alone, as anybody can.
    let key: VerifierKey = bed
        .vault
        .audit()
        .verifier_key()
        .to_string()
        .parse()
        .unwrap();
    let proof = Proof::parse(&proof.body).unwrap();
    assert_eq!(proof.index, index);
    proof
        .verify(&entry.body, std::slice::from_ref(&key))
        .unwrap();
    let mut changed = entry.body.clone();
    changed[10] ^= 1;
    assert!(proof.verify(&changed, &[key]).is_err());
    download(world, "/log/checkpoint").await;
    world.go("/log/entries/999999").await;
    assert_eq!(browser.text("h1").await, "There is nothing here");
}
