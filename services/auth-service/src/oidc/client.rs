use std::error::Error as StdError;

use openidconnect::{
    AuthType, ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, RedirectUrl,
    core::{CoreClient, CoreClientAuthMethod, CoreJwsSigningAlgorithm, CoreProviderMetadata},
};
use web::Error;

use super::providers::Provider;

/// Us, to a provider that we know.
pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Signatures by which a token is known to be the issuer's: not `none`, and not with a key that two share.
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

/// Us, as the provider knows us.
pub(super) fn client(provider: &Provider, us: (ClientId, ClientSecret), redirect: RedirectUrl) -> Client {
    let (id, secret) = us;
    CoreClient::from_provider_metadata(CoreProviderMetadata::clone(provider), id, Some(secret))
        .set_redirect_uri(redirect)
        .set_auth_type(auth_type(provider))
}

/// The signatures that we take from this provider.
pub(super) fn signatures(provider: &Provider) -> Vec<CoreJwsSigningAlgorithm> {
    let offered = provider.id_token_signing_alg_values_supported();
    SIGNATURES.into_iter().filter(|signature| offered.contains(signature)).collect()
}

/// The secret goes into a header, where a provider does not say that it only reads bodies.
fn auth_type(provider: &Provider) -> AuthType {
    let methods = provider.token_endpoint_auth_methods_supported().map_or(&[][..], Vec::as_slice);
    let only_body = methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic);
    if only_body { AuthType::RequestBody } else { AuthType::BasicAuth }
}

/// The provider is not there, or does not speak as one: 503, and perhaps better in a moment.
pub(super) fn unavailable(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::Unavailable(error.into())
}
