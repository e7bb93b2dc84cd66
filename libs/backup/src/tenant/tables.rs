//! Tables of an account, in an order in which their rows can be inserted.

use std::collections::BTreeSet;

use sqlx::{FromRow, PgConnection};

/// Tables that belong to the running system, not to the account. Sessions, keys and identity provider connections
/// would put secrets into a file, and events would be delivered twice.
const NOT_DATA: &[&str] = &[
    "app.api_keys",
    "app.sessions",
    "app.idempotency_keys",
    "app.oidc_connections",
    "app.outbox",
    "app.consumed_events",
    "app.parked_events",
];

/// Tables of an account that are classified as global, because lookups find a person across accounts.
const PERSONS: &[&str] = &["app.accounts", "app.memberships", "app.invitations"];

/// A table with a column `account_id`.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct Table {
    /// Qualified name of the table.
    pub(super) name: String,
    /// Quoted columns, without generated ones.
    pub(super) columns: Vec<String>,
    /// Columns of type numeric, which are strings in JSON.
    pub(super) decimals: Vec<String>,
    /// Quoted columns of the primary key.
    pub(super) key: Vec<String>,
    /// Tables that its foreign keys reference.
    parents: Vec<String>,
}

pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<Table>, sqlx::Error> {
    let tables: Vec<Table> = sqlx::query_as(
        "select k.table_name as name,
                (select array_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
                array(select quote_ident(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
                      and not a.attisdropped and a.attgenerated = '' and a.atttypid = 'numeric'::regtype order by a.attnum) as decimals,
                (select array_agg(quote_ident(a.attname) order by array_position(i.indkey::int2[], a.attnum)) from pg_index i
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey) where i.indrelid = c.oid and i.indisprimary) as key,
                array(select distinct f.confrelid::regclass::text from pg_constraint f
                      where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid) as parents
         from ops.table_kinds k join pg_class c on c.oid = to_regclass(k.table_name)
         where k.table_name <> all ($1) and (k.kind = 'tenant' or k.table_name = any ($2))
         order by k.table_name",
    )
    .bind(NOT_DATA)
    .bind(PERSONS)
    .fetch_all(conn)
    .await?;
    Ok(parents_first(tables))
}

fn parents_first(mut tables: Vec<Table>) -> Vec<Table> {
    let names: BTreeSet<String> = tables.iter().map(|table| table.name.clone()).collect();
    let (mut sorted, mut done) = (Vec::new(), BTreeSet::new());
    while !tables.is_empty() {
        let (ready, later): (Vec<Table>, Vec<Table>) = tables.into_iter().partition(|table| {
            table.parents.iter().all(|parent| done.contains(parent) || !names.contains(parent))
        });
        if ready.is_empty() {
            sorted.extend(later); // circular references: the constraints will decide
            break;
        }
        done.extend(ready.iter().map(|table| table.name.clone()));
        sorted.extend(ready);
        tables = later;
    }
    sorted
}

impl Table {
    /// Name of the table without its schema.
    pub(super) fn short(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    pub(super) fn column_list(&self) -> String {
        self.columns.join(", ")
    }

    /// Values of a row `r` for an insert, with `$1` as the account.
    pub(super) fn values(&self) -> String {
        let value =
            |column: &String| if column == "account_id" { "$1".to_owned() } else { format!("r.{column}") };
        self.columns.iter().map(value).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known == column)
    }

    /// Content of a row as JSON, without metadata of the last write.
    pub(super) fn content(&self, row: &str) -> String {
        let decimals: Vec<_> = self
            .decimals
            .iter()
            .map(|name| format!("'{name}', {}", as_amount(&format!("{row}.{name}"))))
            .collect();
        let named: Vec<_> = self.columns.iter().map(|name| format!("{row}.{name} as {name}")).collect();
        let whole = format!("(select to_jsonb(w) from (select {}) w)", named.join(", "));
        format!("(({whole} || jsonb_build_object({})) - array[{}])", decimals.join(", "), quoted(NOT_CONTENT))
    }

    /// Key of a row as text, without `account_id`, which is constant.
    pub(super) fn key_text(&self, row: &str) -> String {
        let parts: Vec<_> = self.key.iter().filter(|column| *column != "account_id").collect();
        let parts: Vec<_> = parts.into_iter().map(|column| format!("{row}.{column}::text")).collect();
        if parts.is_empty() { format!("{row}.account_id::text") } else { parts.join(" || '/' || ") }
    }

    /// Query that returns each row as JSON, in the order of its key.
    pub(super) fn rows(&self) -> String {
        let (columns, name, key) = (self.column_list(), &self.name, self.key.join(", "));
        format!(
            "select row_to_json(r)::text from (select {columns} from {name} where account_id = $1 order by {key}) r"
        )
    }
}

/// Columns excluded from the content: they change with every write or use, or are secrets.
const NOT_CONTENT: &[&str] =
    &["account_id", "version", "updated_at", "updated_by", "last_used_at", "token_hash"];

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// Format of `kernel::Amount`: at least two decimals.
fn as_amount(column: &str) -> String {
    format!(
        "(case when scale(trim_scale({column})) < 2 then round({column}, 2) else trim_scale({column}) end)::text"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_their_children() {
        let table = |name: &str, parents: &[&str]| Table {
            name: name.to_owned(),
            columns: Vec::new(),
            decimals: Vec::new(),
            key: Vec::new(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        };
        let sorted =
            parents_first(vec![table("a", &["b", "elsewhere"]), table("b", &["c"]), table("c", &[])]);
        assert_eq!(sorted.iter().map(|table| &*table.name).collect::<Vec<_>>(), ["c", "b", "a"]);
    }
}
