//! Messages as agents make them: the vectors, which libsodium signed, and what is done to them on the way.
#![expect(clippy::unwrap_used, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use privet_drp::{
    Agents, BusinessId, DirectoryError, ErrorBody, Exercise, Expected, KeySetup, MESSAGE_BYTES_MAX,
    Reason, Refusal, Regime, Revoke, State, Status,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn vectors() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/formats/vectors/data-rights-protocol.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whom the vectors are sent by and to, and when.
struct Scene {
    agents: Agents,
    business: BusinessId,
    now: jiff::Timestamp,
}

impl Scene {
    fn of(vectors: &Value) -> Self {
        Self {
            agents: Agents::parse(vectors["directory"].to_string().as_bytes()).unwrap(),
            business: vectors["business"].as_str().unwrap().parse().unwrap(),
            now: vectors["now"].as_str().unwrap().parse().unwrap(),
        }
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            agent: self.agents.get("EXAMPLE_AGENT").unwrap(),
            business: &self.business,
            now: self.now,
        }
    }
}

fn outcome(read: &Result<Exercise, Refusal>) -> Value {
    match read {
        Err(refusal) => json!({"outcome": refusal.code()}),
        Ok(exercise) => json!({
            "outcome": "taken",
            "right": exercise.right.as_str(),
            "regime": match exercise.regime {
                Regime::Ccpa => json!("ccpa"),
                Regime::Voluntary => json!(null),
            },
            "email": exercise.identity.email.as_ref().map(|text| text.as_str()),
            "phone_number": exercise.identity.phone_number.as_ref().map(|text| text.as_str()),
            "agent_request_id": exercise.agent_request_id,
        }),
    }
}

#[test]
fn vectors_are_read_as_they_say() {
    let vectors = vectors();
    let scene = Scene::of(&vectors);
    let cases = vectors["exercises"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let message = case["message"].as_str().unwrap();
        let found = outcome(&Exercise::read(message.as_bytes(), &scene.expected()));
        let mut stated = case.clone();
        let stated = stated.as_object_mut().unwrap();
        stated.remove("message");
        let name = stated.remove("name").unwrap();
        assert_eq!(found, Value::Object(stated.clone()), "{name}");
    }
}

#[test]
fn white_space_around_a_message_is_none_of_it() {
    let vectors = vectors();
    let scene = Scene::of(&vectors);
    let message = vectors["exercises"][0]["message"].as_str().unwrap();
    let bare = Exercise::read(message.as_bytes(), &scene.expected()).unwrap();
    let spaced = format!(" {message}\r\n");
    let spaced = Exercise::read(spaced.as_bytes(), &scene.expected()).unwrap();
    assert_eq!(bare.digest, spaced.digest);
}

#[test]
fn a_message_has_a_greatest_length() {
    let vectors = vectors();
    let scene = Scene::of(&vectors);
    let long = vec![b'A'; MESSAGE_BYTES_MAX + 1];
    let refused = Exercise::read(&long, &scene.expected());
    assert_eq!(refused.err(), Some(Refusal::TooLarge));
}

#[test]
fn tokens_are_asked_for_and_requests_taken_back() {
    let vectors = vectors();
    let scene = Scene::of(&vectors);
    let expected = scene.expected();
    let message = |list: &str, name: &str| vectors[list][name].as_str().unwrap().to_owned();
    let setup = message("setup", "taken");
    assert!(KeySetup::read(setup.as_bytes(), &expected).is_ok());
    let other = message("setup", "exercise_is_none");
    let refused = KeySetup::read(other.as_bytes(), &expected);
    assert_eq!(refused.err(), Some(Refusal::Business));
    // A request for a token asks for nothing about anybody.
    let read = Exercise::read(setup.as_bytes(), &expected);
    assert_eq!(read.err(), Some(Refusal::Malformed));

    let reason = |name: &str| {
        let message = message("revoke", name);
        Revoke::read(message.as_bytes(), expected.agent).map(|revoke| revoke.reason)
    };
    let words = reason("with_reason").unwrap().unwrap();
    assert_eq!(words.as_str(), "I want to keep my account");
    assert_eq!(reason("without"), Ok(None));
    assert_eq!(reason("unsigned"), Err(Refusal::Signature));
}

