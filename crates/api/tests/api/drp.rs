//! The Data Rights Protocol through the real router: an agent sets itself up, asks for people, and is told where that stands; and what
//! everybody else tries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use privet_vault::Clock as _;
use serde_json::{Value, json};

use crate::bed::{Bed, bed};
use crate::http::Answer;

/// Seeds of the agents' keys.
pub(crate) const AGENT: (&str, [u8; 32]) = ("EXAMPLE_AGENT", [3; 32]);
const OTHER: (&str, [u8; 32]) = ("OTHER_AGENT", [4; 32]);
/// In the directory, and not trusted here.
const STRANGER: (&str, [u8; 32]) = ("STRANGER", [5; 32]);

/// The directory of agents.
pub(crate) fn directory() -> String {
    let agents = [AGENT, OTHER, STRANGER].map(|(id, seed)| {
        let key = SigningKey::from_bytes(&seed).verifying_key();
        json!({"id": id, "name": format!("The agent {id}"), "verify_key": STANDARD.encode(key.as_bytes())})
    });
    json!(agents).to_string()
}

fn sign(seed: [u8; 32], message: &Value) -> String {
    let json = message.to_string();
    let signature = SigningKey::from_bytes(&seed).sign(json.as_bytes());
    STANDARD.encode([&signature.to_bytes()[..], json.as_bytes()].concat())
}

/// What every message says, from now on for ten minutes.
fn claims(bed: &Bed, agent: &str) -> Value {
    let now = bed.clock.now();
    json!({
        "agent-id": agent, "business-id": "SHOP", "drp.version": "1.0",
        "issued-at": now.to_string(), "expires-at": (now + jiff::SignedDuration::from_mins(10)).to_string(),
    })
}

fn exercise(bed: &Bed, agent: &str, what: &str, email: &str) -> Value {
    let mut message = claims(bed, agent);
    message["exercise"] = what.into();
    message["regime"] = "ccpa".into();
    message["agent-request-id"] = "r-1".into();
    message["name"] = "Ada Lovelace".into();
    message["email"] = email.into();
    message["email_verified"] = true.into();
    message
}

async fn send(bed: &Bed, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: privet\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    bed.client.raw(request.as_bytes()).await
}

async fn set_up(bed: &Bed, (id, seed): (&str, [u8; 32])) -> String {
    let message = sign(seed, &claims(bed, id));
    let path = format!("/v1/agent/{id}");
    let answer = send(bed, "POST", &path, "none", &message).await.expect(200);
    let answer = answer.json();
    assert_eq!(answer["agent-id"], id);
    answer["token"].as_str().unwrap().to_owned()
}

const PATH: &str = "/v1/data-rights-request";

#[tokio::test]
async fn an_agent_asks_for_somebody() {
    let bed = Bed::with_agents(&directory()).await;
    bed.subject("ada@example.com").await;
    let token = set_up(&bed, AGENT).await;
    let agent = format!("/v1/agent/{}", AGENT.0);
    let known = send(&bed, "GET", &agent, &token, "").await.expect(200);
    assert_eq!(known.json(), json!({}));

    let asked = exercise(&bed, AGENT.0, "access", "Ada@Example.com");
    let message = sign(AGENT.1, &asked);
    let status = send(&bed, "POST", PATH, &token, &message).await.expect(200);
    assert!(!status.text().contains("example.com"));
    let status = status.json();
    assert_eq!(status["status"], "open");
    assert_eq!(status["agent_request_id"], "r-1");
    let id = status["request_id"].as_str().unwrap().to_owned();
    // Whatever is sent again is the same request.
    let again = send(&bed, "POST", PATH, &token, &format!(" {message}\r\n")).await;
    assert_eq!(again.expect(200).json()["request_id"], id.as_str());
    let operator = bed.of("operator").await;
    let list = operator.get("/v1/requests").await.expect(200).json();
    assert_eq!(list["requests"].as_array().unwrap().len(), 1);
    let shown = operator
        .get(&format!("/v1/requests/{id}"))
        .await
        .expect(200);
    let shown = shown.json();
    assert_eq!(
        (&shown["by"], &shown["channel"]),
        (&json!("example-agent"), &json!("agent"))
    );
    let checked = shown["checked"].as_str().unwrap();
    assert!(checked.contains("EXAMPLE_AGENT") && checked.contains("the mail address"));
    assert!(!checked.contains("ada"), "{checked}");

    operator
        .call("POST", "/v1/requests/run", None)
        .await
        .expect(200);
    let path = format!("{PATH}/{id}");
    let status = send(&bed, "GET", &path, &token, "")
        .await
        .expect(200)
        .json();
    assert_eq!(status["status"], "fulfilled");
    // The file is for the person, not for the agent.
    let file = send(&bed, "GET", &format!("/v1/requests/{id}/file"), &token, "").await;
    assert_eq!(file.problem(), "403 policy_denied");

    let asked = exercise(&bed, AGENT.0, "deletion", "ada@example.com");
    let status = send(&bed, "POST", PATH, &token, &sign(AGENT.1, &asked)).await;
    let id = status.expect(200).json()["request_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{PATH}/{id}");
    let reason = sign(AGENT.1, &json!({"reason": "I want to stay"}));
    let revoked = send(&bed, "DELETE", &path, &token, &reason)
        .await
        .expect(200)
        .json();
    assert_eq!(revoked["status"], "revoked");
    let status = send(&bed, "GET", &path, &token, "")
        .await
        .expect(200)
        .json();
    assert_eq!(status["status"], "revoked");
    let twice = send(&bed, "DELETE", &path, &token, &reason).await;
    assert_eq!((twice.status, &twice.json()["code"]), (409, &json!("409")));
}

