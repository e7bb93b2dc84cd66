//! What becomes of the columns of a file, as somebody says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// What a line may do.
    pub(super) mode: Mode,
    /// The fields by which a line is the same as a record: needed to update.
    #[serde(default)]
    #[validate(length(max = 5), custom(function = "web::names"))]
    #[schema(example = json!(["tax_id"]))]
    pub(super) key: Vec<String>,
    /// What each field is filled with.
    #[validate(length(min = 1, max = 400), nested)]
    pub(super) mapping: Vec<Rule>,
    /// Words that stand for nothing, such as `NULL`.
    #[serde(default)]
    #[validate(length(max = 20), custom(function = "web::names"))]
    pub(super) nulls: Vec<String>,
    /// Whether a cell without a value empties the field of a record that is updated; else the field stays as it is.
    #[serde(default)]
    pub(super) clear_empty: bool,
}

/// What a line may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Make a record. One that has its key already is an error of the line.
    Create,
    /// Change the record that has its key. That there is none is an error of the line.
    Update,
    /// Change the record that has its key, or make it.
    Upsert,
}

/// What one field is filled with: a column, or the same value in every line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// A field of the resource; inside of one that has parts by dots: `emails.0.address`, `external_ids.erp`.
    #[validate(length(min = 1, max = 200))]
    pub(super) field: String,
    /// The column that holds it.
    #[validate(length(max = 32_767))]
    pub(super) column: Option<String>,
    /// Or the value of every line.
    pub(super) value: Option<Value>,
    /// For the id of another record: the field of that by which the column names it, such as `tax_id`.
    #[validate(length(max = 200))]
    pub(super) by: Option<String>,
    /// What the words of the file mean, such as `{"Yes": true}`.
    #[serde(default)]
    #[validate(length(max = 500), custom(function = "words"))]
    pub(super) values: BTreeMap<String, Value>,
    /// In which order a date is written; `ymd` if not said.
    pub(super) date_order: Option<DateOrder>,
    /// Whether amounts are written `1.234,50`.
    #[serde(default)]
    pub(super) decimal_comma: bool,
    /// What stands between several words of a cell; `;` if not said.
    #[validate(length(min = 1, max = 5))]
    pub(super) separator: Option<String>,
    /// A part of the cell, such as the first word of a name.
    pub(super) take: Option<Take>,
}

/// Words of a file that stand for something else are short.
fn words(values: &BTreeMap<String, Value>) -> Result<(), ValidationError> {
    if values.keys().all(|word| word.chars().count() <= 1_000) {
        return Ok(());
    }
    Err(ValidationError::new("length").with_message("must have words of at most 1000 characters".into()))
}

/// In which order a date is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DateOrder {
    /// 2026-01-31
    #[default]
    Ymd,
    /// 31.01.2026
    Dmy,
    /// 01/31/2026
    Mdy,
}

/// A part of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Take {
    /// Up to the first space.
    FirstWord,
    /// What follows it.
    OtherWords,
}
