//! From an address and options to a client.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{Certificate, ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};

use crate::{OpenError, Why};

/// What addresses of buckets begin with.
const SCHEMES: [&str; 7] = [
    "s3://", "s3a://", "gs://", "az://", "azure://", "abfs://", "abfss://",
];
/// The option with authorities, as PEM, that certificates are checked with beside the machine's.
pub const AUTHORITIES: &str = "privet_authorities";
/// Options that name files, which are read when the client needs them.
const FILES: [&str; 12] = [
    "aws_container_authorization_token_file",
    "aws_web_identity_token_file",
    "azure_federated_token_file",
    "google_application_credentials",
    "google_service_account",
    "google_service_account_path",
    "container_authorization_token_file",
    "web_identity_token_file",
    "federated_token_file",
    "application_credentials",
    "service_account",
    "service_account_path",
];
/// One request, to the end of its answer: a merged file has up to 128 MiB, and a line out of an office one of them a second.
const REQUEST_TIME: Duration = Duration::from_secs(150);
/// How long a request is repeated that failed. Callers come again by themselves, and say meanwhile that something is wrong.
const RETRY_TIME: Duration = Duration::from_secs(20);

/// Whether an address is that of a bucket.
pub fn is_bucket(address: &str) -> bool {
    SCHEMES.iter().any(|scheme| address.starts_with(scheme))
}

/// The bucket of an address; paths begin where the address ends. `options` are what the client is told, as
/// `aws_access_key_id`; of two of a key the later counts, and what the client does not know is passed over.
///
/// # Errors
/// [`OpenError`]. No address, option or credential is in it.
pub fn open(
    address: &str,
    options: &[(String, String)],
) -> Result<Arc<dyn ObjectStore>, OpenError> {
    if !is_bucket(address) {
        return Err(OpenError::Address);
    }
    let url = address.parse().map_err(|_| OpenError::Address)?;
    let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| OpenError::Address)?;
    let client = client(options)?;
    let opened = match scheme {
        ObjectStoreScheme::AmazonS3 => s3(address, options, client),
        ObjectStoreScheme::GoogleCloudStorage => google(address, options, client),
        ObjectStoreScheme::MicrosoftAzure => azure(address, options, client),
        _ => return Err(OpenError::Address),
    };
    // A client's own words may quote a key.
    let objects = opened.map_err(|error| match Why::of(&error) {
        Why::Failing => OpenError::Options,
        why => OpenError::Unavailable(why),
    })?;
    Ok(within(objects, prefix))
}

/// The files that these options name: the client reads credentials in them, now or later.
pub fn files(options: &[(String, String)]) -> Vec<PathBuf> {
    options
        .iter()
        .filter(|(key, _)| FILES.contains(&&*key.to_ascii_lowercase()))
        .map(|(_, path)| path.into())
        .collect()
}

fn client(options: &[(String, String)]) -> Result<ClientOptions, OpenError> {
    let mut client = ClientOptions::new().with_timeout(REQUEST_TIME);
    for (_, pem) in options.iter().filter(|(key, _)| key == AUTHORITIES) {
        let certificates =
            Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| OpenError::Options)?;
        if certificates.is_empty() {
            return Err(OpenError::Options);
        }
        for certificate in certificates {
            client = client.with_root_certificate(certificate);
        }
    }
    Ok(client)
}

fn retry() -> RetryConfig {
    RetryConfig {
        retry_timeout: RETRY_TIME,
        ..RetryConfig::default()
    }
}

/// Options that this client knows; the environment has others, for other programs.
fn known<K: std::str::FromStr>(options: &[(String, String)]) -> impl Iterator<Item = (K, &String)> {
    options
        .iter()
        .filter_map(|(key, value)| Some((key.to_ascii_lowercase().parse().ok()?, value)))
}

fn s3(
    address: &str,
    options: &[(String, String)],
    client: ClientOptions,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = AmazonS3Builder::new()
        .with_url(address)
        .with_retry(retry())
        .with_client_options(client);
    let with = |builder: AmazonS3Builder, (key, value)| builder.with_config(key, value);
    Ok(Arc::new(known(options).fold(builder, with).build()?))
}

fn google(
    address: &str,
    options: &[(String, String)],
    client: ClientOptions,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = GoogleCloudStorageBuilder::new()
        .with_url(address)
        .with_retry(retry())
        .with_client_options(client);
    let with = |builder: GoogleCloudStorageBuilder, (key, value)| builder.with_config(key, value);
    Ok(Arc::new(known(options).fold(builder, with).build()?))
}

fn azure(
    address: &str,
    options: &[(String, String)],
    client: ClientOptions,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = MicrosoftAzureBuilder::new()
        .with_url(address)
        .with_retry(retry())
        .with_client_options(client);
    let with = |builder: MicrosoftAzureBuilder, (key, value)| builder.with_config(key, value);
    Ok(Arc::new(known(options).fold(builder, with).build()?))
}

fn within(objects: Arc<dyn ObjectStore>, prefix: Path) -> Arc<dyn ObjectStore> {
    if prefix.as_ref().is_empty() {
        return objects;
    }
    Arc::new(PrefixStore::new(objects, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn addresses_and_options_that_are_wrong_are_told_apart() {
        let check = |address: &str, pairs: &[(&str, &str)]| match open(address, &options(pairs)) {
            Ok(_) => "opened".to_owned(),
            Err(error) => error.to_string(),
        };
        let address = OpenError::Address.to_string();
        for wrong in [
            "s3:/bucket",
            "s3://",
            "ftp://host/a",
            "https://host/bucket",
            "gs://",
        ] {
            assert_eq!(check(wrong, &[]), address, "{wrong}");
        }
        let key = [
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_PROFILE", "c"),
        ];
        assert_eq!(check("s3://bucket/a/b", &key), "opened");
        // Without an account, and with a key that is none.
        assert_eq!(check("az://container", &[]), OpenError::Options.to_string());
        let azure = [
            ("azure_storage_account_name", "a"),
            ("azure_storage_account_key", "?"),
        ];
        assert_eq!(
            check("az://container", &azure),
            OpenError::Options.to_string()
        );
        let google = [("google_service_account_key", "{\"private_key\":\"canary\"}")];
        assert_eq!(
            check("gs://bucket", &google),
            OpenError::Options.to_string()
        );
        let certificates = [(AUTHORITIES, "no certificate")];
        assert_eq!(
            check("s3://bucket", &certificates),
            OpenError::Options.to_string()
        );
    }

    #[test]
    fn files_of_credentials_are_found() {
        let pairs = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token"),
            ("aws_region", "/etc/passwd"),
            ("google_application_credentials", "key.json"),
        ];
        let expected = ["/run/token", "key.json"].map(PathBuf::from);
        assert_eq!(files(&options(&pairs)), expected);
    }
}
