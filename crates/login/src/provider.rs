//! The flow: where a browser goes, and what is made of what it comes back with.

use std::sync::Arc;

use async_trait::async_trait;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenFields,
    IdTokenVerifier, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, RedirectUrl, RequestTokenError, SignatureVerificationError,
    StandardErrorResponse, StandardTokenResponse, TokenResponse as _,
};
use privet_vault::port::{IdentityError, IdentityProvider, LoginAttempt, LoginProof};
use privet_vault::{Clock, SubjectName};

use crate::claims::MoreClaims;
use crate::http::{Http, HttpError};
use crate::known::{Known, Metadata};
use crate::settings::checked;
use crate::{Settings, SettingsError};

/// How far the provider's clock and ours may be apart.
const SKEW_SECONDS: i64 = 60;
/// A token is redeemed at once: one that was made longer ago is not of this login.
const AGE_SECONDS_MAX: i64 = 600;
/// Where browsers come back to.
const BACK: &str = "/me/login/back";
/// Where they are once the provider has logged them out.
const HOME: &str = "/me/login";
/// With what tokens may be signed: always with a key of the provider's that we only know the public half of. `none` is not
/// among these, and neither is anything with a shared secret.
const SIGNED_WITH: [CoreJwsSigningAlgorithm; 10] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EcdsaP521Sha512,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Token = IdToken<
    MoreClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type TokenFields = IdTokenFields<
    MoreClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type TokenAnswer = StandardTokenResponse<TokenFields, CoreTokenType>;

type TokenError = RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>;

type Client = openidconnect::Client<
    MoreClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An OpenID Connect provider.
pub struct Provider {
    settings: Settings,
    back: RedirectUrl,
    home: PostLogoutRedirectUrl,
    http: Http,
    known: Known,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("issuer", &self.settings.issuer)
            .finish_non_exhaustive()
    }
}

impl Provider {
    /// Checks the settings. The provider is asked when the first person logs in, so that a server starts without it.
    ///
    /// # Errors
    /// [`SettingsError`]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let name = "issuer";
        let issuer = checked(name, &settings.issuer)?;
        let is_tls = issuer.scheme() == "https";
        // As it was written: a slash more or less is another issuer.
        let issuer = IssuerUrl::new(settings.issuer.clone());
        let issuer = issuer.map_err(|_| SettingsError::Address { name })?;
        let name = "address";
        let pages = checked(name, &settings.pages)?;
        if pages.path() != "/" {
            return Err(SettingsError::Address { name });
        }
        let to = |path| {
            let joined = pages.join(path);
            joined.map_err(|_| SettingsError::Address { name })
        };
        let http = Http::new(settings.authorities.as_deref(), is_tls)?;
        Ok(Self {
            back: RedirectUrl::from_url(to(BACK)?),
            home: PostLogoutRedirectUrl::from_url(to(HOME)?),
            known: Known::new(issuer, http.clone()),
            http,
            clock,
            settings,
        })
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let secret = self.settings.client_secret.as_ref();
        let secret =
            secret.map(|secret| openidconnect::ClientSecret::new(secret.expose().to_owned()));
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
        // HTTP Basic is what every provider takes unless it says otherwise (OpenID Connect Discovery section 3).
        let how = match takes(CoreClientAuthMethod::ClientSecretBasic) {
            true => AuthType::BasicAuth,
            false => AuthType::RequestBody,
        };
        Client::from_provider_metadata(metadata.clone(), self.client_id(), secret)
            .set_redirect_uri(self.back.clone())
            .set_auth_type(how)
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.settings.client_id.clone())
    }

    /// Redeems the code; what comes for it is not believed yet.
    async fn redeem(
        &self,
        metadata: &Metadata,
        attempt: &LoginAttempt,
        code: &str,
    ) -> Result<TokenAnswer, IdentityError> {
        let client = self.client(metadata);
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request =
            request.map_err(|_| unavailable("its discovery document has no token endpoint"))?;
        let http = self.http.clone();
        let call = move |request| http.clone().call(request);
        let answer = request
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier.to_string()))
            .request_async(&call)
            .await;
        answer.map_err(|error| not_redeemed(&error))
    }

    /// Who the token says it is, if it holds in every respect (OpenID Connect Core section 3.1.3.7).
    fn believed(
        &self,
        metadata: &Metadata,
        token: &Token,
        attempt: &LoginAttempt,
    ) -> Result<SubjectName, NotBelieved> {
        let now = self.clock.now().as_second();
        let jwks = metadata.jwks().clone();
        let issuer = metadata.issuer().clone();
        let said = |error| NotBelieved::from(&error);
        // Also of a client with a secret: it is no key that anything could be signed with.
        let verifier = IdTokenVerifier::new_public_client(self.client_id(), issuer, jwks)
            .set_allowed_algs(SIGNED_WITH)
            .set_time_fn(move || {
                let late = chrono::DateTime::from_timestamp(now - SKEW_SECONDS, 0);
                late.unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC)
            })
            .set_issue_time_verifier_fn(move |made| {
                let age = now - made.timestamp();
                match (-SKEW_SECONDS..=AGE_SECONDS_MAX).contains(&age) {
                    true => Ok(()),
                    false => Err("made at another time".to_owned()),
                }
            });
        let nonce = Nonce::new(attempt.nonce.to_string());
        let claims = token.claims(&verifier, &nonce).map_err(said)?;
        if claims
            .authorized_party()
            .is_some_and(|party| *party != self.client_id())
        {
            return Err(NotBelieved::Never("the token is for another client"));
        }
        let claim = self.settings.subject.name();
        let value = match claim {
            "sub" => Some(claims.subject().to_string()),
            other => claims.additional_claims().text(other),
        };
        let subject = value.and_then(|value| self.settings.subject.subject(&value));
        subject.ok_or(NotBelieved::Never(
            "the token lacks the claim that names the subject, or it is no key",
        ))
    }
}

