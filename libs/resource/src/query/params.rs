use serde::Deserialize;
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

/// Query parameters of a list, before parsing.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Maximum number of records on the page: 1 to 200, default 50.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Cursor of the page, from `next_cursor` of the previous page; valid only with the same sort and filter.
    #[param(max_length = 8192)]
    pub cursor: Option<String>,
    /// Comma-separated fields to sort by; a leading `-` sorts descending, such as `-created_at,name`.
    #[param(example = "-created_at", max_length = 300)]
    pub sort: Option<String>,
    /// Filter condition, such as `and(status[eq]:"active",or(rating[gte]:4,not(owner_id[is]:null)))`.
    #[param(max_length = 4096)]
    pub filter: Option<String>,
    /// Search text: matches parts of words and ignores accents; tolerates typing errors if nothing matches
    /// exactly.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Total count: `exact` counts all records, `capped` stops at 1000.
    #[param(value_type = Option<String>, example = "exact", pattern = "^(exact|capped)$", max_length = 6)]
    pub count: Option<String>,
    /// Comma-separated fields to return, such as `name,email`; `id` and `version` are always included.
    #[param(max_length = 8192)]
    pub fields: Option<String>,
    /// Comma-separated names of related records to include in full.
    #[param(max_length = 8192)]
    pub expand: Option<String>,
}

/// Projection parameters of a request for one record.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FieldsParams {
    /// Comma-separated fields to return, such as `name,email`; `id` and `version` are always included.
    #[param(max_length = 8192)]
    pub fields: Option<String>,
    /// Comma-separated names of related records to include in full.
    #[param(max_length = 8192)]
    pub expand: Option<String>,
}

/// List parameters as a request body, for conditions that are too long for a URL.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// Maximum number of records on the page: 1 to 200, default 50.
    #[validate(range(min = 1, max = 200))]
    #[schema(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// Cursor of the page, from `next_cursor` of the previous page.
    #[validate(length(max = 8192))]
    #[schema(max_length = 8192)]
    pub cursor: Option<String>,
    /// Comma-separated fields to sort by; a leading `-` sorts descending.
    #[validate(length(max = 300))]
    #[schema(example = "-created_at", max_length = 300)]
    pub sort: Option<String>,
    /// Filter condition: `{"and": [{"field": "rating", "op": "gte", "value": 4}, {"not": {…}}]}`.
    #[schema(schema_with = super::filter::schema)]
    pub filter: Option<Json>,
    /// Search text: matches parts of words and ignores accents; refused where `GET` has no `q`.
    #[validate(length(max = 200))]
    #[schema(max_length = 200)]
    pub q: Option<String>,
    /// Total count: `exact` counts all records, `capped` stops at 1000.
    #[validate(length(max = 20))]
    #[schema(example = "exact", pattern = "^(exact|capped)$", max_length = 20)]
    pub count: Option<String>,
    /// Fields to return; `id` and `version` are always included.
    #[validate(length(max = 100), custom(function = names))]
    #[schema(schema_with = crate::texts_schema::<0, 100, 100>, required = false)]
    pub fields: Option<Vec<String>>,
    /// Names of related records to include in full.
    #[validate(length(max = 20), custom(function = names))]
    #[schema(schema_with = crate::texts_schema::<0, 20, 100>, required = false)]
    pub expand: Option<Vec<String>>,
}

/// Limits the length of names; no field has a longer one.
fn names(all: &[String]) -> Result<(), ValidationError> {
    if all.iter().all(|name| name.len() <= 100) {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message("must hold names of at most 100 characters".into()))
}

impl SearchRequest {
    /// Splits the request into list parameters and the filter.
    pub(super) fn parts(self) -> (ListParams, Option<Json>) {
        let joined = |names: Option<Vec<String>>| names.map(|names| names.join(","));
        let asked = ListParams {
            limit: self.limit.map(|limit| limit.to_string()),
            cursor: self.cursor,
            sort: self.sort,
            filter: None,
            q: self.q,
            count: self.count,
            fields: joined(self.fields),
            expand: joined(self.expand),
        };
        (asked, self.filter)
    }
}
