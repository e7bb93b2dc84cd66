//! Subjects: the records that notes, activities and tags are about.

mod subject_type;

use std::collections::HashMap;

use axum::routing::get;
use db::{PageParams, Refusal, RefusalKind, Resource, TenantCommand, TenantTx};
use kernel::Id;
use utoipa::{
    IntoParams as _,
    openapi::{HttpMethod, OpenApi, path::ParameterIn},
};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;
use web::{
    IfMatch, Json, Result, WithETag,
    describe::{body, document, one_of, operation},
};

pub(crate) use subject_type::KINDS;
pub use subject_type::SubjectType;

use crate::{
    App,
    activities::Activity,
    clients::Client,
    contacts::Contact,
    employees::Employee,
    notes::Note,
    professionals::Professional,
    projects::Project,
    suppliers::Supplier,
    tags::{RecordTags, set_tags_of, tags_of},
    tasks::Task,
    timeline::{Timeline, timeline},
};

/// Reasons to refuse a record as a subject.
#[derive(Debug, thiserror::Error)]
pub enum SubjectRefusal {
    /// The subject does not exist or is out of scope. The answer does not reveal which.
    #[error("there is no such record")]
    NotFound,
    /// A note or activity cannot be moved to another record.
    #[error("it stays with the record that it was made for")]
    Fixed,
}

impl Refusal for SubjectRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "subject-not-found",
            Self::Fixed => "subject-immutable",
        }
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/subject_id")
    }
}

/// Checks that the caller can access every one of these subjects, with one query per type.
pub(crate) async fn found(
    tx: &mut TenantTx,
    subjects: impl Iterator<Item = (SubjectType, Uuid)> + Send,
) -> db::Result<()> {
    let mut by_type: HashMap<SubjectType, Vec<Uuid>> = HashMap::new();
    for (of, id) in subjects {
        by_type.entry(of).or_default().push(id);
    }
    for (of, ids) in by_type {
        let found = match of {
            SubjectType::Client => all::<Client>(tx, ids).await?,
            SubjectType::Contact => all::<Contact>(tx, ids).await?,
            SubjectType::Supplier => all::<Supplier>(tx, ids).await?,
            SubjectType::Employee => all::<Employee>(tx, ids).await?,
            SubjectType::Professional => all::<Professional>(tx, ids).await?,
            SubjectType::Project => all::<Project>(tx, ids).await?,
            SubjectType::Task => all::<Task>(tx, ids).await?,
        };
        if !found {
            return Err(SubjectRefusal::NotFound.into());
        }
    }
    Ok(())
}

async fn all<R: Resource>(tx: &mut TenantTx, ids: Vec<Uuid>) -> db::Result<bool> {
    db::all_exist::<R>(tx, &ids.into_iter().map(Into::into).collect::<Vec<_>>()).await
}

const UNTAG: TenantCommand = TenantCommand::new(
    "delete from app.record_tags where account_id = $1 and subject_type = $2 and subject_id = $3",
);

/// Purges the notes, activities and tags of a purged record, since nothing else refers to them.
pub(crate) async fn purge<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> db::Result<()> {
    db::purge_about::<Note>(tx, R::NAME, id.into()).await?;
    db::purge_about::<Activity>(tx, R::NAME, id.into()).await?;
    tx.execute_untracked::<()>(UNTAG).bind(R::NAME).bind(id).run().await?;
    Ok(())
}

/// Routes of a record's timeline and tags.
pub(crate) fn router<R: Resource>() -> OpenApiRouter<App> {
    let one = format!("/api/v1/{}/{{id}}", R::PATH);
    OpenApiRouter::with_openapi(described::<R>())
        .route(&format!("{one}/timeline"), get(timeline::<R>))
        .route(&format!("{one}/tags"), get(tags_of::<R>).put(set_tags_of::<R>))
}

fn described<R: Resource>() -> OpenApi {
    let one = R::NAME;
    let paging = PageParams::into_params(|| Some(ParameterIn::Query));
    let timeline = operation::<R, Result<Json<Timeline>>>(format!("list_{one}_timeline"), paging);
    let tags = operation::<R, Result<WithETag<RecordTags>>>(format!("get_{one}_tags"), vec![]);
    let if_match = IfMatch::into_params(|| None);
    let set = operation::<R, Result<WithETag<RecordTags>>>(format!("set_{one}_tags"), if_match)
        .request_body(Some(body::<RecordTags>("application/json")));
    document::<R>(vec![
        ("/{id}/timeline", one_of::<R>().operation(HttpMethod::Get, timeline.build())),
        (
            "/{id}/tags",
            one_of::<R>().operation(HttpMethod::Get, tags.build()).operation(HttpMethod::Put, set.build()),
        ),
    ])
}
