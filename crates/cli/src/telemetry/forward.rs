//! `[telemetry.forward]`: the collector, as the settings have it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_seal::Zeroizing;
use privet_telemetry::{
    Collector, CollectorSettings, Endpoint, ForwardLimits, Forwarding, Journal, Monitor, Packing,
    Protocol, Queue, Rules,
};
use privet_vault::ThreadEntropy;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::folder::{Folder, read_secret_line};
use crate::output::note;
use crate::settings::{Compression, Forward, ForwardProtocol};

/// How long one request may take.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// Files of the journal are moved into the queue whole, and are up to half as long.
const QUEUE_MIB_MIN: u32 = 64;

/// What forwards to the collector that the settings name.
///
/// # Errors
/// What is not right, and what to do about it.
pub(super) fn open(
    folder: &Folder,
    forward: &Forward,
    journal: &Journal,
    rules: &Arc<Rules>,
    (tenant, monitor): (&str, &Arc<dyn Monitor>),
) -> Result<Forwarding> {
    let collector = collector(folder, forward)?;
    let bytes_max = u64::from(forward.queue_mib_max) << 20;
    let queue = Queue::open(journal, bytes_max).context("nothing can be forwarded")?;
    let (rules, limits) = (Arc::clone(rules), ForwardLimits::default());
    let surroundings = (Arc::clone(monitor), Arc::new(ThreadEntropy) as _);
    Ok(Forwarding::new(
        queue,
        collector,
        rules,
        tenant,
        limits,
        surroundings,
    ))
}

/// Says that records wait for a collector that is configured no more: they stay for one that is, and only the operator knows.
pub(super) fn say_what_is_left(queue: &Path) {
    if Queue::is_left(queue) {
        note(format!(
            "telemetry in `{}` waits for a collector, and [telemetry.forward] names none any more: delete the folder if \
             there will be none",
            queue.display()
        ));
    }
}

/// The collector, before anything is sent to it.
///
/// # Errors
/// What is not right, and what to do about it.
pub(crate) fn collector(folder: &Folder, forward: &Forward) -> Result<Collector> {
    if forward.queue_mib_max < QUEUE_MIB_MIN {
        bail!("`queue_mib_max` of [telemetry.forward] is less than {QUEUE_MIB_MIN}: give it more");
    }
    let endpoint = Endpoint::parse(forward.endpoint.expose())
        .context("`endpoint` of [telemetry.forward] is not right")?;
    let authorities = forward.authorities.as_ref().map(|file| {
        let path = folder.join(file);
        std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
    });
    let settings = CollectorSettings {
        endpoint,
        protocol: match forward.protocol {
            ForwardProtocol::Http => Protocol::Http,
            ForwardProtocol::Grpc => Protocol::Grpc,
        },
        packing: match forward.compression {
            Compression::Gzip => Packing::Gzip,
            Compression::None => Packing::Plain,
        },
        headers: headers(folder, forward)?,
        authorities: authorities.transpose()?,
        request_time: REQUEST_TIME,
    };
    Collector::new(settings).context("[telemetry.forward] is not right")
}

/// The headers that a file or a variable states, a line each, as `curl -H @FILE` takes them.
fn headers(folder: &Folder, forward: &Forward) -> Result<HeaderMap> {
    let (place, text) = match (&forward.headers_file, &forward.headers_env) {
        (None, None) => return Ok(HeaderMap::new()),
        (Some(_), Some(_)) => bail!(
            "[telemetry.forward] has both `headers_file` and `headers_env`: keep the one that holds the headers"
        ),
        (Some(file), None) => {
            let path = folder.join(file);
            (path.display().to_string(), read_secret_line(&path)?)
        }
        (None, Some(name)) => {
            let text = std::env::var(name).map_err(|_| {
                anyhow!(
                    "`headers_env` of [telemetry.forward] says that headers are in `{name}`: set it"
                )
            })?;
            (name.clone(), Zeroizing::new(text))
        }
    };
    let mut headers = HeaderMap::new();
    let lines = (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.trim()));
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        // The line is not repeated: it is secret.
        let (name, value) = header(line).with_context(|| {
            format!("line {number} of `{place}` is no header: write `name: value`")
        })?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim().parse().ok()?;
    let mut value: HeaderValue = value.trim().parse().ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let (name, value) = header("Authorization:  Bearer a:b ").unwrap();
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("authorization", &b"Bearer a:b"[..])
        );
        assert!(!format!("{value:?}").contains("Bearer"));
        for line in ["Bearer a", "a b: c", ": c", "a: \u{1}"] {
            assert!(header(line).is_none(), "{line}");
        }
    }
}
