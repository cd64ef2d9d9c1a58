//! What an object store's client is told: by the environment, by `[telemetry.bucket]`, `[requests.bucket]` or `[log.mirror.bucket]`, and by the
//! file of credentials that it names.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_telemetry_store::Store;

use crate::folder::{Folder, read_secret, read_text};
use crate::settings::Bucket;

/// A service, and how its client calls what it is told.
struct Service {
    schemes: &'static [&'static str],
    /// What its variables of the environment begin with.
    variables: &'static str,
    endpoint: &'static str,
    allow_http: &'static str,
    region: Option<&'static str>,
    account: Option<&'static str>,
    /// The option that takes a file of credentials as it is; without one, it has a variable a line.
    whole_file: Option<&'static str>,
}

const SERVICES: [Service; 3] = [
    Service {
        schemes: &["s3://", "s3a://"],
        variables: "AWS_",
        endpoint: "aws_endpoint",
        allow_http: "aws_allow_http",
        region: Some("aws_region"),
        account: None,
        whole_file: None,
    },
    Service {
        schemes: &["gs://"],
        variables: "GOOGLE_",
        endpoint: "google_base_url",
        allow_http: "google_allow_http",
        region: None,
        account: None,
        whole_file: Some("google_service_account_key"),
    },
    Service {
        schemes: &["az://", "azure://", "abfs://", "abfss://"],
        variables: "AZURE_",
        endpoint: "azure_storage_endpoint",
        allow_http: "azure_allow_http",
        region: None,
        account: Some("azure_storage_account_name"),
        whole_file: None,
    },
];

type Options = Vec<(String, String)>;

/// What the client of an address's service is told; nothing for a folder. What is stated later goes before. `section` is where
/// `store` and its `bucket` stand.
///
/// # Errors
/// What in the settings or in the file is not right. Nothing of a secret is in it.
pub(crate) fn options(
    folder: &Folder,
    address: &str,
    bucket: Option<&Bucket>,
    section: &str,
) -> Result<Options> {
    let service = SERVICES.iter().find(|service| {
        service
            .schemes
            .iter()
            .any(|scheme| address.starts_with(scheme))
    });
    let Some(service) = service else {
        if bucket.is_some() {
            bail!(
                "`[{section}.bucket]` is for what lies in a bucket: name one as `s3://…`, `gs://…` or `az://…`, or leave the section out"
            );
        }
        return Ok(Options::new());
    };
    let mut options: Options = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(service.variables))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    if let Some(bucket) = bucket {
        stated(folder, service, bucket, &mut options)
            .with_context(|| format!("`[{section}.bucket]` of `privet.toml` is not right"))?;
    }
    Ok(options)
}

fn stated(folder: &Folder, service: &Service, bucket: &Bucket, to: &mut Options) -> Result<()> {
    if let Some(endpoint) = &bucket.endpoint {
        if is_plaintext(endpoint)? {
            to.push((service.allow_http.into(), "true".into()));
        }
        to.push((service.endpoint.into(), endpoint.clone()));
    }
    let pairs = [
        ("region", &bucket.region, service.region),
        ("account", &bucket.account, service.account),
    ];
    for (name, value, key) in pairs {
        let Some(value) = value else { continue };
        let key =
            key.ok_or_else(|| anyhow!("`{name}` means nothing to this service: remove it"))?;
        to.push((key.into(), value.clone()));
    }
    if let Some(path) = &bucket.authorities {
        to.push((Store::AUTHORITIES.into(), read_text(&folder.join(path))?));
    }
    if let Some(path) = &bucket.credentials {
        credentials(service, &folder.join(path), to)?;
    }
    Ok(())
}

/// Whether an endpoint is spoken to without TLS, which no other machine is.
fn is_plaintext(endpoint: &str) -> Result<bool> {
    let wrong = || anyhow!("`endpoint` is no address: use `https://host` or `https://host:port`");
    let url = reqwest::Url::parse(endpoint).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    match url.scheme() {
        "https" => Ok(false),
        "http" => {
            let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
            if host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback()) {
                return Ok(true);
            }
            bail!("`endpoint` is on another machine, so TLS is required: use `https://`")
        }
        _ => Err(wrong()),
    }
}

