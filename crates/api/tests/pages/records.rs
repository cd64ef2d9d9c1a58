//! What auditors take away: the summary, the state of the log, entries with their proofs.

use privet_tlog::note::VerifierKey;
use privet_tlog::{Proof, ProofBundle};
use privet_vault::DecryptRequest;
use privet_vault::audit::Entry;

use crate::World;
use crate::bed::{Bed, TWO_PERSONS};
use crate::checks::check_page;
use crate::console::{TICKET, console, decrypted, run, session, settled};
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

/// One file takes a whole session away, and is checked with the log's public key alone.
pub(crate) async fn session_proof(world: &World) {
    let (browser, bed) = (&world.browser, &world.bed);
    let id = decrypted(bed, "Ada cannot sign in since the update").await;
    session(bed, "the nightly import failed", &["SELECT 1"]).await;
    world.log_in("auditor").await;
    world.go(&format!("/sessions/{id}")).await;
    let link = "return document.querySelector('.actions a[href$=\"/proof\"]').pathname";
    let path = browser.run(link).await;
    let file = download(world, path.as_str().unwrap()).await;
    let name = file.header("content-disposition").unwrap();
    assert!(
        name.ends_with(&format!("\"session-{id}.proof-bundle\"")),
        "{name}"
    );
    let mut bundle = ProofBundle::parse(&file.body).unwrap();
    let key = bed.vault.audit().verifier_key().to_string();
    let key: VerifierKey = key.parse().unwrap();
    bundle.verify(std::slice::from_ref(&key)).unwrap();
    let entries = bundle.logs[0].entries.iter();
    let kinds: Vec<_> = entries
        .map(|entry| Entry::parse(&entry.bytes).unwrap())
        .inspect(|entry| assert_eq!(entry.session, Some(id)))
        .map(|entry| entry.t)
        .collect();
    for kind in [
        "session.opened",
        "grant.issued",
        "statement.opened",
        "statement.shown",
    ] {
        assert!(
            kinds.iter().any(|found| found == kind),
            "no `{kind}` in {kinds:?}"
        );
    }
    bundle.logs[0].entries[1].bytes[10] ^= 1;
    assert!(bundle.verify(&[key]).is_err());
    // A session that is not there has no proof.
    world
        .go("/sessions/0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d/proof")
        .await;
    assert_eq!(browser.text("h1").await, "There is nothing here");
}

/// What the analysis of sessions points out stands beside the state of the log.
pub(crate) async fn findings(world: &World) {
    let world = world.at(Bed::ruled(TWO_PERSONS).await);
    let (browser, bed) = (&world.browser, &world.bed);
    world.log_in("auditor").await;
    world.go("/log").await;
    world
        .reads(
            "main",
            &[
                "Nothing: every emergency was reviewed in time",
                "0 in the last two weeks",
            ],
        )
        .await;
    check_page(&world, "/log without findings").await;

    let subject = bed.subject("ada@example.com").await;
    for number in 0..4 {
        let reason = format!("order {number} is stuck");
        let (mut connection, id) = console(bed, &reason, TICKET).await;
        let request = DecryptRequest {
            consent: format!("{TICKET}#yes"),
            subject: subject.clone(),
            fields: Some(vec!["email".to_owned()]),
            // The last one asks nobody.
            emergency: (number == 3).then(|| "somebody empties accounts".to_owned()),
            ..DecryptRequest::default()
        };
        connection.decrypt(&request).await.unwrap();
        run(&mut connection, "SELECT email FROM customer").await;
        connection.close().await.unwrap();
        settled(bed, id).await;
    }
    bed.clock.advance_days(2);
    browser.forget_cookies().await;
    world.log_in("auditor").await;
    world.go("/log").await;
    let read = [
        "2 to look at",
        "Emergencies that nobody reviewed within 24 hours",
        "order 3 is stuck",
        "order 0 is stuck 4 0 +4",
        "4 in the last two weeks, 0 in the two weeks before",
    ];
    world.reads("main", &read).await;
    assert_eq!(browser.all("#noticed ~ .list tbody tr").await.len(), 1);
    check_page(&world, "/log with findings").await;
    browser.picture("log-findings").await;
    let auditor = bed.of("auditor").await;
    let told = auditor.get("/v1/findings").await.expect(200).json();
    assert_eq!(told["overdue"].as_array().unwrap().len(), 1);
    assert_eq!(told["reasons"][0]["now"], 4);
    browser.press("on_call over shop").await;
    world
        .reads("main", &["It should have been reviewed by"])
        .await;
}
