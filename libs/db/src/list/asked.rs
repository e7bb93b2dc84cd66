use serde::Deserialize;
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

/// The parameters of a list, as they were written.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// How many records: 1 to 200, 50 if not said.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// The `next_cursor` of the page before; it belongs to the same sort and filter.
    pub cursor: Option<String>,
    /// Fields, each with a `-` before it for the other way round, such as `-created_at,name`.
    #[param(example = "-created_at")]
    pub sort: Option<String>,
    /// A condition, such as `and(status[eq]:"active",or(rating[gte]:4,not(owner_id[is]:null)))`.
    #[param(example = "status[eq]:\"active\"")]
    pub filter: Option<String>,
    /// What is looked for: parts of words, accents folded; typing errors are forgiven where nothing is as it was typed.
    #[param(example = "acme")]
    pub q: Option<String>,
    /// `exact` counts all, `capped` stops at 1000.
    #[param(value_type = Option<String>, example = "exact")]
    pub count: Option<String>,
    /// The fields that are wanted, such as `name,email`; `id` and `version` are always there.
    #[param(example = "name")]
    pub fields: Option<String>,
    /// What the records refer to and is wanted in full, by name.
    pub expand: Option<String>,
}

/// What is wanted of one record.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Shape {
    /// The fields that are wanted, such as `name,email`; `id` and `version` are always there.
    #[param(example = "name")]
    pub fields: Option<String>,
    /// What it refers to and is wanted in full, by name.
    pub expand: Option<String>,
}

/// The same as a body, for conditions that are too long for an address.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// How many records: 1 to 200, 50 if not said.
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[validate(length(max = 8192))]
    pub cursor: Option<String>,
    /// Fields, each with a `-` before it for the other way round.
    #[validate(length(max = 300))]
    #[schema(example = "-created_at")]
    pub sort: Option<String>,
    /// A condition: `{"and": [{"field": "rating", "op": "gte", "value": 4}, {"not": {…}}]}`.
    #[schema(value_type = Object)]
    pub filter: Option<Json>,
    /// What is looked for.
    #[validate(length(max = 200))]
    #[schema(example = "acme")]
    pub q: Option<String>,
    /// `exact` counts all, `capped` stops at 1000.
    #[validate(length(max = 20))]
    #[schema(example = "exact")]
    pub count: Option<String>,
    /// The fields that are wanted.
    #[validate(length(max = 100), custom(function = names))]
    pub fields: Option<Vec<String>>,
    /// What the records refer to and is wanted in full.
    #[validate(length(max = 20), custom(function = names))]
    pub expand: Option<Vec<String>>,
}

/// No field of ours has a longer name.
fn names(all: &[String]) -> Result<(), ValidationError> {
    if all.iter().all(|name| name.len() <= 100) {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message("must hold names of at most 100 characters".into()))
}

impl Sought {
    /// The parameters, and the condition.
    pub(super) fn parts(self) -> (Asked, Option<Json>) {
        let joined = |names: Option<Vec<String>>| names.map(|names| names.join(","));
        let asked = Asked {
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
