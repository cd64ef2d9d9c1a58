//! Where a collector is.

use std::net::IpAddr;

use reqwest::Url;

use crate::message::Signal;

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over HTTP, with Protocol Buffers.
    Http,
    /// OTLP over gRPC.
    Grpc,
}

/// The address of a collector.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Endpoint").field(&self.0.as_str()).finish()
    }
}

/// Why an address is none of a collector. It is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no address.
    #[error("a collector's address is written `https://collector.example:4318`")]
    Malformed,
    /// It holds more than an address.
    #[error(
        "a collector's address holds no user, password, query or fragment: what it wants to know of its clients goes into headers"
    )]
    More,
    /// It would carry telemetry over a network in the clear.
    #[error(
        "telemetry goes to another machine through TLS alone: write `https://`, or forward to a collector on this machine"
    )]
    Plaintext,
}

impl Endpoint {
    /// Reads an address, to which the signals' usual paths are added.
    ///
    /// # Errors
    /// [`EndpointError`]
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::Malformed)?;
        let host = url.host_str().ok_or(EndpointError::Malformed)?;
        let is_more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        match url.scheme() {
            _ if is_more => Err(EndpointError::More),
            "https" => Ok(Self(url)),
            "http" if is_here(host) => Ok(Self(url)),
            "http" => Err(EndpointError::Plaintext),
            _ => Err(EndpointError::Malformed),
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Where a signal goes.
    pub(super) fn url(&self, protocol: Protocol, signal: Signal) -> Url {
        let mut url = self.0.clone();
        let path = match (protocol, signal) {
            (Protocol::Http, _) => {
                format!(
                    "{}/v1/{}",
                    self.0.path().trim_end_matches('/'),
                    signal.as_str()
                )
            }
            (Protocol::Grpc, Signal::Logs) => service("logs", "Logs"),
            (Protocol::Grpc, Signal::Traces) => service("trace", "Trace"),
            (Protocol::Grpc, Signal::Metrics) => service("metrics", "Metrics"),
        };
        url.set_path(&path);
        url
    }
}

fn service(package: &str, name: &str) -> String {
    format!("/opentelemetry.proto.collector.{package}.v1.{name}Service/Export")
}

/// Whether nobody listens on the way.
fn is_here(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_the_signals_paths() {
        let check = |text: &str, protocol, path: &str| {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.url(protocol, Signal::Traces).as_str(), path);
        };
        let tls = "https://c.example/v1/traces";
        check("https://c.example", Protocol::Http, tls);
        check("https://c.example/", Protocol::Http, tls);
        let below = "https://c.example:4318/otlp/v1/traces";
        check("https://c.example:4318/otlp/", Protocol::Http, below);
        let local = "http://[::1]:4318/v1/traces";
        check("http://[::1]:4318", Protocol::Http, local);
        let grpc =
            "http://localhost:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        check("http://localhost:4317", Protocol::Grpc, grpc);
    }

    #[test]
    fn other_addresses_are_refused_and_not_repeated() {
        use EndpointError::{Malformed, More, Plaintext};
        for (text, why) in [
            ("", Malformed),
            ("collector:4318", Malformed),
            ("ftp://c.example", Malformed),
            ("unix:///run/otlp", Malformed),
            ("http://c.example:4318", Plaintext),
            ("http://192.0.2.1:4318", Plaintext),
            ("http://localhost.example:4318", Plaintext),
            ("https://hunter2@c.example", More),
            ("https://u:hunter2@c.example", More),
            ("https://c.example?token=hunter2", More),
            ("https://c.example#hunter2", More),
        ] {
            assert_eq!(Endpoint::parse(text), Err(why), "{text}");
            assert!(!why.to_string().contains("hunter2"));
        }
    }
}
