//! The client library against the executable: the same suite that the Privet in memory passes, with and without TLS.

use std::fs;
use std::time::Duration;

use async_trait::async_trait;
use privet::{Client, Error, Limits, Settings};
use privet_testing::SUITE_MAP;
use rustix::process::Signal;

use crate::serve::offer_tls;
use crate::support::{Place, Server};

const PRINCIPALS: [&str; 4] = ["job", "operator", "auditor", "on_call"];

/// A server of the suite's data map, with a token for each of its principals.
fn serve(place: &Place) -> Server {
    let shop = "CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, email TEXT)";
    let database = rusqlite::Connection::open(place.path("shop.sqlite")).unwrap();
    database.execute_batch(shop).unwrap();
    drop(database);
    let map = place.path("suite.toml");
    fs::write(&map, SUITE_MAP).unwrap();
    let source = format!("shop={}", place.path("shop.sqlite").display());
    let init = [
        "init",
        "--environment",
        "test",
        "--tenant",
        "acme",
        "--source",
        &source,
    ];
    let init = [&init[..], &["--datamap", map.to_str().unwrap()]].concat();
    place.run(&init).ok();
    place.edit("privet.toml", |text| {
        text.replace(":7300", ":0").replace(":7432", ":0")
    });
    place.server(&["serve"])
}

fn issue(place: &Place) {
    for principal in PRINCIPALS {
        place.run(&["token", "issue", principal, "--keep"]).ok();
    }
}

/// The variables that a deployment gives an application.
fn settings(place: &Place, principal: &str, more: &[(&str, &str)]) -> Settings {
    let token = place.dir().join("tokens").join(principal);
    let token = token.to_str().unwrap().to_owned();
    let api = place.said_in_file("api");
    let settings = Settings::from_variables(|name| {
        let more = more.iter().find(|(variable, _)| *variable == name);
        match (more, name) {
            (Some((_, value)), _) => Some((*value).to_owned()),
            (None, "PRIVET_ENV") => Some("test".to_owned()),
            (None, "PRIVET_TOKEN_FILE") => Some(token.clone()),
            (None, "PRIVET_URL") => Some(api.clone()),
            _ => None,
        }
    });
    // This machine runs other tests beside: a late answer is not what they are about.
    settings.unwrap().limits(Limits {
        deadline: Duration::from_secs(120),
        attempt: Duration::from_secs(60),
        connect: Duration::from_secs(60),
        ..Limits::USUAL
    })
}

#[async_trait]
impl privet_testing::Place for Place {
    async fn client(&self, principal: &str) -> Client {
        Client::new(settings(self, principal, &[])).unwrap()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

#[test]
fn the_server_passes_the_suite() {
    let place = Place::new();
    let server = serve(&place);
    issue(&place);
    block_on(privet_testing::suite(&place));
    let client = Client::new(settings(&place, "job", &[])).unwrap();
    assert_eq!(server.stop(Signal::TERM), Some(0));
    // Nobody answers any more, and that is said.
    let error = block_on(client.whoami()).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[test]
fn the_library_trusts_whom_it_is_told_to() {
    let place = Place::new();
    assert_eq!(serve(&place).stop(Signal::TERM), Some(0));
    offer_tls(&place);
    let _server = place.server(&["serve"]);
    issue(&place);
    let certificate = place.dir().join("server.crt");
    let trusting = [("PRIVET_CA_FILE", certificate.to_str().unwrap())];
    let client = Client::new(settings(&place, "job", &trusting)).unwrap();
    assert!(client.address().starts_with("https://localhost:"));
    assert_eq!(block_on(client.whoami()).unwrap().principal, "job");
    // The system's authorities do not know this certificate.
    let client = Client::new(settings(&place, "job", &[])).unwrap();
    let error = block_on(client.whoami()).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    // A name that leads to the wrong environment.
    let token = fs::read_to_string(place.dir().join("tokens/job")).unwrap();
    let other = token.replace("pvt_test_", "pvt_prod_");
    let other = [
        trusting[0],
        ("PRIVET_ENV", "prod"),
        ("PRIVET_TOKEN", &*other),
        ("PRIVET_TOKEN_FILE", ""),
    ];
    let error = block_on(
        Client::new(settings(&place, "job", &other))
            .unwrap()
            .whoami(),
    );
    assert!(matches!(error, Err(Error::OtherServer { .. })), "{error:?}");
}
