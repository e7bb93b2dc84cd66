use std::{borrow::Cow, collections::BTreeMap, marker::PhantomData};

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header::CONTENT_TYPE};
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ContentBuilder, ObjectBuilder, Ref, RefOr, ResponseBuilder, Schema, schema::Type,
    },
};
use web::{Problem, openapi::shared};

use crate::{Record, Resource};

/// Response of a bulk request as JSON: the outcome of each item.
pub(crate) struct BulkOutcome<R> {
    status: StatusCode,
    body: Vec<u8>,
    of: PhantomData<fn() -> R>,
}

impl<R> BulkOutcome<R> {
    pub(super) fn new(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, body, of: PhantomData }
    }
}

impl<R> IntoResponse for BulkOutcome<R> {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

/// Schema of a bulk response, for the API document.
pub(crate) struct BulkResults<R>(PhantomData<fn() -> R>);

impl<R: Resource> PartialSchema for BulkResults<R> {
    fn schema() -> RefOr<Schema> {
        let status = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("What a request for this item alone would have been answered."));
        let item = ObjectBuilder::new()
            .property("status", status)
            .required("status")
            .property("record", Ref::from_schema_name(Record::<R>::name()))
            .property("problem", Ref::from_schema_name(Problem::name()));
        let data = ArrayBuilder::new().items(item).description(Some("One for each item, in their order."));
        ObjectBuilder::new().property("data", data).required("data").into()
    }
}

impl<R: Resource> ToSchema for BulkResults<R> {
    fn name() -> Cow<'static, str> {
        format!("{}BulkResults", R::name()).into()
    }
}

impl<R: Resource> IntoResponses for BulkOutcome<R> {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let answer = |description: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(BulkResults::<R>::name())));
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
}
