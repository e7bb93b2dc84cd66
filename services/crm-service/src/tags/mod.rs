//! Tags: words that an account gives to its records.

mod records;

use db::{Field, Kind, Refusal, Resource, Sort};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::{Validate, ValidationError};

use crate::App;
pub use records::Tags;
pub(crate) use records::{set_tags_of, tags_of};

/// A word that records are found by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// The word; no two tags of an account share one, however it is written.
    #[validate(length(min = 1, max = 50))]
    #[schema(example = "Key account")]
    pub name: String,
    /// How it is shown.
    #[validate(custom(function = "hexadecimal"))]
    #[schema(example = "#ff8800")]
    pub colour: Option<String>,
}

fn hexadecimal(text: &str) -> Result<(), ValidationError> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let good = text.strip_prefix('#').is_some_and(|rest| rest.len() == 6 && rest.bytes().all(digit));
    let wanted = || ValidationError::new("colour").with_message("must be a colour such as #ff8800".into());
    if good { Ok(()) } else { Err(wanted()) }
}

impl Resource for Tag {
    const NAME: &'static str = "tag";
    const PLURAL: &'static str = "tags";
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |tag, row| row.put(&tag.name)),
        Field::new("colour", Kind::Text, |tag, row| row.put(&tag.colour)),
    ];
    type Refusal = TagRefusal;

    fn constraint(name: &str) -> Option<TagRefusal> {
        (name == "uq_tags_name").then_some(TagRefusal::NameTaken)
    }
}

/// Why a tag cannot be written, or given, so.
#[derive(Debug, thiserror::Error)]
pub enum TagRefusal {
    /// See `uq_tags_name`.
    #[error("another tag has this name")]
    NameTaken,
    /// Not of this account, or in the trash.
    #[error("one of the tags does not exist")]
    Unknown,
}

impl Refusal for TagRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NameTaken => "tag-name-taken",
            Self::Unknown => "tag-unknown",
        }
    }

    fn sort(&self) -> Sort {
        match self {
            Self::NameTaken => Sort::Conflict,
            Self::Unknown => Sort::Invalid,
        }
    }

    fn pointer(&self) -> Option<&'static str> {
        Some(match self {
            Self::NameTaken => "/name",
            Self::Unknown => "/tags",
        })
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Tag, App>()
}
