use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header::CONTENT_TYPE};
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, ContentBuilder, ObjectBuilder, Ref, RefOr, ResponseBuilder, Schema, schema::Type,
    },
};
use web::{Problem, openapi::shared};

use crate::Schema as RecordSchema;

/// Response of a bulk request as JSON: the outcome of each item.
pub(crate) struct BulkOutcome {
    status: StatusCode,
    body: Vec<u8>,
}

impl BulkOutcome {
    pub(super) fn new(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, body }
    }
}

impl IntoResponse for BulkOutcome {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

/// Name of the schema of a bulk response, in the API document.
pub(crate) fn results_name(of: &RecordSchema) -> String {
    format!("{}BulkResults", of.type_name)
}

/// Schema of a bulk response.
pub(crate) fn results(of: &RecordSchema) -> RefOr<Schema> {
    let status = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .description(Some("What a request for this item alone would have been answered."));
    let item = ObjectBuilder::new()
        .property("status", status)
        .required("status")
        .property("record", Ref::from_schema_name(of.record_name()))
        .property("problem", Ref::from_schema_name(Problem::name()));
    let data = ArrayBuilder::new().items(item).description(Some("One for each item, in their order."));
    ObjectBuilder::new().property("data", data).required("data").into()
}

/// Responses of a bulk request.
pub(crate) fn outcome(of: &RecordSchema) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let answer = |description: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(results_name(of))));
        let response = ResponseBuilder::new().description(description);
        response.content("application/json", content.build()).build().into()
    };
    BTreeMap::from([
        ("200".to_owned(), answer("All items are done")),
        ("207".to_owned(), answer("Not atomic: each item has a status of its own")),
        // An atomic batch has the status of its first item that failed.
        shared("404", "NotFound"),
        shared("412", "PreconditionFailed"),
    ])
}
