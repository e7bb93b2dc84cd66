//! Tags: labels of an account for its records.

mod records;

use db::{FromRow, Refusal, RefusalKind};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::{Validate, ValidationError};
use web::ResourceName;

use crate::App;
pub use records::RecordTags;
pub(crate) use records::{set_tags_of, tags_of};

/// A label for finding records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Name of the tag, unique within the account regardless of case.
    #[validate(length(min = 1, max = 50))]
    #[schema(example = "Key account", min_length = 1, max_length = 50)]
    pub name: String,
    /// Display colour as `#rrggbb`.
    #[validate(custom(function = "hexadecimal"))]
    #[schema(example = "#ff8800", pattern = "^#[0-9a-f]{6}$", max_length = 7)]
    pub colour: Option<String>,
}

fn hexadecimal(text: &str) -> Result<(), ValidationError> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let good = text.strip_prefix('#').is_some_and(|rest| rest.len() == 6 && rest.bytes().all(digit));
    let wanted = || ValidationError::new("colour").with_message("must be a colour such as #ff8800".into());
    if good { Ok(()) } else { Err(wanted()) }
}

impl ResourceName for Tag {
    const NAME: &'static str = "tag";
}

impl Resource for Tag {
    const TABLE: &'static str = "tags";
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("name", Kind::Text, |tag, row| row.bind(&tag.name)),
        Field::new("colour", Kind::Text, |tag, row| row.bind(&tag.colour)),
    ];
    type Refusal = TagRefusal;

    fn constraint(name: &str) -> Option<TagRefusal> {
        (name == "uq_tags_name").then_some(TagRefusal::NameTaken)
    }
}

/// Reasons to refuse a tag or its assignment.
#[derive(Debug, thiserror::Error)]
pub enum TagRefusal {
    /// Violates the constraint `uq_tags_name`.
    #[error("another tag has this name")]
    NameTaken,
    /// The tag does not exist in the account or is in the trash.
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

    fn kind(&self) -> RefusalKind {
        match self {
            Self::NameTaken => RefusalKind::Conflict,
            Self::Unknown => RefusalKind::Invalid,
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
    resource::crud::<Tag, App>()
}
