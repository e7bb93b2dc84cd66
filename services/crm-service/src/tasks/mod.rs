//! Tasks: what there is to do, by whom and until when.

mod parts;

use db::{Field, Kind, Related, Resource, TenantTx};
use kernel::{Id, UserId};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, types::Json};
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;

use crate::{App, form, projects::Project, rule::Rule, subjects};
pub use parts::{ChecklistItem, Priority, TaskStatus};

/// What an account keeps about a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The project that it is part of.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub project_id: Option<Id<Project>>,
    /// The task that it is part of, which is not itself part of one.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub parent_id: Option<Id<Task>>,
    /// What is to be done.
    #[validate(length(min = 1, max = 200))]
    pub title: String,
    /// In more words.
    #[validate(length(min = 1, max = 10_000))]
    pub description: Option<String>,
    /// The member of the account who does it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub assignee_id: Option<UserId>,
    /// How soon it is wanted, beside others.
    #[serde(default)]
    pub priority: Priority,
    /// How far it has come.
    #[serde(default)]
    pub status: TaskStatus,
    /// Until when.
    #[serde(default, with = "rfc3339::option")]
    #[validate(custom(function = "form::moment"))]
    pub due_at: Option<OffsetDateTime>,
    /// When it was done; so if it is done, and not otherwise.
    #[serde(default, with = "rfc3339::option")]
    #[validate(custom(function = "form::moment"))]
    pub completed_at: Option<OffsetDateTime>,
    /// What it takes.
    #[serde(default)]
    #[sqlx(json)]
    #[validate(length(max = 100), nested)]
    pub checklist: Vec<ChecklistItem>,
}

const NOT_SAID_WHEN: Rule =
    Rule::invalid("task-completed-at-missing", "/completed_at", "a task that is done was done at some time");
const NOT_DONE: Rule =
    Rule::invalid("task-not-done", "/completed_at", "a task that is not done was not done at any time");
const RULES: &[(&str, Rule)] = &[
    (
        "fk_tasks_project",
        Rule::invalid("task-project-unknown", "/project_id", "this account has no such project"),
    ),
    ("fk_tasks_parent", Rule::invalid("task-parent-unknown", "/parent_id", "this account has no such task")),
    (
        "fk_tasks_parent_level",
        Rule::conflict("task-parent-is-subtask", "/parent_id", "a subtask has no subtasks of its own"),
    ),
    (
        "ck_tasks_parent_other",
        Rule::invalid("task-parent-is-itself", "/parent_id", "a task is not part of itself"),
    ),
    (
        "fk_tasks_assignee",
        Rule::invalid(
            "task-assignee-not-a-member",
            "/assignee_id",
            "the assignee is not a member of this account",
        ),
    ),
];

impl Resource for Task {
    const NAME: &'static str = "task";
    const PLURAL: &'static str = "tasks";
    const OWNER: &'static str = "assignee_id";
    const SEARCHED: &'static [&'static str] = &["title", "description"];
    const RELATED: &'static [Related] =
        &[Related::to::<Project>("project", "project_id"), Related::to::<Self>("parent", "parent_id")];
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("project_id", Kind::Id, |task, row| row.put(task.project_id)),
        Field::new("parent_id", Kind::Id, |task, row| row.put(task.parent_id)),
        Field::required("title", Kind::Text, |task, row| row.put(&task.title)),
        Field::new("description", Kind::Text, |task, row| row.put(&task.description)),
        Field::new("assignee_id", Kind::Id, |task, row| row.put(task.assignee_id)),
        Field::required("priority", Kind::Choice(Priority::WORDS), |task, row| row.put(task.priority)),
        Field::required("status", Kind::Choice(TaskStatus::WORDS), |task, row| row.put(task.status)),
        Field::new("due_at", Kind::Instant, |task, row| row.put(task.due_at)),
        Field::new("completed_at", Kind::Instant, |task, row| row.put(task.completed_at)),
        Field::required("checklist", Kind::Json, |task, row| row.put(Json(&task.checklist))),
    ];
    type Refusal = Rule;

    fn check(_: Option<&Self>, after: &Self) -> Result<(), Rule> {
        match (after.status, after.completed_at) {
            (TaskStatus::Done, None) => Err(NOT_SAID_WHEN),
            (TaskStatus::Done, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => Err(NOT_DONE),
        }
    }

    fn own(&mut self, person: UserId) {
        self.assignee_id.get_or_insert(person);
    }

    async fn take_along(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        subjects::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::of(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    web::crud::<Task, App>().merge(subjects::router::<Task>())
}
