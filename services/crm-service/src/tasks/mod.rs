//! Tasks, with assignee and due date.

mod parts;

use db::{FromRow, Json, TenantTx};
use kernel::{Id, UserId};
use resource::{Field, Kind, Related, Resource};
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use time::{OffsetDateTime, serde::rfc3339};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use validator::Validate;
use web::ResourceName;

use crate::{App, about, projects::Project, refusal::Rule, validators};
pub use parts::{ChecklistItem, Priority, TaskStatus};

/// A task of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromRow, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Project that the task is part of.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub project_id: Option<Id<Project>>,
    /// Parent task, which must not be a subtask itself.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub parent_id: Option<Id<Task>>,
    /// Short description of the work.
    #[validate(length(min = 1, max = 200))]
    #[schema(example = "Send the offer", min_length = 1, max_length = 200)]
    pub title: String,
    /// Detailed description of the work.
    #[validate(length(min = 1, max = 10_000))]
    #[schema(min_length = 1, max_length = 10_000)]
    pub description: Option<String>,
    /// Member of the account to whom the task is assigned.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub assignee_id: Option<UserId>,
    /// Urgency compared to other tasks.
    #[serde(default)]
    pub priority: Priority,
    /// Stage of the work on the task.
    #[serde(default)]
    pub status: TaskStatus,
    /// Time when the task is due.
    #[serde(default, with = "rfc3339::option")]
    #[validate(custom(function = "validators::supported_timestamp"))]
    pub due_at: Option<OffsetDateTime>,
    /// Time of completion; required if the status is `done`, and absent otherwise.
    #[serde(default, with = "rfc3339::option")]
    #[validate(custom(function = "validators::supported_timestamp"))]
    pub completed_at: Option<OffsetDateTime>,
    /// Checklist: steps of the task.
    #[serde(default)]
    #[column(json)]
    #[validate(length(max = 100), nested)]
    #[schema(max_items = 100)]
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

impl ResourceName for Task {
    const NAME: &'static str = "task";
}

impl Resource for Task {
    const TABLE: &'static str = "tasks";
    const OWNER: &'static str = "assignee_id";
    const SEARCH_FIELDS: &'static [&'static str] = &["title", "description"];
    const RELATIONS: &'static [Related] =
        &[Related::new::<Project>("project", "project_id"), Related::new::<Self>("parent", "parent_id")];
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("project_id", Kind::Id, |task, row| row.bind(task.project_id)),
        Field::new("parent_id", Kind::Id, |task, row| row.bind(task.parent_id)),
        Field::required("title", Kind::Text, |task, row| row.bind(&task.title)),
        Field::new("description", Kind::Text, |task, row| row.bind(&task.description)),
        Field::member("assignee_id", |task, row| row.bind(task.assignee_id)),
        Field::required("priority", Kind::Choice(Priority::VARIANTS), |task, row| row.bind(task.priority)),
        Field::required("status", Kind::Choice(TaskStatus::VARIANTS), |task, row| row.bind(task.status)),
        Field::new("due_at", Kind::Instant, |task, row| row.bind(task.due_at)),
        Field::new("completed_at", Kind::Instant, |task, row| row.bind(task.completed_at)),
        Field::required("checklist", Kind::Json, |task, row| row.bind(Json(&task.checklist))),
    ];
    type Refusal = Rule;

    fn check(_: Option<&Self>, after: &Self) -> Result<(), Rule> {
        match (after.status, after.completed_at) {
            (TaskStatus::Done, None) => Err(NOT_SAID_WHEN),
            (TaskStatus::Done, Some(_)) | (_, None) => Ok(()),
            (_, Some(_)) => Err(NOT_DONE),
        }
    }

    fn set_default_owner(&mut self, person: UserId) {
        self.assignee_id.get_or_insert(person);
    }

    async fn purge_dependents(tx: &mut TenantTx, id: Id<Self>) -> db::Result<()> {
        about::purge(tx, id).await
    }

    fn constraint(name: &str) -> Option<Rule> {
        Rule::find(RULES, name)
    }
}

pub(crate) fn router() -> OpenApiRouter<App> {
    resource::crud::<Task, App>()
}
