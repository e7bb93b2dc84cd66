use std::error::Error as StdError;

use openidconnect::{
    AuthType, ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, RedirectUrl,
    core::{CoreClient, CoreClientAuthMethod, CoreJwsSigningAlgorithm, CoreProviderMetadata},
};
use web::Error;

use super::providers::Provider;

/// OpenID Connect client for a discovered provider.
pub(crate) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Accepted ID token signatures: neither `none` nor HMAC, whose key is shared.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Builds the client with our registration at the provider.
pub(crate) fn client(provider: &Provider, us: (ClientId, ClientSecret), redirect: RedirectUrl) -> Client {
    let (id, secret) = us;
    CoreClient::from_provider_metadata(CoreProviderMetadata::clone(provider), id, Some(secret))
        .set_redirect_uri(redirect)
        .set_auth_type(auth_type(provider))
}

/// The accepted signature algorithms that this provider offers.
pub(super) fn signatures(provider: &Provider) -> Vec<CoreJwsSigningAlgorithm> {
    let offered = provider.id_token_signing_alg_values_supported();
    SIGNATURES.into_iter().filter(|signature| offered.contains(signature)).collect()
}

/// Sends the client secret in a header, unless the provider only supports it in the body.
fn auth_type(provider: &Provider) -> AuthType {
    let methods = provider.token_endpoint_auth_methods_supported().map_or(&[][..], Vec::as_slice);
    let only_body = methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic);
    if only_body { AuthType::RequestBody } else { AuthType::BasicAuth }
}

/// The provider is unreachable or violates the protocol: 503, since a retry may succeed.
pub(crate) fn unavailable(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::Unavailable(error.into())
}
