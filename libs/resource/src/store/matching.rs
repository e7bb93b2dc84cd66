//! Lookup of records by a natural key.

use std::collections::HashMap;

use db::{Bindings, ME, Result, TenantTx};
use kernel::Id;
use uuid::Uuid;

use crate::{Kind, Resource};

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
    /// Parses a key part of `R`, such as `tax_id`, `external_ids.erp` or `emails.0.address`.
    #[must_use]
    pub fn parse<R: Resource>(written: &str) -> Option<Self> {
        let mut path = written.split('.').map(ToOwned::to_owned);
        let first = path.next()?;
        let field = R::FIELDS.iter().find(|field| field.name == first)?;
        let path: Vec<String> = path.collect();
        let good = match field.kind {
            Kind::Text | Kind::Choice(_) | Kind::Id => path.is_empty(),
            Kind::Json => !path.is_empty(),
            _ => false,
        };
        good.then_some(Self { column: field.name, kind: field.kind, path })
    }

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

/// Finds the ids of the records of `R` by natural key. The result has one id per key, or two if the key is
/// ambiguous. The keys must be [folded](KeyPart::fold) and have one value per part.
pub async fn find_by_key<R: Resource>(
    tx: &mut TenantTx,
    key: &[KeyPart],
    wanted: &[Vec<String>],
    purpose: Purpose,
) -> Result<HashMap<Vec<String>, Vec<Id<R>>>> {
    let reading = tx.scope().reading_as(&R::ACCESS, R::TABLE, ME);
    let reach = match purpose {
        Purpose::Acting => reading.map(|reading| tx.scope().condition(&R::ACCESS) + &reading),
        Purpose::Naming => reading,
    };
    let Some(reach) = reach.filter(|_| !wanted.is_empty()) else { return Ok(HashMap::new()) };
    let mut values = tx.bindings();
    let (mut parts, mut conditions) = (Vec::new(), Vec::new());
    for (at, part) in key.iter().enumerate() {
        let place = part.sql(&mut values);
        let bound = part.bind(wanted.iter().filter_map(|one| one.get(at).map(String::as_str)), &mut values);
        conditions.push(format!(" and {place} = any ({bound})"));
        parts.push(format!("{place}::text"));
    }
    let text = format!(
        "select array[{}] as key, (array_agg(id order by id))[1:2] from app.{}
         where account_id = $1 and deleted_at is null{}{reach} group by 1",
        parts.join(", "),
        R::TABLE,
        conditions.concat()
    );
    let statement = tx.generated_with::<(Vec<String>, Vec<Uuid>)>(text, values);
    // Not prepared: a cached generic plan does not know the values and would compare each with every record of the
    // account.
    let found = statement.all_once().await?.into_iter();
    Ok(found.map(|(key, ids)| (key, ids.into_iter().map(Id::from).collect())).collect())
}