#[async_trait]
impl IdentityProvider for Provider {
    fn name(&self) -> &str {
        &self.settings.name
    }

    async fn address(&self, attempt: &LoginAttempt) -> Result<String, IdentityError> {
        let metadata = self.known.metadata(self.clock.monotonic()).await?;
        let (state, nonce) = (attempt.state.to_string(), attempt.nonce.to_string());
        let verifier = PkceCodeVerifier::new(attempt.verifier.to_string());
        let client = self.client(&metadata);
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        );
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let (address, _, _) = request.set_pkce_challenge(challenge).url();
        Ok(address.into())
    }

    async fn prove(
        &self,
        attempt: &LoginAttempt,
        proof: LoginProof<'_>,
    ) -> Result<SubjectName, IdentityError> {
        let now = self.clock.monotonic();
        let metadata = self.known.metadata(now).await?;
        // Before anything is sent: a code of another provider would be given to this one (RFC 9207 section 2.4).
        let says_issuer = metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported;
        match proof.issuer {
            Some(issuer) if issuer != metadata.issuer().as_str() => {
                return Err(refused("the answer is of another issuer"));
            }
            None if says_issuer => return Err(refused("the answer does not say its issuer")),
            _ => {}
        }
        let answer = self.redeem(&metadata, attempt, proof.code).await?;
        let token = answer.id_token();
        let token = token.ok_or_else(|| refused("it sent no ID token"))?;
        match self.believed(&metadata, token, attempt) {
            Ok(subject) => Ok(subject),
            Err(NotBelieved::Never(why)) => Err(refused(why)),
            // The provider may have changed its keys since they were read.
            Err(NotBelieved::UnknownKey) => {
                let unknown =
                    || refused("the token is signed with a key that is not the provider's");
                let again = self.known.again(now).await?.ok_or_else(unknown)?;
                let believed = self.believed(&again, token, attempt);
                believed.map_err(|error| match error {
                    NotBelieved::Never(why) => refused(why),
                    NotBelieved::UnknownKey => unknown(),
                })
            }
        }
    }

    async fn farewell(&self) -> Option<String> {
        let metadata = self.known.metadata(self.clock.monotonic()).await.ok()?;
        let more = metadata.additional_metadata();
        let request = LogoutRequest::from(more.end_session_endpoint.clone()?)
            // Without the token as a hint: it is about a person, and addresses are kept by many.
            .set_client_id(self.client_id())
            .set_post_logout_redirect_uri(self.home.clone());
        Some(request.http_get_url().into())
    }
}

/// Why a token is not believed.
enum NotBelieved {
    /// With other keys it might be.
    UnknownKey,
    Never(&'static str),
}

impl From<&ClaimsVerificationError> for NotBelieved {
    fn from(error: &ClaimsVerificationError) -> Self {
        use ClaimsVerificationError as E;
        Self::Never(match error {
            E::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                return Self::UnknownKey;
            }
            E::SignatureVerification(SignatureVerificationError::DisallowedAlg(_))
            | E::SignatureVerification(SignatureVerificationError::NoSignature)
            | E::SignatureVerification(SignatureVerificationError::UnsupportedAlg(_)) => {
                "the token is not signed, or not in a way that is taken"
            }
            E::SignatureVerification(_) => "the token's signature is wrong",
            E::Expired(_) => "the token has expired, or was made at another time",
            E::InvalidAudience(_) => "the token is for another audience",
            E::InvalidIssuer(_) => "the token is of another issuer",
            E::InvalidNonce(_) => "the token was made for another login",
            _ => "the token is not one that is taken",
        })
    }
}

fn not_redeemed(error: &TokenError) -> IdentityError {
    match error {
        // What it says besides may repeat what was sent.
        RequestTokenError::ServerResponse(said) => match said.error() {
            CoreErrorResponseType::InvalidGrant => refused("the code is not good (any more)"),
            CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                unavailable(
                    "it does not take our client id and secret: see `client_id` and `client_secret_file`",
                )
            }
            _ => refused("it did not redeem the code"),
        },
        RequestTokenError::Request(error) => IdentityError::Unavailable(error.to_string()),
        _ => unavailable("its token endpoint does not answer as one"),
    }
}

fn refused(why: &'static str) -> IdentityError {
    IdentityError::Refused(why.to_owned())
}

fn unavailable(why: &'static str) -> IdentityError {
    IdentityError::Unavailable(why.to_owned())
}