fn credentials(service: &Service, path: &Path, to: &mut Options) -> Result<()> {
    let content = read_secret(path)?;
    let shown = path.display();
    let text = std::str::from_utf8(&content).map_err(|_| anyhow!("`{shown}` is not text"))?;
    if let Some(key) = service.whole_file {
        to.push((key.into(), text.to_owned()));
        return Ok(());
    }
    for (line, number) in text.lines().zip(1_u32..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let variables = service.variables;
        let (name, value) = line
            .split_once('=')
            .map(|(name, value)| (name.trim(), value.trim()))
            .filter(|(name, value)| name.starts_with(variables) && !value.is_empty())
            .ok_or_else(|| {
                anyhow!("line {number} of `{shown}` is not a variable: write `{variables}…=value`")
            })?;
        to.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::settings::Telemetry;

    fn check(settings: &str, file: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bucket.credentials");
        fs::write(&path, file).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let telemetry: Telemetry =
            toml::from_str(&format!("listen = \"127.0.0.1:0\"\n{settings}")).unwrap();
        let folder = Folder::new(folder.path());
        match options(
            &folder,
            &telemetry.store,
            telemetry.bucket.as_ref(),
            "telemetry",
        ) {
            // The environment of whoever runs this test may say more.
            Ok(options) => {
                let at = options
                    .iter()
                    .position(|(key, _)| key.starts_with("canary"));
                assert!(at.is_none());
                let said = options.iter().map(|(key, value)| format!("{key}={value}"));
                said.collect::<Vec<_>>().join(" ")
            }
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn settings_and_files_become_options() {
        let s3 = "store = \"s3://bucket/a\"\n[bucket]\nendpoint = \"http://127.0.0.1:9000\"\nregion = \"eu\"\n\
                  credentials = \"bucket.credentials\"";
        let file = "# for the bucket\n\nAWS_ACCESS_KEY_ID=a\n AWS_SECRET_ACCESS_KEY = b=c \n";
        assert!(check(s3, file).ends_with(
            "aws_allow_http=true aws_endpoint=http://127.0.0.1:9000 aws_region=eu aws_access_key_id=a aws_secret_access_key=b=c"
        ));
        let google = "store = \"gs://bucket\"\n[bucket]\ncredentials = \"bucket.credentials\"";
        assert!(check(google, "{}").ends_with("google_service_account_key={}"));
        let azure = "store = \"az://container\"\n[bucket]\naccount = \"a\"";
        assert!(check(azure, "").ends_with("azure_storage_account_name=a"));
        assert_eq!(check("store = \"telemetry\"", ""), "");
    }

    #[test]
    fn what_is_wrong_is_told_without_secrets() {
        let in_file = "[bucket]\ncredentials = \"bucket.credentials\"";
        for (settings, file, told) in [
            (
                "store = \"telemetry\"\n[bucket]\nregion = \"eu\"",
                "",
                "is for what lies in a bucket",
            ),
            (
                "store = \"gs://b\"\n[bucket]\nregion = \"eu\"",
                "",
                "`region` means nothing",
            ),
            (
                "store = \"s3://b\"\n[bucket]\naccount = \"a\"",
                "",
                "`account` means nothing",
            ),
            (
                "store = \"s3://b\"\n[bucket]\nendpoint = \"http://minio.example\"",
                "",
                "TLS is required",
            ),
            (
                "store = \"s3://b\"\n[bucket]\nendpoint = \"minio\"",
                "",
                "is no address",
            ),
            (
                &*format!("store = \"s3://b\"\n{in_file}"),
                "\ncanary",
                "line 2 of ",
            ),
            (
                &*format!("store = \"s3://b\"\n{in_file}"),
                "AZURE_KEY=canary",
                "line 1 of ",
            ),
        ] {
            let said = check(settings, file);
            assert!(said.contains(told) && !said.contains("canary"), "{said}");
        }
    }
}