#[tokio::test]
async fn whom_nobody_knows_for_certain_nobody_is_asked_for() {
    let bed = Bed::with_agents(&directory()).await;
    let job = bed.of("job").await;
    for (email, phone) in [
        ("ada@example.com", "+1 202 555 0143"),
        ("bob@example.com", "+1 202 555 0144"),
    ] {
        let made = json!({"fields": {"email": email, "phone": phone}});
        job.post("/v1/subjects", made).await.expect(201);
    }
    let token = set_up(&bed, AGENT).await;
    let asked = async |claims: Value| {
        let mut message = exercise(&bed, AGENT.0, "access", "ada@example.com");
        for (name, value) in claims.as_object().unwrap() {
            message[name] = value.clone();
        }
        let answer = send(&bed, "POST", PATH, &token, &sign(AGENT.1, &message)).await;
        assert!(!answer.text().contains("@"), "{}", answer.text());
        let answer = answer.expect(200).json();
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("status"), text("reason"))
    };
    let verified = |phone: &str| json!({"phone_number": phone, "phone_number_verified": true});
    for unknown in [
        json!({"email": "eve@example.com"}),
        json!({"email_verified": false}),
        json!({"email": "not an address"}),
        json!({"email": null}),
        // Two people.
        verified("+12025550144"),
    ] {
        assert_eq!(asked(unknown.clone()).await, "denied no_match", "{unknown}");
    }
    let operator = bed.of("operator").await;
    let list = operator.get("/v1/requests").await.json();
    assert_eq!(list["requests"], json!([]));
    assert_eq!(bed.count("request.denied").await, 5);
    // A number that is nobody's says nothing against the address.
    assert_eq!(asked(verified("+12025550199")).await, "open ");
}

/// An agent that goes through a list of addresses gets no further than some of them an hour.
#[tokio::test]
async fn an_agent_that_guesses_has_to_wait() {
    let bed = Bed::with_agents(&directory()).await;
    bed.subject("ada@example.com").await;
    bed.subject("bob@example.com").await;
    let tokens = [set_up(&bed, AGENT).await, set_up(&bed, OTHER).await];
    let asked = async |agent: usize, email: &str, phone: Option<&str>| {
        let (id, seed) = [AGENT, OTHER][agent];
        let mut message = exercise(&bed, id, "access", email);
        if let Some(phone) = phone {
            message["phone_number"] = phone.into();
            message["phone_number_verified"] = true.into();
        }
        send(&bed, "POST", PATH, &tokens[agent], &sign(seed, &message)).await
    };
    // What leads to somebody does not count, however often.
    let first = asked(0, "ada@example.com", None).await.expect(200);
    assert_eq!(first.json()["status"], "open");
    for case in ["Ada@example.com", "aDa@example.com", "adA@example.com"] {
        asked(0, case, None).await.expect(409);
    }
    for n in 0..59 {
        let email = format!("guess{n}@example.com");
        let answer = asked(0, &email, None).await.expect(200);
        assert_eq!(answer.json()["reason"], "no_match", "{n}");
    }
    // Nor is somebody known a way to try out what may be nobody's.
    let beside = asked(0, "ADA@example.com", Some("+12025550199")).await;
    assert_eq!(beside.status, 409);
    let denied = bed.count("request.denied").await;
    for email in ["guess60@example.com", "bob@example.com"] {
        let refused = asked(0, email, None).await;
        assert_eq!(refused.status, 429, "{email}");
        assert_eq!(refused.json()["code"], "429");
    }
    assert_eq!(bed.count("request.denied").await, denied + 2);
    // What was entered before is answered as before, and others are not held up.
    let other = asked(1, "bob@example.com", None).await.expect(200);
    assert_eq!(other.json()["status"], "open");
    let id = first.json()["request_id"].as_str().unwrap().to_owned();
    let path = format!("{PATH}/{id}");
    send(&bed, "GET", &path, &tokens[0], "").await.expect(200);
}

