//! The plan of an import, as set by a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use crate::imports::file::dates::DateOrder;

/// Plan of an import: how the rows of the file become records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportPlan {
    /// Whether rows create records, update them, or both.
    pub(in crate::imports) mode: ImportMode,
    /// Fields that identify the record of a row; required for updates.
    #[serde(default)]
    #[validate(length(max = 5), custom(function = "web::names"))]
    #[schema(schema_with = resource::texts_schema::<0, 5, 200>)]
    pub(in crate::imports) key: Vec<String>,
    /// Rules that fill the fields.
    #[validate(length(min = 1, max = 400), nested)]
    #[schema(min_items = 1, max_items = 400)]
    pub(in crate::imports) mapping: Vec<ColumnMapping>,
    /// Words that stand for an empty cell, such as `NULL`.
    #[serde(default)]
    #[validate(length(max = 20), custom(function = "web::names"))]
    #[schema(schema_with = resource::texts_schema::<0, 20, 200>)]
    pub(in crate::imports) nulls: Vec<String>,
    /// Whether an empty cell clears the field of an updated record; otherwise the field stays unchanged.
    #[serde(default)]
    pub(in crate::imports) clear_empty: bool,
}

/// What a row does to the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ImportMode {
    /// Create a record. It is an error if a record with its key exists.
    Create,
    /// Update the record with its key. It is an error if there is none.
    Update,
    /// Update the record with its key, or create it.
    Upsert,
}

/// Rule for one field: filled from a column, or with a constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "field": "name", "column": "Company" }))]
pub(crate) struct ColumnMapping {
    /// Field of the resource; nested fields by dots: `emails.0.address`, `external_ids.erp`.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    pub(in crate::imports) field: String,
    /// Column that fills the field.
    #[validate(length(max = 32_767))]
    #[schema(max_length = 32_767)]
    pub(in crate::imports) column: Option<String>,
    /// Constant that fills the field of every row.
    pub(in crate::imports) value: Option<Value>,
    /// For a reference to another record: its field that the column contains, such as `tax_id`.
    #[validate(length(max = 200))]
    #[schema(max_length = 200)]
    pub(in crate::imports) by: Option<String>,
    /// Translation of the file's words to values, such as `{"Yes": true}`.
    #[serde(default)]
    #[validate(length(max = 500), custom(function = "words"))]
    pub(in crate::imports) values: BTreeMap<String, Value>,
    /// Order of day, month and year in dates; `ymd` by default.
    pub(in crate::imports) date_order: Option<DateOrder>,
    /// Whether amounts are written like `1.234,50`.
    #[serde(default)]
    pub(in crate::imports) decimal_comma: bool,
    /// Separator between several words in a cell; `;` by default.
    #[validate(length(min = 1, max = 5))]
    #[schema(min_length = 1, max_length = 5)]
    pub(in crate::imports) separator: Option<String>,
    /// Part of the cell to use, such as the first word of a name.
    pub(in crate::imports) take: Option<CellPart>,
}

/// Limits the length of the words to be translated.
fn words(values: &BTreeMap<String, Value>) -> Result<(), ValidationError> {
    if values.keys().all(|word| word.chars().count() <= 1_000) {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message("must have words of at most 1000 characters".into()))
}

/// Part of a cell, as separated by spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CellPart {
    /// Text up to the first space.
    FirstWord,
    /// Text after the first space.
    OtherWords,
}
