//! What a person is asked on their own page: the text itself, in a language that they read, to which their answer is bound.

use privet_vault::receipt::{ReceiptPublicKey, verify};
use privet_wire::ReceiptKey;

use crate::bed::{Bed, bed};
use crate::own::{OwnBrowser, send_with};

const ENGLISH: &str = "We write to you.";
const GERMAN: &str = "Wir schreiben Ihnen.";
/// Of `GERMAN`.
const SHA_256: &str = "fb75ad24f027f5dcd25e3a5cb3da88e91562a19aa127221221f8e1476594da43";

/// The consent page as a browser gets it whose owner reads these languages.
async fn page(bed: &Bed, person: &OwnBrowser, reads: &str) -> String {
    let headers = format!(
        "Cookie: {}\r\nSec-Fetch-Site: same-origin\r\n{reads}",
        person.cookie()
    );
    let page = send_with(bed, "GET", "/me/consent", &headers, "").await;
    page.expect(200).text().to_owned()
}

#[tokio::test]
async fn the_text_is_shown_in_a_language_that_the_person_reads() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let person = OwnBrowser::of(&bed, &ada, 1).await;
    for (reads, text, language) in [
        ("Accept-Language: de-AT,de;q=0.9,en;q=0.5\r\n", GERMAN, "de"),
        ("Accept-Language: en-GB,de;q=0.5\r\n", ENGLISH, "en"),
        ("Accept-Language: fr\r\n", ENGLISH, "en"),
        ("", ENGLISH, "en"),
    ] {
        let page = page(&bed, &person, reads).await;
        let shown = format!("<p class=\"text\" lang=\"{language}\">{text}</p>");
        assert!(page.contains(&shown), "{page}");
        let field = format!("name=\"language\" value=\"{language}\"");
        assert!(page.contains(&field), "{page}");
        let other = if text == ENGLISH { GERMAN } else { ENGLISH };
        assert!(!page.contains(other), "{page}");
    }
}

#[tokio::test]
async fn an_answer_is_bound_to_the_text_that_was_shown() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let person = OwnBrowser::of(&bed, &ada, 1).await;
    let say = async |answer: &str, language: &str| {
        let fields = format!("purpose=marketing&notice=2026-11&answer={answer}{language}");
        person.post(&bed, "/me/consent", &fields).await
    };
    // What is no text of this notice was not shown.
    let refused = say("yes", "&language=fr").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("role=\"alert\""));
    assert_eq!(say("yes", "&language=german").await.status, 400);
    let me = bed.vault.me(&person.secret, "192.0.2.1").await.unwrap().me;
    let history = me.consent_history(None).await.unwrap();
    assert!(history.events.is_empty(), "nothing of this was an answer");

    say("yes", "&language=de").await.expect(303);
    say("no", "&language=de").await.expect(303);
    let history = me.consent_history(None).await.unwrap();
    let languages = history.events.iter().map(|event| {
        let language = event.language.as_ref();
        language.map(|language| language.as_str().to_owned())
    });
    assert!(languages.eq([Some("de".to_owned()), Some("de".to_owned())]));
    let key = bed.client.get("/v1/consent/receipt-key").await.expect(200);
    let key: ReceiptPublicKey = key.read::<ReceiptKey>().id.parse().unwrap();
    let receipt = person.get(&bed, "/me/consent/receipts/1").await.expect(200);
    let content = verify(&receipt.body, &key).unwrap();
    let text = content.answers[0].text.as_ref().unwrap();
    assert_eq!(text.language.as_str(), "de");
    let sha_256: String = text
        .sha256
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(sha_256, SHA_256);
}