/// Messages that are refused, each with why and the status.
fn refusals<'t>(
    bed: &Bed,
    token: &'t str,
    other: &'t str,
) -> Vec<(&'static str, &'t str, String, u16)> {
    let good = exercise(bed, AGENT.0, "access", "ada@example.com");
    let with = |name: &str, value: Value| {
        let mut message = good.clone();
        message[name] = value;
        sign(AGENT.1, &message)
    };
    let later = |minutes: i64| {
        let later = bed.clock.now() + jiff::SignedDuration::from_mins(minutes);
        json!(later.to_string())
    };
    let mut tampered = STANDARD.decode(sign(AGENT.1, &good)).unwrap();
    let last = tampered.len() - 2;
    tampered[last] ^= 1;
    let tampered = STANDARD.encode(tampered);
    let of_other = exercise(bed, OTHER.0, "access", "ada@example.com");
    vec![
        ("tampered", token, tampered, 403),
        ("signed by another agent", token, sign(OTHER.1, &good), 403),
        (
            "another agent's message and token",
            other,
            sign(AGENT.1, &good),
            403,
        ),
        (
            "another agent's whole message",
            token,
            sign(OTHER.1, &of_other),
            403,
        ),
        ("names another agent", token, sign(AGENT.1, &of_other), 403),
        (
            "for another business",
            token,
            with("business-id", json!("BANK")),
            403,
        ),
        ("expired", token, with("expires-at", later(-1)), 400),
        ("from the future", token, with("issued-at", later(5)), 400),
        (
            "valid for a week",
            token,
            with("expires-at", later(7 * 24 * 60)),
            400,
        ),
        (
            "another version",
            token,
            with("drp.version", json!("0.9")),
            400,
        ),
        (
            "not to be sold",
            token,
            with("exercise", json!("sale:opt-out")),
            400,
        ),
        ("no right", token, with("exercise", json!("rename")), 400),
        ("nothing", token, String::new(), 400),
        (
            "no base64",
            token,
            "{\"exercise\":\"access\"}".to_owned(),
            400,
        ),
        ("too long", token, "A".repeat(64 * 1024 + 1), 413),
    ]
}

#[tokio::test]
async fn what_others_try() {
    let bed = Bed::with_agents(&directory()).await;
    bed.subject("ada@example.com").await;
    let (token, other) = (set_up(&bed, AGENT).await, set_up(&bed, OTHER).await);
    for (why, token, message, status) in refusals(&bed, &token, &other) {
        let refused = send(&bed, "POST", PATH, token, &message).await;
        assert_eq!(refused.status, status, "{why}: {}", refused.text());
        assert_eq!(refused.json()["code"], status.to_string(), "{why}");
    }
    let good = exercise(&bed, AGENT.0, "access", "ada@example.com");
    let message = sign(AGENT.1, &good);
    // Neither nobody, nor a program that is no agent, nor a token of another environment.
    let job = bed.of("job").await.token.unwrap();
    let elsewhere = token.replacen("pvt_test_", "pvt_staging_", 1);
    for (token, status) in [
        ("none", 401),
        (job.as_str(), 403),
        (elsewhere.as_str(), 401),
    ] {
        let refused = send(&bed, "POST", PATH, token, &message).await;
        assert_eq!(refused.status, status);
    }
    let operator = bed.of("operator").await;
    let list = operator.get("/v1/requests").await.json();
    assert_eq!(list["requests"], json!([]));
}

