//! Notes: texts about a record.

use db::{AccessTarget, FromRow, TenantTx};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;
use validator::Validate;
use web::ResourceName;

use crate::{
    App, about,
    subjects::{self, SubjectRefusal, SubjectType},
};

/// A note about a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Type of the record that it is about.
    pub subject_type: SubjectType,
    /// Id of the record that it is about.
    pub subject_id: Uuid,
    /// Text of the note; `@{user id}` mentions a member.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(example = "Wants a new offer in March.", min_length = 1, max_length = 10_000)]
    pub body: String,
}

impl ResourceName for Note {
    const NAME: &'static str = about::NOTES.resource;
}

impl Resource for Note {
    const TABLE: &'static str = about::NOTES.table;
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("subject_type", Kind::Choice(SubjectType::NAMES), |note, row| {
            row.bind(note.subject_type);
        }),
        Field::required("subject_id", Kind::Id, |note, row| row.bind(note.subject_id)),
        Field::required("body", Kind::Text, |note, row| row.bind(&note.body)),
    ];
    const SUBJECTS: &'static [AccessTarget] = SubjectType::TARGETS;
    type Refusal = SubjectRefusal;

    fn check(before: Option<&Self>, after: &Self) -> Result<(), SubjectRefusal> {
        let of = |note: &Self| (note.subject_type, note.subject_id);
        if before.is_some_and(|before| of(before) != of(after)) { Err(SubjectRefusal::Fixed) } else { Ok(()) }
    }

    async fn validate_references(tx: &mut TenantTx, all: &[&Self]) -> db::Result<()> {
        subjects::found(tx, all.iter().map(|note| (note.subject_type, note.subject_id))).await
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Note, App>()
}
