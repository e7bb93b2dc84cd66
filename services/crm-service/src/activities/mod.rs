//! Activities: what was done with whoever a record is about.

use db::{Field, Kind, Resource, SubjectKind, TenantTx};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;
use validator::Validate;

use crate::{
    App,
    subjects::{self, SubjectRefusal, SubjectType},
};

/// What was done, or will be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// How.
    pub kind: ActivityKind,
    /// What sort of record it is about.
    pub subject_type: SubjectType,
    /// Which one.
    pub subject_id: Uuid,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How long it took, up to a week.
    #[validate(range(min = 0, max = 10_080))]
    pub duration_minutes: Option<i32>,
    /// What it was about.
    #[validate(length(min = 1, max = 500))]
    #[schema(example = "Talked about the offer")]
    pub summary: String,
    /// What came of it.
    #[validate(length(min = 1, max = 5_000))]
    pub outcome: Option<String>,
}

/// How somebody was spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ActivityKind {
    /// By telephone.
    Call,
    /// Face to face, or on a screen.
    Meeting,
    /// In writing.
    Email,
    /// At their place.
    Visit,
}

impl Resource for Activity {
    const NAME: &'static str = "activity";
    const PLURAL: &'static str = "activities";
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("kind", Kind::Choice(&["call", "meeting", "email", "visit"]), |activity, row| {
            row.put(activity.kind);
        }),
        Field::required("subject_type", Kind::Choice(SubjectType::WORDS), |activity, row| {
            row.put(activity.subject_type);
        }),
        Field::required("subject_id", Kind::Id, |activity, row| row.put(activity.subject_id)),
        Field::required("at", Kind::Instant, |activity, row| row.put(activity.at)),
        Field::new("duration_minutes", Kind::Integer, |activity, row| row.put(activity.duration_minutes)),
        Field::required("summary", Kind::Text, |activity, row| row.put(&activity.summary)),
        Field::new("outcome", Kind::Text, |activity, row| row.put(&activity.outcome)),
    ];
    const SUBJECTS: &'static [SubjectKind] = subjects::KINDS;
    type Refusal = SubjectRefusal;

    fn check(before: Option<&Self>, after: &Self) -> Result<(), SubjectRefusal> {
        let of = |activity: &Self| (activity.subject_type, activity.subject_id);
        if before.is_some_and(|before| of(before) != of(after)) { Err(SubjectRefusal::Fixed) } else { Ok(()) }
    }

    async fn look_around(tx: &mut TenantTx, all: &[&Self]) -> db::Result<()> {
        subjects::found(tx, all.iter().map(|activity| (activity.subject_type, activity.subject_id))).await
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Activity, App>()
}
