//! Who answers to whom.

use std::collections::HashMap;

use db::{Hidden, Scoped};
use identity::Scope;
use kernel::Id;
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use web::{Error, Json, May, Read, Result};

use super::Employee;

/// Levels that are shown, and employees.
const DEPTH: i32 = 32;
const SIZE: usize = 2000;

/// The employees of an account, each below their manager.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrgChart {
    /// Those who answer to nobody.
    data: Vec<OrgChartNode>,
    /// Whether there are more than 2000 employees or 32 levels: those beyond are not shown.
    truncated: bool,
}

/// An employee in the chart.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub(crate) struct OrgChartNode {
    #[schema(value_type = uuid::Uuid)]
    id: Id<Employee>,
    #[serde(skip)]
    manager_id: Option<Id<Employee>>,
    #[serde(skip)]
    level: i32,
    first_name: Option<String>,
    last_name: Option<String>,
    department: Option<String>,
    position: Option<String>,
    /// Those who answer to them.
    #[sqlx(skip)]
    #[schema(no_recursion)]
    reports: Vec<OrgChartNode>,
}

// By levels: whatever the limit cuts off, everybody's manager is there. Whose manager is in the trash stands at the top.
const CHART: Scoped = Scoped::new(
    "with recursive chart as (
         select e.id, null::uuid as manager_id, 1 as level, e.first_name, e.last_name, e.department, e.position
         from app.employees e
         left join app.employees m on m.account_id = e.account_id and m.id = e.manager_id and m.deleted_at is null
         where e.account_id = $1 and e.deleted_at is null and m.id is null
         union all
         select e.id, e.manager_id, c.level + 1, e.first_name, e.last_name, e.department, e.position
         from chart c
         join app.employees e on e.account_id = $1 and e.manager_id = c.id and e.deleted_at is null
         where c.level <= $2
     )
     select * from chart order by level, last_name, first_name, id limit $3",
);

/// Tell who answers to whom.
///
/// A tree is whole or misleading: it is for those who may read every employee and see who their managers are.
#[utoipa::path(get, path = "/api/v1/employees/org-chart", tag = "employees")]
pub(crate) async fn org_chart(may: May<Read, Employee>) -> Result<Json<OrgChart>> {
    let hidden = may.hidden();
    let all = may.who().permissions().scope("employee", "read") == Some(Scope::All);
    if !all || hidden.hide("manager_id") {
        return Err(Error::Forbidden("employee:read for all employees and their managers".into()));
    }
    let mut tx = may.begin_reading().await?;
    let limit = i64::try_from(SIZE + 1).unwrap_or(i64::MAX);
    let mut places: Vec<OrgChartNode> = tx.read::<OrgChartNode>(CHART).bind(DEPTH).bind(limit).all().await?;
    let found = places.len();
    places.truncate(SIZE);
    places.retain(|place| place.level <= DEPTH);
    let truncated = places.len() < found;
    for place in &mut places {
        place.mask(&hidden);
    }
    Ok(Json(OrgChart { data: tree(places), truncated }))
}

/// Puts each below their manager, who comes before them. From the last on, so that everybody's reports are complete.
fn tree(places: Vec<OrgChartNode>) -> Vec<OrgChartNode> {
    let mut below: HashMap<Option<Id<Employee>>, Vec<OrgChartNode>> = HashMap::new();
    for mut place in places.into_iter().rev() {
        place.reports = below.remove(&Some(place.id)).unwrap_or_default();
        place.reports.reverse();
        below.entry(place.manager_id).or_default().push(place);
    }
    let mut top = below.remove(&None).unwrap_or_default();
    top.reverse();
    top
}

impl OrgChartNode {
    fn mask(&mut self, hidden: &Hidden) {
        let fields = [
            ("first_name", &mut self.first_name),
            ("last_name", &mut self.last_name),
            ("department", &mut self.department),
            ("position", &mut self.position),
        ];
        for (name, value) in fields {
            if hidden.hide(name) {
                *value = None;
            }
        }
    }
}
