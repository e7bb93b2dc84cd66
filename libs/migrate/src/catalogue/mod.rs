//! Catalogue snapshots of databases, and their comparison.

mod chain;

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::digest;
use chain::flattened;
use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, FromRow, PgConnection, postgres::PgConnectOptions};

const SNAPSHOT: &str = include_str!("snapshot.sql");

/// A database object with its definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct CatalogObject {
    /// Kind of object: `table`, `column`, `policy`, …
    pub kind: String,
    /// Qualified name of the object.
    pub object: String,
    /// Complete definition of the object.
    pub definition: String,
}

/// A difference between two catalogues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Kind of object: `table`, `column`, `policy`, …
    pub kind: String,
    /// Qualified name of the object.
    pub object: String,
    /// Expected definition; `None` if no migration creates the object.
    pub wanted: Option<String>,
    /// Actual definition; `None` if the object is missing.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, object, wanted, found } = self;
        match (wanted, found) {
            (Some(wanted), None) => write!(f, "- {kind} {object} is missing: {wanted}"),
            (None, Some(found)) => write!(f, "+ {kind} {object} is in no migration: {found}"),
            _ => {
                let (wanted, found) = (wanted.as_deref().unwrap_or(""), found.as_deref().unwrap_or(""));
                write!(f, "~ {kind} {object}\n      is     {found}\n      should {wanted}")
            }
        }
    }
}

/// Opens a read-only connection whose empty `search_path` makes names qualified.
pub(crate) async fn open(database: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let settings = [("search_path", "pg_catalog"), ("default_transaction_read_only", "on")];
    PgConnection::connect_with(&database.clone().application_name("nexo-catalogue").options(settings)).await
}

pub(crate) async fn snapshot(conn: &mut PgConnection) -> Result<Vec<CatalogObject>, sqlx::Error> {
    let mut things: Vec<CatalogObject> =
        sqlx::query_as(SNAPSHOT).persistent(false).fetch_all(&mut *conn).await?;
    let (kinds,): (bool,) =
        sqlx::query_as("select to_regclass('ops.table_kinds') is not null").fetch_one(&mut *conn).await?;
    if kinds {
        let listed =
            "select 'kind' as kind, table_name as object, kind as definition from ops.table_kinds order by 2";
        things.extend(sqlx::query_as::<_, CatalogObject>(listed).fetch_all(conn).await?);
    }
    Ok(things)
}

/// SHA-256 fingerprint of a catalogue, in hex.
#[must_use]
pub fn fingerprint(things: &[CatalogObject]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in things.iter().flat_map(|thing| [&thing.kind, &thing.object, &thing.definition]) {
        hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Kind of the rows of `pg_default_acl`.
const DEFAULT_GRANTS: &str = "default grants";

/// Form of a definition in which equal meanings are equal texts on every release of PostgreSQL.
fn meaning(kind: &str, definition: &str) -> String {
    if kind == DEFAULT_GRANTS { without_maintain(definition) } else { flattened(definition) }
}

/// Removes `MAINTAIN` from an `aclitem[]`. PostgreSQL 17 added it to all privileges of a table, so that a backup of an older
/// server differs from what comes out of it (PostgreSQL documentation, 5.8 Privileges).
fn without_maintain(acl: &str) -> String {
    let mut is_privilege = false;
    let mut kept = String::with_capacity(acl.len());
    let mut letters = acl.chars().peekable();
    while let Some(letter) = letters.next() {
        is_privilege = (is_privilege || letter == '=') && letter != '/';
        if is_privilege && letter == 'm' {
            letters.next_if_eq(&'*');
        } else {
            kept.push(letter);
        }
    }
    kept
}

/// Differences between two catalogues, ignoring redundant parentheses and the privilege `MAINTAIN` in default grants.
#[must_use]
pub fn compare(wanted: &[CatalogObject], found: &[CatalogObject]) -> Vec<Difference> {
    let by_name = |things: &[CatalogObject]| -> BTreeMap<(String, String), String> {
        let pairs = things.iter().cloned().map(|thing| ((thing.kind, thing.object), thing.definition));
        pairs.collect()
    };
    let (wanted, mut found) = (by_name(wanted), by_name(found));
    let mut differences = Vec::new();
    for ((kind, object), wanted) in wanted {
        let found = found.remove(&(kind.clone(), object.clone()));
        if found.as_deref().map(|found| meaning(&kind, found)) != Some(meaning(&kind, &wanted)) {
            differences.push(Difference { kind, object, wanted: Some(wanted), found });
        }
    }
    for ((kind, object), found) in found {
        differences.push(Difference { kind, object, wanted: None, found: Some(found) });
    }
    differences.sort_by(|one, other| (&one.kind, &one.object).cmp(&(&other.kind, &other.object)));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_privilege_that_an_older_server_lacks_is_no_difference() {
        let grants = |definition: &str| {
            let (kind, object) = (DEFAULT_GRANTS.to_owned(), "nexo_migrator - r".to_owned());
            [CatalogObject { kind, object, definition: definition.to_owned() }]
        };
        let older = grants("{nexo_migrator=arwdDxt/nexo_migrator,nexo_backup=r/nexo_migrator}");
        let newer = grants("{nexo_migrator=arwdDxtm*/nexo_migrator,nexo_backup=r/nexo_migrator}");
        assert_eq!(compare(&older, &newer), []);
        let more = grants("{nexo_migrator=arwdDxtm/nexo_migrator,nexo_backup=rw/nexo_migrator}");
        assert_eq!(compare(&older, &more).len(), 1, "another privilege counts");
    }
}
