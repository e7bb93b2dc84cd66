//! Lookup of records by a natural key.

use std::collections::HashMap;

use db::{Bindings, ME, Result, TenantTx};
use uuid::Uuid;

use crate::{Kind, ResourceHandle};

/// Ids of the records that have a natural key: one, or two if the key is ambiguous.
pub type KeyMatches = HashMap<Vec<String>, Vec<Uuid>>;

/// One part of a natural key: a column, or a path inside a JSON column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    column: &'static str,
    kind: Kind,
    path: Vec<String>,
}

/// Purpose of the lookup, which determines the scope that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The records are the target of the transaction's action. They must be readable too, because a key discloses
    /// what fields hold.
    Acting,
    /// The records will be referenced by another record.
    Naming,
}

impl KeyPart {
    /// Normalizes a value: e-mail addresses ignore the case of ASCII letters, as `app.normalize_email` does.
    #[must_use]
    pub fn fold(&self, value: &str) -> String {
        if self.is_folded() { value.to_ascii_lowercase() } else { value.to_owned() }
    }

    fn is_folded(&self) -> bool {
        self.column == "email" || self.path.last().is_some_and(|last| last == "address")
    }

    fn sql(&self, values: &mut Bindings) -> String {
        let place = if self.path.is_empty() {
            self.column.to_owned()
        } else {
            values.bind(self.path.clone());
            format!("({} #>> ${})", self.column, values.len())
        };
        if self.is_folded() { format!("app.normalize_email({place})") } else { place }
    }

    fn bind<'v>(&self, wanted: impl Iterator<Item = &'v str>, values: &mut Bindings) -> String {
        if self.kind == Kind::Id {
            values.bind(wanted.filter_map(|value| value.parse::<Uuid>().ok()).collect::<Vec<_>>());
        } else {
            values.bind(wanted.map(ToOwned::to_owned).collect::<Vec<_>>());
        }
        format!("${}", values.len())
    }
}

impl ResourceHandle {
    /// Parses a part of a natural key, such as `tax_id`, `external_ids.erp` or `emails.0.address`.
    #[must_use]
    pub fn key(&self, written: &str) -> Option<KeyPart> {
        let mut path = written.split('.').map(ToOwned::to_owned);
        let field = self.schema().field(&path.next()?)?;
        let path: Vec<String> = path.collect();
        let good = match field.kind {
            Kind::Text | Kind::Choice(_) | Kind::Id => path.is_empty(),
            Kind::Json => !path.is_empty(),
            _ => false,
        };
        good.then_some(KeyPart { column: field.name, kind: field.kind, path })
    }

    /// Finds the ids of records by natural key. The keys must be [folded](KeyPart::fold) and have one value per part.
    pub async fn find_by_key(
        &self,
        tx: &mut TenantTx,
        key: &[KeyPart],
        wanted: &[Vec<String>],
        purpose: Purpose,
    ) -> Result<KeyMatches> {
        let (access, table) = (&self.schema().access, self.schema().table());
        let reading = tx.scope().reading_as(access, table, ME);
        let reach = match purpose {
            Purpose::Acting => reading.map(|reading| tx.scope().condition(access) + &reading),
            Purpose::Naming => reading,
        };
        let Some(reach) = reach.filter(|_| !wanted.is_empty()) else { return Ok(HashMap::new()) };
        let mut values = tx.bindings();
        let (mut parts, mut conditions) = (Vec::new(), Vec::new());
        for (at, part) in key.iter().enumerate() {
            let place = part.sql(&mut values);
            let bound =
                part.bind(wanted.iter().filter_map(|one| one.get(at).map(String::as_str)), &mut values);
            conditions.push(format!(" and {place} = any ({bound})"));
            parts.push(format!("{place}::text"));
        }
        let text = format!(
            "select array[{}] as key, (array_agg(id order by id))[1:2] from app.{table}
             where account_id = $1 and deleted_at is null{}{reach} group by 1",
            parts.join(", "),
            conditions.concat()
        );
        let statement = tx.generated_with::<(Vec<String>, Vec<Uuid>)>(text, values);
        // Not prepared: a cached generic plan does not know the values and would compare each with every record of the
        // account.
        Ok(statement.all_once().await?.into_iter().collect())
    }
}
