//! API document (OpenAPI 3.1): what is common to all operations.

mod answer;
mod examples;
mod responses;

use utoipa::openapi::{
    ComponentsBuilder, ContactBuilder, LicenseBuilder, OpenApi, ServerBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

/// Description of the API, in Markdown.
const DESCRIPTION: &str = include_str!("description.md");

const ACCESS_TOKEN: &str = "The `access_token` of a login, as `Authorization: Bearer …`. It lives 10 minutes by default; \
    `POST /api/v1/auth/refresh` gives the next one.";

const API_KEY: &str = "An API key of a service account or a member, as `Authorization: Bearer …`. It does what its permissions \
    allow. Operations about one's own account, password or sessions answer 403 `api-key-not-allowed`.";

const PERSON_TOKEN: &str = "The token that a login gives to a person who is a member of no account. It lives ten minutes, \
    cannot be refreshed, and works for the operations that name it: all others answer 403 `no-account`.";

/// Adds title, description, servers and security schemes.
pub fn describe(document: &mut OpenApi, title: &str) {
    let info = &mut document.info;
    title.clone_into(&mut info.title);
    info.description = Some(DESCRIPTION.trim_end().to_owned());
    env!("CARGO_PKG_VERSION").clone_into(&mut info.version);
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
    info.license = Some(license.build());
    info.contact = Some(ContactBuilder::new().name(Some("NEXO")).build());
    document.servers = Some(vec![
        ServerBuilder::new().url("/").description(Some("The gateway that serves this document")).build(),
    ]);
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    components.add_security_scheme("access_token", bearer("JWT", ACCESS_TOKEN));
    components.add_security_scheme("api_key", bearer("API key", API_KEY));
    components.add_security_scheme("person_token", bearer("JWT", PERSON_TOKEN));
    let either = ["access_token", "api_key"];
    responses::add_problems(document);
    examples::add_bodies(document);
    document.security =
        Some(either.map(|scheme| SecurityRequirement::new(scheme, Vec::<String>::new())).to_vec());
}

pub(crate) use answer::DIGEST_OF;
pub use answer::{ETAG_OF, WHERE, answer, answer_named, replayable};
pub use responses::{NotFoundResponse, shared, text_header};

pub use crate::error::schemas as problem_schemas;

/// Bearer security scheme (RFC 6750).
fn bearer(format: &str, description: &str) -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(format);
    SecurityScheme::Http(scheme.description(Some(description)).build())
}
