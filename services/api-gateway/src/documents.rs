use axum::extract::State;
use utoipa::openapi::OpenApi;
use web::{Error, Json, Result};

use crate::{App, upstream::Service};

/// The API documents of all services as one. Each service describes itself; the gateway keeps no copy that could age.
pub(crate) async fn merged(State(app): State<App>) -> Result<Json<OpenApi>> {
    let mut whole: Option<OpenApi> = None;
    for service in Service::ALL {
        let missing = || format!("{} does not give its API document", service.name());
        let said = app
            .upstreams
            .ask(service, "/openapi.json")
            .await
            .ok_or_else(|| Error::Unavailable(missing().into()))?;
        let document: OpenApi =
            serde_json::from_slice(&said).map_err(|error| Error::BadGateway(error.into()))?;
        whole = Some(match whole {
            None => document,
            Some(whole) => whole.merge_from(document),
        });
    }
    let mut whole = whole.ok_or(Error::NotFound("the API document"))?;
    "NEXO".clone_into(&mut whole.info.title);
    Ok(Json(whole))
}
