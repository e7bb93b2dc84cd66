//! Activities: calls, meetings, e-mails and visits, each about a record.

use db::{AccessTarget, FromRow, TenantTx};
use resource::{Field, Kind, Resource};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;
use validator::Validate;
use web::ResourceName;

use crate::{
    App, about,
    subjects::{self, SubjectRefusal, SubjectType},
    validators,
};

/// An activity that took place or is planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// Kind of activity: call, meeting, e-mail or visit.
    pub kind: ActivityKind,
    /// Type of the record that it is about.
    pub subject_type: SubjectType,
    /// Id of the record that it is about.
    pub subject_id: Uuid,
    /// Time when it began or will begin.
    #[serde(with = "time::serde::rfc3339")]
    #[validate(custom(function = "validators::supported_timestamp"))]
    pub at: OffsetDateTime,
    /// Duration in minutes, up to a week.
    #[validate(range(min = 0, max = 10_080))]
    #[schema(minimum = 0, maximum = 10_080)]
    pub duration_minutes: Option<i32>,
    /// Subject of the activity.
    #[validate(length(min = 1, max = 500))]
    #[schema(example = "Talked about the offer", min_length = 1, max_length = 500)]
    pub summary: String,
    /// Result of the activity.
    #[validate(length(min = 1, max = 5_000))]
    #[schema(min_length = 1, max_length = 5_000)]
    pub outcome: Option<String>,
}

/// How the contact took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema, VariantNames)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ActivityKind {
    /// Conversation by telephone.
    Call,
    /// Meeting in person or by video.
    Meeting,
    /// Written message by e-mail.
    Email,
    /// Visit at the contact's premises.
    Visit,
}

db::text_enum!(ActivityKind);

impl ResourceName for Activity {
    const NAME: &'static str = about::ACTIVITIES.resource;
}

impl Resource for Activity {
    const TABLE: &'static str = about::ACTIVITIES.table;
    const FIELDS: &'static [Field<Self>] = &[
        Field::required("kind", Kind::Choice(ActivityKind::VARIANTS), |activity, row| {
            row.bind(activity.kind);
        }),
        Field::required("subject_type", Kind::Choice(SubjectType::NAMES), |activity, row| {
            row.bind(activity.subject_type);
        }),
        Field::required("subject_id", Kind::Id, |activity, row| row.bind(activity.subject_id)),
        Field::required("at", Kind::Instant, |activity, row| row.bind(activity.at)),
        Field::new("duration_minutes", Kind::Integer, |activity, row| row.bind(activity.duration_minutes)),
        Field::required("summary", Kind::Text, |activity, row| row.bind(&activity.summary)),
        Field::new("outcome", Kind::Text, |activity, row| row.bind(&activity.outcome)),
    ];
    const SUBJECTS: &'static [AccessTarget] = SubjectType::TARGETS;
    type Refusal = SubjectRefusal;

    fn check(before: Option<&Self>, after: &Self) -> Result<(), SubjectRefusal> {
        let of = |activity: &Self| (activity.subject_type, activity.subject_id);
        if before.is_some_and(|before| of(before) != of(after)) { Err(SubjectRefusal::Fixed) } else { Ok(()) }
    }

    async fn validate_references(tx: &mut TenantTx, all: &[&Self]) -> db::Result<()> {
        subjects::found(tx, all.iter().map(|activity| (activity.subject_type, activity.subject_id))).await
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Activity, App>()
}
