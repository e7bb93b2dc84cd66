//! Org chart: employees below their managers.

use std::collections::HashMap;

use db::{FromRow, HiddenFields, TenantQuery};
use identity::Scope;
use kernel::Id;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Authorized, Error, Json, Read, Result};

use super::Employee;

/// Maximum number of levels and of employees in the chart.
const DEPTH: i32 = 32;
const SIZE: usize = 2000;

/// Org chart of the account: each employee below their manager.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrgChart {
    /// Employees without a manager, with their reports.
    data: Vec<OrgChartNode>,
    /// Whether employees are omitted, because there are more than 2000 or more than 32 levels.
    truncated: bool,
}

/// An employee in the org chart.
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
    /// Direct reports of the employee.
    #[column(skip)]
    #[schema(no_recursion)]
    reports: Vec<OrgChartNode>,
}

// Ordered by level, so that the manager of each returned employee is returned too. Employees whose manager is in the
// trash are at the top.
const CHART: TenantQuery = TenantQuery::new(
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

/// Get the org chart of the account.
///
/// An incomplete tree would mislead. It therefore requires the right to read all employees, including their managers.
#[utoipa::path(get, path = "/api/v1/employees/org-chart", tag = "employees")]
pub(crate) async fn get_org_chart(auth: Authorized<Read, Employee>) -> Result<Json<OrgChart>> {
    let hidden = auth.hidden_fields();
    let all = auth.who().permissions().scope("employee", "read") == Some(Scope::All);
    if !all || hidden.hide("manager_id") {
        return Err(Error::Forbidden("employee:read for all employees and their managers".into()));
    }
    let mut tx = auth.begin_read_only().await?;
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

/// Builds the tree. Managers precede their reports, so going backwards completes each employee's reports first.
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
    fn mask(&mut self, hidden: &HiddenFields) {
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
