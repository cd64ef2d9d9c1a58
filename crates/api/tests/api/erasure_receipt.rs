//! The receipt of an erasure: by whoever may read requests, and without a login by whoever knows the request.

use privet_vault::receipt::{ReceiptKey, verify_erasure};
use serde_json::json;

use crate::bed::bed;
use crate::own::{OwnBrowser, send, send_with};

#[tokio::test]
async fn whoever_has_left_gets_a_receipt_without_a_login() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let browser = OwnBrowser::of(&bed, &ada, 1).await;
    let asked = browser
        .post(&bed, "/me/leave", "say=leave&understood=yes")
        .await
        .expect(200);
    // The page shows the number, and where the receipt is.
    let job = bed.of("job").await;
    let list = job.get("/v1/requests").await;
    let operator = bed.of("operator").await;
    let list = match list.status {
        200 => list.json(),
        _ => operator.get("/v1/requests").await.json(),
    };
    let id = list["requests"][0]["id"].as_str().unwrap().to_owned();
    assert!(asked.text().contains(&id));
    assert!(asked.text().contains("href=\"/me/receipt\""));
    let page = send(&bed, "GET", "/me/receipt", "", "").await.expect(200);
    assert!(page.text().contains("name=\"request\""));

    let get = async |request: &str| {
        send(
            &bed,
            "POST",
            "/me/receipt",
            "",
            &format!("request={request}"),
        )
        .await
    };
    let early = get(&id).await;
    assert_eq!(early.status, 409);
    assert!(early.text().contains("not done yet"));
    let close = format!("/v1/subjects/{ada}/close");
    let closed = job.call("POST", &close, None).await.expect(200).json();
    assert_eq!(closed["request"], json!(id));

    let receipt = get(&format!("+{id}%20")).await.expect(200);
    let kind = receipt.header("content-type");
    assert_eq!(kind, Some("application/ld+json"));
    assert!(
        receipt
            .header("content-disposition")
            .unwrap()
            .contains("erasure-receipt.json")
    );
    let key = ReceiptKey::from_seed(&[9; 32]).unwrap().public();
    let content = verify_erasure(&receipt.body, &key).unwrap();
    assert_eq!(content.request.to_string(), id);
    assert!(!receipt.text().contains(&ada));
    // What the caller of the closing got is the same document.
    let bytes = serde_json::to_vec(&closed["receipt"]).unwrap();
    assert_eq!(verify_erasure(&bytes, &key).unwrap(), content);
    let path = format!("/v1/requests/{id}/receipt");
    let read = operator.get(&path).await.expect(200);
    assert_eq!(read.body, receipt.body);

    // Neither guessed, nor wrong, nor from elsewhere.
    for (request, status) in [
        ("0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d", 404),
        ("", 422),
        ("%3Cscript%3E", 422),
        (ada.as_str(), 404),
    ] {
        let refused = get(request).await;
        assert_eq!(refused.status, status, "{request}");
        assert!(!refused.text().contains("<script>"));
    }
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    let body = format!("request={id}");
    let foreign = send_with(&bed, "POST", "/me/receipt", foreign, &body).await;
    assert_eq!(foreign.status, 403);
    let in_address = format!("/me/receipt?request={id}");
    let page = send(&bed, "GET", &in_address, "", "").await;
    assert!(!page.text().contains("ErasureReceipt"));
}

#[tokio::test]
async fn whoever_had_one_value_erased_gets_a_receipt_by_its_number() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let browser = OwnBrowser::of(&bed, &ada, 1).await;
    let page = browser
        .post(&bed, "/me/data/phone/erase", "understood=yes")
        .await
        .expect(200);
    let operator = bed.of("operator").await;
    let list = operator.get("/v1/requests").await.expect(200).json();
    let id = list["requests"][0]["id"].as_str().unwrap().to_owned();
    // It is shown once, and leads to the receipt without a login.
    assert!(page.text().contains(&format!("<code>{id}</code>")));
    assert!(page.text().contains("href=\"/me/receipt\""));
    let form = format!("request={id}");
    let receipt = send(&bed, "POST", "/me/receipt", "", &form).await;
    let receipt = receipt.expect(200);
    let key = ReceiptKey::from_seed(&[9; 32]).unwrap().public();
    let content = verify_erasure(&receipt.body, &key).unwrap();
    assert_eq!(content.request.to_string(), id);
    assert_eq!(content.fields[0].field, "phone");
    assert!(!receipt.text().contains(&ada));
    let path = format!("/v1/requests/{id}/receipt");
    let read = operator.get(&path).await.expect(200);
    assert_eq!(read.body, receipt.body);

    // An application has the same document in its answer.
    let job = bed.of("job").await;
    let erase = format!("/v1/subjects/{ada}/fields/erase");
    let body = json!({"fields": ["email"]});
    let answer = job.post(&erase, body).await.expect(200).json();
    let bytes = serde_json::to_vec(&answer["receipt"]).unwrap();
    let content = verify_erasure(&bytes, &key).unwrap();
    assert_eq!(answer["request"], content.request.to_string());
}