#[tokio::test]
async fn a_request_is_its_agents_alone() {
    let bed = Bed::with_agents(&directory()).await;
    bed.subject("ada@example.com").await;
    let (token, other) = (set_up(&bed, AGENT).await, set_up(&bed, OTHER).await);
    let message = exercise(&bed, AGENT.0, "access", "ada@example.com");
    let message = sign(AGENT.1, &message);
    let of_other = exercise(&bed, OTHER.0, "access", "ada@example.com");
    let status = send(&bed, "POST", PATH, &token, &message)
        .await
        .expect(200)
        .json();
    let id = status["request_id"].as_str().unwrap();
    let path = format!("{PATH}/{id}");
    let reason = sign(OTHER.1, &json!({}));
    let guessed = format!("{PATH}/0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d");
    for (method, path, token, body) in [
        ("GET", path.as_str(), &other, ""),
        ("DELETE", &path, &other, reason.as_str()),
        ("GET", &guessed, &token, ""),
        ("GET", &format!("{PATH}/none"), &token, ""),
        // Signed by another than whose token it is.
        ("DELETE", &path, &token, &reason),
    ] {
        let refused = send(&bed, method, path, token, body).await;
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text());
    }
    for path in ["/v1/requests", "/v1/tokens", "/v1/audit/entries"] {
        let refused = send(&bed, "GET", path, &token, "").await;
        assert_eq!(refused.status, 403, "{path}");
    }
    let look = json!({"field": "email", "value": "ada@example.com", "purpose": "service"});
    let client = crate::http::Client {
        token: Some(token.clone()),
        ..bed.client.clone()
    };
    let refused = client.post("/v1/lookup", look).await;
    assert_eq!(refused.status, 403);
    // The person waits for it already, whoever asks.
    let twice = send(&bed, "POST", PATH, &other, &sign(OTHER.1, &of_other)).await;
    assert_eq!(twice.status, 409);
    assert!(!twice.text().contains(id), "{}", twice.text());
}

#[tokio::test]
async fn a_token_is_for_an_agent_that_is_trusted_and_each_message_for_one() {
    let bed = Bed::with_agents(&directory()).await;
    let path = |id: &str| format!("/v1/agent/{id}");
    let message = sign(AGENT.1, &claims(&bed, AGENT.0));
    send(&bed, "POST", &path(AGENT.0), "none", &message)
        .await
        .expect(200);
    let mut expired = claims(&bed, AGENT.0);
    expired["expires-at"] = json!(bed.clock.now().to_string());
    let nobody = ("NOBODY", [6; 32]);
    for (why, id, message) in [
        ("the same message twice", AGENT.0, message.clone()),
        ("the same with white space", AGENT.0, format!("{message}\n")),
        ("for another agent", OTHER.0, message),
        (
            "signed by another",
            AGENT.0,
            sign(OTHER.1, &claims(&bed, AGENT.0)),
        ),
        ("expired", AGENT.0, sign(AGENT.1, &expired)),
        (
            "not trusted",
            STRANGER.0,
            sign(STRANGER.1, &claims(&bed, STRANGER.0)),
        ),
        ("unknown", nobody.0, sign(nobody.1, &claims(&bed, nobody.0))),
        ("nothing", AGENT.0, String::new()),
    ] {
        let refused = send(&bed, "POST", &path(id), "none", &message).await;
        assert_eq!((refused.status, refused.body.len()), (403, 0), "{why}");
    }
    let token = set_up(&bed, OTHER).await;
    let refused = send(&bed, "GET", &path(AGENT.0), &token, "").await;
    assert_eq!(refused.status, 403);
    assert_eq!(bed.count("token.issued").await, 2);
}

#[tokio::test]
async fn a_server_without_agents_has_none() {
    let bed = bed().await;
    let message = sign(AGENT.1, &claims(&bed, AGENT.0));
    let path = format!("/v1/agent/{}", AGENT.0);
    let off = send(&bed, "POST", &path, "none", &message).await;
    assert_eq!(off.status, 404);
    let job = bed.of("job").await.token.unwrap();
    let off = send(&bed, "POST", PATH, &job, &message).await;
    assert_eq!(off.status, 404);
}
