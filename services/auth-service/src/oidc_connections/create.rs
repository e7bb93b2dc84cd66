use axum::extract::State;
use db::{Change, LookupFunction, TenantCommand, TenantTx};
use identity::Permissions;
use openidconnect::IssuerUrl;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;
use web::{Authorized, Created, Error, Json, Result, Write};

use super::{list::OidcConnection, public_mail};
use crate::{
    App, AuthRefusal,
    accounts::Rules,
    oidc::{
        Parts,
        connection::{ConnectionId, seal},
    },
    rights,
    sessions::require_recent_login,
};

/// An identity provider that the account trusts to authenticate its members.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateOidcConnectionRequest {
    /// Issuer URL, exactly as the provider names itself; below it is `/.well-known/openid-configuration`.
    #[validate(length(min = 1, max = 500))]
    #[schema(example = "https://login.acme.test", min_length = 1, max_length = 500)]
    issuer: String,
    /// Client id that the provider issued when NEXO was registered there.
    #[validate(length(min = 1, max = 255))]
    #[schema(example = "nexo", min_length = 1, max_length = 255)]
    client_id: String,
    /// Client secret issued with it. Stored encrypted and never shown again.
    #[serde(deserialize_with = "crate::validators::secret")]
    #[schema(value_type = String, format = Password, max_length = 4096)]
    client_secret: SecretString,
    /// Users with an e-mail of this domain log in there. It must be the domain of the caller's own e-mail, and not a
    /// public mailbox provider.
    #[validate(length(min = 1, max = 253), custom(function = "web::ascii_only"))]
    #[schema(example = "acme.test", min_length = 1, max_length = 253)]
    domain: String,
}

const BIND: LookupFunction = LookupFunction::new("select bind_oidc_domain from app.bind_oidc_domain($1, $2)");
const CREATE: TenantCommand = TenantCommand::new(
    "insert into app.oidc_connections (account_id, id, issuer, client_id, client_secret, domain, created_by, updated_by)
     values ($1, $2, $3, $4, $5, $6, $7, $7) returning id, issuer, client_id, domain, created_at",
);

/// Connect the account to an identity provider.
///
/// Fetches the provider's configuration to validate the issuer. A domain belongs to one connection of one account.
/// Needs a recent login: see `POST /api/v1/auth/step-up`.
#[utoipa::path(post, path = "/api/v1/oidc-connections", tag = "oidc-connections")]
pub(crate) async fn create_oidc_connection(
    State(app): State<App>,
    auth: Authorized<Write, Rules>,
    Json(mut new): Json<CreateOidcConnectionRequest>,
) -> Result<Created<OidcConnection>> {
    let (parts, who) = (app.oidc.parts()?, auth.who());
    require_recent_login(&mut auth.begin_read_only().await?, who).await?; // first: the request reveals what answers
    new.domain = new.domain.trim().to_lowercase();
    if public_mail::is_public(&new.domain) {
        return Err(AuthRefusal::OidcDomainPublic.into());
    }
    bounded(&new.client_secret)?;
    there(parts, &new.issuer).await?;
    let id = ConnectionId::new();
    let sealed = seal(&parts.sealer, who.account(), id, &new.client_secret)?;

    let mut tx = auth.begin().await?;
    // The provider's operator can log in as any member of the domain, so connecting it requires all permissions.
    rights::lock(&mut tx, who).await?.reach(&Permissions::new(["*:*"]))?;
    bind(&mut tx, id, &new.domain).await?;
    let created = Change::new("auth.oidc_connection.created", "oidc_connection", id.into(), "created");
    let created =
        created.with(json!({ "issuer": new.issuer, "client_id": new.client_id, "domain": new.domain }));
    let statement =
        tx.execute_audited::<OidcConnection>(CREATE, created).bind(id).bind(new.issuer).bind(new.client_id);
    let shown = statement.bind(sealed).bind(new.domain).bind(who.user()).optional().await?;
    let shown = shown.ok_or_else(|| Error::Internal("the connection was not stored".into()))?;
    tx.commit().await?;
    Ok(Created(format!("/api/v1/oidc-connections/{id}"), shown))
}

fn bounded(secret: &SecretString) -> Result<()> {
    if (1..=2000).contains(&secret.expose_secret().len()) {
        Ok(())
    } else {
        Err(Error::invalid("/client_secret", "length", "must have from 1 to 2000 characters"))
    }
}

/// Checks the issuer now, so that a typing error is reported to its author and not to users at login.
async fn there(parts: &Parts, issuer: &str) -> Result<()> {
    let bad = |message: String| Error::invalid("/issuer", "issuer", message);
    let url = IssuerUrl::new(issuer.to_owned()).map_err(|_| bad("must be an address".to_owned()))?;
    if url.url().query().is_some() || url.url().fragment().is_some() || !url.url().username().is_empty() {
        return Err(bad("must be an address without ?, # and @".to_owned()));
    }
    parts.outbound.admits(url.url()).map_err(|error| bad(error.to_string()))?;
    if let Err(error) = parts.providers.fetch(&parts.outbound, url).await {
        // The reason is only logged: it would reveal which services answer inside our network.
        tracing::info!(error = &error as &dyn std::error::Error, "an issuer cannot be connected to");
        return Err(bad("does not answer as an OpenID provider of this name".to_owned()));
    }
    Ok(())
}

async fn bind(tx: &mut TenantTx, id: ConnectionId, domain: &str) -> Result<()> {
    let bound: Option<(String,)> = tx.look_up(BIND).bind(id).bind(domain).optional().await?;
    match bound.as_ref().map(|(bound,)| bound.as_str()) {
        Some("bound") => Ok(()),
        Some("taken") => Err(AuthRefusal::OidcDomainTaken.into()),
        _ => Err(AuthRefusal::OidcDomainForeign.into()),
    }
}
