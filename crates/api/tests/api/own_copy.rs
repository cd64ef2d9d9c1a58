//! A person's own copy: asked for on their page, and fetched from there, whole and in parts, by nobody else.

use crate::bed::bed;
use crate::own::{OwnBrowser, send_with};

#[tokio::test]
async fn a_copy_is_fetched_by_whom_it_is_about() {
    let bed = bed().await;
    let [ada, bob] = [
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    ];
    let ada = OwnBrowser::of(&bed, &ada, 1).await;
    let bob = OwnBrowser::of(&bed, &bob, 2).await;
    let asked = ada.post(&bed, "/me/copy", "").await.expect(200);
    assert!(asked.text().contains("Being made"));
    let again = ada.post(&bed, "/me/copy", "").await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("role=\"alert\""));

    let operator = bed.of("operator").await;
    let run = operator.call("POST", "/v1/requests/run", None).await;
    run.expect(200);
    let page = ada.get(&bed, "/me/copy").await.expect(200);
    let (_, path) = page.text().split_once("href=\"/me/copy/").unwrap();
    let (id, _) = path.split_once('"').unwrap();
    let path = format!("/me/copy/{id}");
    let whole = ada.get(&bed, &path).await.expect(200);
    assert_eq!(whole.header("content-type"), Some("application/zip"));
    assert!(whole.body.starts_with(b"PK"));
    let headers = format!(
        "Cookie: {}\r\nSec-Fetch-Site: same-origin\r\nRange: bytes=2-11\r\n",
        ada.cookie()
    );
    let part = send_with(&bed, "GET", &path, &headers, "").await;
    assert_eq!(part.status, 206);
    assert_eq!(part.body, whole.body[2..12]);
    assert_eq!(bed.count("request.file_read").await, 2);

    assert_eq!(bob.get(&bed, &path).await.status, 404);
    let page = bob.get(&bed, "/me/copy").await.expect(200);
    assert!(!page.text().contains(id));
    assert_eq!(bed.count("request.file_read").await, 2);
}
