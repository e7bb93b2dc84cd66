//! Records found by what people know them by.

use std::collections::HashMap;

use kernel::Id;
use uuid::Uuid;

use crate::{Kind, Resource, Result, Row, TenantTx, reach::ME};

/// A part of a natural key: a column, or a place inside of one that has parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    column: &'static str,
    kind: Kind,
    path: Vec<String>,
}

/// What the records are wanted for, which tells how far somebody reaches among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What the transaction does to them, which finds only what may be read as well: a key asks what fields hold.
    Acting,
    /// To be named by another record.
    Naming,
}

impl KeyPart {
    /// The part of `R` that is written `tax_id`, `external_ids.erp` or `emails.0.address`.
    #[must_use]
    pub fn of<R: Resource>(written: &str) -> Option<Self> {
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

    /// E-mails are the same whatever the case of their ASCII letters, as `app.normalize_email` says.
    #[must_use]
    pub fn fold(&self, value: &str) -> String {
        if self.is_folded() { value.to_ascii_lowercase() } else { value.to_owned() }
    }

    fn is_folded(&self) -> bool {
        self.column == "email" || self.path.last().is_some_and(|last| last == "address")
    }

    fn sql(&self, values: &mut Row) -> String {
        let place = if self.path.is_empty() {
            self.column.to_owned()
        } else {
            values.put(self.path.clone());
            format!("({} #>> ${})", self.column, values.len())
        };
        if self.is_folded() { format!("app.normalize_email({place})") } else { place }
    }

    fn bind<'v>(&self, wanted: impl Iterator<Item = &'v str>, values: &mut Row) -> String {
        if self.kind == Kind::Id {
            values.put(wanted.filter_map(|value| value.parse::<Uuid>().ok()).collect::<Vec<_>>());
        } else {
            values.put(wanted.map(ToOwned::to_owned).collect::<Vec<_>>());
        }
        format!("${}", values.len())
    }
}

/// The ids of the records of `R` that have one of these keys, by key: one, or two where several share it. The keys are
/// [folded](KeyPart::fold), and have a value for each part.
pub async fn matching<R: Resource>(
    tx: &mut TenantTx,
    key: &[KeyPart],
    wanted: &[Vec<String>],
    purpose: Purpose,
) -> Result<HashMap<Vec<String>, Vec<Id<R>>>> {
    let reading = tx.reach.reading_as::<R>(R::PLURAL, ME);
    let reach = match purpose {
        Purpose::Acting => reading.map(|reading| tx.reach.condition::<R>() + &reading),
        Purpose::Naming => reading,
    };
    let Some(reach) = reach.filter(|_| !wanted.is_empty()) else { return Ok(HashMap::new()) };
    let mut values = Row::default();
    values.put(tx.inside.account);
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
        R::PLURAL,
        conditions.concat()
    );
    let mut statement = tx.built::<(Vec<String>, Vec<Uuid>)>(text);
    statement.row = values;
    // A plan that is kept knows none of the values: it would compare each with every record of the account.
    let found = statement.all_once().await?.into_iter();
    Ok(found.map(|(key, ids)| (key, ids.into_iter().map(Id::from).collect())).collect())
}