#[test]
fn nothing_personal_can_be_printed() {
    let vectors = vectors();
    let scene = Scene::of(&vectors);
    let message = vectors["exercises"][0]["message"].as_str().unwrap();
    let exercise = Exercise::read(message.as_bytes(), &scene.expected()).unwrap();
    let printed = format!("{exercise:?}");
    assert!(printed.contains("Access"), "{printed}");
    assert!(!printed.contains("ada@"), "{printed}");
    let revoke = vectors["revoke"]["with_reason"].as_str().unwrap();
    let revoke = Revoke::read(revoke.as_bytes(), scene.expected().agent).unwrap();
    assert!(!format!("{revoke:?}").contains("account"));
}

#[test]
fn a_directory_is_read_whole_or_not_at_all() {
    let key = STANDARD.encode([1; 32]);
    let parse = |json: Value| Agents::parse(json.to_string().as_bytes()).map(|_| ());
    let agent = |id: &str, key: &str| json!({"id": id, "name": "A", "verify_key": key, "web_url": "https://a.example"});
    assert_eq!(parse(json!([agent("A_B", &key), agent("C", &key)])), Ok(()));
    let twice = parse(json!([agent("A", &key), agent("A", &key)]));
    assert_eq!(twice, Err(DirectoryError::Twice("A".to_owned())));
    let id = parse(json!([agent("a/../b", &key)]));
    assert_eq!(id, Err(DirectoryError::Id("a/../b".to_owned())));
    let short = parse(json!([agent("A", "AAAA")]));
    assert_eq!(short, Err(DirectoryError::Key("A".to_owned())));
    assert!(matches!(
        parse(json!({})),
        Err(DirectoryError::Malformed(_))
    ));
}

#[test]
fn a_status_is_written_as_the_protocol_names_it() {
    let status = Status {
        request_id: "c789ff35-7644-4ceb-9981-4b35c264aac3".to_owned(),
        agent_request_id: Some("r-1".into()),
        status: State::InProgress,
        reason: Some(Reason::NeedUserVerification),
        received_at: "2026-11-26T12:05:00Z".parse().unwrap(),
        expected_by: Some("2026-12-26T12:05:00Z".parse().unwrap()),
        processing_details: None,
        user_verification_url: Some("https://shop.example/verify".to_owned()),
        results_url: None,
        expires_at: None,
    };
    let written = json!({
        "request_id": "c789ff35-7644-4ceb-9981-4b35c264aac3",
        "agent_request_id": "r-1",
        "status": "in_progress",
        "reason": "need_user_verification",
        "received_at": "2026-11-26T12:05:00Z",
        "expected_by": "2026-12-26T12:05:00Z",
        "user_verification_url": "https://shop.example/verify",
    });
    assert_eq!(serde_json::to_value(status).unwrap(), written);
    let error = serde_json::to_value(ErrorBody::from(Refusal::NotYet)).unwrap();
    assert_eq!(error["code"], "400");
    assert_eq!(error.get("fatal"), None, "it can be sent again");
    let error = serde_json::to_value(ErrorBody::from(Refusal::Signature)).unwrap();
    assert_eq!(error["fatal"], true);
}

proptest! {
    #[test]
    fn whatever_is_signed_is_refused_or_read(json in "\\PC{0,200}", changed in any::<u16>()) {
        let vectors = vectors();
        let scene = Scene::of(&vectors);
        let seed: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let signature = SigningKey::from_bytes(&seed).sign(json.as_bytes());
        let mut bytes = signature.to_bytes().to_vec();
        bytes.extend_from_slice(json.as_bytes());
        let read = Exercise::read(STANDARD.encode(&bytes).as_bytes(), &scene.expected());
        prop_assert_eq!(read.err(), Some(Refusal::Malformed));
        let place = usize::from(changed) % bytes.len();
        bytes[place] ^= 1;
        let read = Exercise::read(STANDARD.encode(&bytes).as_bytes(), &scene.expected());
        prop_assert_eq!(read.err(), Some(Refusal::Signature));
    }
}
