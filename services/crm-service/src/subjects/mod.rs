//! What notes, activities and tags are about: any record of this service.

mod kind;

use std::collections::HashMap;

use axum::routing::get;
use db::{Paging, Refusal, Resource, ScopedWrite, Sort, TenantTx};
use kernel::Id;
use utoipa::{
    IntoParams as _,
    openapi::{HttpMethod, OpenApi, path::ParameterIn},
};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;
use web::{
    IfMatch, Json, Marked, Result,
    describe::{body, document, one_of, operation},
};

pub(crate) use kind::KINDS;
pub use kind::SubjectType;

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
    tags::{Tags, set_tags_of, tags_of},
    tasks::Task,
    timeline::{Timeline, timeline},
};

/// Why something cannot be about a record.
#[derive(Debug, thiserror::Error)]
pub enum SubjectRefusal {
    /// It is not there, or not within reach: nobody can tell which.
    #[error("there is no such record")]
    NotFound,
    /// What was said of one record is not said of another.
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

    fn sort(&self) -> Sort {
        Sort::Invalid
    }

    fn pointer(&self) -> Option<&'static str> {
        Some("/subject_id")
    }
}

/// Fails unless whoever writes reaches every one of these: one question for each sort of record.
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
    db::all_found::<R>(tx, &ids.into_iter().map(Into::into).collect::<Vec<_>>()).await
}

const UNTAG: ScopedWrite = ScopedWrite::new(
    "delete from app.record_tags where account_id = $1 and subject_type = $2 and subject_id = $3",
);

/// Purges what is about a record that is purged itself. It is nobody's without the record: no list of that leads to it.
pub(crate) async fn purge<R: Resource>(tx: &mut TenantTx, id: Id<R>) -> db::Result<()> {
    db::purge_about::<Note>(tx, R::NAME, id.into()).await?;
    db::purge_about::<Activity>(tx, R::NAME, id.into()).await?;
    tx.write_unnoted::<()>(UNTAG).bind(R::NAME).bind(id).run().await?;
    Ok(())
}

/// What there is beside each record of `R`: its timeline and its tags.
pub(crate) fn router<R: Resource>() -> OpenApiRouter<App> {
    let one = format!("/api/v1/{}/{{id}}", R::PATH);
    OpenApiRouter::with_openapi(described::<R>())
        .route(&format!("{one}/timeline"), get(timeline::<R>))
        .route(&format!("{one}/tags"), get(tags_of::<R>).put(set_tags_of::<R>))
}

fn described<R: Resource>() -> OpenApi {
    let one = R::NAME;
    let paging = Paging::into_params(|| Some(ParameterIn::Query));
    let timeline = operation::<R, Result<Json<Timeline>>>(format!("timeline_of_{one}"), paging);
    let tags = operation::<R, Result<Marked<Tags>>>(format!("get_{one}_tags"), vec![]);
    let if_match = IfMatch::into_params(|| None);
    let set = operation::<R, Result<Marked<Tags>>>(format!("set_{one}_tags"), if_match)
        .request_body(Some(body::<Tags>("application/json")));
    document::<R>(vec![
        ("/{id}/timeline", one_of::<R>().operation(HttpMethod::Get, timeline.build())),
        (
            "/{id}/tags",
            one_of::<R>().operation(HttpMethod::Get, tags.build()).operation(HttpMethod::Put, set.build()),
        ),
    ])
}
