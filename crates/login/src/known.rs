//! What is known of a provider: its discovery document and its keys, read when they are needed and kept for a while.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, EndSessionUrl, IssuerUrl, ProviderMetadata,
};
use privet_vault::port::IdentityError;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::http::{Http, HttpError};
use crate::settings::is_protected;

/// How long what was read is taken for true.
const KEPT: Duration = Duration::from_secs(3_600);
/// How long it still is while the provider cannot be asked.
const KEPT_AT_LEAST: Duration = Duration::from_secs(24 * 3_600);
/// A key that is not known may be new, or invented: the provider is not asked more often than this for it.
const ASKED_AGAIN: Duration = Duration::from_secs(30);

/// Members of a discovery document beside those of OpenID Connect Discovery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MoreMetadata {
    /// OpenID Connect RP-Initiated Logout 1.0, section 2.1.
    pub(crate) end_session_endpoint: Option<EndSessionUrl>,
    /// RFC 9207, section 3.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

pub(crate) type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What was read, and when.
pub(crate) struct Known {
    issuer: IssuerUrl,
    http: Http,
    kept: Mutex<Option<(Duration, Arc<Metadata>)>>,
}

impl Known {
    pub(crate) fn new(issuer: IssuerUrl, http: Http) -> Self {
        Self {
            issuer,
            http,
            kept: Mutex::default(),
        }
    }

    /// The provider's document and keys. Whoever comes while they are read waits for them.
    pub(crate) async fn metadata(&self, now: Duration) -> Result<Arc<Metadata>, IdentityError> {
        let mut kept = self.kept.lock().await;
        let age = |at: &Duration| now.saturating_sub(*at);
        if let Some((at, metadata)) = &*kept
            && age(at) < KEPT
        {
            return Ok(Arc::clone(metadata));
        }
        match self.read().await {
            Ok(read) => {
                *kept = Some((now, Arc::clone(&read)));
                Ok(read)
            }
            Err(error) => match &*kept {
                Some((at, metadata)) if age(at) < KEPT_AT_LEAST => Ok(Arc::clone(metadata)),
                _ => Err(error),
            },
        }
    }

    /// Reads them again for a key that is not among them; `None`: that was done a moment ago.
    pub(crate) async fn again(
        &self,
        now: Duration,
    ) -> Result<Option<Arc<Metadata>>, IdentityError> {
        let mut kept = self.kept.lock().await;
        if let Some((at, _)) = &*kept
            && now.saturating_sub(*at) < ASKED_AGAIN
        {
            return Ok(None);
        }
        let read = self.read().await?;
        *kept = Some((now, Arc::clone(&read)));
        Ok(Some(read))
    }

    async fn read(&self) -> Result<Arc<Metadata>, IdentityError> {
        let http = self.http.clone();
        let call = move |request| http.clone().call(request);
        let read = Metadata::discover_async(self.issuer.clone(), &call).await;
        let metadata = read.map_err(|error| IdentityError::Unavailable(said(&error)))?;
        if leads_astray(&metadata) {
            return Err(IdentityError::Unavailable(
                "its discovery document names an address without TLS".to_owned(),
            ));
        }
        Ok(Arc::new(metadata))
    }
}

/// Whether it names an address that others could listen on the way to.
fn leads_astray(metadata: &Metadata) -> bool {
    let farewell = metadata.additional_metadata().end_session_endpoint.as_ref();
    let endpoints = [
        Some(metadata.authorization_endpoint().url()),
        metadata.token_endpoint().map(|endpoint| endpoint.url()),
        Some(metadata.jwks_uri().url()),
        farewell.map(|endpoint| endpoint.url()),
    ];
    let mut endpoints = endpoints.into_iter().flatten();
    endpoints.any(|endpoint| !is_protected(endpoint))
}

/// What went wrong, without what was sent.
fn said(error: &DiscoveryError<HttpError>) -> String {
    match error {
        DiscoveryError::Parse(_) => "its discovery document or its keys cannot be read".to_owned(),
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Response(status, _, _) => {
            format!("it answers {status} where its discovery document or its keys should be")
        }
        DiscoveryError::Validation(_) => {
            "its discovery document is of another issuer: write `issuer` exactly as it does"
                .to_owned()
        }
        _ => "it cannot be asked".to_owned(),
    }
}
